"""Rules of the house that no linter knows: each by a small look at the code itself."""

import ast
import itertools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import msgspec
import pytest

from idp import signin
from idp.accounts.model import Kind
from idp.audit import events
from idp.audit.events.event import Event
from idp.authenticators import Reason
from idp.authenticators.card.reasons import Flaw
from idp.authenticators.directory.model import Standing
from idp.config import Config, Section, load
from idp.registration import flows
from idp.signin import directory, second_factor
from idp.web.wording.account import KINDS
from idp.web.wording.history import HISTORY, METHODS
from idp.web.wording.registering import ENTRIES, INSTEAD, PROOFS, TRACKS
from idp.web.wording.ways import FIELD_OF, REFUSED, STANDINGS
from tests.clients import test_switch_of_apps
from tests.http import test_language_switch
from tests.people import Browser

HOUSE = Path(__file__).resolve().parents[2]
EXAMPLE = HOUSE / "config.example.toml"


def modules(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Parse every module below the folders; names by dots."""
    for folder in folders:
        for path in sorted((HOUSE / folder).rglob("*.py")):
            name = path.relative_to(HOUSE).with_suffix("").as_posix().replace("/", ".")
            yield name, ast.parse(path.read_text("utf-8"))


def calls(tree: ast.Module) -> Iterator[ast.Call]:
    """List the calls of a module."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def is_call_of(call: ast.Call, method: str) -> bool:
    """Tell whether a call is ``something.method(...)``."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == method


def test_only_the_database_commits_and_begins() -> None:
    found = {
        f"{name}: {method}"
        for name, tree in modules("idp")
        for call in calls(tree)
        for method in ("commit", "rollback")
        if is_call_of(call, method) and not name.startswith("idp.database.")
    }

    assert found == set()


def test_only_doors_open_transactions() -> None:
    doors = ("idp.web", "idp.cli", "idp.worker")

    found = {
        name
        for name, tree in modules("idp")
        for call in calls(tree)
        if is_call_of(call, "write") or is_call_of(call, "read")
        if isinstance(call.func, ast.Attribute)
        and ast.unparse(call.func.value).endswith("database")
        if not name.startswith(doors)
    }

    assert found == set()


def test_nothing_redirects_a_post_with_307_or_308() -> None:
    found = {
        name
        for name, tree in modules("idp", "clients")
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "code"
        if isinstance(node.value, ast.Constant) and node.value.value in {302, 307, 308}
    }

    assert found == set()


def test_current_app_is_known_to_the_wiring_alone() -> None:
    known = {
        name
        for name, tree in modules("idp")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "flask"
        if any(alias.name in {"current_app", "g"} for alias in node.names)
    }

    assert known <= {"idp.web.wiring", "idp.web.request"}


def test_import_contracts_hold() -> None:
    program = Path(sys.executable).parent / "lint-imports"

    done = subprocess.run([program], cwd=HOUSE, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_every_refusal_has_a_sentence_and_a_place() -> None:
    assert set(REFUSED) == set(FIELD_OF) == set(Reason)


def test_every_way_of_signing_in_has_its_words() -> None:
    """The history and the front page tell of them all."""
    modules = [import_module(f"idp.signin.{one.name}") for one in iter_modules(signin.__path__)]
    ways = {module.METHOD for module in modules if hasattr(module, "METHOD")}
    second = {second_factor.TOTP, second_factor.RECOVERY_CODE, second_factor.PASSKEY}

    assert {"card", "passkey"} <= ways
    first = {"password", directory.METHOD, directory.TICKET}
    both = {f"{one}+{another}" for one in first for another in second}
    assert ways | second | both <= set(METHODS)
    assert set(Flaw) <= set(HISTORY)
    assert {directory.METHOD, directory.TICKET} <= set(METHODS)
    unsaid = {Standing.GOOD, Standing.WRONG_CREDENTIALS, Standing.NOBODY}
    assert set(STANDINGS) == set(Standing) - {Standing.GOOD}
    assert {f"directory_{one}" for one in set(Standing) - unsaid} <= set(HISTORY)


def test_every_kind_of_account_has_its_words() -> None:
    assert {track.id for track in flows.TRACKS.values()} <= set(TRACKS)
    assert {track.kind for track in flows.TRACKS.values()} <= set(KINDS) == set(Kind)
    assert set(ENTRIES) == set(flows.Entry)
    assert set(PROOFS) == set(flows.ProofKind)
    assert set(INSTEAD) | flows.PROVABLE == set(flows.ProofKind)


def test_every_catalogue_is_complete() -> None:
    words = [sys.executable, "bin/messages", "check"]

    done = subprocess.run(words, cwd=HOUSE, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("event", events.ALL, ids=lambda event: event.name)
def test_no_event_has_a_field_for_a_secret(event: type[Event]) -> None:
    fields = {field.name for field in msgspec.structs.fields(event)}

    secrets = {"password", "secret", "code", "token", "cookie", "answer", "national_id", "email"}
    assert not fields & secrets


def test_event_names_are_unique() -> None:
    names = [event.name for event in events.ALL]

    assert len(names) == len(set(names))


def test_every_module_of_events_is_read() -> None:
    beside = {found.name for found in iter_modules(events.__path__)} - {"event"}

    assert beside == {module.__name__.rpartition(".")[2] for module in events.MODULES}


def sections(record: type[Section], path: str = "") -> Iterator[str]:
    """List every key of the configuration, by dots."""
    for field in msgspec.structs.fields(record):
        place = f"{path}{field.name}"
        if isinstance(field.type, type) and issubclass(field.type, Section):
            yield from sections(field.type, f"{place}.")
        elif field.name in {"clients", "directories"}:
            item = field.type.__args__[0]
            yield from (f"{field.name}.{one.name}" for one in msgspec.structs.fields(item))
        else:
            yield place


def test_the_example_lists_every_key_and_no_other() -> None:
    tree = tomllib.loads(EXAMPLE.read_text("utf-8"))

    listed = {
        f"{section}.{key}"
        for section, table in tree.items()
        for one in (table if isinstance(table, list) else [table])
        for key in one
    }

    assert listed == set(sections(Config))


def test_the_example_can_be_used_as_it_stands() -> None:
    assert load(EXAMPLE, {}).provider.issuer.startswith("https://")


def test_the_example_has_an_app_for_everybody_and_one_for_judges_alone() -> None:
    kinds = [one.account_kinds for one in load(EXAMPLE, {}).clients]

    assert kinds == [[], [Kind.JUDGE]]


def test_every_key_of_the_example_has_a_comment() -> None:
    lines = EXAMPLE.read_text("utf-8").splitlines()

    bare = [
        line
        for before, line in itertools.pairwise(lines)
        if "=" in line
        and not line.startswith(("#", " ", "["))
        and not before.startswith("#")
        and "#" not in line
    ]

    assert bare == []


TYPED_INTO = re.compile(r"forms\.(field|tick|choice)\(|\bask\(\"|<input class=|<select")


def typed_into(*folders: str) -> dict[str, str]:
    """Read the templates that have a field of some kind, by their names."""
    found = {
        path.relative_to(HOUSE / folder).as_posix(): path.read_text("utf-8")
        for folder in folders
        for path in sorted((HOUSE / folder).rglob("*.html"))
    }
    return {name: text for name, text in found.items() if TYPED_INTO.search(text)}


OWN = typed_into("idp/web/templates")
OF_APPS = typed_into("clients/kit/templates", "clients/casequery/templates")


@pytest.mark.parametrize(("name", "text"), [*OWN.items(), *OF_APPS.items()])
def test_what_is_typed_into_a_page_can_be_carried_to_another_language(name: str, text: str) -> None:
    forms = re.findall(r"<form\b[^>]*>.*?</form>", text, re.DOTALL)
    secrets = re.findall(r'<input [^>]*type="password"[^>]*>', text)

    assert text.startswith('{% extends "ui/base.html" %}'), name
    assert all(re.match(r'<form\b[^>]* id="', one) for one in forms if TYPED_INTO.search(one))
    assert all("data-secret" in one for one in secrets)


def test_the_switch_is_tried_on_every_page_that_is_typed_into() -> None:
    assert set(OWN) == set(test_language_switch.STOPS)
    assert set(OF_APPS) == set(test_switch_of_apps.STOPS)


CENSUS = {
    # path: methods, who may enter, guard of what it changes
    "/": ("GET", "anybody", ""),
    "/account": ("GET", "a session", ""),
    "/account/apps": ("GET POST", "a session", "csrf"),
    "/account/cards": ("GET POST", "a session", "csrf, recent, challenge, offer, five tries"),
    "/account/closed": ("GET", "anybody", ""),
    "/account/court": ("GET POST", "a recent sign-in", "csrf"),
    "/account/data": ("GET", "a recent sign-in", ""),
    "/account/data/close": ("POST", "a recent sign-in", "csrf"),
    "/account/data/export": ("POST", "a recent sign-in", "csrf"),
    "/account/details": ("GET POST", "a recent sign-in", "csrf"),
    "/account/disowned": ("GET", "anybody", ""),
    "/account/emails": ("GET", "a recent sign-in", ""),
    "/account/emails/add": ("POST", "a recent sign-in", "csrf, gate"),
    "/account/emails/change": ("POST", "a recent sign-in", "csrf"),
    "/account/emails/code": ("POST", "a recent sign-in", "csrf, five tries"),
    "/account/history": ("GET", "a session", ""),
    "/account/history/not-me": ("POST", "a session", "csrf"),
    "/account/passkeys": ("GET POST", "a session", "csrf, recent"),
    "/account/password": ("GET POST", "a session", "csrf, gate"),
    "/account/recovery-codes": ("POST", "a session", "csrf, seal"),
    "/account/sessions": ("GET POST", "a session", "csrf"),
    "/account/totp": ("GET POST", "a session", "csrf, recent, gate"),
    "/activate": ("GET POST", "who holds the mail's link", "csrf, token"),
    "/password/strength": ("POST", "this browser", "csrf"),
    "/recovery": ("GET POST", "anybody", "csrf, gate"),
    "/recovery/new": ("GET POST", "who holds the mail's link", "csrf, token"),
    "/register-account": ("GET POST", "anybody", "csrf, gate"),
    "/register-account/cancel": ("POST", "this browser's registration", "csrf"),
    "/register-account/check": ("GET POST", "this browser's registration", "csrf, steps"),
    "/register-account/details": ("GET POST", "this browser's registration", "csrf, steps"),
    "/register-account/done": ("GET", "this browser's registration", ""),
    "/register-account/email": ("GET POST", "this browser's registration", "csrf, five tries"),
    "/register-account/email/send": ("POST", "this browser's registration", "csrf, gate"),
    "/register-account/proof": ("GET POST", "this browser's registration", "csrf, steps, once"),
    "/register-account/terms": ("GET POST", "this browser's registration", "csrf, steps"),
    "/signin/terms": ("GET POST", "a session on its journey", "csrf"),
    "/terms/<document>": ("GET", "anybody", ""),
    "/assets/<version>/<name>": ("GET", "anybody", ""),
    "/authorize": ("GET POST", "anybody", "checks"),
    "/authorize/continue": ("GET", "this browser's journey", "binding"),
    "/bc-authorize": ("POST", "confidential clients", "client"),
    "/component": ("GET", "anybody, where cards are taken", ""),
    "/check-session": ("GET", "anybody", ""),
    "/device": ("GET POST", "a session", "csrf, gate"),
    "/device_authorization": ("POST", "clients", "client"),
    "/guide": ("GET", "anybody", ""),
    "/health/live": ("GET", "anybody", ""),
    "/health/ready": ("GET", "anybody", ""),
    "/introspect": ("POST", "confidential clients", "client"),
    "/jwks": ("GET", "anybody", ""),
    "/links": ("GET POST", "a session", "csrf, gate"),
    "/links/<client_id>": ("GET POST", "a session", "csrf, gate"),
    "/links/events": ("POST", "confidential clients", "client"),
    "/logout": ("GET POST", "anybody", "hint or confirmation"),
    "/logout/confirm": ("POST", "this browser", "csrf"),
    "/logout/done": ("GET", "anybody", ""),
    "/not-me": ("GET POST", "who holds the mail's link", "csrf, token, gate"),
    "/par": ("POST", "clients", "client"),
    "/register": ("DELETE GET POST PUT", "as configured; then its own client", "token"),
    "/requests": ("GET POST", "a session", "csrf"),
    "/revoke": ("POST", "clients", "client"),
    "/signin/captcha/<captcha_id>.png": ("GET", "this browser's challenge", ""),
    "/signin/captcha/<captcha_id>.wav": ("GET", "this browser's challenge", ""),
    "/signin/card": ("GET POST", "anybody", "csrf"),
    "/signin/hipki": ("GET POST", "anybody", "csrf"),
    "/signin/consent": ("GET POST", "a session on its journey", "csrf"),
    "/signin/directory": ("GET POST", "anybody", "csrf, gate"),
    "/signin/ticket": ("GET", "anybody on a court's network", "one use of a ticket"),
    "/signin/passkey": ("POST", "anybody", "csrf, challenge"),
    "/signin/password": ("GET POST", "anybody", "csrf, captcha, throttle"),
    "/signin/second-factor": ("GET POST", "a session, or half of one", "csrf, gate"),
    "/signout": ("POST", "this browser", "csrf"),
    "/token": ("POST", "clients", "client"),
    "/userinfo": ("GET POST", "bearers", "token"),
    "/.well-known/oauth-authorization-server": ("GET", "anybody", ""),
    "/.well-known/oauth-protected-resource": ("GET", "anybody", ""),
    "/.well-known/openid-configuration": ("GET", "anybody", ""),
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_route_was_decided_about(browser: Browser) -> None:
    found: dict[str, set[str]] = {}
    for rule in browser.client.application.url_map.iter_rules():
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        found.setdefault(rule.rule, set()).update(methods)

    assert {path: " ".join(sorted(methods)) for path, methods in found.items()} == {
        path: methods for path, (methods, _, _) in CENSUS.items()
    }


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "path", sorted(path for path, (_, _, guard) in CENSUS.items() if "csrf" in guard)
)
def test_T76_what_changes_something_wants_the_token_of_its_browser(
    browser: Browser, path: str
) -> None:
    forged = browser.post(path, {"csrf_token": "forged", "journey": ""})

    assert forged.status_code == 403


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_T53_T77_every_page_forbids_caching_and_frames(browser: Browser) -> None:
    for path in ("/", "/guide", "/signin/password", "/logout/done", "/no-such-page", "/authorize"):
        page = browser.get(path)

        assert page.headers["Cache-Control"] == "no-store", path
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert "unsafe" not in page.headers["Content-Security-Policy"]


def test_the_generated_pages_say_what_the_code_says() -> None:
    words = [sys.executable, "bin/reference", "check"]

    done = subprocess.run(words, cwd=HOUSE, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
