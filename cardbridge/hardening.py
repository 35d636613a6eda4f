"""Keeping a PIN in the process it is in: no core file, no debugger of the same person."""

import sys

_PR_SET_DUMPABLE = 4


def keep_memory_private() -> None:
    """Have a crash write no memory to disk, and (Linux) other programs read none of it.

    What runs as the same person could otherwise attach to us and take a PIN on its way.
    """
    try:
        import resource  # noqa: PLC0415  # POSIX only
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform.startswith("linux"):
        import ctypes  # noqa: PLC0415  # of one system

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
