"""``idp directory``: whether the directories can be asked, and what is wrong where they cannot."""

from dataclasses import asdict
from itertools import groupby

import click

from idp.audit.events.directories import WithdrawalsConfirmed
from idp.cli import directory_rests
from idp.cli.context import Invocation, fail, json_option, operator, say
from idp.clock import system_clock
from idp.oidc import withdrawals

_COLOURS = {"ok": "green", "look": "yellow", "failed": "red", "not tried": "bright_black"}
_RESULT, _STEP = max(map(len, _COLOURS)), len("name resolution")


@click.group()
def directory() -> None:
    """Directories that people sign in by: try them, step by step."""


@directory.command("test")
@click.option("--user", default="", help="Look this name up, too; no password is asked for.")
@json_option
@click.pass_obj
def test(invocation: Invocation, /, *, user: str, as_json: bool) -> None:
    """Try what a sign-in takes, step by step, each fault with what mends it.

    Name resolution, TLS, the bind of the service account, search, clock; groups, keytab, SPN;
    with --user, a person. The status is not zero if anything has failed.
    """
    from idp.cli.directory_asking import FAILED, Step
    from idp.cli.directory_steps import Examiner

    config = invocation.config()
    if not config.directories:
        fail("no directory is configured: see [[directories]] in config.example.toml")
    found: list[Step] = []
    for (name, where), steps in groupby(
        Examiner(config, system_clock).steps(user), key=lambda one: (one.directory, one.where)
    ):
        if not as_json:
            heading = f"{name}  {where or 'whole directory'}" if name else "person"
            click.echo(click.style(heading, bold=True))
        for one in steps:
            found.append(one)
            if not as_json:
                click.echo("\n".join(_lines(one.result, one.step, one.found, one.fix)))
    if as_json:
        say([asdict(one) for one in found], as_json=True)
    bad = sum(one.result == FAILED for one in found)
    if not as_json:
        click.echo(f"\n{bad} failed." if bad else "\nNothing has failed.")
    if bad:
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


directory.add_command(directory_rests.show_rests)
directory.add_command(directory_rests.lift)


def _lines(result: str, step: str, found: str, fix: str) -> list[str]:
    """Write a step as a line, and the fix below it; nothing is cut, what is long may be copied."""
    shown = click.style(f"{result:<{_RESULT}}", fg=_COLOURS[result])
    line = f"  {shown}  {step:<{_STEP}}  {found}".rstrip()
    return [line, *([f"  {'':<{_RESULT}}  -> {fix}"] if fix else [])]
