"""The command line, for people."""

import click

from cardbridge import VERSION


@click.group()
@click.version_option(VERSION, prog_name="cardbridge")
def main() -> None:
    """Let a web page ask the smart card in your reader for a sign-in, and nothing else."""


@main.command()
def run() -> None:
    """Run the bridge until it is told to end."""
    from cardbridge.front.main import main as front

    raise SystemExit(front())
