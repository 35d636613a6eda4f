"""Real worker processes, and many callers let go at one instant.

Inside one process a race has one winner by luck: the interpreter's lock lines everybody
up. So the provider runs as it does in production, with several workers.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.conftest import ROOT_KEY
from tests.labs.ports import free_port

HOUSE = Path(__file__).resolve().parents[2]
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Running:
    """A provider as it runs in production."""

    url: str
    process: subprocess.Popen[bytes]
    config: Path
    environment: dict[str, str]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def workers(self) -> list[int]:
        """List the pids of its worker processes."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        children = [int(pid) for task in tasks for pid in task.read_text().split()]
        commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children}
        return [pid for pid, command in commands.items() if command and b"attend" not in command]

    def command(self, *words: str, stdin: str = "") -> Any:
        """Run ``idp`` on the same configuration and read the JSON it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "idp", *words, "--json"],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=HOUSE,
            env=self.environment,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def rounds(self) -> None:
        """Let a worker do its rounds once, in a process of its own."""
        words = [sys.executable, "-m", "idp", "worker", "--once"]
        subprocess.run(words, cwd=HOUSE, env=self.environment, check=True)


@contextlib.contextmanager
def running(
    folder: Path,
    database_url: str,
    *,
    workers: int = 2,
    threads: int = 4,
    settings: Mapping[str, str] | None = None,
) -> Generator[Running]:
    """Start a provider of several worker processes on a database of its own."""
    port = free_port()
    url = f"http://localhost:{port}"
    kek, config = folder / "kek", folder / "config.toml"
    kek.write_text(ROOT_KEY.hex())
    kek.chmod(0o400)
    config.write_text(f'[provider]\nissuer = "{url}"\n')
    environment = os.environ | {
        "PORTICO_CONFIG": str(config),
        "PORTICO__DATABASE__URL": database_url,
        "PORTICO__KEYS__KEK_FILE": str(kek),
        "PORTICO__SERVER__PORT": str(port),
        "PORTICO__SERVER__METRICS_PORT": "0",
        "PORTICO__SERVER__WORKERS": str(workers),
        "PORTICO__SERVER__THREADS": str(threads),
        "PORTICO__WORKER__MIGRATE_ON_START": "true",
        "PORTICO__CAPTCHA__MODE": "off",
        "PORTICO__PASSWORD__MEMORY_KIB": "7168",
        "PORTICO__PASSWORD__TIME_COST": "1",
        **(settings or {}),
    }
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "idp", "serve"],
        cwd=HOUSE,
        env=environment,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        _wait(f"{url}/health/ready", process, folder / "log")
        yield Running(url, process, config, environment)
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        log.close()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        with contextlib.suppress(httpx2.HTTPError):
            if httpx2.get(url, timeout=1).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError(log.read_text(errors="replace")[-3000:])


def at_once(callers: int, act: Callable[[httpx2.Client], int]) -> list[int]:
    """Let ``callers`` go at one instant, each on a connection that is open already."""
    barrier = threading.Barrier(callers)
    answers: list[int] = []
    troubles: list[BaseException] = []

    def call() -> None:
        try:
            with httpx2.Client(timeout=30) as client:
                barrier.wait()
                answers.append(act(client))
        except BaseException as trouble:  # noqa: BLE001 - told to the test below
            troubles.append(trouble)

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles, troubles
    return answers
