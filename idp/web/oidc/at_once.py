"""What the hub answers before Flask is asked, with a redirect alone (decision record 0013).

On the way to the sign-in page, and from the last page to the app. ``None`` whenever anything is
missing or wrong, or needs a page: nothing has been changed then, and ``authorize.py`` looks
again, with words for people.
"""

import re
from collections.abc import Callable

from idp.database.transaction import Transaction
from idp.oidc import checks, pushed_requests
from idp.oidc.checks import AuthorizationRequest
from idp.oidc.errors import OAuthError
from idp.oidc.exchange import NO_STORE, Exchange, Reply
from idp.oidc.pushed_requests import Resolved
from idp.oidc.response import mode_of
from idp.oidc.vocabulary import Profile, Prompt, ResponseMode
from idp.provider import Provider
from idp.secret import base64url, digest, mint
from idp.signin import store
from idp.signin.journey import Answer, AskToSignIn
from idp.web import last_way
from idp.web.oidc import ahead, asking
from idp.web.oidc.answering import addressed
from idp.web.oidc.authorize import JOURNEY_PREFIX, Situation, issue, keep_request, look
from idp.web.request import binding_cookie, binding_in, cookie_in, is_sent, way_in

_SIGN_IN = "/signin/password"
_JOURNEY = re.compile(r"journey=([A-Za-z0-9_-]{1,128})")


def begin(portico: Provider, exchange: Exchange) -> Reply | None:
    """Answer ``/authorize`` where no page is needed, or the first one is the sign-in."""
    cookies, issuer = exchange.header("cookie"), portico.config.provider.issuer
    cookie = cookie_in(cookies, "session", issuer)
    is_doubtful = not cookie and is_sent(cookies, "session", issuer)
    try:
        asked = _asked(exchange)
        if asked is None or is_doubtful:
            return None
        with portico.database.read() as tx:
            resolved = pushed_requests.resolve(tx, asked)
            found = look(tx, portico, resolved, digest(cookie) if cookie else None, None)
    except OAuthError:
        return None
    if isinstance(found.step, AskToSignIn):
        return _to_sign_in(portico, exchange, found, found.step)
    return _to_app(portico, exchange, found, lambda tx: pushed_requests.claim(tx, resolved))


def _asked(exchange: Exchange) -> AuthorizationRequest | None:
    """Read the request; ``None`` where an object is to be fetched, or a language was clicked."""
    sent = exchange.query_parameters()
    asked = checks.request_of(sent)
    return None if ahead.is_needed(asked) or "lang" in sent else asked


def proceed(portico: Provider, exchange: Exchange) -> Reply | None:
    """Answer ``/authorize/continue`` where the last page has done its part."""
    issuer, cookies = portico.config.provider.issuer, exchange.header("cookie")
    named, binding = _JOURNEY.fullmatch(exchange.query), binding_in(cookies, issuer)
    session = cookie_in(cookies, "session", issuer)
    if named is None or not binding or not session:
        return None
    id_hash = digest(named[1])
    try:
        with portico.database.read() as tx:
            journey = store.find_journey(tx, id_hash, digest(binding))
            if journey is None or journey.denied_at or journey.pushed_hash:
                return None
            resolved = Resolved(checks.request_of(journey.parameters))
            found = look(tx, portico, resolved, digest(session), journey)
    except OAuthError:
        return None
    return _to_app(portico, exchange, found, lambda tx: store.complete_journey(tx, id_hash))


def _to_sign_in(
    portico: Provider, exchange: Exchange, found: Situation, step: AskToSignIn
) -> Reply | None:
    """Keep the request and send the browser to the sign-in page, as it would be by a page."""
    issuer, cookies = portico.config.provider.issuer, exchange.header("cookie")
    by_ticket = step.ticket_will_do and any(one.keytab_file for one in portico.config.directories)
    if Prompt.NONE in found.request.prompts or by_ticket:
        return None
    kinds = found.client.registration.account_kinds
    if last_way.endpoint_of(portico, way_in(cookies, issuer), kinds) != "password.show":
        return None
    binding, made = binding_in(cookies, issuer), ""
    if not binding:
        if is_sent(cookies, "browser", issuer):
            return None
        binding = made = base64url(portico.entropy(32))
    journey_id = mint(JOURNEY_PREFIX, portico.entropy)
    with portico.database.write(exchange.origin) as tx:
        keep_request(tx, portico, found, journey_id, digest(binding))
    location = f"{_SIGN_IN}?journey={journey_id}"
    given = (("Set-Cookie", binding_cookie(made, issuer)),) if made else ()
    return _redirect(exchange, location, given)


def _to_app(
    portico: Provider,
    exchange: Exchange,
    found: Situation,
    claim: Callable[[Transaction], bool],
) -> Reply | None:
    """Answer the app where nothing is missing, if ``claim`` finds that nobody has done so."""
    if not isinstance(found.step, Answer) or _needs_flask(portico, exchange, found):
        return None
    with portico.database.write(exchange.origin) as tx:
        if not claim(tx):
            return None
        answer = issue(tx, portico, found)
    return _redirect(exchange, addressed(portico, found.request, answer).location)


def _redirect(exchange: Exchange, location: str, given: tuple[tuple[str, str], ...] = ()) -> Reply:
    reference = ("X-Request-Id", exchange.origin.request_id)
    policy = ("Referrer-Policy", "no-referrer")
    return Reply(303, b"", (("Location", location), *given, *NO_STORE, policy, reference))


def _needs_flask(portico: Provider, exchange: Exchange, found: Situation) -> bool:
    """Tell whether a directory is asked first, the answer is a form, or brings our cookie."""
    if found.client.profile is not Profile.OIDC:
        return False
    asked = found.request
    if found.here and asking.is_due(portico, asked, found.here.session):
        return True
    if mode_of(asked.response_type, asked.response_mode) is ResponseMode.FORM_POST:
        return True
    return not cookie_in(exchange.header("cookie"), "state", portico.config.provider.issuer)
