"""The people, apps and browsers that the tests speak of."""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import msgspec
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from idp.accounts.model import Account, Address, Email, Kind, Profile
from idp.accounts.store import NewAccount
from idp.accounts.tables import AccountRow
from idp.config import CaptchaSection, ClientSection, Config, PasswordSection, ProviderSection
from idp.oidc import clients
from idp.oidc.response import TYPES
from idp.provider import Provider
from idp.secret import Secret
from idp.terms import documents
from idp.web import create_app

PASSWORD = "correct horse battery staple"
CALLBACK = "https://app.example/callback"
VERIFIER = "a-verifier-of-forty-three-characters-or-more"
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
SECRET = "the-app-keeps-this-to-itself"


def _app(client_id: str, **fields: Any) -> ClientSection:
    registered = {
        "client_id": client_id,
        "names": {"en": f"App {client_id}", "zh-Hant": f"系統 {client_id}"},
        "redirect_uris": [CALLBACK],
        "post_logout_redirect_uris": ["https://app.example/signed-out"],
        "secret_sha256": hashlib.sha256(SECRET.encode()).hexdigest(),
        "scope": "openid profile email address phone offline_access",
    }
    return msgspec.convert(registered | fields, ClientSection)


APP = _app("app", trusted=True, home_uri="https://app.example/")
STRANGER = _app("stranger", redirect_uris=["https://stranger.example/callback"])
PUBLIC = _app("public", token_endpoint_auth_method="none", secret_sha256="", trusted=True)
MACHINE = _app("machine", redirect_uris=[], grant_types=["client_credentials"], scope="api")
HYBRID = _app(
    "hybrid",
    profile="oidc",
    trusted=True,
    response_types=list(TYPES),
    grant_types=["authorization_code", "implicit", "refresh_token"],
)
LAWYERS = _app("lawyers", trusted=True, account_kinds=["lawyer"])
CLIENTS = (APP, STRANGER, PUBLIC, MACHINE, HYBRID, LAWYERS)

CONFIG = Config(
    provider=ProviderSection(issuer="https://sso.example"),
    password=PasswordSection(memory_kib=7168, time_cost=1),
    captcha=CaptchaSection(mode="off"),
    clients=list(CLIENTS),
)


def register(portico: Provider) -> None:
    """Put the apps on record."""
    with portico.database.write() as tx:
        for one in CLIENTS:
            clients.add(tx, one, source="config")


@dataclass(frozen=True)
class Person:
    """Somebody with an account."""

    account_name: str
    kind: Kind = Kind.CITIZEN
    profile: Profile = Profile()
    email: str = ""
    password: str = PASSWORD
    account: Account | None = None

    @property
    def sub(self) -> str:
        """Who it is to the apps."""
        assert self.account is not None
        return self.account.subject


CITIZEN = Person(
    "CITIZEN1",
    profile=Profile(
        name="王小明𠮷",
        given_name="小明𠮷",
        family_name="王",
        middle_name="之",
        nickname="小明",
        profile="https://people.example/ming",
        picture="https://people.example/ming.png",
        website="https://ming.example",
        gender="male",
        birthdate="1972-12-18",
        zoneinfo="Asia/Taipei",
        locale="zh-TW",
        phone_number="+886912345678",
        phone_number_verified=True,
        address=Address(
            formatted="臺北市信義區信義路四段六號九樓",
            street_address="信義路四段六號九樓",
            locality="信義區",
            region="臺北市",
            postal_code="110",
            country="TW",
        ),
    ),
    email="ming@people.example",
)
LAWYER = Person("LAWYER1", Kind.LAWYER, Profile(name="林大律"), "lin@law.example")


def add(portico: Provider, person: Person) -> Person:
    """Open an account for somebody."""
    new = NewAccount(
        account_name=person.account_name,
        kind=person.kind,
        profile=person.profile,
        emails=(Email(person.email, verified=True),) if person.email else (),
        phc_hash=portico.password.hash(Secret(person.password)),
        accepted_terms=documents.in_force(portico.database.clock()),
    )
    with portico.database.write() as tx:
        account = portico.accounts.add(tx, new)
    return Person(
        person.account_name, person.kind, person.profile, person.email, person.password, account
    )


def set_back(portico: Provider, person: Person, version: str = "2025-01-02") -> Person:
    """Let somebody have accepted an earlier version of the terms."""
    assert person.account is not None
    with portico.database.write() as tx:
        which = AccountRow.id == person.account.id
        tx.execute(update(AccountRow).where(which).values(accepted_terms=version))
    return person


@dataclass
class Browser:
    """Goes from page to page as a person would, and remembers the last one."""

    client: FlaskClient
    last: TestResponse | None = None
    trail: list[str] = field(default_factory=list)

    @classmethod
    def on(cls, portico: Provider, base_url: str = "https://sso.example") -> Self:
        """Open a browser without cookies."""
        app = create_app(portico)
        app.testing = False
        return cls.of(app, base_url)

    @classmethod
    def of(cls, app: Flask, base_url: str = "https://sso.example") -> Self:
        """Open a browser on a WSGI application."""
        client = app.test_client()
        client.environ_base["wsgi.url_scheme"] = urlsplit(base_url).scheme
        client.environ_base["HTTP_HOST"] = urlsplit(base_url).netloc
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
        client.environ_base["REMOTE_ADDR"] = "203.0.113.7"
        return cls(client)

    def get(self, url: str, **query: str) -> TestResponse:
        """Open an address."""
        self.trail.append(f"GET {url}")
        self.last = self.client.get(url, query_string=query or None, base_url=BASE)
        return self.last

    def post(self, url: str, fields: dict[str, str], **headers: str) -> TestResponse:
        """Send a form."""
        self.trail.append(f"POST {url}")
        self.last = self.client.post(url, data=fields, headers=headers, base_url=BASE)
        return self.last

    def hidden(self) -> dict[str, str]:
        """Read the hidden fields of the page at hand."""
        assert self.last is not None
        found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', self.last.text)
        return dict(found)

    def follow(self, *, until: str = "https://app.example") -> TestResponse:
        """Follow redirects within the provider; stop where they lead to an app."""
        assert self.last is not None
        for _ in range(10):
            location = self.last.headers.get("Location", "")
            if self.last.status_code not in {302, 303} or location.startswith(until):
                break
            if location.startswith("http") and not location.startswith(BASE):
                break
            self.get(location)
        return self.last

    def authorize(self, client_id: str = "app", **changes: str) -> TestResponse:
        """Ask for authorization as an app does; ``_absent`` drops a parameter."""
        query = request_of(client_id, **changes)
        self.get("/authorize", **query)
        return self.follow()

    def sign_in(self, person: Person, password: str | None = None, **more: str) -> TestResponse:
        """Fill in the sign-in page at hand and go on."""
        fields = self.hidden() | {
            "username": person.account_name,
            "password": person.password if password is None else password,
        }
        self.post("/signin/password", fields | more)
        return self.follow()

    def consent(self, decision: str = "allow", *, remember: bool = True) -> TestResponse:
        """Decide on the consent page at hand."""
        fields = self.hidden() | {"decision": decision}
        if remember:
            fields["remember"] = "1"
        self.post("/signin/consent", fields)
        return self.follow()

    def code(self, person: Person, client_id: str = "app", **changes: str) -> str:
        """Go all the way to a code."""
        self.authorize(client_id, **changes)
        if "/signin/password" in self.trail[-1]:
            self.sign_in(person)
        if "/signin/consent" in self.trail[-1]:
            self.consent()
        return answer(self.last)["code"]

    def token(self, client_id: str = "app", /, **form: str) -> TestResponse:
        """Call the token endpoint as an app with its secret."""
        basic = base64.b64encode(f"{client_id}:{SECRET}".encode()).decode()
        return self.post("/token", form, Authorization=f"Basic {basic}")

    def redeem(self, code: str, client_id: str = "app", /, **changes: str) -> TestResponse:
        """Redeem a code as an app does."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }
        return self.token(client_id, **dropped(form | changes))

    def userinfo(self, access_token: str) -> TestResponse:
        """Ask who somebody is."""
        self.last = self.client.get(
            "/userinfo", headers={"Authorization": f"Bearer {access_token}"}, base_url=BASE
        )
        return self.last


BASE = "https://sso.example"


def request_of(client_id: str, **changes: str) -> dict[str, str]:
    """Write an authorization request; a change to the empty string drops a parameter."""
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": CALLBACK
        if client_id != "stranger"
        else "https://stranger.example/callback",
        "scope": "openid",
        "state": "state of the app",
        "nonce": "nonce-of-the-app",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return dropped(query | changes)


def dropped(fields: dict[str, str]) -> dict[str, str]:
    """Leave out what is empty."""
    return {name: value for name, value in fields.items() if value}


def answer(response: TestResponse | None) -> dict[str, str]:
    """Read the parameters that a redirect carries to an app, in the query or the fragment."""
    assert response is not None
    location = response.headers.get("Location", "")
    assert location, f"{response.status_code}: {response.text[:2000]}"
    parts = urlsplit(location)
    assert not (parts.query and parts.fragment), location
    carried = parse_qs(parts.query or parts.fragment, strict_parsing=True)
    return {name: value for name, (value,) in carried.items()}
