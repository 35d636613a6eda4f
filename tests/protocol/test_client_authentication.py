"""How clients prove who they are: T27 to T29, and the old ways with a secret."""

import base64
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from werkzeug.test import TestResponse

from idp.oidc import clients
from idp.oidc.vocabulary import CLIENT_ASSERTION_TYPE
from idp.provider import Provider
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs.signing import public
from tests.labs.signing import signed as sign
from tests.people import MACHINE, SECRET, Browser, Person
from tests.protocol.test_signed_answers import introspect
from tests.protocol.test_token_exchange import GRANT as EXCHANGE
from tests.protocol.test_token_exchange import TYPE as ACCESS_TOKEN

ISSUER = "https://sso.example"
KEY = ECKey.generate_key("P-256", {"kid": "one"})
FOREIGN = ECKey.generate_key("P-256", {"kid": "one"})


@pytest.fixture(autouse=True)
def robot(provider: Provider) -> None:
    """Register a machine that signs its assertions, and one that posts its secret."""
    asserting = msgspec.structs.replace(
        MACHINE,
        client_id="robot",
        secret_sha256="",
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [KEY.as_dict(private=False)]},
    )
    posting = msgspec.structs.replace(
        MACHINE, client_id="poster", token_endpoint_auth_method="client_secret_post"
    )
    with provider.database.write() as tx:
        clients.add(tx, asserting, source="operator")
        clients.add(tx, posting, source="operator")


def claims(clock: MovableClock, **changes: Any) -> dict[str, Any]:
    now = int(clock().timestamp())
    honest = {
        "iss": "robot",
        "sub": "robot",
        "aud": ISSUER,
        "jti": "first",
        "iat": now,
        "exp": now + 60,
    }
    return {name: value for name, value in (honest | changes).items() if value is not None}


def send(browser: Browser, assertion: str, **more: str) -> TestResponse:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": CLIENT_ASSERTION_TYPE,
        "client_assertion": assertion,
    }
    return browser.post("/token", form | more)


def signed(content: dict[str, Any], key: ECKey = KEY, **header: str) -> str:
    return jwt.encode({"alg": "ES256", **header}, content, key, algorithms=["ES256"])


@pytest.mark.parametrize(
    "audience", [ISSUER, f"{ISSUER}/token", [ISSUER], f"{ISSUER}/par", f"{ISSUER}/bc-authorize"]
)
def test_an_honest_assertion_is_accepted(
    browser: Browser, clock: MovableClock, audience: Any
) -> None:
    reply = send(browser, signed(claims(clock, aud=audience)))

    assert reply.status_code == 200


def test_an_assertion_is_signed_with_what_was_registered(
    browser: Browser, clock: MovableClock, enrol: Enrol
) -> None:
    rsa = RSAKey.generate_key(2048)
    enrol(
        "robot2",
        grant_types=["client_credentials"],
        scope="api",
        secret_sha256="",
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg="PS256",
        jwks=public(rsa),
    )

    replies = {
        alg: send(
            browser,
            sign(rsa, claims(clock, iss="robot2", sub="robot2", jti=alg), {"alg": alg}),
        ).status_code
        for alg in ("PS256", "RS256")
    }

    assert replies == {"PS256": 200, "RS256": 401}


def test_a_key_needs_no_kid(browser: Browser, clock: MovableClock) -> None:
    assert send(browser, signed(claims(clock), kid="one")).status_code == 200
    assert send(browser, signed(claims(clock, jti="second"))).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"aud": "https://other.example"}, id="T27 another issuer"),
        pytest.param({"aud": f"{ISSUER}/"}, id="T27 a slash added"),
        pytest.param({"aud": None}, id="T27 no audience"),
        pytest.param({"aud": 7}, id="T27 audience of a number"),
        pytest.param({"exp": None}, id="T29 no exp"),
        pytest.param({"exp": 1}, id="T29 expired"),
        pytest.param({"exp": 99_999_999_999}, id="T29 good for a century"),
        pytest.param({"iat": 99_999_999_999}, id="T29 of the future"),
        pytest.param({"nbf": 99_999_999_999}, id="T29 not yet"),
        pytest.param({"sub": "somebody"}, id="T29 sub is another"),
        pytest.param({"sub": None}, id="T29 no sub"),
        pytest.param({"iss": "machine", "sub": "machine"}, id="another client's name"),
        pytest.param({"jti": None}, id="no jti"),
        pytest.param({"jti": "x" * 300}, id="an endless jti"),
    ],
)
def test_a_dishonest_assertion_is_invalid_client(
    browser: Browser, clock: MovableClock, changes: dict[str, Any]
) -> None:
    reply = send(browser, signed(claims(clock, **changes)))

    assert reply.status_code == 401
    assert reply.json is not None
    assert reply.json["error"] == "invalid_client"
    assert reply.headers["WWW-Authenticate"]


def test_F7_clocks_may_differ_by_ten_seconds_and_not_by_a_minute(
    browser: Browser, clock: MovableClock
) -> None:
    now = int(clock().timestamp())

    ahead = send(browser, signed(claims(clock, iat=now + 8, nbf=now + 8)))
    too_far = send(browser, signed(claims(clock, iat=now + 61, jti="second")))

    assert ahead.status_code == 200
    assert too_far.status_code == 401


def test_T28_an_assertion_is_good_once(browser: Browser, clock: MovableClock) -> None:
    assertion = signed(claims(clock))

    first, second = send(browser, assertion), send(browser, assertion)

    assert first.status_code == 200
    assert second.status_code == 401


def test_T22_T23_neither_foreign_keys_nor_tricks_of_the_header_are_taken(
    browser: Browser, clock: MovableClock
) -> None:
    content = claims(clock)
    unsigned = ".".join(
        base64.urlsafe_b64encode(msgspec.json.encode(part)).rstrip(b"=").decode()
        for part in ({"alg": "none"}, content)
    )
    public = OctKey.import_key(msgspec.json.encode(KEY.as_dict(private=False)))
    attempts = [
        signed(content, FOREIGN),
        signed(content, FOREIGN, kid="one"),
        f"{unsigned}.",
        jwt.encode({"alg": "HS256"}, content, public, algorithms=["HS256"]),
        signed(content)[:-4] + "AAAA",
        "",
        "a.b.c",
    ]

    assert {send(browser, one).status_code for one in attempts} <= {400, 401}


def test_the_method_is_the_one_that_was_registered(browser: Browser) -> None:
    form = {"grant_type": "client_credentials", "client_secret": SECRET}

    posted = browser.post("/token", form | {"client_id": "poster"})
    posted_instead_of_basic = browser.post("/token", form | {"client_id": "machine"})
    basic_instead_of_posted = browser.token("poster", grant_type="client_credentials")
    nothing = browser.post("/token", {"grant_type": "client_credentials", "client_id": "machine"})

    assert posted.status_code == 200
    for refused in (posted_instead_of_basic, basic_instead_of_posted, nothing):
        assert refused.status_code == 401


def test_a_secret_may_hold_any_character_in_the_basic_header(
    browser: Browser, provider: Provider
) -> None:
    import hashlib

    odd = "p%:+ä密"
    registration = msgspec.structs.replace(
        MACHINE, client_id="odd", secret_sha256=hashlib.sha256(odd.encode()).hexdigest()
    )
    with provider.database.write() as tx:
        clients.add(tx, registration, source="operator")
    from urllib.parse import quote_plus

    basic = base64.b64encode(f"odd:{quote_plus(odd)}".encode()).decode()
    form = {"grant_type": "client_credentials"}

    assert browser.post("/token", form, Authorization=f"Basic {basic}").status_code == 200


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Basic /w=="])
def test_a_header_that_cannot_be_read_is_invalid_client(browser: Browser, header: str) -> None:
    reply = browser.post("/token", {"grant_type": "client_credentials"}, Authorization=header)

    assert reply.status_code == 401


def test_a_secret_lives_on_for_the_overlap_and_not_longer(
    browser: Browser, provider: Provider, clock: MovableClock
) -> None:
    with provider.database.write() as tx:
        clients.new_secret(tx, provider.entropy, "machine", overlap=timedelta(hours=1))
    provider.clients.forget()

    assert browser.token("machine", grant_type="client_credentials").status_code == 200
    clock.advance(timedelta(hours=1))
    assert browser.token("machine", grant_type="client_credentials").status_code == 401


def test_T49_a_removed_client_is_out_within_a_second(
    browser: Browser, provider: Provider, clock: MovableClock
) -> None:
    assert browser.token("machine", grant_type="client_credentials").status_code == 200
    with provider.database.write() as tx:
        clients.remove(tx, "machine")

    clock.advance(timedelta(seconds=1))

    assert browser.token("machine", grant_type="client_credentials").status_code == 401


def test_T49_what_a_removed_client_holds_is_good_for_nothing_at_once(
    browser: Browser, provider: Provider, citizen: Person, enrol: Enrol
) -> None:
    service = {"grant_types": [EXCHANGE], "scope": "openid email api", "introspects": True}
    enrol("service", redirect_uris=[], post_logout_redirect_uris=[], **service)
    bought: Any = browser.redeem(browser.code(citizen, scope="openid email")).json
    machine: Any = browser.token("machine", grant_type="client_credentials").json
    held = [bought["access_token"], bought["refresh_token"], machine["access_token"]]
    assert all(looked_at(browser, token)["active"] for token in held)

    with provider.database.write() as tx:
        assert clients.remove(tx, "app")
        assert clients.remove(tx, "machine")

    assert [looked_at(browser, token) for token in held] == [{"active": False}] * 3
    assert browser.userinfo(held[0]).status_code == 401
    for token in (held[0], held[2]):
        form = {"subject_token": token, "subject_token_type": ACCESS_TOKEN}
        refused: Any = browser.token("service", grant_type=EXCHANGE, **form).json
        assert refused["error"] == "invalid_request"


def test_T49_what_was_allowed_to_a_removed_client_stays_revoked_when_it_is_back(
    browser: Browser, provider: Provider, citizen: Person
) -> None:
    bought: Any = browser.redeem(browser.code(citizen, scope="openid email")).json
    with provider.database.write() as tx:
        clients.remove(tx, "app")
        clients.bring_back(tx, "app")

    refreshed = browser.token(grant_type="refresh_token", refresh_token=bought["refresh_token"])

    assert refreshed.status_code == 400
    assert browser.userinfo(bought["access_token"]).status_code == 401


def looked_at(browser: Browser, token: str) -> Any:
    return introspect(browser, "service", token, "*/*").json
