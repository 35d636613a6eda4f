"""``idp account export``: every account, as rows that ``idp account import`` takes.

What is personal is opened only where it was asked for, hashes likewise, and that somebody
did is on the audit log before the first row is out.
"""

import csv
import io
import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import click
import msgspec

from idp.accounts import bulk
from idp.accounts.bulk import Whole
from idp.audit.events.accounts import AccountsExported
from idp.authenticators.password.adoption import scheme_of
from idp.authenticators.password.foreign import BadHash
from idp.cli.context import Invocation, fail, operator, private
from idp.cli.operate import built
from idp.cli.rows import defuse
from idp.provider import Provider

_PAGE = 1000  # accounts a look-up
_BARE = ("username", "kind", "state", "locale")
_PERSONAL = ("name", "emails", "email_verified", "phone_number")
_HASHES = ("password_hash", "hash_scheme")

Row = dict[str, Any]


@click.command("export")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A new file, readable by you alone. Default: standard output.",
)
@click.option("--with-personal-data", "personal", is_flag=True, help="Names, addresses, numbers.")
@click.option("--with-hashes", "hashes", is_flag=True, help="What passwords can be guessed from.")
@click.pass_obj
def export_accounts(
    invocation: Invocation, form: str, out: Path | None, personal: bool, hashes: bool
) -> None:
    """Write every account, in a form that `idp account import` takes.

    In CSV an apostrophe stands before what a spreadsheet would take for a formula.
    """
    portico = built(invocation.config())
    with _opened(out) as file:
        with portico.database.write(operator()) as tx:
            portico.trail.append(tx, AccountsExported(personal=personal, hashes=hashes))
        columns = _BARE + _PERSONAL * personal + _HASHES * hashes
        accounts = (_row(one) for one in _all(portico, personal=personal))
        _WRITERS[form](file, columns, accounts)


@contextmanager
def _opened(out: Path | None) -> Generator[TextIO]:
    if out is None:
        file = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
        yield file
        file.detach()  # flushes; standard output is not ours to close
        return
    try:
        # A file that is there already may be open to others; it is never written over.
        descriptor = private(out, over=False)
    except FileExistsError:
        fail(f"{out} exists already; it is never overwritten")
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        yield file


def _all(portico: Provider, *, personal: bool) -> Iterator[Whole]:
    """Page by page, so that no transaction lasts as long as a slow reader of ours takes."""
    after = bulk.FIRST
    while True:
        with portico.database.read() as tx:
            page = list(bulk.page(tx, portico.accounts, after, count=_PAGE, personal=personal))
        if not page:
            return
        yield from page
        after = page[-1].id


def _row(account: Whole) -> Row:
    scheme = ""
    with suppress(BadHash):  # what no import would take is taken out as it is
        scheme = scheme_of(account.phc_hash) if account.phc_hash else ""
    return {
        "username": account.account_name,
        "kind": account.kind,
        "state": account.state,
        "locale": account.locale,
        "name": account.profile.name,
        "emails": [email.address for email in account.emails],
        # One answer for all of them: no address counts as verified that is not.
        "email_verified": bool(account.emails) and all(one.verified for one in account.emails),
        "phone_number": account.profile.phone_number,
        "password_hash": account.phc_hash,
        "hash_scheme": scheme,
    }


def _write_csv(file: TextIO, columns: tuple[str, ...], accounts: Iterable[Row]) -> None:
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)  # a ';' must not begin a cell anywhere
    writer.writerow(columns)
    for row in accounts:
        text = row | {
            "emails": ";".join(row["emails"]),
            "email_verified": str(row["email_verified"]).lower(),
        }
        writer.writerow([defuse(text[name]) for name in columns])


def _write_jsonl(file: TextIO, columns: tuple[str, ...], accounts: Iterable[Row]) -> None:
    for row in accounts:
        shown = {name: row[name] for name in columns}
        file.write(msgspec.json.encode(shown).decode() + "\n")


_WRITERS: dict[str, Callable[[TextIO, tuple[str, ...], Iterable[Row]], None]] = {
    "csv": _write_csv,
    "jsonl": _write_jsonl,
}
