"""An operator ends a rest, and no more wrong passwords reach the directory than we say (T44)."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select, update

from idp import assembly
from idp.assembly import root_key
from idp.audit.store import AuditRow
from idp.authenticators.directory.model import Standing
from idp.cli.context import operator
from idp.clock import system_clock
from idp.config import Config
from idp.database.transaction import open_database
from idp.provider import Provider
from idp.secret import keychain
from idp.signin.actions import Browser
from idp.signin.counters import ThrottleCounter
from idp.signin.directory import TRIES, Admitted, Means
from tests.conftest import ROOT_KEY
from tests.labs.samba_ad import PASSWORD, Domain
from tests.labs.shell import Shell

NAME = "resting"
MEANS = Means("directory", ("pwd",), "urn:portico:acr:directory")
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Wrong = Callable[[], object]


@pytest.fixture(scope="session")
def counted_there(samba_ad: Domain) -> str:
    """Somebody whom the domain locks at five."""
    samba_ad.tool("user", "add", NAME, PASSWORD)
    policy = ["domain", "passwordsettings", "pso"]
    limits = ["--account-lockout-threshold=5", "--account-lockout-duration=30"]
    window = "--reset-account-lockout-after=30"
    samba_ad.tool(*policy, "create", "at-five", "5", *limits, window)
    samba_ad.tool(*policy, "apply", "at-five", NAME)
    return NAME


@pytest.fixture
def portico(samba_ad: Domain, database_url: str) -> Provider:
    """The provider, by the clock on the wall: so is the domain."""
    config = Config(directories=[samba_ad.section()])
    opened = open_database(database_url, system_clock, connections=4)
    return assembly.assemble(config, opened, keychain(ROOT_KEY))


@pytest.fixture
def desk(
    samba_ad: Domain, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Shell:
    """The command line of the same provider."""
    monkeypatch.setenv(root_key.KEK_ENVIRONMENT, ROOT_KEY.hex())
    section = samba_ad.section()
    said = msgspec.to_builtins(section).items()
    fields = {name: value for name, value in said if value not in ("", [], {}, None)}
    monkeypatch.setenv("PORTICO__DIRECTORIES", json.dumps([fields]))
    path = tmp_path / "config.toml"
    path.write_text(f'[database]\nurl = "{database_url}"\n')
    return Shell(path)


@pytest.fixture
def wrong(portico: Provider, counted_there: str) -> Wrong:
    """Tries a wrong password as the page does."""

    def attempt() -> object:
        signing_in = portico.directory_signing_in
        browser = Browser(b"binding", "a device", "Firefox", "en")
        claimed = portico.directories.claims(counted_there)
        with portico.database.write() as tx:
            admitted = signing_in.admit(tx, counted_there, claimed, browser)
        if not isinstance(admitted, Admitted):
            return admitted
        found = portico.directories.sign_in(counted_there, "not-the-password")
        with portico.database.write() as tx:
            return signing_in.record(tx, found, MEANS, browser, client_id=None, admitted=admitted)

    return attempt


def age(portico: Provider, by: timedelta) -> None:
    """Let the tries that are counted here be older than they are."""
    with portico.database.write(operator()) as tx:
        now = system_clock()
        tx.execute(update(ThrottleCounter).values(last_at=now - by, previous_at=now - by))


def unlock(samba_ad: Domain) -> None:
    samba_ad.tool("user", "unlock", NAME)


def test_T44_a_rest_is_lifted_only_when_the_directory_counts_nothing(
    samba_ad: Domain, portico: Provider, desk: Shell, wrong: Wrong
) -> None:
    unlock(samba_ad)
    assert [wrong() for _ in range(TRIES)] == [Standing.WRONG_CREDENTIALS] * TRIES
    assert wrong() != Standing.WRONG_CREDENTIALS, "it rests"
    age(portico, timedelta(minutes=2))

    shown = desk.ok("directory", "rests", NAME)
    refused = desk.run("directory", "lift", NAME, "--reason", "they called")

    (place,) = shown["places"]
    assert (place["who"], place["tries"]) == ("all browsers that nobody has signed in from", TRIES)
    assert place["rests_until"]
    assert [one["wrong"] for one in shown["directory_counts"]] == [TRIES]
    assert refused.exit_code == 1
    assert "counts 2 against CN=resting" in refused.output
    assert "Unlock-ADAccount" in refused.output
    assert wrong() != Standing.WRONG_CREDENTIALS, "it still rests"

    unlock(samba_ad)
    lifted = desk.run("directory", "lift", f"COURT\\{NAME}", "--reason", "they  called")

    assert lifted.exit_code == 0, lifted.output
    assert "1 lifted" in lifted.output
    assert [(one["rests"], one["reason"]) for one in lifts(portico)] == [(1, "they called")]
    assert wrong() == Standing.WRONG_CREDENTIALS


def test_where_nothing_rests_it_says_so(desk: Shell, counted_there: str) -> None:
    for words in (("rests",), ("lift", "--reason", "they called")):
        done = desk.run("directory", words[0], counted_there, *words[1:])

        assert done.exit_code == 0, done.output
        assert "Nothing rests: the next try at court:resting goes to the directory." in done.output


def test_a_try_that_may_be_on_its_way_is_waited_for(
    samba_ad: Domain, portico: Provider, desk: Shell, wrong: Wrong
) -> None:
    unlock(samba_ad)
    [wrong() for _ in range(TRIES)]
    unlock(samba_ad)

    refused = desk.run("directory", "lift", NAME, "--reason", "they called")

    assert refused.exit_code == 1
    assert "too young" in refused.output
    assert lifts(portico) == []


def test_nothing_is_lifted_while_a_controller_does_not_say_what_it_counts(
    samba_ad: Domain, portico: Provider, desk: Shell, wrong: Wrong
) -> None:
    [wrong() for _ in range(TRIES)]
    age(portico, timedelta(minutes=40))

    with samba_ad.first.hung():
        shown = desk.run("directory", "rests", NAME)
        refused = desk.run("directory", "lift", NAME, "--reason", "they called")

    assert "all browsers that nobody has signed in from" in shown.output
    assert refused.exit_code == 1
    assert "does not say what it counts" in refused.output
    assert lifts(portico) == []


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201, "a\x1bb"])
def test_a_lift_wants_a_reason(desk: Shell, reason: str) -> None:
    refused = desk.run("directory", "lift", NAME, "--reason", reason)

    assert refused.exit_code == 1
    assert "--reason: say why" in refused.output


def test_a_name_of_no_directory_has_no_rests(desk: Shell) -> None:
    refused = desk.run("directory", "rests", "someone@elsewhere.test")

    assert refused.exit_code == 1
    assert "`upn_suffixes`" in refused.output


def lifts(portico: Provider) -> list[dict[str, object]]:
    """Read what the audit log holds of lifts."""
    with portico.database.read() as tx:
        rows = tx.execute(select(AuditRow.data).where(AuditRow.event == "throttle.lifted"))
        return [json.loads(row.data) for row in rows]
