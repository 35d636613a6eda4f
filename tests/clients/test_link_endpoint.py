"""What an app believes about links: one request of the provider's, encrypted to it, once."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from flask.testing import FlaskClient
from joserfc import jwe
from joserfc.jwk import ECKey, RSAKey
from werkzeug.test import TestResponse

from clients.casequery import accounts, app, demo
from clients.kit import linking
from clients.kit.config import DatabaseSection, KitConfig, LinkingSection, ProviderSection
from clients.kit.database import Database, Table
from migrations import runner
from tests.labs.tiny_provider import TinyProvider, tiny_provider

REGISTRY = jwe.JWERegistry(algorithms=["ECDH-ES", "RSA-OAEP-256", "A256GCM"])
PASSWORD = "the old key of the case room"


@pytest.fixture
def provider() -> Iterator[TinyProvider]:
    with tiny_provider() as one:
        yield one


@pytest.fixture
def config(provider: TinyProvider, tmp_path: Path) -> KitConfig:
    return KitConfig(
        provider=ProviderSection(issuer=provider.url, client_secret="secret"),
        database=DatabaseSection(url=f"sqlite:///{tmp_path / 'casequery.sqlite'}"),
        linking=LinkingSection(required=True, key_file=str(tmp_path / "key.json")),
    )


@pytest.fixture
def database(config: KitConfig) -> Iterator[Database]:
    opened = app.build(config).database
    with opened.write() as tx:
        runner.upgrade(tx.connection, "casequery", Table.metadata)
        accounts.add(tx, "CITIZEN1", accounts.hashed(PASSWORD))
    demo.seed(opened, config.provider.issuer, None)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def caller(config: KitConfig, database: Database) -> FlaskClient:
    del database  # wanted for its tables
    return app.application(config).test_client()


def claims(provider: TinyProvider, **changes: Any) -> dict[str, Any]:
    now = int(time.time())  # noqa: TID251 - a program of its own, with the machine's clock
    honest = {
        "iss": provider.url,
        "aud": "casequery",
        "sub": "s_ming",
        "jti": str(uuid4()),
        "iat": now,
        "exp": now + 60,
        "local_account": "citizen1",
        "password": PASSWORD,
    }
    return {name: one for name, one in (honest | changes).items() if one is not None}


def sealed(caller: FlaskClient, token: str) -> str:
    (key,) = caller.get("/linking/jwks").json["keys"]  # type: ignore[index]
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "cty": "JWT"}
    return jwe.encrypt_compact(header, token, ECKey.import_key(key), registry=REGISTRY)


def post(caller: FlaskClient, provider: TinyProvider, **changes: Any) -> TestResponse:
    token = provider.sign(claims(provider, **changes), "link+jwt")
    return caller.post("/linking", data={"request": sealed(caller, token)})


def holder(database: Database, sub: str = "s_ming") -> str | None:
    with database.read() as tx:
        rows = tx.execute(linking.Link.__table__.select()).all()
    return next((row.account for row in rows if row.sub == sub), None)


def test_an_honest_request_links(
    caller: FlaskClient, provider: TinyProvider, database: Database
) -> None:
    answer = post(caller, provider)

    assert answer.json == {"status": "linked", "account": "CITIZEN1"}
    assert holder(database) == "CITIZEN1"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"iss": "https://evil.example"}, id="another issuer"),
        pytest.param({"aud": "another-app"}, id="another app"),
        pytest.param({"aud": ["casequery", "another"]}, id="several apps"),
        pytest.param({"exp": 1}, id="expired"),
        pytest.param({"exp": None}, id="never expires"),
        pytest.param({"iat": 1}, id="old, whatever its exp"),
        pytest.param({"iat": 99_999_999_999}, id="of the future"),
        pytest.param({"jti": None}, id="no jti"),
        pytest.param({"jti": "not-an-id"}, id="a jti of another form"),
        pytest.param({"sub": None}, id="about nobody"),
    ],
)
def test_a_doubtful_request_links_nothing(
    caller: FlaskClient, provider: TinyProvider, database: Database, changes: dict[str, Any]
) -> None:
    assert post(caller, provider, **changes).status_code == 400
    assert holder(database) is None


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "logout+jwt", "link-status+jwt", None])
def test_T76_no_other_token_passes_for_a_request(
    caller: FlaskClient, provider: TinyProvider, database: Database, typ: str | None
) -> None:
    token = provider.sign(claims(provider), typ)

    answer = caller.post("/linking", data={"request": sealed(caller, token)})

    assert answer.status_code == 400
    assert holder(database) is None


@pytest.mark.parametrize("header", [{"alg": "none", "kid": "one"}, {"alg": "HS256", "kid": "one"}])
def test_T22_the_algorithms_are_the_apps_own(
    caller: FlaskClient, provider: TinyProvider, database: Database, header: dict[str, Any]
) -> None:
    provider.header = header

    assert post(caller, provider).status_code == 400
    assert holder(database) is None


def test_a_request_signed_by_somebody_else_links_nothing(
    caller: FlaskClient, provider: TinyProvider, database: Database
) -> None:
    published = provider.key
    provider.key = RSAKey.generate_key(2048, {"kid": "one"})
    token = provider.sign(claims(provider), "link+jwt")
    provider.key = published

    assert caller.post("/linking", data={"request": sealed(caller, token)}).status_code == 400
    assert holder(database) is None


def test_a_request_in_clear_or_of_another_form_is_not_taken(
    caller: FlaskClient, provider: TinyProvider, database: Database
) -> None:
    token = provider.sign(claims(provider), "link+jwt")
    status = provider.sign(claims(provider, attempt="x"), "link-status+jwt")
    for form in (
        {"request": token},
        {"request": "a.b.c.d.e"},
        {"request": ""},
        {"request": [sealed(caller, token), "x"]},
        {"request": sealed(caller, token), "status": status},
        {"status": status},
        {"event": sealed(caller, token)},
        {"other": token},
        {},
    ):
        assert caller.post("/linking", data=form).status_code == 400, form
    assert holder(database) is None


def test_a_request_is_heard_once_even_when_it_was_refused(
    caller: FlaskClient, provider: TinyProvider, database: Database
) -> None:
    jti = str(uuid4())

    assert post(caller, provider, jti=jti, password="a guess").json == {
        "status": "refused", "account": "",
    }  # fmt: skip
    assert post(caller, provider, jti=jti).status_code == 400
    assert holder(database) is None


def test_an_account_that_is_not_there_is_refused_like_a_wrong_password(
    caller: FlaskClient, provider: TinyProvider
) -> None:
    absent = post(caller, provider, local_account="NOBODY")
    wrong = post(caller, provider, password="a guess")

    assert absent.json == wrong.json
    assert absent.status_code == wrong.status_code == 200


def test_T37_one_account_has_one_holder_whatever_the_issuers_say(
    caller: FlaskClient, provider: TinyProvider, database: Database
) -> None:
    with database.write() as tx:
        linking.link(tx, "https://another.example", "s_ming", "CITIZEN1")

    answer = post(caller, provider)

    assert answer.json["status"] == "taken"  # type: ignore[index]
    with database.read() as tx:
        assert linking.account_of(tx, provider.url, "s_ming") is None


def test_a_question_is_answered_for_its_own_person_alone(
    caller: FlaskClient, provider: TinyProvider
) -> None:
    attempt = str(uuid4())
    post(caller, provider, jti=attempt)

    def asked(**changes: Any) -> Any:
        about = claims(provider, **{"attempt": attempt, **changes})
        token = provider.sign(about, "link-status+jwt")
        return caller.post("/linking", data={"status": token}).json

    assert asked() == asked() == {"status": "linked", "account": "CITIZEN1"}
    assert asked(sub="s_other") == {"status": "refused", "account": ""}
    assert asked(attempt=str(uuid4())) == {"status": "refused", "account": ""}


def test_an_event_ends_the_link_of_its_own_person_alone(
    caller: FlaskClient, provider: TinyProvider, database: Database
) -> None:
    attempt = str(uuid4())
    post(caller, provider, jti=attempt)

    def over(**changes: Any) -> int:
        token = provider.sign(claims(provider, **{"attempt": attempt, **changes}), "link-event+jwt")
        return caller.post("/linking", data={"event": token}).status_code

    assert over(sub="s_other") == over(attempt=str(uuid4())) == 200
    assert holder(database) == "CITIZEN1"
    assert over() == over() == 200
    assert holder(database) is None


def test_without_a_key_there_is_no_linking(config: KitConfig) -> None:
    off = msgspec.structs.replace(config, linking=LinkingSection())
    caller = app.application(off).test_client()

    assert caller.get("/linking/jwks").status_code == 404
    assert caller.post("/linking", data={"request": "x"}).status_code == 404
