"""OIDC Session Management in a real browser (A9): our frame inside an app's page."""

import json
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Stack
from tests.labs.listener import says

pytestmark = pytest.mark.timeout(120)

_APP = b"""<!doctype html><title>app</title><iframe id=op></iframe><script>
window.ask = function (message) {
  return new Promise(function (resolve) {
    window.onmessage = function (event) { resolve([event.data, event.origin]); };
    document.getElementById('op').contentWindow.postMessage(message, '*');
  });
};
window.load = function (url) {
  return new Promise(function (resolve) {
    var frame = document.getElementById('op');
    frame.onload = function () { resolve(true); };
    frame.src = url;
  });
};
</script>"""


def request_to(stack: Stack, **changes: str) -> str:
    query = {
        "client_id": "older",
        "response_type": "code",
        "redirect_uri": f"http://localhost:{stack.older.port}/callback",
        "scope": "openid",
        "nonce": "n",
    }
    return f"{stack.provider.url}/authorize?{urlencode(query | changes)}"


def test_oidcc_session_management_rp_initiated_logout(stack: Stack, page: Page) -> None:
    """On one site: over plain HTTP no cookie may go to a frame on another (SameSite=None)."""
    page.goto(request_to(stack))
    stack.sign_in(page)
    page.wait_for_selector("#hello")
    (told,) = parse_qs(urlsplit(page.url).query)["session_state"]
    stack.older.answer = says("200 OK", _APP, "Content-Type: text/html")
    try:
        page.goto(f"http://localhost:{stack.older.port}/framing")
        frame = f"{stack.provider.url}/check-session"
        page.evaluate("url => load(url)", frame)
        asks = "message => ask(message)"

        assert page.evaluate(asks, f"older {told}") == ["unchanged", stack.provider.url]
        assert page.evaluate(asks, f"another {told}")[0] == "changed"
        assert page.evaluate(asks, "older")[0] == "error"
        assert page.evaluate(asks, "older no-salt")[0] == "error"

        page.goto(f"{stack.provider.url}/logout")
        page.click("#logout-confirm")
        page.wait_for_load_state()
        page.goto(f"http://localhost:{stack.older.port}/framing")
        page.evaluate("url => load(url)", frame)

        assert page.evaluate(asks, f"older {told}")[0] == "changed"
    finally:
        stack.older.answer = says("200 OK", b"<h1 id=hello>hello</h1>", "Content-Type: text/html")


def test_oidcc_session_management_discovery_endpoint_verification(stack: Stack) -> None:
    well_known = f"{stack.provider.url}/.well-known/openid-configuration"
    document = json.loads(httpx2.get(well_known).text)

    frame = httpx2.get(document["check_session_iframe"])

    assert frame.status_code == 200
    assert "x-frame-options" not in frame.headers
    assert "frame-ancestors *" in frame.headers["content-security-policy"]
    assert "script-src 'self'" in frame.headers["content-security-policy"]
    assert document["end_session_endpoint"]
