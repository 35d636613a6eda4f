"""An app without a secret: it proves itself with a key of its own, wherever it has to."""

import io
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from joserfc.jwk import ECKey
from sqlalchemy import select

from clients.kit import errands
from clients.kit.client_key import ClientKey
from clients.kit.config import ConfigError, KitConfig, load
from idp import worker
from idp.audit.store import AuditRow
from idp.provider import Provider
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs.linked_apps import Pair, Visitor, linked_apps, registration
from tests.labs.ports import free_port
from tests.people import Person

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def pair(
    provider: Provider, clock: MovableClock, enrol: Enrol, tmp_path: Path, app_url: str
) -> Iterator[Pair]:
    worker.rotate_keys(provider)
    port = free_port()
    fields = registration(port, token_endpoint_auth_method="private_key_jwt", secret_sha256="")
    enrol("casequery", **fields)
    with linked_apps(provider, clock, port, tmp_path, app_url, signs=True) as both:
        both.open_account("CITIZEN1")
        yield both


def refusals(provider: Provider) -> list[str]:
    with provider.database.read() as tx:
        rows = tx.execute(select(AuditRow.data).where(AuditRow.event == "client.refused"))
        return [msgspec.json.decode(row.data)["reason"] for row in rows]


def linked(pair: Pair, visitor: Visitor, person: Person) -> None:
    visitor.sign_in(person)
    visitor.link("CITIZEN1")
    visitor.get(f"{pair.url}/account")


def test_it_redeems_codes_and_ends_links_by_its_signature_alone(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    linked(pair, visitor, citizen)
    assert pair.states() == ["linked"]

    visitor.submit("unlink-form")
    visitor.get(f"{pair.url}/cases")
    visitor.link("CITIZEN1")
    visitor.get(f"{pair.url}/account")
    visitor.submit("unlink-form")

    assert pair.states() == ["unlinked", "unlinked"]
    assert pair.app.provider.section.client_secret == ""
    assert refusals(pair.provider) == []


def test_another_key_ends_nothing_and_what_it_was_to_say_waits(
    pair: Pair, visitor: Visitor, citizen: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked(pair, visitor, citizen)

    with monkeypatch.context() as stolen:
        stolen.setattr(pair.app.provider, "key", ClientKey(ECKey.generate_key("P-256")))
        stolen.setattr(pair.app.provider.key, "_kid", "unknown")
        visitor.submit("unlink-form")
        assert pair.states() == ["linked"]
    pair.clock.advance(timedelta(seconds=6))

    assert refusals(pair.provider) == ["assertion: no key of the client verifies it"]
    assert errands.run(pair.app) == 1
    assert pair.states() == ["unlinked"]


def test_a_new_key_is_taken_as_soon_as_the_app_shows_it(
    pair: Pair, visitor: Visitor, citizen: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked(pair, visitor, citizen)
    monkeypatch.setattr(pair.app.provider, "key", ClientKey(ECKey.generate_key("P-256")))
    pair.clock.advance(timedelta(minutes=1))

    visitor.submit("unlink-form")

    assert pair.states() == ["unlinked"]


def test_its_assertions_are_good_for_a_minute_and_never_the_same(pair: Pair) -> None:
    said = [
        pair.app.provider.key.method("https://sso.example", pair.clock()).claims  # type: ignore[union-attr]
        for _ in range(2)
    ]

    assert said[0]["jti"] != said[1]["jti"]
    assert {one["exp"] - one["iat"] for one in said} == {60}


def test_both_of_its_keys_are_public_and_neither_is_shown(pair: Pair, visitor: Visitor) -> None:
    keys = visitor.get(f"{pair.url}/linking/jwks").json()["keys"]

    assert sorted(key["use"] for key in keys) == ["enc", "sig"]
    assert not any("d" in key for key in keys)


def test_the_key_is_in_no_log(
    pair: Pair, visitor: Visitor, citizen: Person, tmp_path: Path
) -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        linked(pair, visitor, citizen)
        visitor.submit("unlink-form")
    finally:
        root.removeHandler(handler)
        root.setLevel(level)

    secret = msgspec.json.decode((tmp_path / "client-key.json").read_bytes())["d"]
    assert secret not in written.getvalue()
    assert (tmp_path / "client-key.json").stat().st_mode & 0o077 == 0


def test_one_way_to_prove_itself_is_configured(tmp_path: Path) -> None:
    path = tmp_path / "app.toml"
    path.write_text('[provider]\nclient_secret = "one"\nkey_file = "two"\n')

    with pytest.raises(ConfigError, match="exclude each other"):
        load(KitConfig, path, "CASEQUERY", {})
