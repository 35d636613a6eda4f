"""Dynamic client registration and its management (RFC 7591, RFC 7592, OIDC Registration 1.0).

Off unless the configuration opens it. What a client asks for and cannot have is refused
and not silently replaced: it would find out in production.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import bindparam, select, update

from idp.audit.events.clients import ClientAdded, ClientChanged, ClientRemoved
from idp.clock import seconds
from idp.config import ClientSection, RegistrationSection
from idp.database.transaction import Transaction
from idp.oidc import clients
from idp.oidc.client_certificates import SUBJECT_MEMBERS
from idp.oidc.client_documents import NotFetched
from idp.oidc.clients import BadRegistration, ClientRow
from idp.oidc.errors import AccessDenied, InvalidToken, OAuthError
from idp.oidc.exchange import Exchange, Reply, json_reply
from idp.oidc.model import BY_ITSELF, Client
from idp.oidc.server import Parts
from idp.oidc.userinfo import token_in_header
from idp.oidc.vocabulary import AuthMethod, GrantType, ResponseType, Scope
from idp.secret import base64url, digest, mint, same, well_formed

Outcome = TypeVar("Outcome")

SOURCE = BY_ITSELF
PREFIX = "prr"
_STATED = ("contacts", "logo_uri", "client_uri", "policy_uri", "tos_uri", "software_id")
_KEPT = (
    *_STATED,
    "software_version",
    "application_type",
    "initiate_login_uri",
    "backchannel_logout_session_required",
    "frontchannel_logout_session_required",
)
_REFUSED_UNLESS: Mapping[str, tuple[Any, ...]] = {
    "backchannel_logout_session_required": (True, False),
    "frontchannel_logout_session_required": (True, False),
    "application_type": ("web", "native"),
}
"""What is understood only in these values."""
_NOT_OFFERED = ("authorization_details_types",)
_ENCRYPTED = ("id_token", "userinfo", "authorization", "introspection")
_AS_SENT = (
    "jwks_uri",
    "token_endpoint_auth_signing_alg",
    "request_uris",
    "request_object_signing_alg",
    "require_signed_request_object",
    "userinfo_signed_response_alg",
    "authorization_signed_response_alg",
    "introspection_signed_response_alg",
    *(f"{kind}_encrypted_response_alg" for kind in _ENCRYPTED),
    "tls_client_certificate_bound_access_tokens",
    *SUBJECT_MEMBERS,
)
"""What a registration holds under the same name and in the same form; absent where unset."""
_ENCS = tuple(f"{kind}_encrypted_response_enc" for kind in _ENCRYPTED)
_OPERATORS = (
    GrantType.CLIENT_CREDENTIALS,
    GrantType.TOKEN_EXCHANGE,
    GrantType.DEVICE_CODE,
    GrantType.CIBA,
)
"""What acts without a person before it, or asks people by itself."""
_GRANT_OF = {
    ResponseType.CODE: GrantType.AUTHORIZATION_CODE,
    ResponseType.ID_TOKEN: GrantType.IMPLICIT,
    ResponseType.TOKEN: GrantType.IMPLICIT,
}


class InvalidClientMetadata(OAuthError):
    """A member of the registration cannot be taken (RFC 7591 section 3.2.2)."""

    error = "invalid_client_metadata"


class InvalidRedirectUri(OAuthError):
    """A redirect URI cannot be taken (RFC 7591 section 3.2.2)."""

    error = "invalid_redirect_uri"


class Metadata(msgspec.Struct, frozen=True):
    """The members we act on, as sent; unknown ones are ignored (RFC 7591 section 2)."""

    redirect_uris: list[str] = []
    response_types: tuple[str, ...] = ("code",)
    grant_types: list[str] | None = None
    token_endpoint_auth_method: str = "client_secret_basic"
    scope: str = " ".join(Scope)
    client_name: str = ""
    jwks: dict[str, Any] = {}
    id_token_signed_response_alg: str = "RS256"
    post_logout_redirect_uris: list[str] = []
    backchannel_logout_uri: str = ""
    frontchannel_logout_uri: str = ""
    profile: str = ""
    subject_type: str = "public"
    sector_identifier_uri: str = ""
    require_pushed_authorization_requests: bool = False
    dpop_bound_access_tokens: bool = False
    jwks_uri: str = ""
    token_endpoint_auth_signing_alg: str = ""
    request_uris: list[str] = []
    request_object_signing_alg: str = ""
    require_signed_request_object: bool = False
    userinfo_signed_response_alg: str = ""
    authorization_signed_response_alg: str = ""
    introspection_signed_response_alg: str = ""
    id_token_encrypted_response_alg: str = ""
    id_token_encrypted_response_enc: str = "A128CBC-HS256"
    userinfo_encrypted_response_alg: str = ""
    userinfo_encrypted_response_enc: str = "A128CBC-HS256"
    authorization_encrypted_response_alg: str = ""
    authorization_encrypted_response_enc: str = "A128CBC-HS256"
    introspection_encrypted_response_alg: str = ""
    introspection_encrypted_response_enc: str = "A128CBC-HS256"
    tls_client_certificate_bound_access_tokens: bool = False
    tls_client_auth_subject_dn: str = ""
    tls_client_auth_san_dns: str = ""
    tls_client_auth_san_uri: str = ""
    tls_client_auth_san_ip: str = ""
    tls_client_auth_san_email: str = ""


@dataclass(frozen=True, slots=True)
class Registrar:
    """Registers clients by the rules of the configuration."""

    parts: Parts
    section: RegistrationSection

    def admit(self, tx: Transaction, exchange: Exchange) -> None:
        """Let in who may register, or manages its own client.

        Raises:
            InvalidToken, AccessDenied: nothing is done for this caller, and nobody called.
        """
        if "client_id" in exchange.query_parameters():
            self._own(tx, exchange)
        else:
            self._admit(exchange)

    def check_sector(self, exchange: Exchange) -> None:
        """Ask the sector's own document whether it knows the redirect URIs (OIDC Core 8.1).

        Costs a call to a stranger's server, so before any transaction is open.

        Raises:
            InvalidClientMetadata: it does not, or cannot be read within two seconds.
        """
        if exchange.method not in {"POST", "PUT"}:
            return
        members = _members(exchange)
        if uri := members.get("sector_identifier_uri"):
            try:
                listed = self.parts.documents.sector(str(uri))
            except NotFetched:
                raise InvalidClientMetadata("sector_identifier_uri: cannot be read") from None
            if not frozenset(_texts(members.get("redirect_uris"))) <= frozenset(listed):
                raise InvalidClientMetadata("sector_identifier_uri: does not list redirect_uris")

    def reply(self, tx: Transaction, exchange: Exchange) -> Reply:
        """Answer ``POST /register``, or what its management asks (``?client_id=``)."""
        if "client_id" not in exchange.query_parameters():
            if exchange.method != "POST":
                return json_reply(405, {"error": "invalid_request"}, ("Allow", "POST"))
            self._admit(exchange)
            return self._register(tx, exchange)
        client = self._own(tx, exchange)
        match exchange.method:
            case "GET":
                return json_reply(200, self._document(client, {}))
            case "PUT":
                return self._replace(tx, exchange, client)
            case "DELETE":
                return self._delete(tx, client)
            case _:
                allow = ("Allow", "GET, PUT, DELETE")
                return json_reply(405, {"error": "invalid_request"}, allow)

    def _register(self, tx: Transaction, exchange: Exchange) -> Reply:
        # Begins with a letter that no "sub" begins with (clients.add refuses those that do).
        client_id = "c" + base64url(self.parts.entropy(16))
        registration = self._registration(client_id, _members(exchange))
        _checked(lambda: clients.add(tx, registration, source=SOURCE))
        _refuse_foreign_hosts(registration)
        token = mint(PREFIX, self.parts.entropy)
        tx.execute(_KEEP_TOKEN, {"wanted": client_id, "token_hash": digest(token)})
        once: dict[str, Any] = {"registration_access_token": token}
        if _has_secret(registration):
            secret = clients.new_secret(tx, self.parts.entropy, client_id)
            once |= {"client_secret": secret, "client_secret_expires_at": 0}
        self.parts.trail.append(tx, ClientAdded(client_id=client_id, source=SOURCE))
        issued = {"client_id_issued_at": seconds(tx.now)}
        return json_reply(201, self._document(Client(registration), issued | once))

    def _admit(self, exchange: Exchange) -> None:
        if self.section.mode == "open":
            return
        if self.section.mode == "off":
            raise _Off("clients are not registered here by themselves")
        hashed = digest(token_in_header(exchange)).hex().encode()
        known = [same(hashed, one.encode()) for one in self.section.initial_access_tokens_sha256]
        if not any(known):
            raise InvalidToken("the initial access token is not valid")

    def _own(self, tx: Transaction, exchange: Exchange) -> Client:
        """Find the client that the token manages; one answer for all that is wrong."""
        token, wanted = token_in_header(exchange), exchange.query_parameters()["client_id"]
        held = tx.scalar(_TOKEN, {"wanted": wanted}) if well_formed(PREFIX, token) else None
        client = clients.read(tx, wanted) if held and same(held, digest(token)) else None
        if client is None or client.disabled:
            raise _NotItsOwn
        return client

    def _replace(self, tx: Transaction, exchange: Exchange, client: Client) -> Reply:
        """Replace the registration whole; the secret stays (RFC 7592 section 2.2)."""
        members = _members(exchange)
        if members.get("client_id") != client.client_id:
            raise InvalidClientMetadata("client_id is not this client's")
        secret = members.get("client_secret")
        if secret is not None and not client.has_secret(str(secret), tx.now):
            raise InvalidClientMetadata("client_secret is not this client's")
        registration = self._registration(client.client_id, members)
        held = digest(token_in_header(exchange))
        if not _checked(lambda: clients.change_own(tx, registration, held)):
            raise _NotItsOwn
        _refuse_foreign_hosts(registration)
        once: dict[str, Any] = {}
        if _has_secret(registration) and not client.secrets:
            fresh = clients.new_secret(tx, self.parts.entropy, client.client_id)
            once = {"client_secret": fresh, "client_secret_expires_at": 0}
        self.parts.trail.append(tx, ClientChanged(client_id=client.client_id, source=SOURCE))
        return json_reply(200, self._document(Client(registration), once))

    def _delete(self, tx: Transaction, client: Client) -> Reply:
        if not clients.remove(tx, client.client_id):
            raise _NotItsOwn
        self.parts.trail.append(tx, ClientRemoved(client_id=client.client_id, source=SOURCE))
        return Reply(204, b"", (("Cache-Control", "no-store"),))

    def _registration(self, client_id: str, members: Mapping[str, Any]) -> ClientSection:
        _refuse_what_is_not_offered(members)
        try:
            sent = msgspec.convert(members, Metadata)
        except msgspec.ValidationError as wrong:
            raise _of_another_kind(wrong) from None
        profile = sent.profile or self.section.profiles[0]
        if profile not in self.section.profiles:
            raise InvalidClientMetadata("profile: is not given to clients that register themselves")
        needed = {_GRANT_OF[ResponseType(word)] for word in _words(sent.response_types)}
        fields = {
            "client_id": client_id,
            "names": {"en": sent.client_name} if sent.client_name else {},
            "profile": profile,
            "response_types": list(sent.response_types),
            "redirect_uris": sent.redirect_uris,
            "post_logout_redirect_uris": sent.post_logout_redirect_uris,
            "backchannel_logout_uri": sent.backchannel_logout_uri,
            "frontchannel_logout_uri": sent.frontchannel_logout_uri,
            "grant_types": sorted(needed) if sent.grant_types is None else sent.grant_types,
            "scope": sent.scope,
            "token_endpoint_auth_method": sent.token_endpoint_auth_method,
            "jwks": sent.jwks,
            "id_token_signed_response_alg": sent.id_token_signed_response_alg,
            "subject_type": sent.subject_type,
            "require_pushed_authorization_requests": sent.require_pushed_authorization_requests,
            "dpop_bound_access_tokens": sent.dpop_bound_access_tokens,
            "sector_identifier_uri": sent.sector_identifier_uri,
            "metadata": {name: members[name] for name in _KEPT if name in members},
            **{name: getattr(sent, name) for name in (*_AS_SENT, *_ENCS)},
        }
        try:
            return msgspec.convert(fields, ClientSection)
        except msgspec.ValidationError as wrong:
            raise _of_another_kind(wrong) from None

    def _document(self, client: Client, once: Mapping[str, Any]) -> dict[str, Any]:
        """Write all that is registered (RFC 7591 section 3.2.1); secrets only this once."""
        held = client.registration
        document: dict[str, Any] = {
            "client_id": held.client_id,
            "redirect_uris": held.redirect_uris,
            "response_types": held.response_types,
            "grant_types": held.grant_types,
            "token_endpoint_auth_method": held.token_endpoint_auth_method,
            "scope": held.scope,
            "id_token_signed_response_alg": held.id_token_signed_response_alg,
            "subject_type": held.subject_type,
            "require_pushed_authorization_requests": held.require_pushed_authorization_requests,
            "dpop_bound_access_tokens": held.dpop_bound_access_tokens,
            "profile": held.profile,
            "registration_client_uri": f"{self.parts.issuer}/register?client_id={held.client_id}",
        }
        optional = {
            "client_name": held.names.get("en", ""),
            "jwks": held.jwks,
            "post_logout_redirect_uris": held.post_logout_redirect_uris,
            "backchannel_logout_uri": held.backchannel_logout_uri,
            "frontchannel_logout_uri": held.frontchannel_logout_uri,
            "sector_identifier_uri": held.sector_identifier_uri,
            **{name: getattr(held, name) for name in _AS_SENT},
        }
        for kind in _ENCRYPTED:
            if optional[f"{kind}_encrypted_response_alg"]:
                name = f"{kind}_encrypted_response_enc"
                optional[name] = getattr(held, name)
        present = {name: value for name, value in optional.items() if value}
        return {**held.metadata, **document, **present, **once}


def _of_another_kind(wrong: msgspec.ValidationError) -> InvalidClientMetadata:
    """Name the member; the library's own text would also repeat what was sent."""
    found = re.search(r"\$\.(\w+)", str(wrong))
    name = found[1] if found else "the registration"
    return InvalidClientMetadata(f"{name}: this value is not offered")


class _NotItsOwn(InvalidToken):
    """Nothing is managed with this token: one answer for all that can be wrong with it."""

    def __init__(self) -> None:
        super().__init__("the registration access token is not valid")


class _Off(AccessDenied):
    """Registration is not offered to this caller."""

    status_code = 403


def _members(exchange: Exchange) -> dict[str, Any]:
    if exchange.header("content-type").partition(";")[0].strip().lower() != "application/json":
        raise InvalidClientMetadata("the content type must be application/json")
    try:
        found: dict[str, Any] = msgspec.json.decode(exchange.body, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        raise InvalidClientMetadata("the registration is not a JSON object") from None
    return {name: value for name, value in found.items() if value is not None}


def _refuse_what_is_not_offered(members: Mapping[str, Any]) -> None:
    for name, understood in _REFUSED_UNLESS.items():
        if name in members and members[name] not in understood:
            raise InvalidClientMetadata(f"{name}: this value is not offered")
    for name in _NOT_OFFERED:
        if members.get(name):
            raise InvalidClientMetadata(f"{name}: is not offered")
    for name in ("logo_uri", "client_uri", "policy_uri", "tos_uri", "initiate_login_uri"):
        if name in members and not _is_https(members[name]):
            raise InvalidClientMetadata(f"{name}: must be an https URI")
    _refuse_what_an_operator_gives(members)
    contacts = members.get("contacts", [])
    if not isinstance(contacts, list) or not all(isinstance(one, str) for one in contacts):
        raise InvalidClientMetadata("contacts: must be a list of addresses")


def _refuse_what_an_operator_gives(members: Mapping[str, Any]) -> None:
    if not frozenset(str(members.get("scope", "")).split()) <= frozenset(Scope):
        raise InvalidClientMetadata("scope: has one that is given by an operator only")
    for grant in _OPERATORS:
        if grant in _texts(members.get("grant_types")):
            raise InvalidClientMetadata(f"grant_types: {grant} is given by an operator only")


def _refuse_foreign_hosts(registration: ClientSection) -> None:
    """Let nobody who registers by himself have us call where his app is not at home.

    Its home is where it lets the browser answer, and the host that vouches for all of that.
    """
    vouched = registration.sector_identifier_uri
    homes = {urlsplit(one).hostname for one in (*registration.redirect_uris, vouched)} - {None}
    led: Mapping[str, list[str]] = {
        "jwks_uri": [registration.jwks_uri],
        "request_uris": registration.request_uris,
        "backchannel_logout_uri": [registration.backchannel_logout_uri],
        "frontchannel_logout_uri": [registration.frontchannel_logout_uri],
    }
    for name, uris in led.items():
        if any(uri and urlsplit(uri).hostname not in homes for uri in uris):
            raise InvalidClientMetadata(f"{name}: must be on a host that redirect_uris names")


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


_PLAIN = re.compile(r"[\x21-\x7e]{1,2048}")


def _is_https(value: Any) -> bool:
    if not isinstance(value, str) or not _PLAIN.fullmatch(value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname)


def _words(response_types: tuple[str, ...]) -> set[str]:
    words = {word for one in response_types for word in one.split()}
    if not words <= frozenset(ResponseType):
        raise InvalidClientMetadata("response_types: has one that is not offered")
    return words


def _has_secret(registration: ClientSection) -> bool:
    return registration.token_endpoint_auth_method in {AuthMethod.BASIC, AuthMethod.POST}


def _checked(act: Callable[[], Outcome]) -> Outcome:
    """Tell a refused registration in RFC 7591's words."""
    try:
        return act()
    except BadRegistration as wrong:
        text = str(wrong)
        if text.startswith("redirect_uris"):
            raise InvalidRedirectUri(text) from None
        raise InvalidClientMetadata(text) from None


_KEEP_TOKEN = (
    update(ClientRow)
    .where(ClientRow.client_id == bindparam("wanted"))
    .values(registration_token_hash=bindparam("token_hash"))
)
_TOKEN = select(ClientRow.registration_token_hash).where(ClientRow.client_id == bindparam("wanted"))
