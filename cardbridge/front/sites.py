"""The sites that may ask, as the configuration says them now."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from cardbridge import log
from cardbridge.config import Config, ConfigError

Stamp = tuple[int, ...]


class Sites:
    """Origins by name, read again when a file has changed; a broken file changes nothing."""

    def __init__(self, config: Config, files: tuple[Path, ...], load: Callable[[], Config]) -> None:
        self._sites = config.sites
        self._files = files
        self._load = load
        self._seen = self._stamp()

    def now(self) -> Mapping[str, str]:
        """List them."""
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            try:
                self._sites = self._load().sites
            except ConfigError as error:
                log.write("config_not_read", detail=str(error))
        return self._sites

    def _stamp(self) -> Stamp:
        return tuple(_changed_at(path) for path in self._files)


def _changed_at(path: Path) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116  # a stat for every request
    except OSError:
        return 0
