"""T56: whoever is not a page of an allowed site is turned away before anything is parsed."""

from collections.abc import Mapping

import pytest

from tests.bridge.callers import SITE, Caller, request
from tests.bridge.cards import FileCard
from tests.bridge.person import Person

FOREIGN = {
    "another site": "https://evil.example",
    "none": None,
    "null, as of a form or a sandbox": "null",
    "a longer host that begins alike": f"{SITE}.evil.example",
    "a host that ends alike": "https://evil-idp.example",
    "the same host without TLS": "http://idp.example",
    "another port": f"{SITE}:8443",
    "the default port written out": f"{SITE}:443",
    "capitals": "https://IDP.example",
    "a slash at the end": f"{SITE}/",
    "a path": f"{SITE}/signin",
    "a user before the host": "https://idp.example@evil.example",
    "two origins": f"{SITE} https://evil.example",
    "two origins with a comma": f"{SITE}, https://evil.example",
    "a star": "*",
    "a file": "file://",
    "an extension": "chrome-extension://abcdefgh",
    "a dot at the end": "https://idp.example.",
}


@pytest.mark.parametrize("origin", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/info"),
        ("POST", "/v1/hello"),
        ("GET", "/v1/status"),
        ("POST", "/v1/authenticate"),
        ("POST", "/v1/cancel"),
        ("OPTIONS", "/v1/authenticate"),
    ],
)
def test_T56_a_foreign_origin_is_refused_everywhere_and_reads_nothing(
    caller: Caller, card: FileCard, method: str, path: str, origin: str | None
) -> None:
    preflight = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    headers = {"Origin": origin, "X-Cardbridge-Ticket": caller.ticket()}
    if method == "OPTIONS":
        headers |= preflight

    reply = caller.call(method, path, {} if method == "POST" else None, headers)

    assert reply.status == 403
    assert reply.json["error"] == "origin_denied"
    assert not [name for name in reply.headers if name.lower().startswith("access-control")]
    assert card.calls() == []


FORGED: Mapping[str, tuple[int, dict[str, str | None]]] = {
    "no header of ours": (403, {"X-Cardbridge": None}),
    "another value of it": (403, {"X-Cardbridge": "2"}),
    "a form": (415, {"Content-Type": "application/x-www-form-urlencoded"}),
    "a form with a file": (415, {"Content-Type": "multipart/form-data; boundary=x"}),
    "plain text": (415, {"Content-Type": "text/plain"}),
    "no media type": (415, {"Content-Type": None}),
    "JSON with something after it": (415, {"Content-Type": "application/json; charset=utf-16"}),
    "a navigation": (403, {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}),
    "no-cors": (403, {"Sec-Fetch-Mode": "no-cors"}),
    "a web socket": (403, {"Sec-Fetch-Mode": "websocket"}),
    "a frame": (403, {"Sec-Fetch-Dest": "iframe"}),
    "an image": (403, {"Sec-Fetch-Dest": "image"}),
    "a click on a link": (403, {"Sec-Fetch-User": "?1"}),
    "a rebound name": (421, {"Host": "evil.example:{port}"}),
    "a name without the port": (421, {"Host": "127.0.0.1"}),
    "a name with another port": (421, {"Host": "127.0.0.1:1"}),
    "all interfaces": (421, {"Host": "0.0.0.0:{port}"}),
    "another loopback address": (421, {"Host": "127.0.0.2:{port}"}),
    "a name in capitals": (421, {"Host": "LOCALHOST:{port}"}),
    "no ticket": (403, {"X-Cardbridge-Ticket": None}),
    "a made-up ticket": (403, {"X-Cardbridge-Ticket": "AAAAAAAAAAAAAAAAAAAAAA"}),
    "an empty ticket": (403, {"X-Cardbridge-Ticket": ""}),
}


@pytest.mark.parametrize(("status", "headers"), FORGED.values(), ids=FORGED)
def test_T56_T57_a_request_that_is_no_fetch_of_ours_is_refused(
    caller: Caller,
    card: FileCard,
    person: Person,
    status: int,
    headers: dict[str, str | None],
) -> None:
    sent = {"X-Cardbridge-Ticket": caller.ticket()} | {
        name: value.replace("{port}", str(caller.port)) if value else value
        for name, value in headers.items()
    }

    reply = caller.call("POST", "/v1/authenticate", request(), sent)

    assert reply.status == status
    assert "error" in reply.json
    assert card.calls() == []
    assert person.was_told() == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_the_bridge_is_reached_by_its_three_names(caller: Caller, host: str) -> None:
    reply = caller.call("GET", "/v1/info", headers={"Host": f"{host}:{caller.port}"})

    assert reply.status == 200
    assert reply.json == {
        "product": "cardbridge",
        "version": "0.1.0",
        "api": [1],
        "transports": ["fetch", "popup"],
    }


def test_a_browser_too_old_for_fetch_metadata_is_served(caller: Caller) -> None:
    silent = {"Sec-Fetch-Site": None, "Sec-Fetch-Mode": None, "Sec-Fetch-Dest": None}

    assert caller.call("GET", "/v1/info", headers=silent).status == 200


def test_an_allowed_page_is_echoed_and_never_starred(caller: Caller) -> None:
    headers = caller.call("GET", "/v1/info").headers

    assert headers["Access-Control-Allow-Origin"] == SITE
    assert headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_the_preflight_of_an_allowed_page_is_answered(caller: Caller) -> None:
    reply = caller.call(
        "OPTIONS",
        "/v1/authenticate",
        headers={
            "X-Cardbridge": None,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,x-cardbridge,x-cardbridge-ticket",
        },
    )

    assert reply.status == 204
    assert reply.headers["Access-Control-Allow-Origin"] == SITE
    assert reply.headers["Access-Control-Allow-Methods"] == "POST"
    assert "x-cardbridge-ticket" in reply.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    ("path", "method", "names"),
    [
        ("/v1/authenticate", "PUT", "content-type"),
        ("/v1/authenticate", "POST", "content-type,authorization"),
        ("/popup", "GET", ""),
        ("/elsewhere", "POST", ""),
    ],
)
def test_a_preflight_for_what_is_not_offered_is_refused(
    caller: Caller, path: str, method: str, names: str
) -> None:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": names}

    reply = caller.call("OPTIONS", path, headers=asked)

    assert reply.status == 403
    assert "Access-Control-Allow-Methods" not in reply.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1/info?x=1", 404),
        ("GET", "/v1/../v1/info", 404),
        ("GET", "http://evil.example/v1/info", 404),
        ("GET", "/v1/sign", 404),
        ("POST", "/v1/sign", 404),
        ("POST", "/sign", 404),
        ("GET", "/pkcs11info", 404),
        ("GET", "/addDomain?domain=evil.example", 404),
        ("POST", "/v1/info", 405),
        ("GET", "/v1/authenticate", 405),
        ("DELETE", "/v1/hello", 405),
        ("HEAD", "/v1/info", 405),
    ],
)
def test_T59_nothing_else_is_offered(caller: Caller, method: str, path: str, status: int) -> None:
    assert caller.call(method, path, {} if method == "POST" else None).status == status
