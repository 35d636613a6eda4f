"""``idp directory``: whether the directories can be asked, and what is wrong where they cannot."""

from dataclasses import asdict

import click

from idp.audit.events import WithdrawalsConfirmed
from idp.cli.context import Invocation, fail, json_option, operator, say
from idp.clock import system_clock
from idp.oidc import withdrawals

_SHOWN = ("directory", "where", "step", "result", "found", "fix")


@click.group()
def directory() -> None:
    """Directories that people sign in by: try them, step by step."""


@directory.command("test")
@click.option("--user", default="", help="Look this name up, too; no password is asked for.")
@json_option
@click.pass_obj
def test(invocation: Invocation, /, *, user: str, as_json: bool) -> None:
    """Try what a sign-in takes: name, TLS, service account, search, groups, keytab, SPN, clock."""
    from idp.cli.directory_steps import BAD, Examiner

    config = invocation.config()
    if not config.directories:
        fail("no directory is configured: see [[directories]] in config.example.toml")
    try:
        steps = list(Examiner(config, system_clock).steps(user))
    except OSError as wrong:
        fail(f"[[directories]] {wrong}")
    say([asdict(one) for one in steps], as_json=as_json, columns=_SHOWN)
    if any(one.result == BAD for one in steps):
        raise SystemExit(1)


@directory.command("confirm")
@click.argument("directory_id")
@click.pass_obj
def confirm(invocation: Invocation, /, *, directory_id: str) -> None:
    """Put out all whom a directory has withdrawn its word for, however many they are.

    It asks about everybody who is signed in, and says how many had to go. For an hour whoever
    else it names goes as well.
    """
    from idp import worker
    from idp.cli.operate import built

    config = invocation.config()
    if directory_id not in {one.id for one in config.directories}:
        fail(f"{directory_id}: no [[directories]] has this id")
    portico = built(config)
    with portico.database.write(operator()) as tx:
        withdrawals.confirm(tx, directory_id)
        portico.trail.append(tx, WithdrawalsConfirmed(directory=directory_id))
    click.echo(f"{worker.ask_of_those_signed_in(portico)} had to go.")
