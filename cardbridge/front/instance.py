"""One bridge a person: the second that is started finds the first and leaves it alone."""

import json
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cardbridge import VERSION


class AlreadyRuns(Exception):
    """A bridge of this person runs."""


class Instance:
    """Holds a lock while the bridge runs, and says beside it where it listens."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock: int | None = None

    def __enter__(self) -> Self:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self._file.with_suffix(".lock"), flags, 0o600)
        try:
            _lock(descriptor)
        except OSError:
            os.close(descriptor)
            raise AlreadyRuns from None
        self._lock = descriptor
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)

    def tell(self, port: int) -> None:
        """Write down where the bridge listens."""
        said = json.dumps({"pid": os.getpid(), "port": port, "version": VERSION})
        self._file.write_text(said, "utf-8")


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl  # noqa: PLC0415

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def running(file: Path) -> dict[str, Any] | None:
    """Read where a bridge listens, if one runs: its port, version and process."""
    try:
        with Instance(file):
            return None
    except AlreadyRuns:
        try:
            said = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return said if isinstance(said, dict) else None
    except OSError:
        return None
