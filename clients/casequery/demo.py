"""Court cases of nobody, for the demo: natural in form, invented in every fact."""

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import delete, insert, select, update

from clients.casequery import accounts, cases
from clients.casequery.cases import Case, Kind, OpenCaseWord, Progress
from clients.kit import linking
from clients.kit.database import Database, Transaction
from clients.kit.session import AppSession

_WORDS = {
    Kind.CIVIL: ("訴", "簡", "重訴", "補", "他"),
    Kind.FAMILY: ("婚", "家親聲", "家調"),
    Kind.CRIMINAL: ("易", "訴", "交易"),
    Kind.ADMINISTRATIVE: ("訴", "簡", "再"),
}


def _entry(year: int, month: int, day: int, entry: str) -> Progress:
    return Progress(datetime(year, month, day, 2, 0, tzinfo=UTC), entry)


_CASES = (
    (
        Case(
            "TPD.115.訴.001203",
            "臺灣臺北地方法院",
            Kind.CIVIL,
            "請求返還借款",
            (
                _entry(2026, 3, 2, "收案，分由民事第六庭審理"),
                _entry(2026, 5, 11, "行準備程序，兩造到庭"),
                _entry(2026, 9, 21, "言詞辯論終結"),
                _entry(2026, 10, 19, "宣示判決，正本送達中"),
            ),
        ),
        ["CITIZEN1", "LAWYER1", "JUDGE1"],
    ),
    (
        Case(
            "TPD.109.他.000025",
            "臺灣臺北地方法院",
            Kind.CIVIL,
            "聲請閱覽卷宗",
            (
                _entry(2026, 10, 5, "收狀"),
                _entry(2026, 10, 7, "准予閱卷，請依通知時間到院"),
            ),
        ),
        ["CITIZEN1"],
    ),
    (
        Case(
            "NTD.115.家親聲.000318",
            "臺灣新北地方法院",
            Kind.FAMILY,
            "酌定未成年子女會面交往方式",
            (
                _entry(2026, 6, 15, "收案，移付調解"),
                _entry(2026, 8, 3, "調解不成立，續行審理"),
                _entry(2026, 11, 9, "囑託訪視，報告到院"),
            ),
        ),
        ["CITIZEN2", "LAWYER1"],
    ),
    (
        Case(
            "TCD.115.易.000771",
            "臺灣臺中地方法院",
            Kind.CRIMINAL,
            "過失傷害",
            (
                _entry(2026, 7, 1, "收案"),
                _entry(2026, 9, 8, "審理期日，辯護人到庭"),
            ),
        ),
        ["LAWYER1"],
    ),
    (
        Case(
            "TPB.115.訴.000064",
            "臺北高等行政法院",
            Kind.ADMINISTRATIVE,
            "請求給付補償金",
            (_entry(2026, 11, 2, "收案，分案中"),),
        ),
        ["TESTER", "LAWYER1"],
    ),
)


def seed(database: Database, issuer: str, people: Path | None) -> int:
    """Put the demo on record, and link the demo people; a second time changes nothing.

    When the provider has moved, the people move with it: a link names the issuer.
    """
    with database.write() as tx:
        if tx.execute(select(OpenCaseWord.word)).first() is None:
            words = [{"kind": kind, "word": word} for kind, of in _WORDS.items() for word in of]
            tx.execute(insert(OpenCaseWord), words)
        for case, holders in _CASES:
            cases.add(tx, case, holders)
        known = _read(people)
        _leave_other_issuers(tx, issuer, [person["username"] for person in known])
        return sum(linking.link(tx, issuer, person["sub"], person["username"]) for person in known)


def _leave_other_issuers(tx: Transaction, issuer: str, accounts: list[str]) -> None:
    """Undo what an earlier run at another address has left for these accounts."""
    links, sessions = linking.Link, AppSession
    tx.execute(delete(links).where(links.account.in_(accounts), links.issuer != issuer))
    stale = (sessions.issuer != issuer, sessions.ended_at.is_(None))
    tx.execute(update(sessions).where(*stale).values(ended_at=tx.now))


def open_accounts(database: Database, path: Path | None) -> None:
    """Open the accounts of a file (``[[accounts]]`` of ``name`` and ``password``)."""
    listed = tomllib.loads(path.read_text("utf-8"))["accounts"] if path else []
    with database.read() as tx:
        missing = [one for one in listed if accounts.password_of(tx, one["name"]) is None]
    hashed = {one["name"]: accounts.hashed(one["password"]) for one in missing}
    with database.write() as tx:
        for name, phc_hash in hashed.items():
            accounts.add(tx, name, phc_hash)


def _read(people: Path | None) -> list[dict[str, str]]:
    if people is None:
        return []
    found: list[dict[str, str]] = json.loads(people.read_text("utf-8"))
    return found
