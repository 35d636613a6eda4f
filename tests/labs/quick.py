"""A place for what lives as long as one test: in memory, if this machine has room there."""

import shutil
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - folders of random names are made in it
_ROOM = 2 * 1024**3  # bytes: hundreds of small databases


def place() -> Path | None:
    """Give the folder to make folders in; ``None`` for where temporary files always go."""
    has_room = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM
    return _MEMORY if has_room else None
