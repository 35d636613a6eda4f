"""What an app is told to compare, and how origins are written."""

import hashlib

import pytest

from idp.oidc.session_state import browser_state, origin_of, session_state
from idp.secret import base64url


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("https://App.Example/callback?x=1", "https://app.example"),
        ("https://app.example:443/callback", "https://app.example"),
        ("https://app.example:8443/callback", "https://app.example:8443"),
        ("http://localhost:80/", "http://localhost"),
        ("http://[::1]:9001/", "http://[::1]:9001"),
    ],
)
def test_an_origin_is_written_as_a_browser_writes_it(uri: str, origin: str) -> None:
    assert origin_of(uri) == origin


def test_the_state_can_be_computed_anew_and_from_nothing_else() -> None:
    state = browser_state(b"a session's hash")

    told = session_state("app", "https://app.example/cb", state, bytes)

    compared, _, salt = told.partition(".")
    again = hashlib.sha256(f"app https://app.example {state} {salt}".encode()).digest()
    assert compared == base64url(again)
    assert browser_state(b"another's hash") != state
