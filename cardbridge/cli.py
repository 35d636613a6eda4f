"""The command line, for people: run, look whether it runs, allow a site, find what is wrong."""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click

from cardbridge import VERSION

LABORATORY = "cardbridge.lab.commands"


class LabToo(click.Group):
    """A group that has ``softcard`` as well, loaded when it is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        """List the commands."""
        lab = ["softcard"] if find_spec(LABORATORY) else []
        return sorted([*super().list_commands(context), *lab])

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Find a command; the laboratory's is a module of its own."""
        if name != "softcard" or not find_spec(LABORATORY):
            return super().get_command(context, name)
        command: click.Command = import_module(LABORATORY).softcard
        return command


@click.group(cls=LabToo)
@click.version_option(VERSION, prog_name="cardbridge")
def main() -> None:
    """Let a web page ask the smart card in your reader for a sign-in, and nothing else."""


@main.command()
@click.option("--terminal", is_flag=True, help="Ask for the PIN in this terminal (over ssh).")
def run(terminal: bool) -> None:
    """Run the bridge until it is told to end."""
    import os

    from cardbridge.front.main import main as front

    if terminal and not sys.stdin.isatty():
        raise click.UsageError("--terminal needs a terminal to ask on")
    sys.exit(front(os.ttyname(sys.stdin.fileno()) if terminal else None))


@main.command()
def status() -> None:
    """Say whether the bridge runs, and where."""
    from cardbridge import places
    from cardbridge.front.instance import running

    said = running(places.state_file())
    if said is None:
        click.echo("The bridge does not run. Start it with: cardbridge run")
        sys.exit(1)
    click.echo(f"cardbridge {said['version']} listens on 127.0.0.1:{said['port']}.")


@main.command()
def doctor() -> None:
    """Check everything that a sign-in by card needs, with a remedy for what is missing."""
    from cardbridge.setup.doctor import examine

    findings = list(examine())
    for one in findings:
        click.echo(f"{'ok ' if one.good else '-- '} {one.what}: {one.said}")
        if not one.good:
            click.echo(f"      {one.remedy}")
    sys.exit(0 if all(one.good for one in findings) else 1)


@main.command()
@click.argument("origin", required=False)
@click.option("--name", default="", help="The name of the site, shown in the dialog.")
def allow(origin: str | None, name: str) -> None:
    """Let the pages of ORIGIN ask, such as https://idp.example; without it list who may."""
    from cardbridge.setup import sites

    if origin is None:
        for known, called in _settings().sites.items():
            click.echo(f"{known}  {called}".rstrip())
        return
    with _told():
        added = sites.allow(origin, name)
    click.echo(f"{added} may now ask for your card. Each time you will be asked as well.")


@main.command()
@click.argument("origin")
def disallow(origin: str) -> None:
    """Let the pages of ORIGIN ask no longer."""
    from cardbridge.setup import sites

    with _told():
        sites.disallow(origin)
    click.echo(f"{origin} may no longer ask.")


@main.command()
def modules() -> None:
    """List the card libraries that are here, and which of them are used."""
    from cardbridge.card.modules import candidates

    found = candidates(_settings().modules)
    for one in found:
        state = one.trouble or ("used" if one.used else "used when the configuration names it")
        click.echo(f"{one.name}  {one.path}  ({state})")
    if not found:
        click.echo("No card library is here. Install HiCOS from its maker, or OpenSC.")
        sys.exit(1)


@main.command()
@click.option("--systemd", is_flag=True, help="As a unit of systemd instead of an autostart entry.")
def install(systemd: bool) -> None:
    """Start the bridge with your session, and let a page's link start it (cardbridge:)."""
    from cardbridge.setup.desktop import put_in_place

    with _told():
        for line in put_in_place(systemd=systemd):
            click.echo(line)


@main.command()
def uninstall() -> None:
    """Take away what ``install`` put in place."""
    from cardbridge.setup.desktop import take_away

    for line in take_away():
        click.echo(line)


def _settings() -> Any:
    from cardbridge import config, places

    with _told():
        return config.load(places.config_file(), places.system_config_file())


class _told:  # noqa: N801  # read as a word in a with statement
    """Say what is wrong in a sentence instead of a trace."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from cardbridge.config import ConfigError
        from cardbridge.setup.desktop import NotHere
        from cardbridge.setup.sites import NoOrigin

        if isinstance(error, (ConfigError, NotHere, NoOrigin, OSError)):
            raise click.ClickException(str(error)) from error
