"""Registered clients: on record, in memory for a second, and how one comes and goes."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urldefrag, urlsplit

import msgspec
from cryptography import x509
from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    String,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.model import SUBJECT_PREFIX
from idp.config import ClientSection
from idp.database.columns import Table
from idp.database.patience import lift_limits
from idp.database.transaction import Transaction
from idp.oidc import authorizations, jwe, response
from idp.oidc.client_certificates import SUBJECT_MEMBERS
from idp.oidc.model import Client, binds_tokens, method_of, stored
from idp.oidc.subjects import sector
from idp.oidc.vocabulary import AuthMethod, GrantType, Profile, Scope
from idp.secret import Entropy, digest, mint

SECRET_PREFIX = "pcs"
LINK_EVENTS = "events"
"""``/links/events`` is an endpoint; every other name below ``/links`` is a client's page."""
_FRESH_FOR = timedelta(seconds=1)
_GRANTS = frozenset(GrantType)
_ID_FORM = re.compile(r"[A-Za-z0-9._~-]{1,128}")


class ClientRow(Table):
    """A registration. The prefix of account subjects is refused: see ``SUBJECT_PREFIX``."""

    __tablename__ = "clients"
    __table_args__ = (
        CheckConstraint(f"substr(client_id, 1, 2) <> '{SUBJECT_PREFIX}'", name="not_a_subject"),
    )

    client_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    source: Mapped[str] = mapped_column(String(16))
    """``config`` (owned by the file), ``operator`` or ``dynamic`` (it registered itself)."""
    registration: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None] = mapped_column(default=None)
    registration_token_hash: Mapped[bytes | None] = mapped_column(default=None)
    """SHA-256 of what a client that registered itself manages its registration with."""


class ClientSecret(Table):
    """SHA-256 of a client's secret. Two may live side by side while one replaces the other."""

    __tablename__ = "client_secrets"

    client_id: Mapped[str] = mapped_column(
        ForeignKey("clients.client_id", ondelete="CASCADE"), primary_key=True
    )
    secret_hash: Mapped[bytes] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None] = mapped_column(default=None)


class BadRegistration(Exception):
    """The registration cannot be taken; the message says which field and why."""


class Clients:
    """The clients of this process; each is read again when older than a second. Thread-safe."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[datetime, Client]] = {}

    def find(self, tx: Transaction, client_id: str) -> Client | None:
        """Find an enabled client; costs a round trip at most once a second and client."""
        held = self._held.get(client_id)
        if held is not None and held[0] <= tx.now < held[0] + _FRESH_FOR:
            return held[1]
        client = read(tx, client_id) if _ID_FORM.fullmatch(client_id) else None
        if client is None or client.disabled:
            self._held.pop(client_id, None)
            return None
        self._held[client_id] = (tx.now, client)
        return client

    def forget(self) -> None:
        """Read again at the next use: what is on record has just changed."""
        self._held.clear()


def read(tx: Transaction, client_id: str) -> Client | None:
    """Read a client from the record, disabled or not."""
    rows = tx.execute(_READ, {"wanted": client_id}).all()
    return _client(rows) if rows else None


def everyone(tx: Transaction) -> list[tuple[str, Client]]:
    """List all clients by id, each with its source."""
    rows: dict[str, list[Any]] = {}
    for row in tx.execute(_READ_ALL):
        rows.setdefault(row.client_id, []).append(row)
    return [(of_one[0].source, _client(of_one)) for of_one in rows.values()]


def _client(rows: Sequence[Any]) -> Client:
    registration = msgspec.convert(rows[0].registration, ClientSection)
    secrets = tuple((row.secret_hash, row.expires_at) for row in rows if row.secret_hash)
    disabled = rows[0].disabled_at is not None
    return Client(registration, secrets, disabled=disabled, source=rows[0].source)


def add(tx: Transaction, registration: ClientSection, *, source: str) -> None:
    """Register a client.

    Raises:
        BadRegistration: a field cannot be taken.
        sqlalchemy.exc.IntegrityError: the id is taken.
    """
    check(registration)
    tx.execute(
        _ADD,
        {
            "client_id": registration.client_id,
            "source": source,
            "registration": stored(registration),
            "created_at": tx.now,
            "updated_at": tx.now,
        },
    )
    if registration.secret_sha256:
        _add_secret(tx, registration.client_id, bytes.fromhex(registration.secret_sha256))


def change(tx: Transaction, registration: ClientSection) -> None:
    """Replace a registration; its secrets stay, unless the registration brings one.

    Raises:
        BadRegistration: a field cannot be taken.
    """
    check(registration)
    tx.execute(_CHANGE, _changed(tx, registration))
    if registration.secret_sha256:
        tx.execute(_DROP_SECRETS, {"wanted": registration.client_id})
        _add_secret(tx, registration.client_id, bytes.fromhex(registration.secret_sha256))


def change_own(tx: Transaction, registration: ClientSection, token_hash: bytes) -> bool:
    """Replace what a client registered itself; ``False``: it is not its to change, or no longer.

    Decided by the UPDATE: an operator may remove the client while its request is on the way.

    Raises:
        BadRegistration: a field cannot be taken.
    """
    check(registration)
    changed = _changed(tx, registration) | {"token_hash": token_hash}
    return tx.execute(_CHANGE_OWN, changed).rowcount == 1


def _changed(tx: Transaction, registration: ClientSection) -> dict[str, Any]:
    return {
        "wanted": registration.client_id,
        "replacement": stored(registration),
        "instant": tx.now,
    }


def bring_back(tx: Transaction, client_id: str) -> None:
    """Enable a client again that is the configuration's: the file names it once more."""
    tx.execute(_ENABLE, {"wanted": client_id, "instant": tx.now})


def remove(tx: Transaction, client_id: str) -> bool:
    """Disable a client for good with all it was ever allowed; ``False`` when there is none.

    Its id is never given again.
    """
    if tx.execute(_DISABLE, {"wanted": client_id, "instant": tx.now}).rowcount != 1:
        return False
    lift_limits(tx.connection)  # an app that everybody uses has millions
    authorizations.revoke_all_of_client(tx, client_id)
    return True


def new_secret(
    tx: Transaction, entropy: Entropy, client_id: str, *, overlap: timedelta = timedelta()
) -> str:
    """Give a client a new secret, shown this once; the old ones live on for ``overlap``."""
    secret = mint(SECRET_PREFIX, entropy)
    tx.execute(_EXPIRE_SECRETS, {"wanted": client_id, "until": tx.now + overlap})
    _add_secret(tx, client_id, digest(secret))
    return secret


def _add_secret(tx: Transaction, client_id: str, hashed: bytes) -> None:
    tx.execute(_ADD_SECRET, {"client_id": client_id, "secret_hash": hashed, "created_at": tx.now})


def check(registration: ClientSection) -> None:
    """Refuse what would be unsafe or could never work.

    Raises:
        BadRegistration: with the field's name first.
    """
    if not _ID_FORM.fullmatch(registration.client_id):
        raise BadRegistration("client_id: 1 to 128 letters, digits or any of -._~")
    if registration.client_id.startswith(SUBJECT_PREFIX):
        raise BadRegistration(f"client_id: {SUBJECT_PREFIX!r} begins the subjects of accounts")
    if unknown := frozenset(registration.grant_types) - _GRANTS:
        raise BadRegistration(f"grant_types: {', '.join(sorted(unknown))} is not offered")
    _check_response_types(registration)
    _check_redirects(registration)
    _check_keys(registration)
    _check_authentication(registration)
    _check_certificate(registration)
    _check_resources(registration)
    _check_ciba(registration)
    _check_frontchannel_logout(registration)
    _check_linking(registration)
    if registration.profile == "fapi2":
        _check_fapi2(registration)
    if registration.subject_type == "pairwise" and not sector(registration):
        raise BadRegistration("sector_identifier_uri: redirect_uris of several hosts need one")


def _check_response_types(registration: ClientSection) -> None:
    known = {response.canonical(one) for one in response.TYPES}
    asked = {response.canonical(one) for one in registration.response_types}
    if not asked <= known:
        raise BadRegistration("response_types: has one that is not offered")
    if Profile(registration.profile) is not Profile.OIDC and asked - {"code"}:
        raise BadRegistration("response_types: this profile answers with a code alone")
    if binds_tokens(registration) and any("token" in one.split() for one in asked):
        raise BadRegistration("response_types: a token through the browser cannot be bound")
    from_the_front = {one for one in asked if one != "code"}
    if from_the_front and GrantType.IMPLICIT not in registration.grant_types:
        raise BadRegistration("grant_types: these response_types need the implicit grant")


def _check_redirects(registration: ClientSection) -> None:
    uses_browser = {GrantType.AUTHORIZATION_CODE, GrantType.IMPLICIT} & {*registration.grant_types}
    if uses_browser and not registration.redirect_uris:
        raise BadRegistration("redirect_uris: a grant through the browser needs at least one")
    for uri in registration.redirect_uris:
        _check_uri("redirect_uris", uri, native=method_of(registration) is AuthMethod.NONE)
    for uri in registration.post_logout_redirect_uris:
        _check_uri("post_logout_redirect_uris", uri, native=False)
    for name in _URIS:
        if uri := getattr(registration, name):
            _check_uri(name, uri, native=False)


def _check_frontchannel_logout(registration: ClientSection) -> None:
    """Let a frame lead only where the app itself is at home (Front-Channel Logout section 2)."""
    uri = registration.frontchannel_logout_uri
    homes = {urlsplit(one)[:2] for one in registration.redirect_uris}
    if uri and urlsplit(uri)[:2] not in homes:
        raise BadRegistration("frontchannel_logout_uri: must be where one of redirect_uris is")


def _check_uri(field: str, uri: str, *, native: bool) -> None:
    """Take https, http on loopback, and for public clients reverse-domain schemes (RFC 8252)."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:
        raise BadRegistration(f"{field}: not a URI") from None
    if not uri.isascii() or re.search(r"[\x00-\x20\x7f\\<>\"^`{|}]", uri):
        raise BadRegistration(f"{field}: has characters that no URI has")
    if "#" in uri or "@" in parts.netloc:
        raise BadRegistration(f"{field}: a fragment or user information is not allowed")
    loopback = parts.scheme == "http" and host in {"localhost", "127.0.0.1", "::1"}
    private_use = native and "." in parts.scheme and not parts.netloc
    if not (parts.scheme == "https" and host) and not loopback and not private_use:
        raise BadRegistration(f"{field}: must be https, or http on the loopback interface")


def _check_authentication(registration: ClientSection) -> None:
    method = method_of(registration)
    has_keys = registration.jwks.get("keys") or registration.jwks_uri
    if method is AuthMethod.PRIVATE_KEY_JWT and not has_keys:
        raise BadRegistration("jwks: private_key_jwt needs the client's public keys")
    if registration.token_endpoint_auth_signing_alg and method is not AuthMethod.PRIVATE_KEY_JWT:
        raise BadRegistration("token_endpoint_auth_signing_alg: belongs to private_key_jwt alone")
    confidential = {GrantType.CLIENT_CREDENTIALS, GrantType.TOKEN_EXCHANGE, GrantType.CIBA}
    if method is AuthMethod.NONE and confidential & {*registration.grant_types}:
        raise BadRegistration("grant_types: a public client can use none without a person")


def _check_keys(registration: ClientSection) -> None:
    keys = registration.jwks.get("keys", [])
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise BadRegistration("jwks: is no set of keys (RFC 7517 section 5)")
    if registration.jwks and registration.jwks_uri:
        raise BadRegistration("jwks_uri: excludes jwks; keep the keys in one place")
    if any("d" in key or key.get("kty") == "oct" for key in registration.jwks.get("keys", [])):
        raise BadRegistration("jwks: holds a private or symmetric key; send public keys only")
    for kind in ("id_token", "userinfo", "authorization", "introspection"):
        alg = getattr(registration, f"{kind}_encrypted_response_alg")
        if alg and not jwe.fits(registration.jwks, alg):
            raise BadRegistration(f"{kind}_encrypted_response_alg: jwks has no key for it")
    encrypted = registration.userinfo_encrypted_response_alg
    if encrypted and not registration.userinfo_signed_response_alg:
        raise BadRegistration("userinfo_signed_response_alg: what is encrypted is signed as well")
    for uri in registration.request_uris:
        _check_uri("request_uris", urldefrag(uri).url, native=False)


def _check_ciba(registration: ClientSection) -> None:
    endpoint = registration.backchannel_client_notification_endpoint
    if endpoint:
        _check_uri("backchannel_client_notification_endpoint", endpoint, native=False)
    elif registration.backchannel_token_delivery_mode == "ping":
        raise BadRegistration("backchannel_client_notification_endpoint: ping needs one")


def _check_linking(registration: ClientSection) -> None:
    """Let an app ask for passwords of its own only where it can keep what it is sent."""
    if not registration.link_uri:
        return
    if method_of(registration) is AuthMethod.NONE:
        raise BadRegistration("link_uri: a public client cannot end a link it was given")
    if registration.client_id == LINK_EVENTS:
        raise BadRegistration(f"link_uri: the page of a client called {LINK_EVENTS!r} has no room")
    keys = registration.jwks.get("keys", [])
    if not registration.jwks_uri and not any(one.get("use") == "enc" for one in keys):
        raise BadRegistration("link_uri: needs jwks_uri, or jwks with a key whose use is enc")


def _check_resources(registration: ClientSection) -> None:
    for uri in registration.resources:
        if not re.fullmatch(r"[a-z][a-z0-9+.-]*:[!$&-;=?-\[\]_a-z~]+", uri):
            raise BadRegistration("resources: each is an absolute URI without a fragment")


def _check_fapi2(registration: ClientSection) -> None:
    """Hold a client to FAPI 2.0 Security Profile section 5.3.2.1 where it registers."""
    if method_of(registration) not in {AuthMethod.PRIVATE_KEY_JWT, *_BY_TLS}:
        raise BadRegistration("token_endpoint_auth_method: the profile fapi2 wants a key")
    if not binds_tokens(registration):
        raise BadRegistration("dpop_bound_access_tokens: the profile fapi2 binds every token")
    for name in _SIGNED_FOR_IT:
        if getattr(registration, name) == "RS256":
            raise BadRegistration(f"{name}: the profile fapi2 takes no RS256")


def _check_certificate(registration: ClientSection) -> None:
    method = method_of(registration)
    expected = [name for name in SUBJECT_MEMBERS if getattr(registration, name)]
    if method is AuthMethod.TLS and len(expected) != 1:
        raise BadRegistration(f"{SUBJECT_MEMBERS[0]}: tls_client_auth expects exactly one name")
    if method is not AuthMethod.TLS and expected:
        raise BadRegistration(f"{expected[0]}: belongs to tls_client_auth alone")
    try:
        x509.Name.from_rfc4514_string(registration.tls_client_auth_subject_dn)
    except ValueError:
        raise BadRegistration(f"{SUBJECT_MEMBERS[0]}: is no name of RFC 4514") from None
    shown = [one.get("x5c") for one in registration.jwks.get("keys", [])]
    if method is AuthMethod.SELF_SIGNED_TLS and not (registration.jwks_uri or any(shown)):
        raise BadRegistration("jwks: self_signed_tls_client_auth needs certificates as x5c")
    if registration.tls_client_certificate_bound_access_tokens and method is AuthMethod.NONE:
        raise BadRegistration(
            "tls_client_certificate_bound_access_tokens: a public client has no certificate"
        )


_BY_TLS = {AuthMethod.TLS, AuthMethod.SELF_SIGNED_TLS}
_SIGNED_FOR_IT = (
    "id_token_signed_response_alg",
    "userinfo_signed_response_alg",
    "authorization_signed_response_alg",
    "introspection_signed_response_alg",
    "request_object_signing_alg",
    "token_endpoint_auth_signing_alg",
)
_URIS = (
    "jwks_uri",
    "backchannel_logout_uri",
    "frontchannel_logout_uri",
    "home_uri",
    "sector_identifier_uri",
    "link_uri",
)


def scopes_offered(clients: Iterable[Client]) -> list[str]:
    """List every scope that some client may ask for, the standard ones first."""
    own = sorted(frozenset().union(*(client.scopes for client in clients)) - frozenset(Scope))
    return [*Scope, *own]


_COLUMNS = (
    ClientRow.client_id,
    ClientRow.source,
    ClientRow.registration,
    ClientRow.disabled_at,
    ClientSecret.secret_hash,
    ClientSecret.expires_at,
)
_READ_ALL = select(*_COLUMNS).outerjoin(ClientSecret).order_by(ClientRow.client_id)
_READ = _READ_ALL.where(ClientRow.client_id == bindparam("wanted"))
_ADD = insert(ClientRow)
_CHANGE = (
    update(ClientRow)
    .where(ClientRow.client_id == bindparam("wanted"))
    .values(registration=bindparam("replacement"), updated_at=bindparam("instant"))
)
_CHANGE_OWN = _CHANGE.where(
    ClientRow.disabled_at.is_(None), ClientRow.registration_token_hash == bindparam("token_hash")
)
_ENABLE = (
    update(ClientRow)
    .where(ClientRow.client_id == bindparam("wanted"))
    .values(disabled_at=None, updated_at=bindparam("instant"))
)
_DISABLE = (
    update(ClientRow)
    .where(ClientRow.client_id == bindparam("wanted"), ClientRow.disabled_at.is_(None))
    .values(disabled_at=bindparam("instant"))
)
_ADD_SECRET = insert(ClientSecret)
_DROP_SECRETS = delete(ClientSecret).where(ClientSecret.client_id == bindparam("wanted"))
_EXPIRE_SECRETS = (
    update(ClientSecret)
    .where(ClientSecret.client_id == bindparam("wanted"), ClientSecret.expires_at.is_(None))
    .values(expires_at=bindparam("until"))
)
