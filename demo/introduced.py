"""Whether the demo's people and cards are known already, so that a second start is quick.

Each database bears a mark of what was introduced to it, in the one field that SQLite keeps for
whoever uses a file. A database that was made anew has none; another kind is introduced to anew.
"""

import hashlib
import os
import sqlite3
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from demo.plan import KNOWN_PEOPLE, LOCAL_ACCOUNTS, PEOPLE, ROOT, Plan

_SQLITE = "sqlite:///"
_TELLS = (
    PEOPLE,
    LOCAL_ACCOUNTS,
    ROOT / "demo" / "introduce.py",
    ROOT / "demo" / "casequery.toml",
    ROOT / "clients" / "casequery" / "demo.py",
)


def is_done(run: Plan) -> bool:
    """Tell whether all of this run's people and cards are on record."""
    files = _databases(run)
    if not files or not KNOWN_PEOPLE.exists():
        return False
    return all(_marked(file) == _mark(run) for file in files)


def note(run: Plan) -> None:
    """Mark the databases: the introduction has come to its end."""
    for file in _databases(run):
        with closing(sqlite3.connect(file, timeout=10)) as database:
            database.execute(f"PRAGMA user_version = {_mark(run)}")


def _marked(file: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as database:
            (found,) = database.execute("PRAGMA user_version").fetchone()
            return int(found)
    except sqlite3.Error:
        return 0


def _mark(run: Plan) -> int:
    """Digest what is introduced, by whom to whom, into what the field holds: 31 bits, not 0."""
    told = hashlib.sha256(repr((run.issuer, run.casequery_url)).encode())
    for file in (*_TELLS, *_certificates(run)):
        told.update(hashlib.sha256(file.read_bytes()).digest())
    return int.from_bytes(told.digest()[:4], "big") >> 1 or 1


def _certificates(run: Plan) -> Iterator[Path]:
    if run.cards.module:
        yield from sorted(run.cards.folder.rglob("*.cer"))


def _databases(run: Plan) -> list[Path]:
    """List the files of both databases; empty if one of them is no file."""
    with (ROOT / "demo" / "casequery.toml").open("rb") as file:
        otherwise = tomllib.load(file)["database"]["url"]
    urls = [run.provider.database.url, os.environ.get("CASEQUERY__DATABASE__URL", otherwise)]
    if not all(url.startswith(_SQLITE) for url in urls):
        return []
    found = [ROOT / url.removeprefix(_SQLITE) for url in urls]
    return found if all(file.is_file() for file in found) else []
