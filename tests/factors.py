"""Second factors in the hands of the tests: an authenticator app, and a passkey in software."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from idp.authenticators.totp import code_of
from idp.clock import seconds
from idp.provider import Provider
from idp.secret import Secret, base64url
from tests.people import Browser, Person

ISSUER = "https://sso.example"
_PRESENT, _VERIFIED, _ELIGIBLE, _BACKED_UP, _ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40


@dataclass
class App:
    """An authenticator app that was told a secret."""

    secret: str
    recovery_codes: list[str] = field(default_factory=list)

    def code(self, now: datetime, *, away: int = 0) -> str:
        """Show the code of now, or of so many steps away."""
        key = Secret(base64.b32decode(self.secret))
        return code_of(key, seconds(now) // 30 + away)


def codes_on(page: str) -> list[str]:
    """Read the recovery codes of a page."""
    return re.findall(r"[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}", page)


def set_up_app(browser: Browser, portico: Provider, *, journey: str = "") -> App:
    """Set up an authenticator app on ``/account/totp``, signed in; stays on the codes' page."""
    browser.get("/account/totp", journey=journey)
    browser.post("/account/totp", browser.hidden() | {"action": "begin"})
    page = browser.follow().text
    found = re.search(r'id="totp-secret">([A-Z2-7 ]+)<', page)
    assert found, page
    app = App(found[1].replace(" ", ""))
    typed = app.code(portico.database.clock())
    page = browser.post(
        "/account/totp", browser.hidden() | {"action": "confirm", "code": typed}
    ).text
    app.recovery_codes = codes_on(page)
    return app


def with_app(portico: Provider, person: Person) -> App:
    """Give somebody an authenticator app, in a browser of their own that is then closed."""
    browser = Browser.on(portico)
    browser.get("/signin/password")
    browser.sign_in(person)
    return set_up_app(browser, portico)


def show_code(browser: Browser, code: str, **more: str) -> None:
    """Type a code into the page of the second factor, and go on."""
    browser.post(
        "/signin/second-factor", browser.hidden() | {"action": "totp", "code": code} | more
    )
    browser.follow()


@dataclass
class SoftKey:
    """A passkey as an authenticator holds it; what it says of itself can be changed."""

    origin: str = ISSUER
    rp_id: str = "sso.example"
    flags: int = _PRESENT | _VERIFIED
    count: int = 0
    user_handle: str = ""
    credential_id: bytes = b"a key of the tests"
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def make(self, options: dict[str, Any]) -> str:
        """Answer ``navigator.credentials.create``."""
        self.user_handle = options["user"]["id"]
        numbers = self.key.public_key().public_numbers()
        cose = {
            1: 2,
            3: -7,
            -1: 1,
            -2: numbers.x.to_bytes(32),
            -3: numbers.y.to_bytes(32),
        }
        attested = bytes(16) + len(self.credential_id).to_bytes(2) + self.credential_id
        data = self._authenticator_data(_ATTESTED) + attested + cbor2.dumps(cose)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        said = {
            "clientDataJSON": base64url(self._client_data("webauthn.create", options)),
            "attestationObject": base64url(attestation),
            "transports": ["internal", "made-up"],
        }
        return self._credential(said)

    def show(self, options: dict[str, Any]) -> str:
        """Answer ``navigator.credentials.get``."""
        self.count += 1 if self.count else 0
        client_data = self._client_data("webauthn.get", options)
        data = self._authenticator_data(0)
        signed = data + hashlib.sha256(client_data).digest()
        said = {
            "clientDataJSON": base64url(client_data),
            "authenticatorData": base64url(data),
            "signature": base64url(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
            "userHandle": self.user_handle,
        }
        return self._credential(said)

    def _authenticator_data(self, more: int) -> bytes:
        place = hashlib.sha256(self.rp_id.encode()).digest()
        return place + bytes([self.flags | more]) + self.count.to_bytes(4)

    def _client_data(self, kind: str, options: dict[str, Any]) -> bytes:
        told = {"type": kind, "challenge": options["challenge"], "origin": self.origin}
        return json.dumps(told | {"crossOrigin": False}).encode()

    def _credential(self, said: dict[str, Any]) -> str:
        name = base64url(self.credential_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": said})


SYNCED = _PRESENT | _VERIFIED | _ELIGIBLE | _BACKED_UP
UNVERIFIED = _PRESENT


def options_on(browser: Browser) -> dict[str, Any]:
    """Read what the page at hand asks a passkey."""
    assert browser.last is not None
    found = re.search(r'data-passkey-options="([^"]+)"', browser.last.text)
    assert found, browser.last.text[:3000]
    options: dict[str, Any] = json.loads(unescape(found[1]))
    return options


def add_passkey(browser: Browser, key: SoftKey, **more: str) -> str:
    """Add a passkey on ``/account/passkeys``, signed in; gives the page that follows."""
    browser.get("/account/passkeys", **more)
    made = key.make(options_on(browser))
    fields = browser.hidden() | {"action": "add", "name": "Key of the tests", "credential": made}
    return browser.post("/account/passkeys", fields).text


def sign_in_by(browser: Browser, key: SoftKey) -> None:
    """Use a passkey on the sign-in page at hand."""
    credential = key.show(options_on(browser))
    browser.post("/signin/passkey", browser.hidden() | {"credential": credential})
    browser.follow()


def show_key(browser: Browser, key: SoftKey) -> None:
    """Use a passkey on the page of the second factor."""
    credential = key.show(options_on(browser))
    fields = browser.hidden() | {"action": "passkey", "credential": credential}
    browser.post("/signin/second-factor", fields)
    browser.follow()


def journey_of(browser: Browser) -> str:
    """Read the journey from the address of the page at hand."""
    assert browser.last is not None
    return parse_qs(urlsplit(browser.last.request.url).query)["journey"][0]


def without_challenge(page: str) -> str:
    """Leave out what is drawn anew for every page: what it asks a passkey."""
    return re.sub(r'data-passkey-options="[^"]*"', "", page)
