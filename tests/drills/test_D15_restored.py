"""D15: everything is gone but a backup that was taken under load."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psycopg
import pytest

from idp.cli import restoring
from idp.worker import housekeeping
from tests.labs import postgres
from tests.people import PASSWORD
from tests.races.harness import HOUSE, Running, running
from tests.races.surfer import CALLBACK, Surfer

CALLERS = 2
FLOWS = 5
ISSUED = "SELECT count(*) FROM audit_rows WHERE event = 'token.issued'"

pytestmark = pytest.mark.timeout(420)


@dataclass
class Sqlite:
    """A file, and a copy of it that SQLite made while others wrote."""

    folder: Path

    @contextmanager
    def original(self) -> Generator[str]:
        """Give the URL of the database that will be lost."""
        yield f"sqlite:///{self.folder / 'idp.sqlite'}"

    def back_up(self) -> None:
        """Copy it as `sqlite3 idp.sqlite ".backup copy.sqlite"` does."""
        with (
            closing(sqlite3.connect(self.folder / "idp.sqlite")) as live,
            closing(sqlite3.connect(self.folder / "copy.sqlite")) as copy,
        ):
            live.backup(copy, pages=16)

    def destroy(self) -> None:
        """Lose the database."""
        for path in self.folder.glob("idp.sqlite*"):
            path.unlink()

    @contextmanager
    def copy(self) -> Generator[str]:
        """Give the URL of what came back, in another folder."""
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        shutil.copy(self.folder / "copy.sqlite", elsewhere / "idp.sqlite")
        yield f"sqlite:///{elsewhere / 'idp.sqlite'}"

    def issued(self, url: str) -> int:
        """Count what the audit log says was issued."""
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
            return int(database.execute(ISSUED).fetchone()[0])


@dataclass
class Postgresql:
    """A cluster, and a base backup of it."""

    running: ExitStack = field(default_factory=ExitStack)
    place: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="portico-copy-")))
    lost: postgres.Cluster | None = None

    @contextmanager
    def original(self) -> Generator[str]:
        """Give the URL of the database that will be lost."""
        shutil.chown(self.place, "postgres", "postgres")
        with self.running:
            self.lost = self.running.enter_context(postgres.cluster(durable=True))
            yield self.lost.create("drill")

    def back_up(self) -> None:
        """Copy the whole cluster."""
        assert self.lost is not None
        self.lost.back_up(self.place / "data")

    def destroy(self) -> None:
        """Lose the cluster with its folder."""
        self.running.close()

    @contextmanager
    def copy(self) -> Generator[str]:
        """Give the URL of what came back, in another folder and another server."""
        with postgres.serving(self.place / "data", durable=True) as cluster:
            yield cluster.url("drill")

    def issued(self, url: str) -> int:
        """Count what the audit log says was issued."""
        with psycopg.connect(url.replace("+psycopg", "")) as server:
            found = server.execute(ISSUED.encode()).fetchone()
            assert found is not None
            return int(found[0])


@pytest.fixture(params=["sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Sqlite | Postgresql:
    return Sqlite(tmp_path) if request.param == "sqlite" else Postgresql()


@dataclass
class Ledger:
    """What was acknowledged."""

    refresh_tokens: list[str] = field(default_factory=list)
    more: threading.Condition = field(default_factory=threading.Condition)
    over: threading.Event = field(default_factory=threading.Event)

    def load(self, surfer: Surfer) -> None:
        """Get codes and redeem them until it is over."""
        with httpx2.Client(timeout=60, cookies=surfer.http.cookies) as http:
            mine = Surfer(surfer.url, surfer.client_id, surfer.client_secret, http)
            while not self.over.is_set():
                bought = mine.redeem(http, mine.code())
                assert bought.status_code == 200, bought.text
                with self.more:
                    self.refresh_tokens.append(bought.json()["refresh_token"])
                    self.more.notify_all()

    def hear_of(self, more: int) -> None:
        """Wait for so many flows more."""
        with self.more:
            wanted = len(self.refresh_tokens) + more
            assert self.more.wait_for(lambda: len(self.refresh_tokens) >= wanted, 60)

    @contextmanager
    def going_on(self, surfer: Surfer) -> Generator[None]:
        """Let callers work during the block."""
        callers = [threading.Thread(target=self.load, args=[surfer]) for _ in range(CALLERS)]
        for one in callers:
            one.start()
        try:
            yield
        finally:
            self.over.set()
            for one in callers:
                one.join()


def enrol(provider: Running) -> Surfer:
    words = ["client", "add", "--id", "drill", "--redirect-uri", CALLBACK, "--trusted"]
    app = provider.command(*words, "--scope", "openid offline_access")
    person = ["account", "add", "--username", "DRILL", "--password-stdin"]
    provider.command(*person, stdin=f"{PASSWORD}\n")
    surfer = Surfer(provider.url, "drill", app["client_secret"])
    surfer.sign_in("DRILL", PASSWORD)
    return surfer


def anchored(provider: Running) -> Path:
    """Tie the chains; gives a file with the anchor of this moment, as another machine keeps it."""
    provider.rounds()
    anchors = Path(provider.environment["PORTICO__AUDIT__ANCHOR_FILE"])
    kept = anchors.with_name(f"anchor at {anchors.stat().st_size}")
    shutil.copy(anchors, kept)
    return kept


def problem_against(provider: Running, anchor: Path) -> str:
    """Verify the audit log against an anchor that it is not to agree with."""
    words = [sys.executable, "-m", "idp", "audit", "verify", "--json", "--anchor", str(anchor)]
    told = subprocess.run(
        words, cwd=HOUSE, env=provider.environment, capture_output=True, text=True, check=False
    )
    assert told.returncode == 1, told.stderr
    return str(json.loads(told.stdout)["problem"])


KEPT_AFTER_A_RESTORE = {
    "idp.accounts.removed": "an owner takes back what somebody else has removed",
    "idp.authenticators.card.index": "lists of revoked cards",
    "idp.authenticators.totp": "a factor that its owner is about to confirm, signed in anew",
    "idp.signin.notices": "an owner says for a week that it was somebody else",
    "idp.signin.counters": "failures, which go on counting",
    "idp.oidc.standing": "revocations",
    "idp.oidc.client_authentication": "what must not be used again",
    "idp.oidc.grants.refresh_token": "dead with the epoch",
    "idp.oidc.authorizations": "dead with the epoch",
    "idp.audit.history": "history",
    "idp.outbox.store": "what was sent, and what is to be sent: a mail bears its id twice at most",
}


def test_D15_what_is_swept_is_forgotten_after_a_restore_or_kept_for_a_reason() -> None:
    swept = {one.__module__ for chain in housekeeping._SWEEPERS for one in chain}  # noqa: SLF001
    forgotten = {sweeper.__module__ for sweeper in restoring.GOOD_ONCE}

    assert swept - forgotten - set(KEPT_AFTER_A_RESTORE) == set()
    assert set(KEPT_AFTER_A_RESTORE) <= swept


def test_D15_a_backup_brings_back_all_but_what_had_been_ended(
    kept: Sqlite | Postgresql, tmp_path: Path
) -> None:
    anchor = {"PORTICO__AUDIT__ANCHOR_FILE": str(tmp_path / "anchors")}
    ledger = Ledger()
    with kept.original() as url, running(tmp_path, url, settings=anchor) as provider:
        surfer = enrol(provider)
        before = anchored(provider)
        with ledger.going_on(surfer):
            ledger.hear_of(FLOWS)
            acknowledged = len(ledger.refresh_tokens)
            kept.back_up()
            ledger.hear_of(FLOWS)
        ended = {"token": ledger.refresh_tokens[0]}
        assert surfer.post(surfer.http, "/revoke", ended).status_code == 200
        after = anchored(provider)
        os.killpg(provider.process.pid, signal.SIGKILL)
        provider.process.wait()
        kept.destroy()

    elsewhere = tmp_path / "new server"
    elsewhere.mkdir()
    with kept.copy() as url, running(elsewhere, url, settings=anchor) as again:
        assert kept.issued(url) >= acknowledged
        revived = Surfer(again.url, surfer.client_id, surfer.client_secret, surfer.http)
        lost = Surfer(again.url, surfer.client_id, surfer.client_secret, httpx2.Client(timeout=60))
        assert again.command("restored")["accounts"] == 1

        answers = [revived.refresh(revived.http, token) for token in ledger.refresh_tokens]
        assert {one.status_code for one in answers} == {400}
        assert "Location" not in revived.authorize().headers, "the session is over"
        assert lost.sign_in("DRILL", PASSWORD).headers["Location"].startswith(CALLBACK)
        assert lost.redeem(lost.http, lost.code()).status_code == 200
        assert again.command("audit", "verify", "--anchor", str(before))["ok"]
        assert "anchor" in problem_against(again, after), "what was lost since is told"
        for one in (surfer.http, lost.http):
            one.close()
