"""``idp account import``: taking over the accounts of another system, row by row.

What is on record is never changed: a name that exists is reported and passed over. So a
file can be given again, and an import that was killed begins where it stopped: all that
is asked of each batch is which of its names are taken, before anything of it is checked.
"""

import os
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, TextIO

import click
import msgspec
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from idp.accounts import bulk
from idp.accounts.store import NewAccount
from idp.audit.events.accounts import AccountsImported
from idp.cli import rows
from idp.cli.context import Invocation, fail, json_option, operator, private, say
from idp.cli.operate import built
from idp.cli.rows import BadFile, BadRow, Record
from idp.database.transaction import is_outage
from idp.provider import Provider
from idp.worker import count_password_works

_SHOWN = 10  # problems on standard error; the report has them all
_READERS: dict[str, Callable[[TextIO], Iterator[Record]]] = {
    "csv": rows.read_csv,
    "jsonl": rows.read_jsonl,
}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the report: a row that made no account."""

    row: int
    username: str
    outcome: str
    """``exists`` or ``failed``."""
    problem: str


@dataclass(slots=True)
class Report:
    """Counts what became of each row; writes down those that made no account."""

    file: IO[bytes] | None
    counts: Counter[str] = field(default_factory=Counter)

    def put(self, record: Record, outcome: str, problem: str) -> None:
        """Write down one row."""
        self.counts[outcome] += 1
        name = record.account_name[: rows.LONGEST_NAME]
        username = name if name.isprintable() else ""  # it may end on a terminal
        if self.file is not None:
            line = Line(row=record.number, username=username, outcome=outcome, problem=problem)
            self.file.write(msgspec.json.encode(line) + b"\n")
        elif outcome == "failed" and self.counts["failed"] <= _SHOWN:
            click.echo(f"row {record.number} {username}: {problem}", err=True)

    def settle(self) -> None:
        """Have a reader of the file see all of it so far."""
        if self.file is not None:
            self.file.flush()


class Pretended:
    """The names that a dry run would have put on record; in a temporary file, not in memory."""

    def __init__(self) -> None:
        self._names = sqlite3.connect("")  # deleted when it is closed
        self._names.execute("CREATE TABLE names (name TEXT PRIMARY KEY) WITHOUT ROWID")

    def add(self, names: Iterable[str]) -> None:
        """Remember names."""
        self._names.executemany("INSERT OR IGNORE INTO names VALUES (?)", zip(names, strict=False))

    def among(self, names: Iterable[str]) -> set[str]:
        """Give those that are remembered."""
        find = "SELECT 1 FROM names WHERE name = ?"
        return {name for name in names if self._names.execute(find, (name,)).fetchone()}


@dataclass(frozen=True, slots=True)
class Importer:
    """Puts batches on record, each in a transaction of its own."""

    portico: Provider
    report: Report
    pretended: Pretended | None
    """Of a dry run."""

    def take(self, batch: list[Record]) -> None:
        """Check a batch and put on record what can be."""
        fresh = list(self._fresh(batch))
        self.report.counts["rows"] += len(batch)
        if fresh and self.pretended:
            self.pretended.add(new.account_name for _, new in fresh)
            self.report.counts["added"] += len(fresh)
        elif fresh:
            self._add(fresh)
        self.report.settle()

    def _fresh(self, batch: list[Record]) -> Iterator[tuple[Record, NewAccount]]:
        names = {name for one in batch if rows.is_name(name := one.account_name)}
        with self.portico.database.read() as tx:
            known = bulk.taken(tx, names)
        if self.pretended:
            known |= self.pretended.among(names)
        for record in batch:
            if record.problem:
                self.report.put(record, "failed", record.problem)
            elif record.account_name in known:
                self.report.put(record, "exists", "there is an account of this name already")
            else:
                try:
                    new = rows.new_account(record.fields)
                except BadRow as wrong:
                    self.report.put(record, "failed", str(wrong))
                else:
                    known.add(new.account_name)
                    yield record, new

    def _add(self, fresh: list[tuple[Record, NewAccount]]) -> None:
        try:
            self._write(fresh)
        except (IntegrityError, DataError):
            # Somebody took a name in between, or the database knows better than our checks.
            for one in fresh:
                self._add_alone(one)

    def _add_alone(self, one: tuple[Record, NewAccount]) -> None:
        try:
            self._write([one])
        except IntegrityError:
            self.report.put(one[0], "exists", "there is an account of this name already")
        except DataError:
            self.report.put(one[0], "failed", "the database refused it")

    def _write(self, fresh: list[tuple[Record, NewAccount]]) -> None:
        with self.portico.database.write(operator()) as tx:
            self.portico.accounts.add_all(tx, [new for _, new in fresh])
            happened = AccountsImported(
                accounts=len(fresh), first_row=fresh[0][0].number, last_row=fresh[-1][0].number
            )
            self.portico.trail.append(tx, happened)
        self.report.counts["added"] += len(fresh)


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "form", type=click.Choice(list(_READERS)), help="Default: by its name.")
@click.option(
    "--report",
    "report_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write each row that made no account here, as JSON lines.",
)
@click.option(
    "--batch",
    "size",
    type=click.IntRange(1, 10_000),
    default=1000,
    show_default=True,
    help="Rows a transaction.",
)
@click.option("--dry-run", is_flag=True, help="Check every row and change nothing.")
@json_option
@click.pass_obj
def import_accounts(
    invocation: Invocation,
    /,
    *,
    file: Path,
    form: str | None,
    report_path: Path | None,
    size: int,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Take over accounts with the password hashes of another system.

    Accounts that exist are passed over: give the same file again to go on after a stop.
    Exits with 1 if any row failed.
    """
    form = form or file.suffix.removeprefix(".").lower()
    if form not in _READERS:
        fail("--format is needed: the name of the file does not tell it")
    if report_path is not None and report_path.exists() and report_path.samefile(file):
        fail("the report would be written over the file itself")
    portico = built(invocation.config())
    with (
        file.open("r", encoding="utf-8-sig", errors="surrogateescape", newline="") as source,
        _report(report_path) as report,
    ):
        importer = Importer(portico, report, Pretended() if dry_run else None)
        try:
            _all(importer, _READERS[form](source), source, size)
        except BadFile as wrong:
            fail(f"{file}: {wrong}")
        except DBAPIError as gone:
            if not is_outage(gone):
                raise
            fail("the database cannot be reached; give the same file again to go on")
    counts = report.counts
    if counts["added"] and not dry_run:
        count_password_works(portico)  # until it is, a dearer hash tells who was imported
    summary = {name: counts[name] for name in ("rows", "added", "exists", "failed")}
    say(summary | {"dry_run": dry_run}, as_json=as_json)
    if counts["failed"]:
        raise click.exceptions.Exit(1)


def _all(importer: Importer, records: Iterator[Record], source: TextIO, size: int) -> None:
    length = os.fstat(source.fileno()).st_size
    with click.progressbar(
        length=length, label="importing", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        while batch := list(islice(records, size)):
            importer.take(batch)
            bar.update(source.buffer.tell() - bar.pos)


@contextmanager
def _report(path: Path | None) -> Generator[Report]:
    """Open the report; account names are nobody else's business."""
    if path is None:
        yield Report(None)
        return
    with os.fdopen(private(path, over=True), "wb") as file:
        yield Report(file)
