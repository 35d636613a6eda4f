"""Runs programs together: all healthy, or all stopped. Knows nothing of what they are.

A child never outlives the supervisor: it is asked to stop with its whole process group,
and the kernel asks it when the supervisor is killed without a chance to do so.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2

from demo.ports import Port
from demo.signals import Signals

_GRACE_SECONDS = 5.0
_BETWEEN_ASKING_SECONDS = 0.05
_LINES_SHOWN = 15
_AT_ONCE_SECONDS = 2.0
_WITH_THE_SUPERVISOR = ("setpriv", "--pdeathsig", "TERM", "--")


@dataclass(frozen=True, slots=True)
class Program:
    """What to start. Without ``health_url`` it is healthy as soon as it runs."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    health_url: str = ""
    ports: Sequence[Port] = ()
    is_beside: bool = False
    """Whether the rest can do without it: it is started again when it ends."""


class StopAsked(Exception):
    """Ctrl-C or SIGTERM: nothing is wrong."""


class ProgramFailed(Exception):
    """A program ended that should not have, or never became healthy; shows its last lines."""

    def __init__(self, name: str, what: str, log: Path) -> None:
        lines = log.read_text("utf-8", errors="replace").splitlines()[-_LINES_SHOWN:]
        shown = "\n".join(f"  | {line}" for line in lines) or "  | (it said nothing)"
        super().__init__(f"{name} {what}. Its last lines, from {log}:\n{shown}")


class Supervisor:
    """Starts and watches programs; leaving its ``with`` block stops what still runs."""

    def __init__(self, signals: Signals, *, logs: Path, folder: Path) -> None:
        self._signals = signals
        self._logs = logs
        self._folder = folder
        self._children: list[_Child] = []

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def finish(self, *steps: Program) -> dict[str, str]:
        """Run ``steps`` side by side to their end; give what each wrote to standard output.

        Raises:
            ProgramFailed: one of them ended with another status than zero.
            StopAsked: before they were done.
        """
        running = [self._spawn(step, captured=True) for step in steps]
        while False in [child.has_succeeded() for child in running]:
            self._pause(None)
        self._children = [child for child in self._children if child not in running]
        return {child.program.name: child.output() for child in running}

    def start(self, *programs: Program) -> None:
        """Start ``programs`` and leave them running."""
        for program in programs:
            self._spawn(program, captured=False)

    def await_health(self, timeout_seconds: float) -> None:
        """Return once every running program answers its health address with 200.

        Raises:
            ProgramFailed: one ended, or is not healthy in time.
            StopAsked: before that.
        """
        deadline = time.monotonic() + timeout_seconds
        with httpx2.Client(timeout=1.0, trust_env=False) as http:
            for child in self._children:
                while not child.is_healthy(http):
                    self._must_all_run()
                    if time.monotonic() > deadline:
                        raise child.failure(f"is not healthy after {timeout_seconds:g} seconds")
                    self._pause(_BETWEEN_ASKING_SECONDS)

    def watch(self) -> None:
        """Return when asked to stop; start again what stands beside the rest.

        Raises:
            ProgramFailed: another program ended by itself, whatever its status.
        """
        while not self._signals.stop_asked:
            self._revive()
            self._must_all_run()
            self._signals.wait(None)

    def stop(self) -> None:
        """Ask all to stop, at once; kill what has not gone after five seconds."""
        for child in self._children:
            child.send(signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_SECONDS
        while any(child.status() is None for child in self._children):
            if time.monotonic() > deadline:
                break
            self._signals.wait(_BETWEEN_ASKING_SECONDS)
        for child in self._children:
            child.end()
        self._children = []

    def _spawn(self, program: Program, *, captured: bool) -> "_Child":
        child = _Child(program, self._logs, self._folder, captured=captured)
        self._children.append(child)
        return child

    def _revive(self) -> None:
        ended = [
            one for one in self._children if one.program.is_beside and one.status() is not None
        ]
        for child in ended:
            self._children.remove(child)
            child.end()
            what = f"{child.program.name} ended with status {child.status()}"
            if child.age() < _AT_ONCE_SECONDS:
                print(f"{what} right after its start: the rest goes on without it.", flush=True)
            else:
                print(f"{what}: it is started again.", flush=True)
                self._spawn(child.program, captured=False)

    def _must_all_run(self) -> None:
        for child in self._children:
            if (status := child.status()) is not None:
                raise child.failure(f"ended with status {status}")

    def _pause(self, seconds: float | None) -> None:
        self._signals.wait(seconds)
        if self._signals.stop_asked:
            raise StopAsked


class _Child:
    """A program that was started, in a process group of its own."""

    def __init__(self, program: Program, logs: Path, folder: Path, *, captured: bool) -> None:
        self.program = program
        self._started = time.monotonic()
        self._log = logs / f"{program.name}.log"
        self._output = logs / f"{program.name}.out" if captured else self._log
        _put_aside(self._log)
        self._output.unlink(missing_ok=True)
        # Appending, both may write to one file without overwriting each other.
        with self._log.open("ab") as log, self._output.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the stack's own programs
                [*_WITH_THE_SUPERVISOR, *program.argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                cwd=folder,
                env=os.environ | dict(program.env),
                start_new_session=True,
            )

    def status(self) -> int | None:
        return self._process.poll()

    def age(self) -> float:
        """Give the seconds since it was started."""
        return time.monotonic() - self._started

    def output(self) -> str:
        """Give the captured standard output, and forget it: it may hold secrets."""
        written = self._output.read_text("utf-8")
        self._output.unlink()
        return written

    def is_healthy(self, http: httpx2.Client) -> bool:
        if not self.program.health_url:
            return True
        try:
            return http.get(self.program.health_url).status_code == 200
        except httpx2.HTTPError:
            return False

    def has_succeeded(self) -> bool:
        """Whether it has come to a good end; a bad one raises."""
        status = self.status()
        if status:
            raise self.failure(f"failed with status {status}")
        return status == 0

    def failure(self, what: str) -> ProgramFailed:
        return ProgramFailed(self.program.name, what, self._log)

    def send(self, number: signal.Signals) -> None:
        """Signal the whole group: workers that a program forked belong to it."""
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return

    def end(self) -> None:
        """Kill what is left of the group, and take the program's status off the kernel's hands."""
        self.send(signal.SIGKILL)
        self._process.wait()


def _put_aside(log: Path) -> None:
    """Keep the log of the run before as ``.1``: it tells why that one ended."""
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
