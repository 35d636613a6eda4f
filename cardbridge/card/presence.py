"""How many readers have a card in them, asked of the reader service (PC/SC) alone.

No card is spoken to, so it may be asked while a card works. It is the only one to ask then: a
library may never return from a card that was pulled in the middle of a command.
"""

import ctypes
import sys

_LIBRARY = "libpcsclite.so.1"
_SCOPE_SYSTEM = 2
_PRESENT = 0x20  # SCARD_STATE_PRESENT
_LONGEST_ATR = 33
_MOST_READERS = 16


class _State(ctypes.Structure):
    """SCARD_READERSTATE as pcsc-lite lays it out."""

    _fields_ = (
        ("reader", ctypes.c_char_p),
        ("user_data", ctypes.c_void_p),
        ("current", ctypes.c_ulong),
        ("event", ctypes.c_ulong),
        ("atr_length", ctypes.c_ulong),
        ("atr", ctypes.c_ubyte * _LONGEST_ATR),
    )


def cards() -> int | None:
    """Count the readers with a card; ``None`` where there is nobody to ask.

    That is everywhere but on Linux: the other systems lay their structures out differently, and
    no library there is known to hang.
    """
    if not sys.platform.startswith("linux"):
        return None
    try:
        service = ctypes.CDLL(_LIBRARY)
    except OSError:
        return None
    context = ctypes.c_long()
    if service.SCardEstablishContext(_SCOPE_SYSTEM, None, None, ctypes.byref(context)):
        return None
    try:
        return sum(1 for state in _states(service, context) if state.event & _PRESENT)
    finally:
        service.SCardReleaseContext(context)


def _states(service: ctypes.CDLL, context: ctypes.c_long) -> list[_State]:
    length = ctypes.c_ulong()
    if service.SCardListReaders(context, None, None, ctypes.byref(length)):
        return []
    names = ctypes.create_string_buffer(length.value)
    if service.SCardListReaders(context, None, names, ctypes.byref(length)):
        return []
    readers = [name for name in names.raw.split(b"\0") if name][:_MOST_READERS]
    states = (_State * len(readers))(*(_State(reader=name) for name in readers))
    if service.SCardGetStatusChange(context, ctypes.c_ulong(0), states, len(readers)):
        return []
    return list(states)
