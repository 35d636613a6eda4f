"""Many callers in a process of their own: what they cost must not slow down who measures."""

import asyncio
import multiprocessing
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

_processes = multiprocessing.get_context("spawn")
_LENGTH = re.compile(rb"(?i)content-length: *(\d+)")


@dataclass
class Outcome:
    """What a crowd was answered."""

    statuses: Counter[int] = field(default_factory=Counter)
    without_retry_after: int = 0
    """Of the answers 503."""
    broken_off: int = 0


class Crowd:
    """Callers that each send the same form again as soon as it is answered.

    ``%d`` in the body becomes a number that nobody has sent before.
    """

    def __init__(self, port: int, callers: int, head: str, body: str) -> None:
        self._boss, theirs = _processes.Pipe()
        self._process = _processes.Process(
            target=_work, args=(theirs, port, callers, head, body), daemon=True
        )
        self._process.start()
        assert self._boss.recv() == "begun"

    def stop(self) -> Outcome:
        """Let them finish what they are at."""
        self._boss.send("stop")
        outcome: Outcome = self._boss.recv()
        self._process.join()
        return outcome


def _work(boss: Connection, port: int, callers: int, head: str, body: str) -> None:
    asyncio.run(_all(boss, port, callers, head, body))


async def _all(boss: Connection, port: int, callers: int, head: str, body: str) -> None:
    outcome, stopping = Outcome(), asyncio.Event()
    numbers = iter(range(10**9))

    async def call() -> None:
        while not stopping.is_set():
            try:
                await _on_one_connection(port, head, body, numbers, outcome, stopping)
            except (OSError, asyncio.IncompleteReadError):
                outcome.broken_off += 1

    boss.send("begun")
    asyncio.get_running_loop().add_reader(boss.fileno(), stopping.set)
    await asyncio.gather(*(call() for _ in range(callers)))
    boss.send(outcome)


async def _on_one_connection(  # noqa: PLR0917
    port: int,
    head: str,
    body: str,
    numbers: Iterator[int],
    outcome: Outcome,
    stopping: asyncio.Event,
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while not stopping.is_set():
        sent = body.replace("%d", str(next(numbers))).encode()
        writer.write(f"{head}\r\nContent-Length: {len(sent)}\r\n\r\n".encode() + sent)
        told = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(told)
        await reader.readexactly(int(length[1]) if length else 0)
        status = int(told.split(b" ", 2)[1])
        outcome.statuses[status] += 1
        if status == 503 and b"retry-after:" not in told.lower():
            outcome.without_retry_after += 1
    writer.close()
