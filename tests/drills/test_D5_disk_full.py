"""D5: the disk is full. Nothing is granted that is not on record; with room again all is well."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2
import msgspec
import psycopg
import pytest

from idp import assembly, worker
from idp.audit.checkpoint import Anchor
from idp.config import AuditSection, Config
from idp.database.transaction import Database
from idp.secret import Keychain
from tests.labs import postgres
from tests.labs.disk import Disk, disk
from tests.labs.ports import free_port
from tests.people import PASSWORD
from tests.races.harness import HOUSE, Running, running
from tests.races.surfer import CALLBACK, Surfer

MEGABYTES = 64
MOST = 2_000
"""Requests until the room within the pages that are there already must have been used up."""

pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True)
class Drill:
    """A provider with its database, its temporary files and its anchors on one small disk."""

    provider: Running
    surfer: Surfer
    disk: Disk
    url: str

    def issued(self) -> int:
        """Count what the audit log says was issued."""
        question = "SELECT count(*) FROM audit_rows WHERE event = 'token.issued'"
        if self.url.startswith("sqlite"):
            with sqlite3.connect(self.disk.root / "idp.sqlite") as database:
                return int(database.execute(question).fetchone()[0])
        with psycopg.connect(self.url.replace("+psycopg", "")) as server:
            found = server.execute(question.encode()).fetchone()
            assert found is not None
            return int(found[0])

    def buy(self) -> httpx2.Response:
        """Ask for a token."""
        form = {"grant_type": "client_credentials", "scope": "api"}
        return self.surfer.post(self.surfer.http, "/token", form)


@pytest.fixture(params=["sqlite", "postgresql"])
def drill(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Drill]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portico-disk-")))
        folder.chmod(0o755)  # PostgreSQL is somebody else
        small = stack.enter_context(disk(folder / "small", MEGABYTES))
        url = f"sqlite:///{small.root / 'idp.sqlite'}"
        if request.param == "postgresql":
            cluster = stack.enter_context(postgres.cluster(durable=True))
            (small.root / "tables").mkdir()
            shutil.chown(small.root / "tables", "postgres", "postgres")
            url = cluster.create("drill", place=small.root / "tables")
        settings = {
            "TMPDIR": str(small.root),
            "PORTICO__SERVER__METRICS_PORT": str(free_port()),
            "PORTICO__AUDIT__ANCHOR_FILE": str(small.root / "anchors"),
        }
        provider = stack.enter_context(running(tmp_path, url, workers=1, settings=settings))
        words = ["client", "add", "--id", "drill", "--redirect-uri", CALLBACK, "--trusted"]
        grants = ["--grant", "client_credentials", "--grant", "authorization_code"]
        app = provider.command(*words, *grants, "--scope", "openid api")
        person = ["account", "add", "--username", "DRILL", "--password-stdin"]
        provider.command(*person, stdin=f"{PASSWORD}\n")
        surfer = Surfer(provider.url, "drill", app["client_secret"])
        yield Drill(provider, surfer, small, url)
        surfer.http.close()


def doctor(provider: Running) -> tuple[int, dict[str, str]]:
    """Ask what an operator's watch asks; gives the exit code and the results."""
    done = subprocess.run(
        [sys.executable, "-m", "idp", "doctor", "--json"],
        cwd=HOUSE,
        env=provider.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, {one["check"]: one["result"] for one in json.loads(done.stdout)}


def failures(provider: Running, endpoint: str) -> int:
    """Read from the figures how often an endpoint has failed, as an alarm does."""
    port = provider.environment["PORTICO__SERVER__METRICS_PORT"]
    figures = httpx2.get(f"http://127.0.0.1:{port}/metrics").text
    wanted = f'portico_request_seconds_count{{endpoint="{endpoint}",status="5xx"}} '
    found = [line for line in figures.splitlines() if line.startswith(wanted)]
    return int(float(found[0].rpartition(" ")[2])) if found else 0


def test_D5_a_full_disk_grants_nothing_and_says_so_and_heals(drill: Drill) -> None:
    assert drill.buy().status_code == 200
    page = drill.surfer.authorize()
    assert doctor(drill.provider)[1]["writing"] == "good"
    granted = drill.issued()

    drill.disk.fill()
    answers = [drill.buy()]
    while answers[-1].status_code == 200 and len(answers) < MOST:
        answers.append(drill.buy())
    answers += [drill.buy() for _ in range(10)]
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    fields |= {"username": "DRILL", "password": PASSWORD}
    refused = drill.surfer.http.post(f"{drill.provider.url}/signin/password", data=fields)
    alarm = failures(drill.provider, "/token")
    code, found = doctor(drill.provider)

    statuses = [one.status_code for one in answers]
    assert set(statuses) <= {200, 503}
    assert statuses[-10:] == [503] * 10
    assert answers[-1].headers["Retry-After"]
    assert drill.issued() == granted + statuses.count(200)
    assert refused.status_code == 503
    assert 'id="error-code"' in refused.text
    assert refused.headers["Retry-After"]
    assert alarm == statuses.count(503)
    if drill.url.startswith("sqlite"):  # a server may have room left in the page it is asked for
        assert (code, found["writing"]) == (1, "bad")
    assert httpx2.get(f"{drill.provider.url}/health/live").status_code == 200

    drill.disk.relieve()
    began = time.monotonic()
    while drill.buy().status_code != 200:
        assert time.monotonic() - began < 5

    assert drill.surfer.sign_in("DRILL", PASSWORD).headers["Location"].startswith(CALLBACK)
    assert drill.provider.command("audit", "verify")["ok"]
    if drill.url.startswith("sqlite"):
        with sqlite3.connect(drill.disk.root / "idp.sqlite") as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_D5_an_anchor_that_did_not_fit_leaves_no_half_line(
    database: Database, keys: Keychain, config: Config, tmp_path: Path
) -> None:
    with disk(tmp_path / "small", 1) as small:
        anchors = small.root / "anchors"
        section = AuditSection(anchor_file=str(anchors))
        portico = assembly.assemble(msgspec.structs.replace(config, audit=section), database, keys)
        worker.tie_chains(portico)
        (line,) = anchors.read_bytes().splitlines(keepends=True)
        # The next line begins in a page that there is room for, and ends in one there is not.
        anchors.write_bytes(b"\n" * (4096 - len(line) - len(line) // 2) + line)
        before = anchors.read_bytes()
        small.fill()

        with pytest.raises(OSError, match=r"full|No space"):
            worker.tie_chains(portico)

        assert anchors.read_bytes() == before
        small.relieve()
        worker.tie_chains(portico)
        msgspec.json.decode(anchors.read_bytes().splitlines()[-1], type=Anchor)
