"""``idp serve``, ``worker``, ``migrate`` and ``doctor``: running the provider."""

import os
import signal
import tempfile
import threading
from pathlib import Path
from types import FrameType

import click
from sqlalchemy.exc import SQLAlchemyError

from idp import assembly, worker
from idp.cli import doctor as examine
from idp.cli import logs
from idp.cli.context import Invocation, fail, json_option, operator, say
from idp.cli.registering import take_over
from idp.config import Config, ConfigError
from idp.database.columns import Table
from idp.provider import Provider

CONFIG_PATH = "PORTICO_CONFIG"
"""How the worker processes of a server learn which file they read."""


@click.command()
@click.pass_obj
def serve(invocation: Invocation) -> None:
    """Serve people and machines; in development also migrate and do the worker's rounds."""
    config = invocation.config()
    logs.configure(config.logging.level)
    # Before anything imports prometheus_client: it decides at import where figures are kept.
    figures = tempfile.TemporaryDirectory(prefix="portico-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = figures.name
    if invocation.path is not None:
        os.environ[CONFIG_PATH] = str(invocation.path.resolve())
    if config.worker.migrate_on_start:
        bring_up(config)
    portico = built(config)
    _refuse_old_schema(portico)
    loop = worker.Loop(worker.rounds(portico), portico.database.clock)
    if config.worker.inside_serve:
        threading.Thread(target=loop.run, name="worker", daemon=True).start()
    try:
        _listen(config, figures.name)
    finally:
        loop.stopping.set()
        figures.cleanup()


def _listen(config: Config, figures: str) -> None:
    """Run granian: it spawns the workers, and ends them with us."""
    from granian import Granian
    from granian.constants import Interfaces

    if config.server.metrics_port:
        _serve_metrics(config, figures)
    Granian(
        "idp.cli.serving:application",
        address=config.server.host,
        port=config.server.port,
        interface=Interfaces.WSGI,
        workers=config.server.workers,
        blocking_threads=config.server.threads,
        backlog=1024,
        factory=True,
        log_enabled=False,
        respawn_failed_workers=True,
        process_name="portico",
    ).serve()


def _serve_metrics(config: Config, figures: str) -> None:
    from prometheus_client import CollectorRegistry, multiprocess, start_http_server

    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=figures)  # type: ignore[no-untyped-call]
    start_http_server(config.server.metrics_port, config.server.metrics_host, registry)


@click.command(name="worker")
@click.option("--once", is_flag=True, help="Run every round once and leave.")
@click.pass_obj
def work(invocation: Invocation, once: bool) -> None:
    """Send mails and notices, rotate keys, sweep, tie the audit chains."""
    config = invocation.config()
    logs.configure(config.logging.level)
    portico = built(config)
    loop = worker.Loop(worker.rounds(portico), portico.database.clock)
    if once:
        loop.run_due()
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        loop.stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    loop.run()


@click.command()
@json_option
@click.pass_obj
def migrate(invocation: Invocation, as_json: bool) -> None:
    """Bring the database to this version's schema; make missing keys; read in the clients."""
    revision = bring_up(invocation.config())
    say({"revision": revision}, as_json=as_json)


@click.command()
@json_option
@click.pass_obj
def doctor(invocation: Invocation, as_json: bool) -> None:
    """Examine the installation; exits non-zero when something needs an operator."""
    findings = examine.examine(invocation.config())
    rows = [{"check": one.check, "result": one.result, "advice": one.advice} for one in findings]
    say(rows, as_json=as_json, columns=("check", "result", "advice"))
    if any(one.result == examine.BAD for one in findings):
        raise click.exceptions.Exit(1)


def built(config: Config) -> Provider:
    """Build the provider; a mistake in the configuration ends the run with one plain line."""
    try:
        return assembly.build(config)
    except ConfigError as wrong:
        fail(str(wrong))


def bring_up(config: Config) -> str:
    """Migrate, make the signing keys that are missing, and take over the clients of the file."""
    from migrations import runner

    if config.worker.migrate_on_start:
        assembly.make_key_encryption_key(Path(config.keys.kek_file))
    portico = built(config)
    try:
        with portico.database.write(operator()) as tx:
            revision = runner.upgrade(tx.connection, "idp", Table.metadata)
    except SQLAlchemyError as broken:
        fail(f"database: {type(broken).__name__}: {broken}")
    worker.rotate_keys(portico)
    take_over(portico)
    portico.database.dispose()
    return revision


def _refuse_old_schema(portico: Provider) -> None:
    from migrations import runner

    try:
        with portico.database.read() as tx:
            found, wanted = runner.current(tx.connection), runner.newest("idp")
    except SQLAlchemyError as broken:
        fail(f"database: {type(broken).__name__}")
    if found != wanted:
        fail(f"database: at revision {found}, this version wants {wanted}; run `idp migrate`")
