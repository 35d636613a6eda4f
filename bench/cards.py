"""What cards cost: the whole list of 412,000 revoked ones, a sign-in, and a bridge that waits.

``python -m bench.cards [--entries 412000] [--only list|signin|bridge]``. The list is fetched over
loopback and put into the index by a process of its own, as the worker does, on both databases;
its most memory is counted from where it stood just before. A sign-in is the POST that verifies
signature, path and remembered answer, in processor time of this process, on both databases.
Times are medians on this machine; goals stand beside them.
"""

import argparse
import contextlib
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import msgspec

from cardbridge.lab import crls
from cardbridge.lab.crls import Heading
from cardbridge.lab.holders import CITIZEN
from cardbridge.lab.pki import LabPki
from cardbridge.lab.responder import Responder
from cardbridge.lab.tokens import Tokens
from idp import assembly, worker
from idp.authenticators.card import authority, index, trust
from idp.clock import system_clock
from idp.config import CardsSection, DatabaseSection
from idp.database.columns import Table
from idp.database.transaction import Database, open_database
from idp.provider import Provider
from idp.secret import keychain
from idp.web import create_app
from migrations import runner
from tests import people
from tests.bridge.callers import Caller
from tests.bridge.person import Person as BeforeDialogs
from tests.bridge.running import running
from tests.labs import card_holders, postgres
from tests.people import Browser

ENTRIES = 412_000
KEY = bytes(32)
_PATH = "/moica/crl/complete.crl"


def provider(url: str) -> Provider:
    """Assemble a provider on a database, as its processes do."""
    section = CardsSection(enabled=True, hosts_also=["127.0.0.1"], ocsp_cached_seconds=3600)
    config = msgspec.structs.replace(
        people.CONFIG, cards=section, database=DatabaseSection(url=url)
    )
    return assembly.assemble(config, open_database(url, system_clock, connections=2), keychain(KEY))


def furnish(url: str) -> Provider:
    """Migrate an empty database and make keys and clients."""
    made = provider(url)
    with made.database.write() as tx:
        runner.upgrade(tx.connection, "idp", Table.metadata)
    worker.rotate_keys(made)
    people.register(made)
    return made


@contextlib.contextmanager
def databases() -> Iterator[dict[str, str]]:
    """Give an empty database of each kind."""
    with tempfile.TemporaryDirectory() as folder, postgres.cluster(durable=True) as cluster:
        yield {"sqlite": f"sqlite:///{folder}/idp.sqlite", "postgresql": cluster.create("bench")}


def memory(process: int | str = "self") -> dict[str, float]:
    """Read what a process holds, in MiB: ``VmRSS``, ``VmHWM``, ``Pss`` and more."""
    found = {}
    for name in ("status", "smaps_rollup"):
        for line in Path(f"/proc/{process}/{name}").read_text("utf-8").splitlines():
            word, _, rest = line.partition(":")
            if rest.endswith("kB"):
                found[word] = int(rest.split()[0]) / 1024
    return found


def fetch(url: str) -> None:
    """Fetch the lists that are due, in this process, and print what that took as JSON."""
    made = provider(url)
    with made.database.read() as tx:
        [installed] = trust.everyone(tx)
    worker.ask_card_roots(made)
    Path("/proc/self/clear_refs").write_text("5", "ascii")  # the most so far: forgotten
    before, began, worked = memory()["VmRSS"], time.perf_counter(), time.process_time()
    entries = made.card_lists.refresh(installed, made.database.write, clock=system_clock, now=True)
    took = {
        "entries": entries,
        "seconds": time.perf_counter() - began,
        "busy": time.process_time() - worked,
        "idle": before,
        "peak": memory()["VmHWM"],
        "after": memory()["VmRSS"],
    }
    print(json.dumps(took))


def lists(entries: int) -> None:
    """Measure the list on both databases."""
    with served() as (lab, responder):
        now = system_clock().replace(microsecond=0)
        heading = Heading(7, now - timedelta(hours=1), now + timedelta(hours=23))
        signer = lab.authority("moica").signer
        revoked = [one.serial for one in crls.many(entries, now)]
        whole = crls.assemble(signer, heading, crls.many(entries, now))
        responder.instead[_PATH] = whole
        print(f"list of {entries:,} entries, {len(whole) / 1e6:.1f} MB")
        with databases() as urls:
            for kind, url in urls.items():
                one_list(kind, url, lab, f"{responder.base_url}{_PATH}", revoked)


def one_list(kind: str, url: str, lab: LabPki, crl_url: str, revoked: list[int]) -> None:
    """Measure the list on one database."""
    made = furnish(url)
    issuer = authority.read(lab.issuers["moica"], "moica")
    with made.database.write() as tx:
        trust.install(tx, issuer, name="moica", provenance="the lab", crl_url=crl_url)
        trust.switch(tx, issuer.fingerprint, on=True)
    for name in ("first", "again"):
        words = [sys.executable, "-m", "bench.cards", "--fetch", url]
        took = json.loads(subprocess.check_output(words))  # noqa: S603
        print(
            f"  {kind:10} {name:5} {took['seconds']:6.1f} s, {took['busy']:5.1f} s busy,"
            f" {took['peak'] - took['idle']:4.0f} MiB at most (goal 100) above"
            f" {took['idle']:.0f} idle, {took['after'] - took['idle']:.0f} MiB kept",
            flush=True,
        )
    chosen = Random(5).sample(revoked, 500)  # noqa: S311
    for name, numbers in (("on it", chosen), ("not on it", [one + 1 for one in chosen])):
        found = look_up(made.database, issuer, numbers)
        print(f"  {kind:10} look-up of one {name:9} {found:6.3f} ms (goal 1)")
    made.database.dispose()


def look_up(database: Database, issuer: authority.Authority, numbers: list[int]) -> float:
    """Measure a look-up inside a transaction that is open, as a sign-in's is; median in ms."""
    took = []
    with database.read() as tx:
        for number in numbers:
            began = time.perf_counter()
            assert index.look_up(tx, issuer, number) is not None
            took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000


@contextlib.contextmanager
def served() -> Iterator[tuple[LabPki, Responder]]:
    """Found the lab's authorities and let them answer."""
    responder = Responder()
    with tempfile.TemporaryDirectory() as folder:
        lab = LabPki.create(Path(folder) / "lab", base_url=responder.base_url)
        with responder.serving(lab):
            yield lab, responder


class Watch:
    """Tells what the last request has cost, without its caller's part."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self.worked = self.seconds = 0.0

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Pass a request on."""
        worked, began = time.process_time(), time.perf_counter()
        answer = list(self._app(environ, start))
        self.worked, self.seconds = time.process_time() - worked, time.perf_counter() - began
        return answer


def signins(count: int = 60) -> None:
    """Measure sign-ins on both databases."""
    print(f"sign-in by card, {count} times, answer of the responder remembered")
    with served() as (lab, _), databases() as urls:
        for kind, url in urls.items():
            made = furnish(url)
            card_holders.take(made, lab, "moica")
            person = people.add(made, people.Person("carded"))
            card = card_holders.card_of(made, lab, person, key="rsa2048")
            busy, waited = [], []
            app = create_app(made)
            watch = Watch(app.wsgi_app)
            app.wsgi_app = watch  # type: ignore[method-assign, assignment]
            for _ in range(count):
                browser = Browser.of(app)
                browser.authorize()
                assert browser.last is not None
                [way] = re.findall(r'id="way-card" href="([^"]*)"', browser.last.text)
                browser.get(way.replace("&amp;", "&"))
                card_holders.present(browser, card)
                assert browser.last.status_code == 303, browser.last.text
                busy.append(watch.worked)
                waited.append(watch.seconds)
            print(
                f"  {kind:10} {statistics.median(busy[5:]) * 1000:6.2f} ms busy (goal 10),"
                f" {statistics.median(waited[5:]) * 1000:6.2f} ms until the answer;"
                f" the first {busy[0] * 1000:.0f} ms busy: libraries, responder",
                flush=True,
            )
            made.database.dispose()


def bridge() -> None:
    """Measure a bridge that waits, its card worker beside it."""
    with tempfile.TemporaryDirectory() as name, served() as (lab, _):
        folder = Path(name)
        tokens = Tokens(folder / "cards")
        tokens.add(lab.issue("moica", CITIZEN))
        with running(folder / "run", BeforeDialogs(folder / "person"), tokens.environment) as one:
            caller = Caller(one.port)
            ticket = {"X-Cardbridge-Ticket": caller.ticket()}
            caller.call("GET", "/v1/status", headers=ticket)
            time.sleep(1)
            held = [memory(pid) for pid in (one.process.pid, *one.children())]
    print("bridge that waits, after it was asked for the reader's state")
    for what, part in zip(("front", "worker"), held, strict=True):
        print(f"  {what:6} RSS {part['VmRSS']:5.1f} MiB, PSS {part['Pss']:5.1f} MiB")
    rss, pss = (sum(part[word] for part in held) for word in ("VmRSS", "Pss"))
    print(f"  both   RSS {rss:5.1f} MiB, PSS {pss:5.1f} MiB (goal 40)")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--only", choices=["list", "signin", "bridge"])
    parser.add_argument("--fetch", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.fetch:
        fetch(given.fetch)
        return
    parts: dict[str, Callable[[], None]] = {
        "list": lambda: lists(given.entries),
        "signin": signins,
        "bridge": bridge,
    }
    for name, measure in parts.items():
        if given.only in {None, name}:
            measure()


if __name__ == "__main__":
    main()
