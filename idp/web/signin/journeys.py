"""The journey a page belongs to, and the app it leads to."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Response, url_for

from idp.consent.model import NOTHING, Permission
from idp.oidc import checks, narrowing, wanted
from idp.oidc.checks import AuthorizationRequest
from idp.oidc.errors import OAuthError
from idp.oidc.exchange import Exchange
from idp.oidc.model import Client
from idp.provider import Provider
from idp.secret import digest
from idp.signin import store
from idp.signin.journey import wants_the_person
from idp.web import returning
from idp.web.headers import PAGES, Policy, leading_to
from idp.web.request import browser_hash, hear_locales, language_on, speaks

_SAID = ("logo_uri", "policy_uri", "tos_uri")


@dataclass(frozen=True, slots=True)
class App:
    """The app that asked, as its person sees it."""

    name: str
    host: str
    logo_uri: str = ""
    policy_uri: str = ""
    tos_uri: str = ""
    """What the app says of itself (RFC 7591 section 2); each ``https``, checked when registered."""


@dataclass(frozen=True, slots=True)
class Underway:
    """A journey of this browser; ``None`` fields: the portal's own sign-in."""

    id: str
    client: Client | None = None
    redirect_uri: str = ""
    permission: Permission = NOTHING
    """What the person would allow."""
    login_hint: str = ""
    wants_the_person: bool = False
    """The app wants them to do something: their browser's ticket is not enough."""
    details: tuple[dict[str, Any], ...] = ()
    """What was asked for more finely than by scope (RFC 9396)."""

    @property
    def id_hash(self) -> bytes:
        """What the row is found by."""
        return digest(self.id)

    @property
    def app(self) -> App | None:
        """The app, unless it is the portal itself."""
        return self.app_in(speaks())

    def app_in(self, language: str) -> App | None:
        """Give the same under its name in a language."""
        if self.client is None:
            return None
        said = {name: str(self.client.registration.metadata.get(name, "")) for name in _SAID}
        return App(self.client.name(language), urlsplit(self.redirect_uri).netloc, **said)

    @property
    def next_url(self) -> str:
        """Where to go on: to the hub, or past the terms to a page of ours."""
        if self.client is None:
            return url_for("terms.ask", journey=self.id or None)
        return returning.onward(self.id)

    @property
    def beyond_terms(self) -> str:
        """Where to go on once the terms are accepted: an app's hub sees to them itself."""
        return returning.onward(self.id)

    def protect(self, response: Response) -> Response:
        """Set the page's headers; its form may end at the app, whose logo it may show."""
        return self.policy.apply(response)

    @property
    def policy(self) -> Policy:
        """What the pages of this journey allow."""
        policy = leading_to(self.redirect_uri) if self.redirect_uri else PAGES
        return policy.showing(self.app.logo_uri if self.app else "")


def underway(portico: Provider, journey_id: str) -> Underway | None:
    """Find the journey of a page; ``None`` when it is not this browser's or no longer open.

    From here on the page speaks the language that the app has asked for.
    """
    if not journey_id or returning.is_name(journey_id):
        return Underway(journey_id)
    found = find(portico, journey_id, browser_hash())
    if found is None:
        return None
    hear_locales(found.asked.ui_locales, journey_id)
    return found.underway(journey_id)


@dataclass(frozen=True, slots=True)
class Found:
    """A journey on record, and the client that began it."""

    client: Client
    asked: AuthorizationRequest

    def underway(self, journey_id: str) -> Underway | None:
        """Give it as pages need it; ``None``: the client may not ask for that any more."""
        client, asked = self.client, self.asked
        try:
            permission = wanted.permission(asked, client)
        except OAuthError:
            return None
        return Underway(
            journey_id,
            client,
            asked.redirect_uri,
            permission,
            asked.login_hint,
            wants_the_person(asked.prompts, limits_age=bool(asked.max_age)),
            narrowing.asked(client, "", asked.authorization_details).authorization_details,
        )


def language_of(found: Found, journey_id: str, exchange: Exchange, issuer: str) -> str:
    """Tell the language of a page of a journey, without Flask."""
    return language_on(
        journey_id,
        found.asked.ui_locales,
        exchange.header("accept-language"),
        cookies=exchange.header("cookie"),
        issuer=issuer,
    )


def find(portico: Provider, journey_id: str, binding: bytes) -> Found | None:
    """Find the open journey of a browser, by the hash of its binding; one round trip."""
    with portico.database.read() as tx:
        journey = store.find_journey(tx, digest(journey_id), binding)
        client = portico.clients.find(tx, journey.client_id) if journey else None
    if journey is None or client is None:
        return None
    return Found(client, checks.request_of(journey.parameters))
