"""Every parameter of every endpoint, missing, empty, doubled, oversized, of the wrong kind."""

import base64
import re
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idp.oidc.vocabulary import GrantType
from tests.conftest import Enrol
from tests.people import SECRET, Browser, Person, request_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ASCII = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")
AUTHORIZE = (
    *request_of("app"),
    "prompt",
    "max_age",
    "claims",
    "id_token_hint",
    "ui_locales",
    "response_mode",
    "request",
    "request_uri",
    "resource",
    "authorization_details",
    "dpop_jkt",
)
TOKEN = (
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "scope",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "resource",
    "audience",
    "device_code",
    "auth_req_id",
    "subject_token",
    "subject_token_type",
    "actor_token",
    "requested_token_type",
)
BACKCHANNEL = (
    "scope",
    "login_hint",
    "id_token_hint",
    "login_hint_token",
    "binding_message",
    "requested_expiry",
    "client_notification_token",
    "request",
)
ENDPOINTS = {
    "/token": TOKEN,
    "/revoke": ("token", "token_type_hint", "client_id", "client_secret"),
    "/introspect": ("token", "token_type_hint", "client_id", "client_secret"),
    "/par": (*AUTHORIZE, "client_secret"),
    "/device_authorization": ("scope", "client_id", "client_secret"),
    "/bc-authorize": BACKCHANNEL,
}
EVERY_GRANT = tuple(grant.value for grant in GrantType if grant is not GrantType.IMPLICIT)
VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "",
            "\x00",
            'é"\\<script>alert(1)</script>',
            "𠮷" * 50,
            "x" * 20_000,
            "[]",
            "{}",
            "null",
            "-1",
            "99999999999999999999",
            "' OR 1=1 --",
            "../../etc/passwd",
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "app",
            "machine",
            "a.b.c",
            "eyJhbGciOiJub25lIn0.e30.",
            "a.b.c.d.e",
            '[{"type": "payment"}]',
            "https://a.example/api",
            "urn:ietf:params:oauth:token-type:access_token",
            *EVERY_GRANT,
        ]
    ),
)
CALM = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


@pytest.mark.parametrize("path", ENDPOINTS)
@given(data=st.data())
@CALM
def test_machines_always_get_an_oauth_error(
    browser: Browser, path: str, data: st.DataObject
) -> None:
    fields = data.draw(st.lists(st.tuples(st.sampled_from(ENDPOINTS[path]), VALUES), max_size=6))
    body = urlencode(fields, errors="surrogatepass")

    reply = browser.client.post(path, data=body, content_type="application/x-www-form-urlencoded")

    assert reply.status_code in {400, 401, 413}
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.json is not None
    assert re.fullmatch(r"[a-z_]+", reply.json["error"])
    assert ASCII.fullmatch(reply.json.get("error_description", ""))
    assert "alert" not in reply.text


@pytest.mark.parametrize("path", ENDPOINTS)
@given(data=st.data())
@CALM
def test_so_does_a_client_that_has_proven_itself_and_may_do_everything(
    browser: Browser, everything: str, path: str, data: st.DataObject
) -> None:
    names = [one for one in ENDPOINTS[path] if not one.startswith("client_")]
    fields = data.draw(st.lists(st.tuples(st.sampled_from(names), VALUES), max_size=6))
    headers = {"Authorization": everything, "DPoP": data.draw(st.sampled_from(PROOFS))}

    reply = browser.client.post(
        path,
        data=urlencode(fields, errors="surrogatepass"),
        content_type="application/x-www-form-urlencoded",
        headers={name: value for name, value in headers.items() if value},
    )

    assert reply.status_code in {200, 201, 400, 401, 413}, reply.text
    if reply.status_code >= 400:
        assert reply.json is not None
        assert re.fullmatch(r"[a-z_]+", reply.json["error"])
        assert ASCII.fullmatch(reply.json.get("error_description", ""))
        assert "alert" not in reply.text


PROOFS = ("", "", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "é".encode().decode("latin-1"))


@pytest.fixture
def everything(enrol: Enrol) -> str:
    """A client with every grant; gives the header it proves itself with."""
    enrol(
        "everything",
        grant_types=list(EVERY_GRANT),
        scope="openid profile email offline_access api",
        resources=["https://a.example/api"],
        authorization_details_types=["payment"],
        introspects=True,
    )
    return "Basic " + base64.b64encode(f"everything:{SECRET}".encode()).decode()


@given(changes=st.dictionaries(st.sampled_from(AUTHORIZE), VALUES, max_size=4))
@CALM
def test_an_authorization_request_ends_in_a_page_or_at_the_app(
    browser: Browser, changes: dict[str, str]
) -> None:
    query = request_of("app") | {name: value for name, value in changes.items() if value}

    page = browser.client.get(
        "/authorize?" + urlencode(query, errors="surrogatepass"), base_url="https://sso.example"
    )

    assert page.status_code in {303, 400}
    assert "<script>alert" not in page.text
    if page.status_code == 303:
        location = page.headers["Location"]
        assert location.startswith(("https://app.example/callback?", "/signin/", "/authorize/"))
    else:
        assert 'id="error-code"' in page.text


@pytest.mark.parametrize("path", [*ENDPOINTS, "/userinfo", "/authorize", "/logout"])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"grant_type":"client_credentials"}', "application/json"),
        (b"a=1&a=2", "application/x-www-form-urlencoded"),
        (b"\xff\xfe=1", "application/x-www-form-urlencoded"),
        (b"a=" + b"x" * 70_000, "application/x-www-form-urlencoded"),
        (
            b"&".join(b"a%d=1" % number for number in range(200)),
            "application/x-www-form-urlencoded",
        ),
        (b"token=%00", "application/x-www-form-urlencoded"),
    ],
    ids=["JSON", "doubled", "no text", "oversized", "too many", "NUL"],
)
def test_a_body_of_the_wrong_form_is_refused(
    browser: Browser, path: str, body: bytes, content_type: str
) -> None:
    reply = browser.client.post(path, data=body, content_type=content_type)

    assert 400 <= reply.status_code < 500


@pytest.mark.parametrize("path", [*ENDPOINTS, "/jwks"])
def test_O4_other_methods_are_405(browser: Browser, path: str) -> None:
    wrong = browser.client.put(path)

    assert wrong.status_code == 405
    assert wrong.headers["Allow"]


def test_O3_credentials_in_the_url_are_refused_even_if_right(browser: Browser) -> None:
    reply = browser.client.post(
        f"/token?client_id=machine&client_secret={SECRET}",
        data={"grant_type": "client_credentials"},
    )

    assert reply.status_code in {400, 401}


def test_O2_two_ways_of_authentication_at_once_are_refused(browser: Browser) -> None:
    reply = browser.token("machine", grant_type="client_credentials", client_secret="x")

    assert reply.status_code == 400
    assert reply.json is not None
    assert reply.json["error"] == "invalid_request"


@pytest.mark.parametrize("grant_type", ["password", "implicit", "foo"])
def test_B12_other_grants_do_not_exist(browser: Browser, grant_type: str) -> None:
    reply = browser.token("app", grant_type=grant_type, username="a", password="b")

    assert reply.json is not None
    assert reply.json["error"] == "unsupported_grant_type"


def test_O11_guessing_a_clients_secret_is_braked_where_it_comes_from(
    browser: Browser, citizen: Person
) -> None:
    wrong = base64.b64encode(b"app:guess").decode()
    for _ in range(25):
        browser.post("/token", {"grant_type": "x"} | GRANT, Authorization=f"Basic {wrong}")
    braked = browser.redeem(browser.code(citizen))
    browser.client.environ_base["REMOTE_ADDR"] = "192.0.2.9"
    elsewhere = browser.redeem(browser.code(citizen))

    assert braked.status_code == 401
    assert elsewhere.status_code == 200


GRANT = {"grant_type": "client_credentials"}


@pytest.mark.parametrize("path", ["/nowhere", "/<script>alert(1)</script>", "/%E5%8F%B8%E6%B3%95"])
def test_T75_error_pages_echo_nothing(browser: Browser, path: str) -> None:
    page = browser.get(path, q='"><script>alert(2)</script>')

    assert page.status_code == 404
    assert "<script>alert" not in page.text
    assert 'id="error-reference"' in page.text
