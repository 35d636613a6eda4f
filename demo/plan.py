"""What a run consists of: which programs, where they listen, what they are told. Starts nothing."""

import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from demo import cards, judges
from demo.cards import Cards
from demo.judges import Judges
from demo.ports import Port
from demo.supervisor import Program
from idp.config import ClientSection, Config, ConfigError, load

HERE = Path(__file__).parent
ROOT = HERE.parent
VAR = ROOT / "var"
PEOPLE = HERE / "people.toml"
LOCAL_ACCOUNTS = HERE / "local_accounts.toml"
KNOWN_PEOPLE = VAR / "people.json"
"""Who is who at the provider: what the apps' records of the demo are attached to."""

_PROVIDER_FILE = HERE / "config.toml"
_CASEQUERY_FILE = HERE / "casequery.toml"
_SECRETS_FILE = HERE / "secrets.toml"


@dataclass(frozen=True, slots=True)
class Plan:
    """One run, decided from the files of this folder and the environment over them."""

    provider: Config
    issuer: str
    casequery_port: int
    mailbox_port: int
    clients: tuple[ClientSection, ...]
    secrets: Mapping[str, str]
    cards: Cards
    judges: Judges

    @property
    def casequery_url(self) -> str:
        """Where the case query is found."""
        return f"http://localhost:{self.casequery_port}"

    @property
    def mailbox_url(self) -> str:
        """Where the mailbox shows what came in."""
        return f"http://localhost:{self.mailbox_port}"


def make(environ: Mapping[str, str] = os.environ) -> Plan:
    """Decide a run.

    An address that was moved by ``PORTICO__SERVER__PORT`` or its like moves in whatever
    names it: issuer and redirect URIs need no words of their own.

    Raises:
        ConfigError: a file or a variable says what cannot be.
    """
    provider = load(_PROVIDER_FILE, environ)
    designed = int(_toml(_CASEQUERY_FILE)["server"]["port"])
    casequery_port = _number(environ, "CASEQUERY__SERVER__PORT", designed)
    at_home = f"http://localhost:{provider.server.port}"
    issuer = environ.get("PORTICO__PROVIDER__ISSUER", at_home)
    return Plan(
        provider=provider,
        issuer=issuer,
        casequery_port=casequery_port,
        mailbox_port=_number(environ, "MAILBOX__PORT", 9025),
        clients=_moved(provider.clients, designed, casequery_port, issuer),
        secrets=_toml(_SECRETS_FILE),
        cards=cards.decide(
            environ,
            origin=_origin(issuer),
            site=next(iter(provider.provider.names.values())),
            bridge_ports=provider.cards.bridge_ports,
            var=VAR,
            number=_number,
        ),
        judges=judges.decide(environ, VAR),
    )


def preparations(plan: Plan) -> tuple[Program, ...]:
    """Make the cards, the first time."""
    return (cards.made(plan.cards),) if plan.cards.module else ()


def at_once(plan: Plan) -> tuple[Program, ...]:
    """List the services that wait for nobody: each brings its own database up to date."""
    directory = judges.services(plan.judges)
    return (*directory, _provider_service(plan), _casequery_service(plan), _mailbox(plan))


def on_cards(plan: Plan) -> tuple[Program, ...]:
    """List the services that need the cards made."""
    return cards.services(plan.cards)


def introduction(plan: Plan) -> Program:
    """Make the accounts that are missing, and have the cards taken; prints who is who as JSON."""
    words = ["-m", "demo.introduce", str(_PROVIDER_FILE), str(PEOPLE)]
    if plan.cards.module:
        words += [str(plan.cards.folder), plan.cards.responder_url]
    return Program("introduction", [sys.executable, *words], _told_provider(plan))


def seed(plan: Plan) -> Program:
    """Give the demo's people something to look at."""
    words = ("--people", str(KNOWN_PEOPLE), "--accounts", str(LOCAL_ACCOUNTS))
    return _casequery(plan, "casequery-seed", "seed", *words)


def before_all(plan: Plan) -> tuple[Program, ...]:
    """Make what the provider reads when it starts."""
    return judges.made(plan.judges)


def at_last(plan: Plan) -> tuple[Program, ...]:
    """Wait for what shows no health of its own."""
    return judges.awaited(plan.judges)


def services(plan: Plan) -> tuple[Program, ...]:
    """Everything that keeps running."""
    return at_once(plan) + on_cards(plan)


def _provider_service(plan: Plan) -> Program:
    server = plan.provider.server
    ports = [Port(server.port, "provider", "PORTICO__SERVER__PORT", server.host)]
    if server.metrics_port:
        setting = "PORTICO__SERVER__METRICS_PORT"
        ports.append(Port(server.metrics_port, "metrics", setting, server.metrics_host))
    return replace(_provider(plan, "provider", "serve"), ports=ports, health_url=_health(ports[0]))


def _casequery_service(plan: Plan) -> Program:
    port = Port(plan.casequery_port, "case query", "CASEQUERY__SERVER__PORT")
    return replace(_casequery(plan, "casequery", "serve"), ports=[port], health_url=_health(port))


def _mailbox(plan: Plan) -> Program:
    page = Port(plan.mailbox_port, "mailbox", "MAILBOX__PORT")
    smtp = Port(plan.provider.smtp.port, "mailbox's SMTP", "PORTICO__SMTP__PORT")
    words = ["--port", str(page.number), "--smtp-port", str(smtp.number)]
    return Program(
        "mailbox",
        [sys.executable, "-m", "demo.mailbox", "--folder", str(VAR / "mailbox"), *words],
        ports=[page, smtp],
        health_url=_health(page),
    )


def _provider(plan: Plan, name: str, *words: str) -> Program:
    return Program(name, [*_python("idp", _PROVIDER_FILE), *words], _told_provider(plan))


def _told_provider(plan: Plan) -> dict[str, str]:
    told = {
        "PORTICO__CLIENTS": plan.clients,
        "PORTICO__CARDS__BRIDGE_PORTS": [plan.cards.bridge_port],
        "PORTICO__CARDS__NOTICES": cards.notice(plan.cards),
    }
    as_text = {name: msgspec.json.encode(value).decode() for name, value in told.items()}
    if directories := judges.told(plan.judges):
        as_text["PORTICO__DIRECTORIES"] = msgspec.json.encode(directories).decode()
        as_text["KRB5_CONFIG"] = str(plan.judges.krb5_conf)
    return as_text | {"PORTICO__PROVIDER__ISSUER": plan.issuer}


def _origin(issuer: str) -> str:
    parts = urlsplit(issuer)
    return f"{parts.scheme}://{parts.netloc}"


def _casequery(plan: Plan, name: str, *words: str) -> Program:
    told = {
        "CASEQUERY__PROVIDER__ISSUER": plan.issuer,
        "CASEQUERY__SERVER__BASE_URL": plan.casequery_url,
    }
    return Program(name, [*_python("clients.casequery", _CASEQUERY_FILE), *words], told)


def _python(module: str, config: Path) -> list[str]:
    return [sys.executable, "-m", module, "--config", str(config)]


def _health(port: Port) -> str:
    return f"http://localhost:{port.number}/health/ready"


def _moved(
    clients: list[ClientSection], designed_port: int, actual_port: int, issuer: str
) -> tuple[ClientSection, ...]:
    """Write the addresses as they are in this run: case query's, and the provider's own page."""
    text = msgspec.json.encode(clients).decode()
    text = text.replace("http://localhost:9000/developers", f"{issuer}/developers")
    text = text.replace(f"//localhost:{designed_port}/", f"//localhost:{actual_port}/")
    return tuple(msgspec.json.decode(text, type=list[ClientSection]))


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))


def _number(environ: Mapping[str, str], name: str, otherwise: int) -> int:
    text = environ.get(name, str(otherwise))
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ConfigError(f"{name}: {text!r} is no port number")
    return int(text)
