"""A try at a password: counted, compared, written down. Without Flask, which nothing here needs.

The form of a browser on its way to an app is taken in front of the pages (decision 0013) as soon
as nothing is wrong with it; what is, and every other sign-in, is for ``password.py``, which also
has the words for a try that was refused here.
"""

import hmac
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import msgspec

from idp.accounts.model import canonical_name
from idp.authenticators import Proof, Refusal
from idp.authenticators.password.authenticator import PasswordEvidence
from idp.database.transaction import Origin
from idp.oidc.errors import InvalidRequest
from idp.oidc.exchange import BODY_LIMIT, NO_STORE, Exchange, parameters
from idp.oidc.vocabulary import ACR_PASSWORD
from idp.provider import Provider
from idp.secret import Secret, base64url, digest
from idp.signin import store
from idp.signin.actions import Admitted, Browser, SignedIn, Typed
from idp.web import metrics
from idp.web.busy import MET
from idp.web.last_way import PASSWORD
from idp.web.raising import supersede_named
from idp.web.request import (
    binding_in,
    cookie_in,
    csrf_token_of,
    is_sent,
    keep_origin,
    session_cookies,
)
from idp.web.signin.journeys import Underway, find, language_of

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_PATH, _HUB = "/signin/password", "/authorize/continue"
_JOURNEY = re.compile(r"[A-Za-z0-9_-]{32,128}")
_FORM = "application/x-www-form-urlencoded"
_TRIED = "portico.tried"


class PasswordForm(msgspec.Struct, frozen=True):
    """The fields of ``signin/password.html``; an absent one is empty, an empty one is wrong."""

    journey: str = ""
    username: str = ""
    password: str = ""
    captcha: str = ""
    captcha_id: str = ""
    csrf_token: str = ""
    action: str = "continue"
    """``continue`` (also by the Enter key), ``refresh`` for other digits, or ``cancel``."""


@dataclass(frozen=True, slots=True)
class Try:
    """Who tries, from where, on which journey."""

    journey: Underway
    form: PasswordForm
    browser: Browser
    session_hash: bytes | None
    """Of the session that this browser has had."""
    origin: Origin
    new_binding: str
    """What the browser is bound by once it is signed in."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A try that came to nothing, for the page to say so."""

    journey: Underway
    form: PasswordForm
    refusal: Refusal


def tried(environ: Environ) -> Tried | None:
    """Give the try that was refused in front of the pages, where there was one."""
    found: Tried | None = environ.get(_TRIED)
    return found


def attempt(portico: Provider, one: Try) -> SignedIn | Refusal:
    """Count the try, compare outside any transaction, and write down what came of it."""
    form, browser = one.form, one.browser
    typed = Typed(canonical_name(form.username)[:64], form.captcha_id, form.captcha)
    with portico.database.write(one.origin) as tx:
        admitted = portico.signing_in.admit(tx, typed, browser)
    if isinstance(admitted, Refusal):
        return admitted
    outcome = _prove_and_record(portico, one, admitted)
    if isinstance(outcome, SignedIn):
        metrics.signin("password", "ok")
    return outcome


def _prove_and_record(portico: Provider, one: Try, admitted: Admitted) -> SignedIn | Refusal:
    password, on_record = Secret(one.form.password), admitted.on_record
    result = portico.password.prove(PasswordEvidence(password, on_record, admitted.stand_in))
    stronger = None
    if isinstance(result, Proof) and on_record and portico.password.is_weaker(on_record.phc_hash):
        stronger = portico.password.hash(password)
    journey, browser = one.journey, one.browser
    with portico.database.write(one.origin) as tx:
        outcome = portico.signing_in.record(
            tx,
            admitted,
            result,
            browser,
            client_id=journey.client.client_id if journey.client else None,
            stronger_hash=stronger,
            acr=ACR_PASSWORD,
        )
        if isinstance(outcome, SignedIn):
            opened, account_id = outcome.session, outcome.account_id
            supersede_named(tx, portico, one.session_hash, opened, account_id)
            store.rebind_journey(tx, journey.id_hash, browser.binding, digest(one.new_binding))
    return outcome


class Trying:
    """A WSGI application that takes the forms nothing is wrong with, and leaves the rest."""

    def __init__(
        self,
        pages: Wsgi,
        portico: Provider,
        csrf_key: bytes,
        read: Callable[[Provider, Environ], Exchange],
    ) -> None:
        self._pages = pages
        self._portico = portico
        self._csrf_key = csrf_key
        self._read = read

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Sign in, or have the page say why not."""
        if not _is_form(environ):
            return self._pages(environ, start_response)
        began = time.perf_counter()
        exchange = self._read(self._portico, environ)
        environ["wsgi.input"] = BytesIO(exchange.body)
        keep_origin(environ, exchange.origin)
        one, outcome = None, None
        try:
            one = self._of(exchange)
            outcome = attempt(self._portico, one) if one else None
        except Exception as error:  # noqa: BLE001 - the pages have words and a log for it
            environ[MET] = error
        if one is not None and isinstance(outcome, Refusal):
            environ[_TRIED] = Tried(one.journey, one.form, outcome)
        if one is None or not isinstance(outcome, SignedIn):
            return self._pages(environ, start_response)
        start_response("303 See Other", self._headers(one, outcome))
        metrics.observe(_PATH, 303, time.perf_counter() - began)
        return [b""]

    def _of(self, exchange: Exchange) -> Try | None:
        """Read a try; ``None`` for whatever is wrong, missing or unusual."""
        cookies, issuer = exchange.header("cookie"), self._portico.config.provider.issuer
        form, binding = _form(exchange.body), binding_in(cookies, issuer)
        session = cookie_in(cookies, "session", issuer)
        if form is None or not binding:
            return None
        if not _is_of_own_page(exchange, form, self._csrf_key, binding):
            return None
        if is_sent(cookies, "session", issuer) and not session:
            return None
        found = find(self._portico, form.journey, digest(binding))
        journey = found.underway(form.journey) if found else None
        if found is None or journey is None:
            return None
        language = language_of(found, journey.id, exchange, issuer)
        device = cookie_in(cookies, "device", issuer) or base64url(self._portico.entropy(32))
        user_agent = exchange.header("user-agent")[:255]
        origin = exchange.origin
        return Try(
            journey,
            form,
            Browser(digest(binding), device, user_agent, language),
            digest(session) if session else None,
            Origin(origin.address, origin.request_id, browser=user_agent),
            base64url(self._portico.entropy(32)),
        )

    def _headers(self, one: Try, signed_in: SignedIn) -> list[tuple[str, str]]:
        given = session_cookies(
            signed_in.session.cookie,
            one.browser.device,
            binding=one.new_binding,
            way=PASSWORD,
            issuer=self._portico.config.provider.issuer,
        )
        return [
            ("Location", f"{_HUB}?journey={one.journey.id}"),
            *(("Set-Cookie", cookie) for cookie in given),
            *NO_STORE,
            ("Referrer-Policy", "no-referrer"),
            ("X-Request-Id", one.origin.request_id),
            ("Content-Length", "0"),
        ]


def _is_form(environ: Environ) -> bool:
    """Tell a posted form that is read whole from everything else, before anything is read."""
    if environ.get("PATH_INFO") != _PATH or environ["REQUEST_METHOD"] != "POST":
        return False
    length = environ.get("CONTENT_LENGTH") or ""
    return (
        environ.get("CONTENT_TYPE", "").lower() == _FORM
        and not environ.get("QUERY_STRING")
        and "HTTP_TRANSFER_ENCODING" not in environ
        and length.isascii()
        and length.isdecimal()
        and int(length) <= BODY_LIMIT
    )


def _form(body: bytes) -> PasswordForm | None:
    try:
        form = msgspec.convert(parameters(body.decode("ascii")), PasswordForm)
    except (InvalidRequest, UnicodeDecodeError):
        return None
    is_whole = form.username.strip() and form.password and form.action == "continue"
    return form if is_whole and _JOURNEY.fullmatch(form.journey) else None


def _is_of_own_page(exchange: Exchange, form: PasswordForm, csrf_key: bytes, binding: str) -> bool:
    """Check the same as :func:`idp.web.request.demand_csrf`, which has the refusal."""
    site = exchange.headers.get("sec-fetch-site", "same-origin")
    expected = csrf_token_of(csrf_key, binding)
    return site in {"same-origin", "none"} and hmac.compare_digest(
        form.csrf_token.encode(), expected.encode()
    )
