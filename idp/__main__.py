"""``idp``: the provider's command line."""

from pathlib import Path

import click

from idp import memory
from idp.cli import (
    account,
    directory,
    evidence,
    exporting,
    importing,
    manage,
    operate,
    pki,
    restoring,
)
from idp.cli.context import Invocation


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="PORTICO_CONFIG",
    help="The configuration file; every key can be overridden by PORTICO__SECTION__KEY.",
)
@click.version_option(package_name="portico", prog_name="idp")
@click.pass_context
def main(context: click.Context, path: Path | None) -> None:
    """Portico, the OpenID Connect provider."""
    memory.keep_together()
    context.obj = Invocation(path)


account.account.add_command(importing.import_accounts)
account.account.add_command(exporting.export_accounts)
for command in (
    operate.serve,
    operate.attend,
    operate.work,
    operate.migrate,
    restoring.restored,
    operate.doctor,
    manage.client,
    manage.keys,
    manage.audit,
    account.account,
    pki.pki,
    directory.directory,
    evidence.evidence,
):
    main.add_command(command)

if __name__ == "__main__":
    main()
