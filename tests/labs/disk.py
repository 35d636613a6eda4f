"""A small disk of its own, that a test can fill to the last byte."""

import contextlib
import os
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

_BLOCK = 64 * 1024


@dataclass(frozen=True)
class Disk:
    """A file system in memory."""

    root: Path

    def fill(self) -> None:
        """Leave no room for another byte."""
        with (self.root / "ballast").open("ab", buffering=0) as ballast:
            for size in (_BLOCK, 4096, 1):
                with contextlib.suppress(OSError):
                    while ballast.write(bytes(size)) == size:
                        pass

    def relieve(self) -> None:
        """Make room again."""
        (self.root / "ballast").unlink()


@contextlib.contextmanager
def disk(folder: Path, megabytes: int) -> Generator[Disk]:
    """Mount a disk of its own until the block ends; only root may."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root")
    folder.mkdir()
    options = f"size={megabytes}m,mode=0777"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
