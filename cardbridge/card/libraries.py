"""The card libraries that are open, and what they say of their readers."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from cardbridge.card.faults import CKR_TOKEN_NOT_RECOGNIZED
from cardbridge.card.module import CannotLoad, CardFault, CardModule

Load = Callable[[Path], CardModule]


@dataclass(frozen=True, slots=True)
class Status:
    """What can be told without a PIN and without reading a certificate."""

    readers: int
    card: str
    """``absent``, ``present`` or ``unsupported``."""
    module: str
    """``ok`` or ``missing``."""


class Libraries:
    """Libraries by path, loaded when they are first needed."""

    def __init__(self, paths: Iterable[Path], load: Load) -> None:
        self._paths = tuple(paths)
        self._load = load
        self._open: list[CardModule] = []

    def open(self) -> list[CardModule]:
        """List those that load."""
        if not self._open:
            self._open = [module for path in self._paths if (module := self._loaded(path))]
        return self._open

    def close(self) -> None:
        """Unload all of them."""
        while self._open:
            module = self._open.pop()
            try:
                module.close()
            except CardFault:
                continue

    def status(self) -> Status:
        """Count the readers and say whether one holds a card."""
        modules = self.open()
        if not modules:
            return Status(0, "absent", "missing")
        readers = 0
        states = set()
        for module in modules:
            slots = module.slots()
            readers = max(readers, len(slots))
            states |= {_state(module, slot.number) for slot in slots if slot.has_token}
        best = next((one for one in ("present", "unsupported") if one in states), "absent")
        return Status(readers, best, "ok")

    def _loaded(self, path: Path) -> CardModule | None:
        try:
            return self._load(path)
        except CannotLoad:
            return None


def _state(module: CardModule, slot: int) -> str:
    try:
        return "present" if module.token(slot).initialised else "absent"
    except CardFault as fault:
        return "unsupported" if fault.ckr == CKR_TOKEN_NOT_RECOGNIZED else "absent"
