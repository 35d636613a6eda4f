"""Pairwise subjects and sector identifiers (A6, OIDC Core section 8)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from idp.config import ClientSection, Config, FetchSection, RegistrationSection
from idp.oidc import clients
from idp.oidc.subjects import Subjects
from idp.provider import Provider
from tests.labs.listener import Listener, listener, says
from tests.labs.tls import Tls, certify
from tests.people import APP, CALLBACK, CONFIG, Browser, Person, answer
from tests.protocol.test_code_flow import id_token
from tests.protocol.test_dynamic_registration import refused, send

OTHER = "https://other.example/callback"


def app(client_id: str, *redirect_uris: str, **fields: Any) -> ClientSection:
    changes = {"client_id": client_id, "redirect_uris": list(redirect_uris)}
    return msgspec.structs.replace(APP, subject_type="pairwise", **(changes | fields))


@pytest.fixture(autouse=True)
def apps(provider: Provider) -> None:
    with provider.database.write() as tx:
        for one in (app("one", CALLBACK), app("two", CALLBACK), app("three", OTHER)):
            clients.add(tx, one, source="operator")


def sub_at(browser: Browser, person: Person, client_id: str, redirect_uri: str = CALLBACK) -> str:
    code = browser.code(person, client_id, redirect_uri=redirect_uri)
    tokens: Any = browser.redeem(code, client_id, redirect_uri=redirect_uri).json
    told: Any = browser.userinfo(tokens["access_token"]).json
    return str(told["sub"])


def test_each_sector_knows_a_person_by_another_name(browser: Browser, citizen: Person) -> None:
    one, two = sub_at(browser, citizen, "one"), sub_at(browser, citizen, "two")
    three = sub_at(browser, citizen, "three", OTHER)

    assert one == two
    assert len({one, three, sub_at(browser, citizen, "app"), citizen.sub}) == 3
    assert sub_at(browser, citizen, "app") == citizen.sub


def test_the_id_token_and_userinfo_say_the_same(browser: Browser, citizen: Person) -> None:
    tokens: Any = browser.redeem(browser.code(citizen, "one"), "one").json
    told: Any = browser.userinfo(tokens["access_token"]).json

    assert id_token(browser, tokens["id_token"])["sub"] == told["sub"] != citizen.sub


def test_a_hint_may_name_a_pairwise_subject(browser: Browser, citizen: Person) -> None:
    tokens: Any = browser.redeem(browser.code(citizen, "one"), "one").json

    browser.authorize("one", prompt="none", id_token_hint=tokens["id_token"])

    assert "code" in answer(browser.last)


def test_signing_out_with_a_pairwise_hint_asks_nothing_more(
    browser: Browser, citizen: Person
) -> None:
    tokens: Any = browser.redeem(browser.code(citizen, "one"), "one").json

    gone = browser.get("/logout", id_token_hint=tokens["id_token"])

    assert "You are signed out" in gone.text or "已登出" in gone.text
    browser.authorize("one", prompt="none")
    assert answer(browser.last)["error"] == "login_required"


def test_a_subject_stays_as_long_as_its_key_and_sector_do() -> None:
    registration = app("any", CALLBACK)

    first = Subjects(bytes(32)).of(registration, "s_1")

    assert first == Subjects(bytes(32)).of(registration, "s_1")
    assert first != Subjects(bytes([1]) * 32).of(registration, "s_1")
    assert first != Subjects(bytes(32)).of(registration, "s_2")
    assert first.startswith("s_")


class TestSectorIdentifier:
    """``sector_identifier_uri`` is read at registration, by the one way out."""

    @pytest.fixture
    def tls(self, tmp_path: Path) -> Tls:
        return certify(tmp_path, "localhost")

    @pytest.fixture
    def config(self, tls: Tls) -> Config:
        return msgspec.structs.replace(
            CONFIG,
            registration=RegistrationSection(mode="open", profiles=["oidc"]),
            fetch=FetchSection(
                allowed_networks=["127.0.0.0/8", "::1/128"],
                self_registered_too=True,
                ca_file=str(tls.ca_file),
            ),
        )

    @pytest.fixture
    def document(self, tls: Tls) -> Iterator[Listener]:
        listed = json.dumps([CALLBACK, OTHER]).encode()
        said = says("200 OK", listed, "Content-Type: application/json")
        with listener(said, tls=tls.server) as one:
            yield one

    def ask(self, browser: Browser, port: int, *redirect_uris: str) -> Any:
        members = {
            "redirect_uris": list(redirect_uris),
            "subject_type": "pairwise",
            "sector_identifier_uri": f"https://localhost:{port}/sector.json",
        }
        return send(browser, "POST", "/register", members)

    def test_a_document_that_cannot_be_read_is_refused(self, browser: Browser) -> None:
        found = self.ask(browser, 9, CALLBACK)

        assert refused(found) == (400, "invalid_client_metadata")

    def test_T30_nobody_is_called_for_a_caller_who_may_not_register(
        self, browser: Browser, document: Listener
    ) -> None:
        where = "/register?client_id=app"
        members = {"sector_identifier_uri": f"https://localhost:{document.port}/"}

        found = send(browser, "PUT", where, members, "guessed")

        assert found.status_code == 401
        assert document.connections == 0
