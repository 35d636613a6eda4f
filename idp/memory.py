"""Give memory back to the system that was needed for a moment.

A password costs 19 MB for some milliseconds. glibc keeps what is freed for the next who
asks, which is right in a rush; but with one arena a thread eight threads keep eight such
blocks for good, and ``malloc_trim`` reaches only the first arena. To have such blocks
mapped one by one would be the other mistake: the system then clears every page anew, and
each Argon2 costs a sixth more.
"""

import ctypes
import gc
from typing import Any

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # mallopt(3)
_LARGEST = 32 * 1024 * 1024  # bytes, the highest threshold that glibc takes


def keep_together() -> None:
    """Have all threads of this process and its forks allocate from one arena."""
    if hasattr(_LIBC, "mallopt"):
        _LIBC.mallopt(_M_ARENA_MAX, 1)
        _LIBC.mallopt(_M_MMAP_THRESHOLD, _LARGEST)
        _LIBC.mallopt(_M_TRIM_THRESHOLD, 4 * _LARGEST)  # not by itself; give_back() says when


def give_back() -> None:
    """Return what is free to the system; a few milliseconds, so only where nobody waits."""
    if hasattr(_LIBC, "malloc_trim"):  # glibc's own; elsewhere nothing is to be done
        _LIBC.malloc_trim(0)


def settle() -> None:
    """End a start: what is loaded stays for good, and the collector need not look at it again.

    With a few thousand new objects a request, a collection each 700 of them finds nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    give_back()


_LIBC: Any = ctypes.CDLL(None)
