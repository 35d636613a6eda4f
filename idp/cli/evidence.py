"""``idp evidence``: what shows that a card signed somebody in."""

import os
from pathlib import Path

import click

from idp.authenticators.card import offline
from idp.cli.context import Invocation, fail, json_option, private, say
from idp.cli.operate import built

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def evidence() -> None:
    """Packages of evidence about cards: list, export, verify."""


@evidence.command("list")
@click.option("--last", default=20, show_default=True, help="How many.")
@json_option
@click.pass_obj
def show(invocation: Invocation, last: int, as_json: bool) -> None:
    """List the newest packages by their SHA-256, as the audit log names them."""
    portico = built(invocation.config())
    with portico.database.read() as tx:
        rows = [
            {"at": at.isoformat(), "sha256": digest}
            for at, digest in portico.card_evidence.recent(tx, last)
        ]
    say(rows, as_json=as_json, columns=("at", "sha256"))


@evidence.command("export")
@click.argument("digest")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_obj
def export(invocation: Invocation, digest: str, file: Path) -> None:
    """Write a package to a file that nobody else may read."""
    portico = built(invocation.config())
    try:
        with portico.database.read() as tx:
            found = portico.card_evidence.find(tx, digest)
    except ValueError:
        found = None
    if found is None:
        fail("there is no package of this SHA-256")
    try:
        with os.fdopen(private(file, over=False), "wb") as out:
            out.write(found)
    except FileExistsError:
        fail(f"{file} is there already")
    click.echo(f"{file}: {len(found)} bytes")


@evidence.command("verify")
@click.argument("file", type=_FILE)
@click.option("--authority", type=_FILE, help="The authority's certificate (DER), from itself.")
@click.pass_context
def verify(context: click.Context, file: Path, authority: Path | None) -> None:
    """Check a package without any database; exit code 1: something in it is not good."""
    given = [str(file), str(authority)] if authority else [str(file)]
    context.exit(offline.main(given))
