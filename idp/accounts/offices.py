"""What a directory says of its people's offices: read at every sign-in, told to apps.

Nothing here opens an account; that is the entry's own identity (``identities.py``).
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, bindparam, case, or_, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.model import Account, Kind, Office
from idp.accounts.tables import AccountRow
from idp.database.columns import Table
from idp.database.prepared import Prepared
from idp.database.transaction import Transaction

_MOST_TOLD = 100
_IS_TOLD = text("court_told <> ''")


class AccountOffice(Table):
    """The office of one account, as its directory said it last."""

    __tablename__ = "account_offices"
    __table_args__ = (
        Index(
            "ix_account_offices_courts_told",
            "directory",
            "court_told",
            sqlite_where=_IS_TOLD,
            postgresql_where=_IS_TOLD,
        ),
    )

    account_id: Mapped[UUID] = mapped_column(ForeignKey(AccountRow.id), primary_key=True)
    directory: Mapped[str] = mapped_column(String(32))
    login: Mapped[str] = mapped_column(Text(), index=True)
    """``directory:account`` in lower case: whose attempts those are that name it."""
    also_login: Mapped[str] = mapped_column(Text(), index=True)
    """Another whole name that they last signed in under (``court:wang.dm@judicial.test``);
    empty: they use this one."""
    ad_account: Mapped[str] = mapped_column(Text())
    court: Mapped[str] = mapped_column(Text())
    court_name: Mapped[str] = mapped_column(Text())
    court_is_chosen: Mapped[bool]
    court_told: Mapped[str] = mapped_column(Text(), server_default="")
    """What the directory has in the place of a court where no court of ours is called so."""
    department: Mapped[str] = mapped_column(Text())
    title: Mapped[str] = mapped_column(Text())
    employee_number: Mapped[str] = mapped_column(Text())
    roles: Mapped[list[str]]
    changed_at: Mapped[datetime]


def of(tx: Transaction, account_id: UUID) -> Office | None:
    """Read the office of an account; most have none."""
    row = tx.ask(_OF, {"owner": account_id})
    return Office(**{**row._asdict(), "roles": tuple(row.roles)}) if row else None


def expect_any(tx: Transaction, account_id: UUID) -> Callable[[], bool]:
    """Ask together with what is asked next whether the account has an office."""
    rows = tx.expect(_OF, {"owner": account_id})
    return lambda: bool(rows())


def holder_of(tx: Transaction, login: str, typed: str) -> tuple[UUID, str] | None:
    """Find the account that was last signed in to under a name of a directory, and its own name.

    Args:
        login: as it is counted, without what follows an ``@``.
        typed: the same with it. Whoever signs in under that whole name goes before whose account
            only begins so, and a name that begins alike is nobody's but its own.

    Of two that have had a name, one after the other, it is the one that had it last.
    """
    row = tx.execute(_HOLDER, {"login": login, "typed": typed}).first()
    return (row.account_id, row.login) if row else None


def is_of_directory(tx: Transaction, account: Account) -> bool:
    """Tell whether an account's directory alone opens it: it knows who has left, others do not."""
    return account.kind is Kind.JUDGE and of(tx, account.id) is not None


def put(tx: Transaction, account_id: UUID, office: Office) -> None:
    """Write an office down, over the one before."""
    row = {
        "account_id": account_id,
        "directory": office.directory,
        "login": office.login,
        "also_login": office.also_login,
        "ad_account": office.ad_account,
        "court": office.court,
        "court_name": office.court_name,
        "court_is_chosen": office.court_is_chosen,
        "court_told": office.court_told,
        "department": office.department,
        "title": office.title,
        "employee_number": office.employee_number,
        "roles": list(office.roles),
        "changed_at": tx.now,
    }
    tx.execute(_PUT, row)


def choose_court(tx: Transaction, account_id: UUID, before: str, chosen: Office) -> bool:
    """Change a court that is its holder's to choose; ``False`` if it is another one meanwhile."""
    row = {
        "owner": account_id,
        "before": before,
        "code": chosen.court,
        "called": chosen.court_name,
    }
    return tx.execute(_CHOOSE_COURT, row).rowcount == 1


def courts_told(tx: Transaction) -> list[tuple[str, str]]:
    """List what directories have in the place of courts that are none: directory and value."""
    return [(row.directory, row.court_told) for row in tx.execute(_COURTS_TOLD)]


_COURTS_TOLD = (
    select(AccountOffice.directory, AccountOffice.court_told)
    .where(_IS_TOLD)
    .distinct()
    .order_by(AccountOffice.directory, AccountOffice.court_told)
    .limit(_MOST_TOLD)
)
_CHOOSE_COURT = (
    update(AccountOffice)
    .where(
        AccountOffice.account_id == bindparam("owner"),
        AccountOffice.court == bindparam("before"),
        or_(AccountOffice.court_is_chosen, AccountOffice.court == ""),
    )
    .values(court=bindparam("code"), court_name=bindparam("called"), court_is_chosen=True)
)
_OF = Prepared(
    select(
        AccountOffice.directory,
        AccountOffice.ad_account,
        AccountOffice.court,
        AccountOffice.court_name,
        AccountOffice.court_is_chosen,
        AccountOffice.court_told,
        AccountOffice.department,
        AccountOffice.title,
        AccountOffice.employee_number,
        AccountOffice.roles,
        AccountOffice.also_login,
    ).where(AccountOffice.account_id == bindparam("owner"))
)
_HOLDER = (
    select(AccountOffice.account_id, AccountOffice.login)
    .where(
        or_(
            AccountOffice.login == bindparam("login"),
            AccountOffice.also_login == bindparam("typed"),
        )
    )
    .order_by(
        case((AccountOffice.also_login == bindparam("typed"), 0), else_=1),
        AccountOffice.changed_at.desc(),
    )
    .limit(1)
)
_INSERT = postgresql.insert(AccountOffice)  # SQLite has taken over the clause
_PUT = _INSERT.on_conflict_do_update(
    index_elements=["account_id"],
    set_={
        column.name: _INSERT.excluded[column.name]
        for column in AccountOffice.__table__.columns
        if column.name != "account_id"
    },
)
