"""``python -m clients.casequery``: run and look after the case-query app."""

import json
import os
from pathlib import Path

import click

from clients.casequery import app, demo, serving
from clients.kit.config import ConfigError, KitConfig, load
from clients.kit.database import Table
from migrations import runner


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar=serving.CONFIG_PATH,
    help="The configuration file; CASEQUERY__SECTION__KEY overrides any key.",
)
@click.pass_context
def main(context: click.Context, path: Path | None) -> None:
    """Case progress query, a relying app of the portal."""
    try:
        context.obj = load(KitConfig, path, serving.PREFIX)
    except ConfigError as wrong:
        raise click.ClickException(str(wrong)) from wrong
    if path is not None:
        os.environ[serving.CONFIG_PATH] = str(path.resolve())


@main.command()
@click.pass_obj
def serve(config: KitConfig) -> None:
    """Migrate and serve."""
    from granian import Granian
    from granian.constants import Interfaces

    _migrate(config)
    Granian(
        "clients.casequery.serving:application",
        address=config.server.host,
        port=config.server.port,
        interface=Interfaces.WSGI,
        blocking_threads=config.server.threads,
        factory=True,
        log_enabled=False,
    ).serve()


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
@click.pass_obj
def migrate(config: KitConfig, as_json: bool) -> None:
    """Bring the database to this version's schema."""
    revision = _migrate(config)
    click.echo(json.dumps({"revision": revision}) if as_json else f"at revision {revision}")


@main.command()
@click.option("--people", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--accounts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Accounts of the app's own, with their passwords.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
@click.pass_obj
def seed(config: KitConfig, people: Path | None, accounts: Path | None, as_json: bool) -> None:
    """Put the demo's cases and accounts on record; link its people, if they do not do so."""
    database = app.build(config).database
    demo.open_accounts(database, accounts)
    linked = demo.seed(
        database, config.provider.issuer, None if config.linking.required else people
    )
    click.echo(json.dumps({"linked": linked}) if as_json else f"{linked} people linked")


def _migrate(config: KitConfig) -> str:
    database = app.build(config).database
    with database.write() as tx:
        revision = runner.upgrade(tx.connection, "casequery", Table.metadata)
    database.engine.dispose()
    return revision


if __name__ == "__main__":
    main()
