"""The sign-in page as nearly everybody first sees it, given before Flask is asked (decision 0013).

Drawn by the page itself (``password.py``) for the first who comes from an app in a language, and
kept without what was that browser's own.
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass

from flask import request

from idp.oidc.exchange import Exchange, Reply
from idp.provider import Provider
from idp.secret import digest
from idp.web.kept import Kept
from idp.web.request import (
    binding_in,
    csrf_token_of,
    is_sent,
    session_hash,
)
from idp.web.signin.journeys import Underway, find, language_of

_BARE = re.compile(r"journey=([A-Za-z0-9_-]{32,128})")


@dataclass(frozen=True, slots=True)
class Challenges:
    """What the page carries for one browser, each good for one answer."""

    captcha_id: str
    """Empty: no digits are asked for."""
    passkey: str

    def words(self, journey_id: str, csrf_token: str) -> dict[str, str]:
        """Give all that is one browser's own on the page."""
        words = {"journey": journey_id, "csrf": csrf_token, "passkey": self.passkey}
        return words | ({"captcha": self.captcha_id} if self.captcha_id else {})


def is_bare(journey: Underway) -> bool:
    """Tell whether the page comes as everybody sees it, but for :class:`Challenges`."""
    return (
        request.method == "GET"
        and request.query_string == f"journey={journey.id}".encode()
        and journey.client is not None
        and not journey.login_hint
        and session_hash() is None
    )


def key(journey: Underway, language: str, *, asks_digits: bool) -> Hashable:
    """Say what else the page shows: the configuration aside, it is the app in a language."""
    return "signin/password", language, journey.app_in(language), asks_digits


def at_once(kept: Kept, csrf_key: bytes, portico: Provider, exchange: Exchange) -> Reply | None:
    """Give the page to a browser that nobody is signed in from; ``None``: Flask has to."""
    cookies, issuer = exchange.header("cookie"), portico.config.provider.issuer
    bare, binding = _BARE.fullmatch(exchange.query), binding_in(cookies, issuer)
    if bare is None or not binding or is_sent(cookies, "session", issuer):
        return None
    found = find(portico, bare[1], digest(binding))
    journey = found.underway(bare[1]) if found else None
    if found is None or journey is None or journey.login_hint:
        return None
    language = language_of(found, journey.id, exchange, issuer)
    asks_digits = portico.config.captcha.mode not in {"off", "adaptive"}
    page = key(journey, language, asks_digits=asks_digits)
    if not kept.has(page):
        return None
    with portico.database.write(exchange.origin) as tx:
        captcha_id = portico.captcha.issue(tx, digest(binding)) if asks_digits else ""
        challenges = Challenges(captcha_id, portico.passkeys.challenge(tx, digest(binding)))
    words = challenges.words(journey.id, csrf_token_of(csrf_key, binding))
    markup = kept.filled(page, words)
    return _reply(journey, exchange, markup) if markup else None


def _reply(journey: Underway, exchange: Exchange, markup: str) -> Reply:
    policy = journey.policy
    headers = (
        ("Content-Type", "text/html; charset=utf-8"),
        *policy.headers,
        ("Cache-Control", policy.caching),
        ("X-Request-Id", exchange.origin.request_id),
    )
    return Reply(200, markup.encode(), headers)
