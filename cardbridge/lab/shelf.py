"""Where the soft cards of one person stand: authorities and tokens in one directory."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cardbridge.lab.clock import Clock, system_clock
from cardbridge.lab.holders import DEMO
from cardbridge.lab.pki import LabPki
from cardbridge.lab.register import Entry, Status
from cardbridge.lab.tokens import Blank, SoftCard, Tokens

DEFAULT_PORT = 34970


def default_directory() -> Path:
    """Give the directory that is used if none is named: below ``$XDG_STATE_HOME``."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "cardbridge" / "softcards"


@dataclass(frozen=True, slots=True)
class Shown:
    """One card as a list shows it."""

    card: SoftCard
    inserted: bool
    status: str
    """``good``, ``expired``, ``not yet valid``, ``revoked: reason`` or ``suspended``."""
    not_after: str
    """A day, ISO 8601."""


class Shelf:
    """The authorities and the cards of one directory."""

    def __init__(self, directory: Path, pki: LabPki) -> None:
        self.directory = directory
        self.pki = pki
        self.tokens = Tokens(directory / "tokens")

    @classmethod
    def open(cls, directory: Path, *, clock: Clock = system_clock) -> "Shelf":
        """Open what was created before.

        Raises:
            FileNotFoundError: there is nothing in that directory.
        """
        return cls(directory, LabPki.open(directory / "pki", clock=clock))

    @classmethod
    def open_or_create(
        cls, directory: Path, *, port: int | None = None, clock: Clock = system_clock
    ) -> "Shelf":
        """Open a shelf, or found one whose certificates name a responder at that port.

        Raises:
            ValueError: it exists, and its certificates name another port.
        """
        try:
            shelf = cls.open(directory, clock=clock)
        except FileNotFoundError:
            url = f"http://127.0.0.1:{port or DEFAULT_PORT}"
            return cls(directory, LabPki.create(directory / "pki", base_url=url, clock=clock))
        if port is not None and port != shelf.port:
            raise ValueError(
                f"the certificates in {directory} name port {shelf.port}, not {port};"
                " use that one, or another --directory"
            )
        return shelf

    @property
    def port(self) -> int:
        """The port of the responder, as the certificates name it."""
        return urlsplit(self.pki.base_url).port or 80

    def add_demo(self) -> list[SoftCard]:
        """Make the four cards of the demo, those of them that are not there yet."""
        known = {card.name for card in self.tokens.cards()}
        missing = {f"{profile}-1": profile for profile in DEMO if f"{profile}-1" not in known}
        blanks = [
            Blank(self.pki.issue(profile, DEMO[profile]), name) for name, profile in missing.items()
        ]
        return self.tokens.add_all(blanks) if blanks else []

    def find(self, text: str) -> SoftCard:
        """Find a card by its name, the label of its token, or a serial in hexadecimal.

        Raises:
            LookupError: there is none.
        """
        for card in self.tokens.cards():
            serials = {f"{serial:x}" for serial in card.serials}
            if text in {card.name, card.label} or text.lower().lstrip("0") in serials:
                return card
        return self.tokens.card(text)

    def list(self) -> Sequence[Shown]:
        """List all cards, with what the authorities say of them today."""
        return [self._shown(card) for card in self.tokens.cards()]

    def _shown(self, card: SoftCard) -> Shown:
        entry = self.pki.register.find(card.serials[0])
        inserted = self.tokens.is_inserted(card.name)
        if entry is None:
            return Shown(card, inserted, "unknown to its authority", "")
        return Shown(card, inserted, self._status(entry), entry.not_after.date().isoformat())

    def _status(self, entry: Entry) -> str:
        if entry.status is Status.REVOKED:
            return f"revoked: {entry.reason}"
        if entry.status is Status.SUSPENDED:
            return "suspended"
        if entry.not_after <= self.pki.clock():
            return "expired"
        return "good" if entry.not_before <= self.pki.clock() else "not yet valid"
