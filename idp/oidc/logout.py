"""Sign-out asked for by an app, and the notices to all the others.

OpenID Connect RP-Initiated Logout 1.0 and Back-Channel Logout 1.0. The browser goes
back to the app only when the app proved, by a hint we signed, that it has seen the
person here, and only to a URI it registered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from sqlalchemy import select

from idp.database.transaction import Transaction
from idp.oidc import tokens
from idp.oidc.clients import ClientRow
from idp.oidc.errors import InvalidRequest
from idp.oidc.model import Client
from idp.oidc.server import Parts
from idp.oidc.tokens import Hint
from idp.oidc.vocabulary import TokenType
from idp.secret import new_id
from idp.sessions import store as sessions
from idp.sessions.actions import LogoutNotice, Reach
from idp.sessions.store import Session

NOTICE_ALG = "RS256"  # the one algorithm every relying party must know (OIDC Core section 15.1)


class LogoutRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The parameters of the end session endpoint, as sent."""

    id_token_hint: str = ""
    client_id: str = ""
    post_logout_redirect_uri: str = ""
    state: str = ""
    ui_locales: str = ""
    logout_hint: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """A request that may be carried out."""

    hint: Hint | None
    client: Client | None
    """The client that the hint names, while it is registered."""
    return_to: str
    """Where the browser goes afterwards, ``state`` included; empty: to our own page."""


def request_of(parameters: Mapping[str, str]) -> LogoutRequest:
    """Pick the parameters we know."""
    return msgspec.convert(dict(parameters), LogoutRequest)


def check(tx: Transaction, parts: Parts, request: LogoutRequest) -> Checked:
    """Verify the hint and where the browser is to go.

    Raises:
        InvalidRequest: the hint is not ours, names another client, or the URI is not the
            client's. It never redirects: an error is shown here.
    """
    if not request.id_token_hint:
        if request.post_logout_redirect_uri:
            raise InvalidRequest("post_logout_redirect_uri needs an id_token_hint", redirect=False)
        return Checked(None, None, "")
    try:
        keys = parts.keys.current(tx)
        hint = tokens.verify_id_token_hint(keys, request.id_token_hint, issuer=parts.issuer)
    except tokens.BadToken:
        raise InvalidRequest("id_token_hint is not a token of ours", redirect=False) from None
    if request.client_id and request.client_id != hint.client_id:
        raise InvalidRequest("client_id is not the one of id_token_hint", redirect=False)
    client = parts.clients.find(tx, hint.client_id)
    return Checked(hint, client, _return_to(request, client))


def is_of(tx: Transaction, parts: Parts, checked: Checked, session: Session) -> bool:
    """Tell whether the hint proves that the client has seen this person in this session.

    An ID token of another browser, or of a session long over, proves nothing: whoever kept it
    could sign the person out from any page.
    """
    hint, client = checked.hint, checked.client
    if hint is None or client is None or hint.session_id is None:
        return False
    if hint.subject != parts.subjects.of(client.registration, session.subject):
        return False
    return sessions.leads_to(tx, UUID(hint.session_id), session.id)


def _return_to(request: LogoutRequest, client: Client | None) -> str:
    if not request.post_logout_redirect_uri:
        return ""
    registered = client.registration.post_logout_redirect_uris if client else []
    if request.post_logout_redirect_uri not in registered:
        raise InvalidRequest("post_logout_redirect_uri is not registered", redirect=False)
    return request.post_logout_redirect_uri


def reach(tx: Transaction) -> Reach:
    """List where each client wants to be told that a session is over; one round trip."""
    found = tx.execute(_REGISTRATIONS)
    uris = {row.client_id: row.registration.get("backchannel_logout_uri", "") for row in found}
    return {client_id: uri for client_id, uri in uris.items() if uri}


def frames(tx: Transaction, parts: Parts, session_id: UUID) -> list[str]:
    """Write the addresses that a session's apps want opened (Front-Channel Logout section 2).

    With those of the sessions that live on behind it: they end with it. To be asked before
    the session is ended.
    """
    found: list[str] = []
    for client_id, _ in sessions.clients_of(tx, session_id):
        client = parts.clients.find(tx, client_id)
        uri = client.registration.frontchannel_logout_uri if client else ""
        if uri:
            told = urlencode({"iss": parts.issuer, "sid": str(session_id)})
            found.append(f"{uri}{'&' if '?' in uri else '?'}{told}")
    for earlier in sessions.predecessors(tx, session_id):
        found += frames(tx, parts, earlier)
    return found


def logout_token(tx: Transaction, parts: Parts, notice: LogoutNotice) -> str:
    """Sign the logout token for one app: at the moment of sending, so that it is fresh."""
    body = tokens.logout_token_claims(
        issuer=parts.issuer,
        client_id=notice.client_id,
        subject=notice.sub,
        session_id=notice.sid,
        jti=str(new_id(tx.now, parts.entropy)),
        now=tx.now,
    )
    return tokens.sign(parts.keys.current(tx), NOTICE_ALG, TokenType.LOGOUT_TOKEN, body)


_REGISTRATIONS = select(ClientRow.client_id, ClientRow.registration).where(
    ClientRow.disabled_at.is_(None)
)
