"""The letters that were received: in memory, and as ``.eml`` files that outlive a restart."""

import secrets
import threading
from collections import OrderedDict
from datetime import datetime
from pathlib import Path

from demo.mailbox.letters import Letter, read_letter
from idp.clock import Clock, system_clock

KEPT = 500
_NAME_BEGINS_WITH = "%Y%m%dT%H%M%S.%fZ"


class Pile:
    """The newest letters of a folder; older ones than ``kept`` are thrown away. Thread-safe."""

    def __init__(self, folder: Path, *, kept: int = KEPT, clock: Clock = system_clock) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._kept = kept
        self._clock = clock
        self._lock = threading.Lock()
        self._letters: OrderedDict[str, Letter] = OrderedDict()
        for path in sorted(folder.glob("20*Z-*.eml")):
            self._remember(path.stem, path.read_bytes())

    def put(self, raw: bytes, *, sender: str, recipients: list[str]) -> Letter:
        """Keep a mail; it is on the disk before the sender hears that it was taken."""
        envelope = f"Return-Path: <{sender}>\r\nDelivered-To: {', '.join(recipients)}\r\n"
        complete = envelope.encode("utf-8", "replace") + raw
        with self._lock:
            letter_id = f"{self._clock():{_NAME_BEGINS_WITH}}-{secrets.token_hex(4)}"
            (self._folder / f"{letter_id}.eml").write_bytes(complete)
            return self._remember(letter_id, complete)

    def newest_first(self) -> list[Letter]:
        """List all letters."""
        with self._lock:
            return list(reversed(self._letters.values()))

    def find(self, letter_id: str) -> Letter | None:
        """Find one letter."""
        with self._lock:
            return self._letters.get(letter_id)

    def clear(self) -> None:
        """Throw all letters away."""
        with self._lock:
            while self._letters:
                self._forget_oldest()

    def _remember(self, letter_id: str, raw: bytes) -> Letter:
        received_at = datetime.fromisoformat(letter_id.rsplit("-", 1)[0])
        letter = read_letter(letter_id, received_at, raw)
        self._letters[letter_id] = letter
        while len(self._letters) > self._kept:
            self._forget_oldest()
        return letter

    def _forget_oldest(self) -> None:
        letter_id, _ = self._letters.popitem(last=False)
        (self._folder / f"{letter_id}.eml").unlink(missing_ok=True)
