"""Answers by form post and sign-out by frames, in a real browser, with JavaScript and without."""

from urllib.parse import parse_qs, urlencode

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Stack

pytestmark = pytest.mark.timeout(120)


def request_to(stack: Stack) -> str:
    query = {
        "client_id": "older",
        "response_type": "code id_token",
        "response_mode": "form_post",
        "redirect_uri": f"http://127.0.0.1:{stack.older.port}/callback",
        "scope": "openid",
        "state": "a state & more",
        "nonce": "n",
    }
    return f"{stack.provider.url}/authorize?{urlencode(query)}"


def posted(stack: Stack) -> dict[str, str]:
    """Read what the app was posted last."""
    posts = [one for one in stack.older.requests if one.startswith(b"POST /callback HTTP")]
    _, _, body = posts[-1].partition(b"\r\n\r\n")
    return {name: value for name, (value,) in parse_qs(body.decode()).items()}


def test_an_answer_is_posted_to_the_app_and_signing_out_opens_its_frame(
    stack: Stack, page: Page
) -> None:
    before = len(stack.older.requests)
    page.goto(request_to(stack))
    stack.sign_in(page)
    page.wait_for_selector("#hello")

    found = posted(stack)
    assert found["state"] == "a state & more"
    assert found["code"]

    query = {
        "id_token_hint": found["id_token"],
        "post_logout_redirect_uri": f"http://127.0.0.1:{stack.older.port}/bye",
        "state": "s",
    }
    page.goto(f"{stack.provider.url}/logout?{urlencode(query)}")
    page.wait_for_url("**/bye?state=s")

    asked = [one.partition(b" HTTP")[0].decode() for one in stack.older.requests[before:]]
    framed = [one for one in asked if one.startswith("GET /gone?")]
    assert len(framed) == 1
    assert set(parse_qs(framed[0].partition("?")[2])) == {"iss", "sid"}


def test_without_javascript_a_button_posts_the_answer(stack: Stack, chromium: Browser) -> None:
    with chromium.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(request_to(stack))
        stack.sign_in(page)

        page.click("#form-post-submit")
        page.wait_for_selector("#hello")

        assert posted(stack)["code"]
