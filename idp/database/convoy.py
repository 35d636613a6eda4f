"""Transactions that only insert travel together: one round trip and one commit for many.

A durable commit is a millisecond in which the processor has nothing to do, and then as much
work for one row as for ten. So while one thread waits for its commit, the others that have
nothing but inserts gather, and the first of them takes along all that have come. Nobody
waits for company, nor long for a convoy that stands still, and nobody is answered before what
it wrote is on record.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import psycopg

from idp.database.prepared import Form

Bound = tuple[Form, list[Any]]
"""A prepared statement and the values it is to run with."""
Send = Callable[[list[Bound]], object]
"""Runs statements as one transaction. Raises psycopg.Error: with an SQLSTATE nothing is on
record, without one nobody can say."""

_LIMIT = 32  # who has to wait for a row's lock keeps no more than so many others waiting
_PATIENCE_SECONDS = 0.25  # a hundred times what a convoy takes: this one waits for a lock itself


class _Fate(Enum):
    LOST = auto()  # until something better is known
    REFUSED = auto()
    ARRIVED = auto()


@dataclass(slots=True, eq=False)
class _Traveller:
    """A transaction that is to be committed, and the thread that waits for it."""

    statements: list[Bound]
    woken: threading.Lock = field(default_factory=threading.Lock)
    """Held while its thread has nothing to do."""
    leads: bool = False
    fate: _Fate = _Fate.LOST


class Convoy:
    """Commits what threads have to insert, one convoy at a time. Thread-safe."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._waiting: list[_Traveller] = []
        self._under_way = False

    @property
    def waiting(self) -> int:
        """How many transactions will go with the next one."""
        return len(self._waiting)

    def commit(self, statements: list[Bound], send: Send) -> None:
        """Have ``statements`` on record as one transaction; ``send`` is the caller's own way.

        Whatever is wrong with a convoy, each of its transactions then goes alone: none sees
        what another did wrong.

        Raises:
            psycopg.Error: the statements failed; or a connection broke, and nobody can say.
        """
        with self._gate:
            mine = _Traveller(statements) if self._under_way else None
            if mine is None:
                self._under_way = True
            else:
                mine.woken.acquire()
                self._waiting.append(mine)
        if mine is None:  # nobody was waiting either, or one of them would be under way
            try:
                send(statements)
            finally:
                self._hand_over()
        elif not self._has_its_turn(mine):
            send(statements)
        else:
            self._go(mine, send)

    def _go(self, mine: _Traveller, send: Send) -> None:
        if mine.leads:
            self._lead(send)
        if mine.fate is _Fate.LOST:
            raise psycopg.OperationalError("the connection was lost")
        if mine.fate is _Fate.REFUSED:
            send(mine.statements)

    def _has_its_turn(self, one: _Traveller) -> bool:
        """Wait until it leads or has arrived; ``False``: it waited too long, and goes alone."""
        if one.woken.acquire(timeout=_PATIENCE_SECONDS):
            return True
        with self._gate:
            if one in self._waiting and not one.leads:
                self._waiting.remove(one)
                return False
        return one.woken.acquire()

    def _lead(self, send: Send) -> None:
        with self._gate:
            together, self._waiting = self._waiting[:_LIMIT], self._waiting[_LIMIT:]
        try:
            fate = _travel(together, send)
            for one in together:
                one.fate = fate
        finally:
            self._hand_over()
            for one in together[1:]:  # the first is the one that leads
                one.woken.release()

    def _hand_over(self) -> None:
        """Let the next convoy start, before the last one's travellers go their ways."""
        with self._gate:
            self._under_way = bool(self._waiting)
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].woken.release()


def _travel(together: Sequence[_Traveller], send: Send) -> _Fate:
    try:
        send([statement for one in together for statement in one.statements])
    except psycopg.Error as error:
        if len(together) == 1:
            raise
        return _Fate.REFUSED if error.sqlstate else _Fate.LOST
    return _Fate.ARRIVED
