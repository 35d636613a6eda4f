"""How the bridge starts its own other processes: fixed arguments, nothing of a request."""

import os
import sys
from pathlib import Path

# They change what a process loads, or have a card library write down what passes through it,
# PINs included.
_DROPPED = ("LD_", "DYLD_", "OPENSC_DEBUG", "PKCS11SPY", "PYKCS11", "PCSCLITE_DEBUG", "LIBPCSC")
_ROOT = Path(__file__).resolve().parents[1]


def own_program(role: str) -> tuple[str, ...]:
    """Name the program and arguments of one of our own processes."""
    if getattr(sys, "frozen", False):  # a single-file build is its own interpreter
        return (sys.executable, role)
    return (sys.executable, "-P", "-m", "cardbridge", role)


def environment() -> dict[str, str]:
    """Take our environment over, without what turns a program into another one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)}
    paths = [str(_ROOT), *filter(None, [kept.get("PYTHONPATH")])]
    return kept | {"PYTHONPATH": os.pathsep.join(paths)}
