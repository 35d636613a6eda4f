"""What has to be fetched from a client's own server before its request can be looked at.

Always before a transaction is open: a stranger's slow server holds no lock of ours.
"""

from collections.abc import Mapping

from idp.oidc import client_jwts
from idp.oidc.checks import AuthorizationRequest
from idp.oidc.client_documents import NotFetched
from idp.oidc.errors import InvalidRequest
from idp.oidc.exchange import Exchange
from idp.oidc.model import Client
from idp.oidc.pushed_requests import URN
from idp.oidc.request_objects import InvalidRequestUri
from idp.oidc.tokens import BadToken
from idp.provider import Provider


def of_client(portico: Provider, exchange: Exchange) -> None:
    """Have the keys at hand that what the client signed is to be verified with.

    Costs nothing where it signed nothing.
    """
    body = exchange.body
    if b"client_assertion=" not in body and b"request=" not in body:
        return
    form = exchange.form()
    assertion, request = form.get("client_assertion", ""), form.get("request", "")
    client = _client(portico, _named(form, assertion))
    for token in (assertion, request):
        if client is not None and token:
            _have_keys(portico, client, token)


def is_needed(asked: AuthorizationRequest) -> bool:
    """Tell whether an authorization request holds or names an object of the client's."""
    by_reference = asked.request_uri and not asked.request_uri.startswith(URN)
    return bool(asked.request or by_reference)


def request_object(portico: Provider, client: Client, asked: AuthorizationRequest) -> str:
    """Give the object that a request holds or names, with the keys at hand to verify it.

    Raises:
        InvalidRequest: both ways at once.
        InvalidRequestUri: the reference is not the client's, or leads to nothing.
    """
    if asked.request and asked.request_uri:
        raise InvalidRequest("request and request_uri exclude each other")
    documents, token = portico.oidc.parts.documents, asked.request
    if asked.request_uri:
        try:
            token = documents.request_object(client, asked.request_uri)
        except NotFetched as why:
            raise InvalidRequestUri(str(why)) from None
    _have_keys(portico, client, token)
    return token


def _named(form: Mapping[str, str], assertion: str) -> str:
    if named := form.get("client_id"):
        return named
    try:
        return client_jwts.unverified_issuer(assertion) if assertion else ""
    except BadToken:
        return ""


def _client(portico: Provider, client_id: str) -> Client | None:
    with portico.database.read() as tx:
        return portico.clients.find(tx, client_id) if client_id else None


def _have_keys(portico: Provider, client: Client, token: str) -> None:
    kid = client_jwts.unverified_kid(token)
    now = portico.database.clock()
    portico.oidc.parts.documents.refresh_keys(client, kid, now)
