"""A PostgreSQL cluster of our own, on loopback, thrown away at the end."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.labs import quick

_WAYS_IN = ("runuser", "-u", "postgres", "--")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server; ``url(name)`` is what SQLAlchemy takes."""

    port: int
    data: Path

    def url(self, name: str = "postgres") -> str:
        """Give the SQLAlchemy URL of one of its databases."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def create(self, name: str, *, template: str = "template1", place: Path | None = None) -> str:
        """Create a database, its tables on a disk of their own if told so, and give its URL."""
        words = f'CREATE DATABASE "{name}" TEMPLATE "{template}"'
        with self._administer() as connection:
            if place is not None:
                connection.execute(f"CREATE TABLESPACE apart LOCATION '{place}'".encode())
                words += " TABLESPACE apart"
            connection.execute(words.encode())
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop a database, ending whoever is still connected."""
        with self._administer() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())

    def crash(self) -> None:
        """End the server without a word to anybody, and start it again."""
        _run(
            program("pg_ctl"),
            "-D",
            self.data,
            "-w",
            "-m",
            "immediate",
            "-l",
            _log(self.data),
            "restart",
        )

    def back_up(self, place: Path) -> None:
        """Copy the running server's files to a folder that does not exist yet."""
        where = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres")
        _run(program("pg_basebackup"), "-D", place, *where, "-X", "stream", "--checkpoint=fast")

    def _administer(self) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname="postgres", autocommit=True
        )


def _log(data: Path) -> Path:
    return data.parent / "log"


def program(name: str) -> str:
    """Find a server program; Debian keeps them off the PATH, a folder a version."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    where = str(found[-1]) if found else shutil.which(name)
    if where is None:
        raise FileNotFoundError(f"{name}: install PostgreSQL (make test does)")
    return where


@contextlib.contextmanager
def cluster(*, durable: bool) -> Generator[Cluster]:
    """Start a cluster; ``durable`` keeps fsync on and the files on a disk, as in production."""
    place = None if durable else quick.place()
    folder = Path(tempfile.mkdtemp(prefix="portico-pg-", dir=place))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    data = folder / "data"
    _run(program("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
    with serving(data, durable=durable) as running:
        yield running


@contextlib.contextmanager
def serving(data: Path, *, durable: bool) -> Generator[Cluster]:
    """Start a server on files that are there; its folder is thrown away at the end."""
    folder, port = data.parent, _free_port()
    settings = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    settings += " -c max_connections=200 -c shared_buffers=64MB -c log_min_messages=fatal"
    if not durable:
        settings += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        settings += " -c autovacuum=off -c max_wal_size=256MB"  # its databases live for seconds
    _run(
        program("pg_ctl"),
        "-D",
        data,
        "-w",
        "-t",
        "30",
        "-l",
        folder / "log",
        "-o",
        settings,
        "start",
    )
    try:
        yield Cluster(port, data)
    finally:
        _run(program("pg_ctl"), "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _run(*words: str | Path) -> None:
    way_in = _WAYS_IN if os.geteuid() == 0 else ()
    done = subprocess.run(
        [*way_in, *map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd="/",
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{words[0]}: {done.stderr.decode(errors='replace')}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
