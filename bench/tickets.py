"""What a judge's sign-in by ticket costs us, in processor time of this process.

``python -m bench.tickets [--count 200]``. Against a real domain controller (Samba) on loopback and
SQLite: the token alone, the question to the directory alone, the whole request with both on a
browser that was never here before, and the one before it, which asks that browser for a ticket
with the sign-in page below. Tokens are made beforehand. Medians; the goal stands beside.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from flask import Flask
from werkzeug.test import create_environ

from bench.cards import furnish
from idp import assembly
from idp.accounts import identities
from idp.accounts.model import Kind, Profile
from idp.authenticators.directory import pac
from idp.authenticators.directory.model import DirectoryPerson
from idp.gateways.kerberos import Accepted, Tickets
from idp.provider import Provider
from idp.web import create_app
from tests import people
from tests.labs.samba_ad import PASSWORD, Domain, domain
from tests.labs.tickets import header, token
from tests.people import Person

GOAL_MS = 5.0
BASE = "http://localhost"


def provider(running: Domain, folder: Path) -> Provider:
    """Assemble a provider that takes the domain's tickets, and knows one of its judges."""
    made = furnish(f"sqlite:///{folder}/idp.sqlite")
    section = running.section(ticket_networks=["127.0.0.0/8"], replay_file=str(folder / "replays"))
    told = msgspec.structs.replace(made.config.provider, issuer=BASE)
    config = msgspec.structs.replace(made.config, directories=[section], provider=told)
    portico = assembly.assemble(config, made.database, made.keychain)
    found = portico.directories.sign_in("wang.dm", PASSWORD)
    assert isinstance(found, DirectoryPerson), found
    person = people.add(portico, Person("JUDGE1", Kind.JUDGE, Profile(name="王大明"), "", PASSWORD))
    assert person.account is not None
    with portico.database.write() as tx:
        identities.take(tx, found.identity.kind, found.identity.key, person.account.id)
    return portico


def cost(count: int, act: Callable[[int], None]) -> list[float]:
    """Time each of ``count`` acts: milliseconds of processor time, ours alone."""
    spent = []
    for number in range(count):
        begun = time.process_time()
        act(number)
        spent.append((time.process_time() - begun) * 1000)
    return spent


def visit(**headers: str) -> dict[str, Any]:
    """Write down the request of a browser that was never here, as a server hands it over."""
    here = {"REMOTE_ADDR": "127.0.0.1"}
    return create_environ("/signin/ticket", BASE, headers=headers, environ_overrides=here)


def status_of(app: Flask, request: dict[str, Any]) -> str:
    """Have a request answered, to the last byte."""
    told: list[str] = []

    def begin(status: str, _headers: Any, _error: Any = None, /) -> Callable[[bytes], object]:
        told.append(status)
        return lambda _: None

    answered = app(request, begin)
    for _piece in answered:
        pass
    close = getattr(answered, "close", None)
    if close is not None:
        close()
    return told[0]


def measure(portico: Provider, cache: Path, count: int) -> dict[str, float]:
    """Measure the parts and the whole."""
    section = portico.config.directories[0]
    app = create_app(portico)
    shown = [token(cache) for _ in range(2 * count + 10)]
    tickets = Tickets("localhost")
    sids: list[bytes] = []

    def accept(number: int) -> None:
        found = tickets.accept(shown[number], section.keytab_file, section.replay_file)
        assert isinstance(found, Accepted), found
        named = pac.read(found.upn_dns_info)
        assert isinstance(named, pac.Named)
        sids.append(named.sid)

    def ask(number: int) -> None:
        assert isinstance(portico.directories.by_sid("court", sids[number]), DirectoryPerson)

    visits = [visit(Authorization=header(one)) for one in shown[count : 2 * count]]
    questions = [visit() for _ in range(count)]

    def sign_in(number: int) -> None:
        assert status_of(app, visits[number]).startswith("303")

    def question(number: int) -> None:
        assert status_of(app, questions[number]).startswith("401")

    parts = {"token": accept, "directory": ask, "sign-in": sign_in, "page before": question}
    return {name: statistics.median(cost(count, act)) for name, act in parts.items()}


def main(words: Sequence[str] | None = None) -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(words)
    cached = Path(tempfile.gettempdir()) / "portico-bench-samba"
    with domain(cached) as running, tempfile.TemporaryDirectory() as folder:
        os.environ["KRB5_CONFIG"] = str(running.krb5_conf)
        portico = provider(running, Path(folder))
        cache = running.kinit("wang.dm", Path(folder) / "cc")
        found = measure(portico, cache, given.count)
    if given.json:
        print(json.dumps(found))
        return
    for name, spent in found.items():
        goal = f"   goal {GOAL_MS:.2f}" if name == "sign-in" else ""
        print(f"{name:<12}{spent:8.2f} ms{goal}")


if __name__ == "__main__":
    main()
