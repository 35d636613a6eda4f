"""The bridge as people run it: a process of its own, with a configuration and real cards."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bridge.callers import SITE
from tests.bridge.person import Person
from tests.labs.ports import free_port

HOUSE = Path(__file__).resolve().parents[2]
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Running:
    """A bridge that runs."""

    process: "subprocess.Popen[bytes]"
    port: int
    folder: Path
    environment: Mapping[str, str]

    def log(self) -> list[dict[str, Any]]:
        """Read what it has logged."""
        lines = (self.folder / "log").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def children(self) -> list[int]:
        """List its processes of the second rank: card worker and dialog."""
        listed: list[int] = []
        for task in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                listed += [int(word) for word in task.read_text().split()]
        return listed


def configuration(port: int, person: Person, site: str = SITE, **more: Any) -> str:
    """Write a configuration for the tests, with one site that may ask."""
    values = {
        "port": port,
        "spare_ports": [],
        "modules": [SOFTHSM],
        "pin_dialog": [sys.executable, "-I", "-S", *person.argv],
        "dialogs_per_minute": 100,
    } | more
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    return "\n".join([*lines, "[[sites]]", f'origin = "{site}"', 'name = "Portico"', ""])


@contextlib.contextmanager
def running(
    folder: Path,
    person: Person,
    environment: Mapping[str, str],
    under: Sequence[str] = (),
    **more: Any,
) -> Iterator[Running]:
    """Run the bridge, and end it as a session does."""
    port = more.pop("port", 0) or free_port()
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text(configuration(port, person, **more), "utf-8")
    told = {
        "CARDBRIDGE_CONFIG": str(folder / "config.toml"),
        "XDG_RUNTIME_DIR": str(folder),
    }
    env = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    env |= told | dict(environment)
    words = [*under, sys.executable, "-m", "cardbridge", "run"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, cwd=HOUSE, env=env, stderr=log)
    try:
        bridge = Running(process, port, folder, env)
        until(lambda: any(one["event"] == "listening" for one in bridge.log()))
        yield bridge
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        process.wait()


def until(true: Callable[[], object], seconds: float = _PATIENCE_SECONDS) -> None:
    """Wait until something is true."""
    last = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < last, "it never came to that"
        time.sleep(0.02)


def is_alive(process: int | None) -> bool:
    """Tell whether a process is there, one that has only to be waited for left out."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
