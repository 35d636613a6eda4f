"""How a client proves who it is (RFC 6749 section 2.3, RFC 7523 section 3).

One method a request, and the one it registered. Replaces Authlib's registry, which
compares stored secrets as they are and tries one method after the other.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from idp.audit.events.clients import ClientRefused
from idp.audit.store import Trail
from idp.database.columns import Table
from idp.database.prepared import Prepared, insert_if_new
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction
from idp.oidc import client_jwts
from idp.oidc.client_certificates import BadCertificate, Certificates
from idp.oidc.client_documents import ClientDocuments
from idp.oidc.client_jwts import ALGS, FAPI_ALGS, Rules
from idp.oidc.clients import Clients
from idp.oidc.errors import InvalidClient, InvalidRequest
from idp.oidc.exchange import decoded
from idp.oidc.model import Client, method_of
from idp.oidc.tokens import BadToken
from idp.oidc.vocabulary import CLIENT_ASSERTION_TYPE, AuthMethod, Profile
from idp.secret import digest

_REFUSALS_BEFORE_PAUSE = 20
_PAUSE = timedelta(minutes=1)
_BY_TLS = {AuthMethod.TLS, AuthMethod.SELF_SIGNED_TLS}
_ENDPOINTS = (
    "",
    "/token",
    "/par",
    "/bc-authorize",
    "/device_authorization",
    "/introspect",
    "/revoke",
    "/links/events",
)
"""What an assertion may call us, behind the issuer (OIDC Core section 9, CIBA section 7.1)."""


class UsedAssertion(Table):
    """A client assertion's ``jti``, kept until the assertion has expired: one use each."""

    __tablename__ = "used_assertions"

    jti_hash: Mapped[bytes] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(String(128))
    expires_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request offers, by the one method it uses."""

    method: AuthMethod
    client_id: str
    proof: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ClientAuthentication:
    """Checks credentials against the registered client."""

    clients: Clients
    documents: ClientDocuments
    certificates: Certificates
    trail: Trail
    issuer: str
    _refusals: dict[tuple[str, str], tuple[int, datetime]] = field(default_factory=dict)

    def authenticate(
        self, tx: Transaction, headers: Mapping[str, str], form: Mapping[str, str]
    ) -> Client:
        """Give the client that made the request.

        Costs no round trip with a secret, one (an insert) with an assertion.

        Raises:
            InvalidClient: it did not prove who it is; the attempt is on record.
            InvalidRequest: two methods at once.
        """
        offered = credentials(headers, form)
        client = self.clients.find(tx, offered.client_id)
        key = (offered.client_id, tx.origin.address)
        if self._is_paused(key, tx.now):
            raise InvalidClient("too many failed attempts; wait a minute")
        refused = self._refusal(tx, client, offered, headers)
        if refused or client is None:
            self._count(key, tx.now)
            known = client.client_id if client else ""
            self.trail.append(tx, ClientRefused(client_id=known, reason=refused))
            raise InvalidClient("client authentication failed")
        return client

    def _refusal(
        self,
        tx: Transaction,
        client: Client | None,
        offered: Credentials,
        headers: Mapping[str, str],
    ) -> str:
        if client is None:
            return "unknown"
        if offered.method == AuthMethod.NONE and method_of(client.registration) in _BY_TLS:
            return self._certificate_refusal(client, headers, tx.now)
        if offered.method != client.registration.token_endpoint_auth_method:
            return "other_method"
        if offered.method == AuthMethod.NONE:
            return ""
        if offered.method == AuthMethod.PRIVATE_KEY_JWT:
            return self._assertion_refusal(tx, client, offered.proof)
        return "" if client.has_secret(offered.proof, tx.now) else "wrong_secret"

    def _certificate_refusal(
        self, client: Client, headers: Mapping[str, str], now: datetime
    ) -> str:
        keys = self.documents.keys(client.registration)
        try:
            self.certificates.demand(client.registration, keys, headers, now)
        except BadCertificate as bad:
            return f"certificate: {bad}"
        return ""

    def _assertion_refusal(self, tx: Transaction, client: Client, assertion: str) -> str:
        try:
            jti, expires_at = client_jwts.verify_assertion(
                self.documents.keys(client.registration),
                assertion,
                client_id=client.client_id,
                rules=self._rules(client),
                now=tx.now,
            )
        except BadToken as bad:
            return f"assertion: {bad}"
        return "" if single_use(tx, client.client_id, jti, expires_at) else "assertion: replayed"

    def _rules(self, client: Client) -> Rules:
        """Say who an assertion may be meant for: FAPI 2.0 wants the issuer alone (5.3.2.1)."""
        strict = client.profile is Profile.FAPI2
        registered = client.registration.token_endpoint_auth_signing_alg
        offered = FAPI_ALGS if strict else ALGS
        named = ("",) if strict else _ENDPOINTS
        return Rules(
            tuple(one for one in offered if registered in {"", one}),
            frozenset(f"{self.issuer}{path}" for path in named),
            strict=strict,
        )

    def _is_paused(self, key: tuple[str, str], now: datetime) -> bool:
        refusals, since = self._refusals.get(key, (0, now))
        if since + _PAUSE <= now:
            self._refusals.pop(key, None)
            return False
        return refusals >= _REFUSALS_BEFORE_PAUSE

    def _count(self, key: tuple[str, str], now: datetime) -> None:
        """Count in this process's memory: secrets of 256 bits need a brake, not a wall."""
        refusals, since = self._refusals.get(key, (0, now))
        self._refusals[key] = (refusals + 1, since)
        if len(self._refusals) > 10_000:
            self._refusals.clear()


def single_use(tx: Transaction, client_id: str, jti: str, expires_at: datetime) -> bool:
    """Note that a client's JWT was used; ``False`` for all but the first. One round trip."""
    used = {
        "jti_hash": digest(f"{client_id} {jti}"),
        "client_id": client_id,
        "expires_at": expires_at,
    }
    return tx.ask(_USE, used) is not None


def credentials(headers: Mapping[str, str], form: Mapping[str, str]) -> Credentials:
    """Find the one method a request uses (RFC 6749 section 2.3: never more than one).

    Raises:
        InvalidClient: none at all, or a header that cannot be read.
        InvalidRequest: more than one.
    """
    offered = [
        *_basic(headers),
        *_posted(form),
        *_asserted(form),
    ]
    if len(offered) > 1:
        raise InvalidRequest("more than one way of client authentication")
    if offered:
        found = offered[0]
        if form.get("client_id", found.client_id) != found.client_id:
            raise InvalidClient("client_id is not the authenticated client's")
        return found
    if "client_id" not in form:
        raise InvalidClient("client authentication is missing")
    return Credentials(AuthMethod.NONE, form["client_id"])


def _basic(headers: Mapping[str, str]) -> list[Credentials]:
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return []
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
        client_id, colon, secret = text.partition(":")
        # RFC 6749 section 2.3.1: both parts are form-urlencoded before they are joined.
        client_id, secret = decoded(client_id), decoded(secret)
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidClient("the Authorization header cannot be decoded") from None
    if not colon:
        raise InvalidClient("the Authorization header cannot be decoded")
    return [Credentials(AuthMethod.BASIC, client_id, secret)]


def _posted(form: Mapping[str, str]) -> list[Credentials]:
    if "client_secret" not in form:
        return []
    return [Credentials(AuthMethod.POST, form.get("client_id", ""), form["client_secret"])]


def _asserted(form: Mapping[str, str]) -> list[Credentials]:
    if "client_assertion" not in form and "client_assertion_type" not in form:
        return []
    if form.get("client_assertion_type") != CLIENT_ASSERTION_TYPE:
        raise InvalidClient("client_assertion_type is not supported")
    assertion = form.get("client_assertion", "")
    try:
        claimed = form.get("client_id") or client_jwts.unverified_issuer(assertion)
    except BadToken:
        raise InvalidClient("client_assertion cannot be read") from None
    return [Credentials(AuthMethod.PRIVATE_KEY_JWT, claimed, assertion)]


_USE = Prepared(insert_if_new(UsedAssertion).returning(UsedAssertion.client_id))


def sweep_used_assertions(tx: Transaction) -> int:
    """Forget assertions that have expired: nobody can use them again anyway."""
    return _BROOM.sweep(tx, tx.now)


_BROOM = Broom(UsedAssertion, UsedAssertion.expires_at)
