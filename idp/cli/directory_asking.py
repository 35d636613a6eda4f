"""One question to a directory, and what is told of it: a step that was tried, or was not."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from idp.cli import directory_words as words
from idp.cli.directory_words import Fault
from idp.config import DirectorySection
from idp.gateways.ldap import Ldap, Misconfigured, Session, Unreachable

OK, LOOK, FAILED, NOT_TRIED = "ok", "look", "failed", "not tried"
ANYTHING = "(objectClass=*)"
_PATIENCE_SECONDS = 5.0

Wanted = TypeVar("Wanted")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried, or was not."""

    directory: str
    where: str
    """The controller; empty: the directory as a whole."""
    step: str
    result: str
    """:data:`OK`, :data:`LOOK`, :data:`FAILED` or :data:`NOT_TRIED`."""
    found: str
    fix: str = ""
    detail: str = ""
    """What a library or a controller has said, where ``found`` says it in other words."""


class Broken(Exception):
    """A step has failed; says with what."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.found)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Asking:
    """A directory that further steps are asked of, if any controller of it answers."""

    section: DirectorySection
    ldap: Ldap | None
    because: str
    """Why it is not asked; empty if it is."""

    def step(self, name: str, question: Callable[[Session], Fault | str], *, say: str = "") -> Step:
        """Ask one question: what was found, or what is wrong.

        Args:
            say: what the step is about, where it is not tried or breaks.
        """
        section, ldap = self.section, self.ldap
        about = f"{say}: " if say else ""
        if ldap is None:
            return Step(section.id, "", name, NOT_TRIED, f"{about}{self.because}")
        try:
            found = answer(lambda: ldap.ask(question, until()))
        except Broken as broken:
            found = broken.fault
        if isinstance(found, Fault):
            return Step(
                section.id, "", name, FAILED, f"{about}{found.found}", found.fix, found.detail
            )
        return Step(section.id, "", name, OK, found)


def answer(question: Callable[[], Wanted]) -> Wanted:
    """Ask the gateway.

    Raises:
        Broken: it has said so, in its words.
    """
    try:
        return question()
    except (Misconfigured, Unreachable) as wrong:
        raise Broken(words.plain(str(wrong))) from wrong


def until() -> float:
    """Give when a step has to be over, for the gateway."""
    return time.monotonic() + _PATIENCE_SECONDS
