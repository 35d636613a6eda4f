"""Modules about sign-out (A8, A10, A11): asked for by an app, and told to every other."""

import html
import re
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from werkzeug.test import TestResponse

from idp.clock import seconds
from tests.clock import MovableClock
from tests.labs import scrutiny
from tests.labs.listener import Listener
from tests.labs.relying_party import KEY, Outcome, RelyingParty
from tests.labs.signing import base64url, claims_of, signed
from tests.people import BASE, CALLBACK, Browser, Person
from tests.protocol.foundation.conftest import Register

SIGNED_OUT = "https://app.example/post_logout_redirect"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
STATE = f'{secrets.token_urlsafe(90)} &=%/"<'


@pytest.fixture
def leaving(register: Register) -> RelyingParty:
    """An app that says where its people go when they have signed out."""
    return register(post_logout_redirect_uris=[SIGNED_OUT])


def signed_in(party: RelyingParty, person: Person) -> Outcome:
    return party.sign_in(person, state=STATE)


def metadata(browser: Browser) -> dict[str, Any]:
    found: dict[str, Any] = browser.get("/.well-known/openid-configuration").json or {}
    assert found["end_session_endpoint"].startswith("https://")
    return found


def sign_out(party: RelyingParty, **query: str) -> TestResponse:
    return party.browser.get(party.endpoint("end_session_endpoint"), **query)


def back() -> str:
    """Where the app wants its person back, with what it wants to be told."""
    return f"{SIGNED_OUT}?{urlencode({'state': STATE})}"


def is_signed_in(party: RelyingParty) -> bool:
    party.ask(prompt="none")
    answer = party.answer()
    assert answer.get("error", "login_required") == "login_required"
    return "code" in answer


def stays_here(page: TestResponse) -> bool:
    """Whether the browser is led nowhere, neither at once nor by a link."""
    return "Location" not in page.headers and SIGNED_OUT not in page.text


def test_oidcc_rp_initiated_logout_discovery_endpoint_verification(browser: Browser) -> None:
    assert metadata(browser)["end_session_endpoint"]


def test_oidcc_rp_initiated_logout(leaving: RelyingParty, citizen: Person) -> None:
    hint = signed_in(leaving, citizen).id_token

    out = sign_out(leaving, id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT, state=STATE)

    assert out.headers["Location"] == back()
    assert not is_signed_in(leaving)


def test_oidcc_rp_initiated_logout_no_state(leaving: RelyingParty, citizen: Person) -> None:
    hint = signed_in(leaving, citizen).id_token

    out = sign_out(leaving, id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT)

    assert out.headers["Location"] == SIGNED_OUT
    assert not is_signed_in(leaving)


@pytest.mark.parametrize("uri", ["https://app.example/elsewhere", f"{SIGNED_OUT}/"])
def test_oidcc_rp_initiated_logout_bad_post_logout_redirect_uri(
    leaving: RelyingParty, citizen: Person, uri: str
) -> None:
    hint = signed_in(leaving, citizen).id_token

    page = sign_out(leaving, id_token_hint=hint, post_logout_redirect_uri=uri, state=STATE)

    assert page.status_code == 400
    assert stays_here(page)


def test_oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri(
    leaving: RelyingParty, citizen: Person
) -> None:
    hint, uri = signed_in(leaving, citizen).id_token, f"{SIGNED_OUT}?foo=bar"

    page = sign_out(leaving, id_token_hint=hint, post_logout_redirect_uri=uri, state=STATE)

    assert page.status_code == 400
    assert stays_here(page)


def test_oidcc_rp_initiated_logout_modified_id_token_hint(
    leaving: RelyingParty, citizen: Person
) -> None:
    _, payload, signature = signed_in(leaving, citizen).id_token.split(".")
    unsigned = base64url(b'{"alg":"none"}')

    for hint in (f"{unsigned}.{payload}.", f"{unsigned}.{payload}.{signature}"):
        page = sign_out(
            leaving, id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT, state=STATE
        )

        assert page.status_code == 400
        assert stays_here(page)
    assert is_signed_in(leaving)


def test_oidcc_rp_initiated_logout_bad_id_token_hint(
    leaving: RelyingParty, citizen: Person
) -> None:
    """All that the hint says is right; but the app signed it, and not we."""
    claims = claims_of(signed_in(leaving, citizen).id_token)
    claims |= {"iss": leaving.client_id, "aud": BASE}

    for content in (claims, claims | {"iss": BASE, "aud": leaving.client_id}):
        page = sign_out(
            leaving,
            id_token_hint=signed(KEY, content, {"alg": "RS256"}),
            post_logout_redirect_uri=SIGNED_OUT,
            state=STATE,
        )

        assert page.status_code == 400
        assert stays_here(page)
    assert is_signed_in(leaving)


def test_oidcc_rp_initiated_logout_no_id_token_hint(leaving: RelyingParty, citizen: Person) -> None:
    signed_in(leaving, citizen)

    page = sign_out(leaving, post_logout_redirect_uri=SIGNED_OUT, state=STATE)

    assert page.status_code == 400
    assert stays_here(page)


def is_signed_out_after_asking(party: RelyingParty, page: TestResponse) -> bool:
    """Confirm what the page asks; whether the person is then told, and signed out."""
    assert 'id="logout-confirm"' in page.text
    assert stays_here(page)
    done = party.browser.post("/logout/confirm", party.browser.hidden())
    return "You are signed out" in done.text and stays_here(done) and not is_signed_in(party)


def test_oidcc_rp_initiated_logout_no_params(leaving: RelyingParty, citizen: Person) -> None:
    signed_in(leaving, citizen)

    assert is_signed_out_after_asking(leaving, sign_out(leaving))


def test_oidcc_rp_initiated_logout_only_state(leaving: RelyingParty, citizen: Person) -> None:
    signed_in(leaving, citizen)

    assert is_signed_out_after_asking(leaving, sign_out(leaving, state=STATE))


def test_oidcc_rp_initiated_logout_no_post_logout_redirect_uri(
    leaving: RelyingParty, citizen: Person
) -> None:
    hint = signed_in(leaving, citizen).id_token

    page = sign_out(leaving, id_token_hint=hint, state=STATE)

    assert "You are signed out" in page.text
    assert stays_here(page)
    assert not is_signed_in(leaving)


def test_oidcc_frontchannel_logout_discovery_endpoint_verification(browser: Browser) -> None:
    found = metadata(browser)

    assert found["frontchannel_logout_supported"] is True
    assert found["frontchannel_logout_session_supported"] is True


def test_oidcc_frontchannel_rp_initiated_logout(register: Register, citizen: Person) -> None:
    party = register(
        post_logout_redirect_uris=[SIGNED_OUT],
        frontchannel_logout_uri="https://app.example/gone",
        frontchannel_logout_session_required=True,
    )
    outcome = signed_in(party, citizen)

    page = sign_out(
        party, id_token_hint=outcome.id_token, post_logout_redirect_uri=SIGNED_OUT, state=STATE
    )

    (frame,) = re.findall(r'<iframe [^>]*src="([^"]*)"', page.text)
    where, _, query = html.unescape(frame).partition("?")
    assert where == "https://app.example/gone"
    assert parse_qs(query) == {"iss": [BASE], "sid": [outcome.claims["sid"]]}
    assert page.headers["Content-Security-Policy"].endswith("frame-src https://app.example")
    (goes_on,) = re.findall(r'href="([^"]*)" data-goes-on', page.text)
    assert html.unescape(goes_on) == back()
    assert not is_signed_in(party)


def test_oidcc_backchannel_logout_discovery_endpoint_verification(browser: Browser) -> None:
    found = metadata(browser)

    assert found["backchannel_logout_supported"] is True
    assert found["backchannel_logout_session_supported"] is True


def test_oidcc_backchannel_rp_initiated_logout(
    register: Register,
    host: Listener,
    citizen: Person,
    clock: MovableClock,
    rounds: Callable[[], None],
) -> None:
    home = f"https://localhost:{host.port}"
    party = register(
        redirect_uris=[CALLBACK, f"{home}/callback"],
        post_logout_redirect_uris=[SIGNED_OUT],
        backchannel_logout_uri=f"{home}/backchannel",
        backchannel_logout_session_required=True,
    )
    outcome = signed_in(party, citizen)
    hint = outcome.id_token

    out = sign_out(party, id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT, state=STATE)
    rounds()

    assert out.headers["Location"] == back()
    assert not is_signed_in(party)
    assert host.protocols == ["TLSv1.3"]
    (heard,) = host.requests
    head, _, body = heard.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /backchannel HTTP/1.1")
    form = parse_qs(body.decode(), strict_parsing=True)
    assert set(form) == {"logout_token"}
    keys = scrutiny.keys_of(party.browser.get("/jwks").json)
    (token,) = form["logout_token"]
    notice = scrutiny.demand_signed(token, keys, alg="RS256", aud=party.client_id)
    assert (notice["sub"], notice["sid"]) == (outcome.claims["sub"], outcome.claims["sid"])
    assert notice["events"] == {EVENT: {}}
    assert notice["jti"]
    assert abs(seconds(clock()) - notice["iat"]) < 60
    assert "nonce" not in notice
