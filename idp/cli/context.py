"""What every command shares: the configuration, the provider, and how it speaks."""

import getpass
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from idp.cli import tables
from idp.config import Config, ConfigError, load
from idp.database.transaction import Origin


@dataclass(slots=True)
class Invocation:
    """One run of ``idp``."""

    path: Path | None

    def config(self) -> Config:
        """Read the configuration; a mistake in it ends the run with one plain line."""
        try:
            return load(self.path)
        except ConfigError as wrong:
            fail(str(wrong))


def fail(message: str) -> NoReturn:
    """End the run with a message on standard error and a non-zero exit code."""
    raise click.ClickException(message)


def private(path: Path, *, over: bool) -> int:
    """Open a file to write, made so that nobody else may read it; gives its descriptor.

    Raises:
        FileExistsError: it is there already, and ``over`` does not allow to write over it.
    """
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if over else os.O_EXCL)
    return os.open(path, flags, 0o600)


def operator() -> Origin:
    """Name who typed the command, for the audit log."""
    return Origin(operator=getpass.getuser()[:64])


def say(document: Any, *, as_json: bool, columns: tuple[str, ...] = ()) -> None:
    """Print a record or a list of records: JSON for scripts, a table for people."""
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))
        return
    rows = document if isinstance(document, list) else [document]
    shown = columns or tuple(rows[0]) if rows else columns
    tables.show(shown, [[_text(row.get(name, "")) for name in shown] for row in rows])


def say_record(document: dict[str, Any]) -> None:
    """Print one record for people, a line a field."""
    say([{"field": name, "value": value} for name, value in document.items()], as_json=False)


def say_secret(name: str, secret: str) -> None:
    """Print a secret on a line of its own, past any table: it is shown once and copied whole."""
    click.echo(f"\n{name} (shown this once):\n{secret}")


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
