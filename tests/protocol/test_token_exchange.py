"""Token exchange (RFC 8693): acting for somebody, visibly and within what they allowed."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey

from idp.oidc import clients
from idp.oidc.clients import BadRegistration
from idp.provider import Provider
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs.signing import claims_of
from tests.people import BASE, LAWYER, SECRET, Browser, Person, add
from tests.protocol.test_dpop import proof
from tests.protocol.test_dpop import redeem as redeem_bound
from tests.protocol.test_signed_answers import introspect

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPE = "urn:ietf:params:oauth:token-type:access_token"
CASES, BANK = "https://cases.example/api", "https://bank.example/api"


@pytest.fixture(autouse=True)
def services(enrol: Enrol) -> None:
    machine: dict[str, Any] = {
        "redirect_uris": [],
        "post_logout_redirect_uris": [],
        "grant_types": [GRANT, "client_credentials"],
        "introspects": True,
        "resources": [CASES],
        "scope": "openid email api",
    }
    enrol("service", **machine)
    enrol("second", **machine)
    enrol("curious", **machine | {"introspects": False})
    enrol("pairwise", **machine | {"subject_type": "pairwise", "sector_identifier_uri":
          "https://sector.example/uris.json"})  # fmt: skip


@pytest.fixture
def handed(browser: Browser, citizen: Person) -> str:
    """A token of ``app``, as it arrives at a service."""
    bought: Any = browser.redeem(browser.code(citizen, scope="openid email profile")).json
    return str(bought["access_token"])


def exchange(browser: Browser, token: str, client_id: str = "service", /, **changes: str) -> Any:
    form = {"grant_type": GRANT, "subject_token": token, "subject_token_type": TYPE} | changes
    return browser.token(client_id, **{n: v for n, v in form.items() if v}).json


def test_the_new_token_says_who_acts_for_whom(
    browser: Browser, citizen: Person, handed: str
) -> None:
    document = exchange(browser, handed, resource=CASES, scope="email")

    claims = claims_of(document["access_token"])
    assert document["issued_token_type"] == TYPE
    assert "refresh_token" not in document
    assert (claims["sub"], claims["act"]) == (citizen.sub, {"sub": "service"})
    assert (claims["aud"], claims["scope"], claims["client_id"]) == (CASES, "email", "service")
    assert claims["auth_time"] == claims_of(handed)["auth_time"]


def test_acts_are_nested_and_not_for_ever(browser: Browser, handed: str) -> None:
    token = handed
    for turn in range(5):
        client_id = "service" if turn % 2 == 0 else "second"
        token = exchange(browser, token, client_id)["access_token"]

    act = claims_of(token)["act"]
    assert act["sub"] == "service"
    assert act["act"]["sub"] == "second"
    assert exchange(browser, token)["error"] == "invalid_request"


def test_an_actor_is_named_by_its_token(browser: Browser, handed: str) -> None:
    own: Any = browser.token("second", grant_type="client_credentials", scope="api").json

    document = exchange(browser, handed, actor_token=own["access_token"], actor_token_type=TYPE)

    assert claims_of(document["access_token"])["act"] == {"sub": "second"}


def test_it_is_worth_no_more_and_lives_no_longer(
    browser: Browser, clock: MovableClock, handed: str
) -> None:
    clock.advance(timedelta(minutes=7))

    document = exchange(browser, handed)

    claims, before = claims_of(document["access_token"]), claims_of(handed)
    assert claims["exp"] == before["exp"]
    assert document["expires_in"] == 180
    assert set(claims["scope"].split()) == {"openid", "email"}
    assert exchange(browser, handed, scope="api")["error"] == "invalid_scope"
    assert exchange(browser, handed, scope="profile")["error"] == "invalid_scope"


def test_it_ends_with_the_token_it_was_bought_with(browser: Browser, handed: str) -> None:
    token = exchange(browser, handed)["access_token"]
    assert browser.userinfo(token).status_code == 200

    browser.post("/signout", browser_form(browser))

    assert browser.userinfo(token).status_code == 401
    assert exchange(browser, token)["error"] == "invalid_request"


@pytest.mark.parametrize("revoked", [0, 1, 2])
def test_it_ends_with_any_token_that_it_descends_from(
    browser: Browser, handed: str, revoked: int
) -> None:
    line, owners = [handed], ["app", "service", "second"]
    for client_id in owners[1:]:
        line.append(exchange(browser, line[-1], client_id)["access_token"])
    assert browser.userinfo(line[-1]).status_code == 200

    revoke(browser, owners[revoked], line[revoked])

    alive = [browser.userinfo(token).status_code == 200 for token in line]
    assert alive == [number < revoked for number in range(3)]
    assert exchange(browser, line[-1])["error"] == "invalid_request"


def test_a_machines_token_takes_with_it_what_it_was_exchanged_for(
    browser: Browser, provider: Provider
) -> None:
    machine: Any = browser.token("machine", grant_type="client_credentials").json
    bought = [exchange(browser, machine["access_token"])["access_token"] for _ in range(2)]
    passed_on = exchange(browser, bought[0], "second")["access_token"]
    assert active(browser, passed_on)

    revoke(browser, "service", bought[0])
    assert [active(browser, one) for one in (*bought, passed_on)] == [False, True, False]
    with provider.database.write() as tx:
        clients.remove(tx, "machine")

    assert not active(browser, bought[1])


def revoke(browser: Browser, client_id: str, token: str) -> None:
    basic = "Basic " + base64.b64encode(f"{client_id}:{SECRET}".encode()).decode()
    assert browser.post("/revoke", {"token": token}, Authorization=basic).status_code == 200


def active(browser: Browser, token: str) -> bool:
    document: Any = introspect(browser, "service", token, "*/*").json
    return bool(document["active"])


def browser_form(browser: Browser) -> dict[str, str]:
    browser.get("/")
    return browser.hidden()


def test_a_client_that_knows_people_by_its_own_names_is_told_no_other(
    browser: Browser, citizen: Person, handed: str
) -> None:
    document = exchange(browser, handed, "pairwise")

    assert claims_of(document["access_token"])["sub"] != citizen.sub


def test_only_a_resource_server_exchanges_what_is_not_its_own(
    browser: Browser, handed: str
) -> None:
    own: Any = browser.token("curious", grant_type="client_credentials", scope="api").json

    assert exchange(browser, handed, "curious")["error"] == "invalid_request"
    assert "access_token" in exchange(browser, own["access_token"], "curious")


def test_a_bound_token_is_exchanged_by_who_holds_its_key(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    bound: Any = redeem_bound(browser, browser.code(citizen), proof(clock)).json
    token = bound["access_token"]
    stranger = proof(clock, key=ECKey.generate_key("P-256"))

    assert exchange(browser, token)["error"] == "invalid_request"
    form = {"grant_type": GRANT, "subject_token": token, "subject_token_type": TYPE}
    basic = "Basic " + base64.b64encode(f"service:{SECRET}".encode()).decode()
    refused: Any = browser.post("/token", form, Authorization=basic, DPoP=stranger).json
    granted: Any = browser.post("/token", form, Authorization=basic, DPoP=proof(clock)).json
    assert refused["error"] == "invalid_request"
    assert granted["token_type"] == "DPoP"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"subject_token": ""}, "invalid_request"),
        ({"subject_token": "x.y.z"}, "invalid_request"),
        ({"subject_token_type": ""}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request"),
        ({"actor_token": "x.y.z", "actor_token_type": TYPE}, "invalid_request"),
        ({"actor_token": "x.y.z"}, "invalid_request"),
        ({"resource": "https://evil.example/"}, "invalid_target"),
        ({"audience": "https://evil.example/"}, "invalid_target"),
        ({"audience": "somebody"}, "invalid_target"),
    ],
)
def test_what_cannot_be_exchanged_is_refused(
    browser: Browser, handed: str, changes: dict[str, str], error: str
) -> None:
    assert exchange(browser, handed, **changes)["error"] == error


def test_an_id_token_is_no_access_token(browser: Browser, citizen: Person) -> None:
    bought: Any = browser.redeem(browser.code(citizen)).json

    assert exchange(browser, bought["id_token"])["error"] == "invalid_request"


def test_who_did_not_register_for_it_exchanges_nothing(
    browser: Browser, handed: str, enrol: Enrol
) -> None:
    assert exchange(browser, handed, "app")["error"] == "unauthorized_client"
    with pytest.raises(BadRegistration):
        enrol("open", token_endpoint_auth_method="none", secret_sha256="", grant_types=[GRANT])


def test_without_a_resource_it_is_for_whom_the_handed_token_is_for(
    browser: Browser, citizen: Person, handed: str, enrol: Enrol
) -> None:
    enrol("front", resources=[CASES, BANK])
    asked = {"scope": "openid email", "resource": f"{CASES} {BANK}"}
    code = browser.code(citizen, "front", **asked)
    both: Any = browser.redeem(code, "front").json

    for_cases = browser.redeem(browser.code(citizen, "front", **asked), "front", resource=CASES)
    narrow: Any = for_cases.json
    found = [
        exchange(browser, token)["access_token"]
        for token in (handed, both["access_token"], narrow["access_token"])
    ]

    assert [claims_of(token)["aud"] for token in found] == [BASE, [BASE, CASES], CASES]
    assert [browser.userinfo(token).status_code for token in found] == [200, 200, 401]


def test_a_token_for_somebody_elses_resource_buys_nothing(
    browser: Browser, citizen: Person, enrol: Enrol
) -> None:
    enrol("front", resources=[BANK])
    asked = {"scope": "openid email", "resource": BANK}
    code = browser.code(citizen, "front", **asked)
    bought: Any = browser.redeem(code, "front", resource=BANK).json

    for changes in ({}, {"resource": CASES}, {"audience": CASES}):
        refused = exchange(browser, bought["access_token"], **changes)
        assert refused["error"] == "invalid_request"


def test_P33_a_kind_that_may_not_open_the_client_is_not_brought_to_it(
    browser: Browser, handed: str, enrol: Enrol
) -> None:
    for kind in ("lawyer", "citizen"):
        machine: dict[str, Any] = {"redirect_uris": [], "post_logout_redirect_uris": []}
        machine |= {"grant_types": [GRANT], "introspects": True, "scope": "openid"}
        enrol(f"for_{kind}", account_kinds=[kind], **machine)

    assert exchange(browser, handed, "for_lawyer")["error"] == "invalid_request"
    assert "access_token" in exchange(browser, handed, "for_citizen")


def test_nobody_acts_whose_token_merely_came_along(
    browser: Browser, handed: str, provider: Provider
) -> None:
    lawyer, other = add(provider, LAWYER), Browser.on(provider)
    passing: Any = other.redeem(other.code(lawyer)).json
    laundered = exchange(browser, passing["access_token"])["access_token"]

    for actor in (passing["access_token"], laundered):
        refused = exchange(browser, handed, actor_token=actor, actor_token_type=TYPE)
        assert refused["error"] == "invalid_request"


def test_who_came_to_the_client_itself_may_be_named_as_acting(
    browser: Browser, handed: str, provider: Provider, enrol: Enrol
) -> None:
    enrol("desk", grant_types=["authorization_code", GRANT], introspects=True)
    lawyer, other = add(provider, LAWYER), Browser.on(provider)
    own: Any = other.redeem(other.code(lawyer, "desk"), "desk").json

    actor = {"actor_token": own["access_token"], "actor_token_type": TYPE}
    document = exchange(browser, handed, "desk", **actor)

    assert claims_of(document["access_token"])["act"] == {"sub": lawyer.sub}
