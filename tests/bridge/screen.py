"""A screen nobody looks at, and hands that type on it."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Screen:
    """An X display."""

    display: str

    @property
    def environment(self) -> dict[str, str]:
        """What shows a program where to draw."""
        return {"DISPLAY": self.display}

    def window(self, title: str) -> str:
        """Wait for a window by its title."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while not (found := self._do("search", "--onlyvisible", "--name", title)):
            assert time.monotonic() < until, f"no window is called {title}"
            time.sleep(0.05)
        return found.split()[0]

    def type(self, title: str, *keys: str) -> None:
        """Type into a window: words as they are, keys by ``<Name>``."""
        self.window(title)
        time.sleep(0.4)  # a window that is drawn does not yet have the keyboard
        for key in keys:
            if key.startswith("<"):
                self._do("key", key.strip("<>"))
            else:
                self._do("type", "--delay", "20", key)

    def picture(self, file: str) -> None:
        """Take a picture, where ImageMagick is installed."""
        if program := shutil.which("import"):
            words = [program, "-window", "root", file]
            subprocess.run(words, env=os.environ | self.environment, check=True)

    def _do(self, *words: str) -> str:
        done = subprocess.run(
            ["xdotool", *words],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout


@contextlib.contextmanager
def screen() -> Iterator[Screen]:
    """Run an X server on a display of its own choice."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as told:
            yield Screen(f":{told.readline().strip()}")
    finally:
        server.terminate()
        server.wait()
