"""``idp directory``: whether the directories can be asked, and what is wrong where they cannot."""

from dataclasses import asdict

import click

from idp.cli.context import Invocation, fail, json_option, say
from idp.clock import system_clock

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
