"""The device authorization endpoint (RFC 8628): for apps where nobody can type a password."""

from datetime import timedelta

from idp.database.transaction import Transaction
from idp.oidc import pending
from idp.oidc.errors import InvalidScope, OAuthError, UnauthorizedClient
from idp.oidc.exchange import Exchange, Reply, json_reply
from idp.oidc.server import Parts, error_reply
from idp.oidc.vocabulary import GrantType
from idp.secret import Entropy, digest, mint

PREFIX = "pdv"
LIFETIME = timedelta(minutes=10)
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # section 6.1: no vowels, so no words
_LENGTH = 8  # 2.5e10 codes, and the gate lets few tries through


def reply(tx: Transaction, parts: Parts, exchange: Exchange) -> Reply:
    """Answer ``POST /device_authorization``: a handle for the device, a code for its person."""
    try:
        form = exchange.form()
        client = parts.authentication.authenticate(tx, exchange.headers, form)
        if not client.may_use(GrantType.DEVICE_CODE):
            raise UnauthorizedClient("the client is not registered for this grant")
        scopes = frozenset(form.get("scope", "").split()) & client.scopes
        if not scopes:
            raise InvalidScope("scope has nothing that this client may ask for")
    except OAuthError as error:
        return error_reply(error)
    handle, user_code = mint(PREFIX, parts.entropy), _user_code(parts.entropy)
    pending.put(
        tx,
        {
            "handle_hash": digest(handle),
            "user_code_hash": digest(user_code),
            "client_id": client.client_id,
            "scope": " ".join(sorted(scopes)),
            "created_at": tx.now,
            "expires_at": tx.now + LIFETIME,
        },
    )
    shown = written(user_code)
    document = {
        "device_code": handle,
        "user_code": shown,
        "verification_uri": f"{parts.issuer}/device",
        "verification_uri_complete": f"{parts.issuer}/device?user_code={shown}",
        "expires_in": int(LIFETIME.total_seconds()),
        "interval": pending.POLL_SECONDS,
    }
    return json_reply(200, document)


def typed(user_code: str) -> str:
    """Read a code as people type it: any case, with or without dashes and blanks.

    Gives the empty string where it cannot be one.
    """
    found = "".join(one for one in user_code.upper() if one.isalnum())
    return found if len(found) == _LENGTH and set(found) <= set(_LETTERS) else ""


def written(user_code: str) -> str:
    """Write a code as people read it: in two groups."""
    return f"{user_code[:4]}-{user_code[4:]}"


def _user_code(entropy: Entropy) -> str:
    """Draw letters evenly: bytes that would favour the first ones are thrown away."""
    fair = 256 - 256 % len(_LETTERS)
    letters: list[str] = []
    while len(letters) < _LENGTH:
        letters += [_LETTERS[one % len(_LETTERS)] for one in entropy(_LENGTH) if one < fair]
    return "".join(letters[:_LENGTH])
