"""Cases, their progress, and who may see them (Q04, Q05)."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, Text, bindparam, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from clients.kit.database import Table, Transaction

NEWEST = 3  # manual Q04: the newest three entries


class Kind(StrEnum):
    """Kinds of case that are open to query; juvenile criminal cases never are (Q05)."""

    CIVIL = "civil"
    FAMILY = "family"
    CRIMINAL = "criminal"
    ADMINISTRATIVE = "administrative"


class CaseRow(Table):
    """A case of a court."""

    __tablename__ = "cases"

    number: Mapped[str] = mapped_column(String(64), primary_key=True)
    """As the court writes it: ``109.他.000025``, with the court's code before it."""
    court: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str]


class Entitlement(Table):
    """A local account may look up a case."""

    __tablename__ = "entitlements"

    account: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[str] = mapped_column(
        String(64), ForeignKey("cases.number"), primary_key=True, index=True
    )


class ProgressRow(Table):
    """Something that has happened in a case: 登載日期, 登載事項."""

    __tablename__ = "progress"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(64), ForeignKey("cases.number"), index=True)
    recorded_at: Mapped[datetime]
    entry: Mapped[str] = mapped_column(Text)


class OpenCaseWord(Table):
    """A case word (字別) that is open to query, by kind: the published list of Q05."""

    __tablename__ = "open_case_words"

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    word: Mapped[str] = mapped_column(String(16), primary_key=True)


@dataclass(frozen=True, slots=True)
class Progress:
    """One entry."""

    recorded_at: datetime
    entry: str

    @property
    def day(self) -> date:
        """The day it was recorded."""
        return self.recorded_at.date()


@dataclass(frozen=True, slots=True)
class Case:
    """A case as its party sees it."""

    number: str
    court: str
    kind: Kind
    subject: str
    progress: tuple[Progress, ...]
    """The newest three, newest first."""


def of_account(tx: Transaction, account: str) -> list[Case]:
    """List the cases an account may look up; only open case words, three entries each."""
    rows = tx.execute(_OF_ACCOUNT, {"holder": account}).all()
    return [_case(tx, row) for row in rows if _is_open(tx, row.kind, row.number)]


def find(tx: Transaction, account: str, number: str) -> Case | None:
    """Find one case of an account; ``None`` for everybody else's, as if there were none."""
    row = tx.execute(_ONE, {"holder": account, "wanted": number}).one_or_none()
    if row is None or not _is_open(tx, row.kind, row.number):
        return None
    return _case(tx, row)


def open_words(tx: Transaction) -> list[tuple[Kind, str]]:
    """List the case words open to query."""
    return [(Kind(row.kind), row.word) for row in tx.execute(_WORDS)]


def word_of(number: str) -> str:
    """Give the case word of a number: ``他`` of ``TPD.109.他.000025``."""
    parts = number.split(".")
    return parts[-2] if len(parts) >= 3 else ""


def _is_open(tx: Transaction, kind: str, number: str) -> bool:
    return (kind, word_of(number)) in {(one.value, word) for one, word in open_words(tx)}


def _case(tx: Transaction, row: "CaseRow") -> Case:
    entries = tx.execute(_PROGRESS, {"wanted": row.number, "at_most": NEWEST})
    return Case(
        row.number,
        row.court,
        Kind(row.kind),
        row.subject,
        tuple(Progress(one.recorded_at, one.entry) for one in entries),
    )


def add(tx: Transaction, case: Case, holders: list[str]) -> None:
    """Put a case, its progress and its parties on record; one known already is left alone."""
    known = tx.execute(select(CaseRow.number).where(CaseRow.number == case.number)).first()
    if known is not None:
        return
    tx.execute(
        insert(CaseRow),
        {
            "number": case.number,
            "court": case.court,
            "kind": case.kind,
            "subject": case.subject,
        },
    )
    entries = [
        {"number": case.number, "recorded_at": one.recorded_at, "entry": one.entry}
        for one in case.progress
    ]
    tx.execute(insert(ProgressRow), entries)
    tx.execute(insert(Entitlement), [{"account": one, "number": case.number} for one in holders])


_CASE = select(CaseRow.number, CaseRow.court, CaseRow.kind, CaseRow.subject).join(
    Entitlement, Entitlement.number == CaseRow.number
)
_OF_ACCOUNT = _CASE.where(Entitlement.account == bindparam("holder")).order_by(CaseRow.number)
_ONE = _CASE.where(
    Entitlement.account == bindparam("holder"), CaseRow.number == bindparam("wanted")
)
_PROGRESS = (
    select(ProgressRow.recorded_at, ProgressRow.entry)
    .where(ProgressRow.number == bindparam("wanted"))
    .order_by(ProgressRow.recorded_at.desc(), ProgressRow.id.desc())
    .limit(bindparam("at_most"))
)
_WORDS = select(OpenCaseWord.kind, OpenCaseWord.word).order_by(OpenCaseWord.kind, OpenCaseWord.word)
