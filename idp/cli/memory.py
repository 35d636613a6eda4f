"""Keep a process small: what was big and short-lived goes back to the system.

A password costs 19 MB for a moment. glibc takes its first release as a sign that such
blocks are usual, keeps them from then on, one arena a thread, and they fragment: 167 MB
after load instead of 110.
"""

import ctypes

_M_MMAP_THRESHOLD = -3  # mallopt(3)
_BLOCK = 256 * 1024  # bytes


def stay_small() -> None:
    """Have glibc map big blocks by themselves for good; elsewhere do nothing."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _BLOCK)
