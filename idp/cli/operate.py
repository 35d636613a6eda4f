"""``idp serve``, ``worker``, ``migrate`` and ``doctor``: running the provider."""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import click
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from idp import assembly, clock, memory, worker
from idp.assembly import root_key
from idp.cli import doctor as examine
from idp.cli import logs
from idp.cli.context import Invocation, fail, json_option, operator, say
from idp.cli.registering import take_over
from idp.config import CONFIG_PATH, Config, ConfigError
from idp.database.columns import Table
from idp.database.patience import give_way, lift_limits, was_in_use
from idp.database.transaction import Transaction
from idp.provider import Provider
from migrations import revisions

_CONNECTIONS = 8192
"""Open at once in a worker. Whoever opens them and says nothing must not keep others out."""
_LONGEST_REQUEST = 30
"""Seconds that a worker may take to finish what it has begun, when it is to end."""
_TRIES = 60
_BETWEEN_TRIES = 2.0  # seconds


@click.command()
@click.pass_obj
def serve(invocation: Invocation) -> None:
    """Serve people and machines; in development also migrate and do the worker's rounds."""
    config = invocation.config()
    logs.configure(config.logging.level)
    clock.begin()
    _take_descriptors()
    if invocation.path is not None:
        os.environ[CONFIG_PATH] = str(invocation.path.resolve())
    if config.worker.migrate_on_start:
        bring_up(config)
    _refuse_old_schema(config)
    # Granian forks its workers from this process: it must own no thread and no connection.
    with tempfile.TemporaryDirectory(prefix="portico-metrics-", dir=_memory()) as figures:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = figures
        attendant = subprocess.Popen([sys.executable, "-m", "idp", "attend"])
        try:
            _listen(config)
        finally:
            attendant.terminate()
            attendant.wait()


def _take_descriptors() -> None:
    """Take as many file descriptors as we may have: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _memory() -> str | None:
    """Find a place for the figures that no full disk takes away.

    They are mapped into memory: where there is no room for a page of them, the system ends the
    process that writes it.
    """
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108


def _listen(config: Config) -> None:
    """Run granian until a signal ends it, and its workers with it."""
    from granian.constants import Interfaces

    import idp.cli.serving  # noqa: F401 - what is loaded before they are forked the workers share
    from idp.cli.listening import OneSocket

    memory.settle()  # and what they inherit they cannot give back
    OneSocket(
        "idp.cli.serving:application",
        address=config.server.host,
        port=config.server.port,
        interface=Interfaces.WSGI,
        workers=config.server.workers,
        # Whoever waits for a processor to compare a password holds a thread, and nothing else:
        # there have to be as many again for everybody else. They are started when needed.
        blocking_threads=config.server.threads + config.password.queue_limit,
        backlog=1024,
        backpressure=_CONNECTIONS,
        factory=True,
        log_enabled=False,
        respawn_failed_workers=True,
        respawn_interval=0.2,  # seconds; a killed worker is missed for less than one
        workers_kill_timeout=_LONGEST_REQUEST,
    ).serve()


@click.command(hidden=True)
@click.pass_obj
def attend(invocation: Invocation) -> None:
    """Serve the figures of a server's workers, and do its rounds where configured.

    ``idp serve`` starts it and ends it; it also ends by itself when its parent is gone.
    """
    config = invocation.config()
    logs.configure(config.logging.level)
    portico = built(config)
    if config.server.metrics_port:
        _serve_metrics(portico, os.environ["PROMETHEUS_MULTIPROC_DIR"])
    certified = _serve_certified(portico) if config.mtls.port else None
    rounds = worker.rounds(portico) if config.worker.inside_serve else []
    _run_rounds(worker.Loop(rounds, portico.database.clock), parent=os.getppid())
    if certified is not None:
        certified.stop()  # its threads would keep this process


def _serve_certified(portico: Provider) -> Any:
    """Listen for callers with certificates, in a thread; gives what ends it."""
    from idp.web import create_app, mutual_tls

    try:
        server = mutual_tls.listener(create_app(portico), portico.config.mtls)
    except OSError as wrong:
        fail(f"[mtls]: {wrong}")
    threading.Thread(target=server.serve, name="mutual-tls", daemon=True).start()
    return server


def _run_rounds(loop: worker.Loop, parent: int | None = None) -> None:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        loop.stopping.set()

    def watch() -> int:
        if os.getppid() != parent:
            loop.stopping.set()
        return 0

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if parent is not None:
        loop.rounds.append(worker.Round("parent", timedelta(seconds=1), watch))
    loop.run()


def _serve_metrics(portico: Provider, figures: str) -> None:
    from prometheus_client import CollectorRegistry, multiprocess, start_http_server

    from idp.cli.figures import CardFigures, DirectoryFigures

    section = portico.config.server
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=figures)  # type: ignore[no-untyped-call]
    if portico.config.cards.enabled:
        registry.register(CardFigures(portico))
    if portico.config.directories:
        registry.register(DirectoryFigures(portico))
    start_http_server(section.metrics_port, section.metrics_host, registry)


@click.command(name="worker")
@click.option("--once", is_flag=True, help="Run every round once and leave.")
@click.pass_obj
def work(invocation: Invocation, once: bool) -> None:
    """Send mails and notices, rotate keys, sweep, tie the audit chains."""
    config = invocation.config()
    logs.configure(config.logging.level)
    clock.begin()
    portico = built(config)
    loop = worker.Loop(worker.rounds(portico), portico.database.clock)
    if once:
        loop.run_due()
        return

    _run_rounds(loop)


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
    if config.worker.migrate_on_start:
        root_key.make_key_encryption_key(Path(config.keys.kek_file))
    portico = built(config)
    try:
        revision = _upgrade_patiently(portico)
    except SQLAlchemyError as broken:
        fail(f"database: {type(broken).__name__}: {broken}")
    worker.rotate_keys(portico)
    take_over(portico)
    portico.database.dispose()
    return revision


def _upgrade_patiently(portico: Provider) -> str:
    """Migrate; where somebody reads a table for long, let the others pass between two tries."""
    for tries_left in reversed(range(_TRIES)):
        try:
            with portico.database.write(operator()) as tx:
                return _upgrade(tx)
        except DBAPIError as broken:
            if not (tries_left and was_in_use(broken)):
                raise
        time.sleep(_BETWEEN_TRIES)
    raise AssertionError("the last try returns or raises")


def _upgrade(tx: Transaction) -> str:
    wanted = revisions.newest("idp")
    if revisions.current(tx.connection) == wanted:
        return wanted
    from migrations import runner  # 9 MB of Alembic that a server's workers would inherit

    give_way(tx.connection)
    lift_limits(tx.connection)  # an index on a large table takes longer than any request
    return runner.upgrade(tx.connection, "idp", Table.metadata)


def _refuse_old_schema(config: Config) -> None:
    portico = built(config)
    try:
        with portico.database.read() as tx:
            found, wanted = revisions.current(tx.connection), revisions.newest("idp")
    except SQLAlchemyError as broken:
        fail(f"database: {type(broken).__name__}")
    portico.database.dispose()
    if found != wanted:
        fail(f"database: at revision {found}, this version wants {wanted}; run `idp migrate`")
