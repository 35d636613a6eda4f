"""Passkeys: WebAuthn level 3, discoverable, the person verified, no attestation.

Whose keys these are follows from the configured issuer, never from a request: a page under
another name is offered nothing it could use. A challenge is a row bound to one browser and
one purpose, and is used up before anything is verified (section 13.4.3).
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from sqlalchemy import (
    BigInteger,
    ForeignKey,
    String,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.database.columns import Table
from idp.database.prepared import Prepared, insert_if_new
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction
from idp.secret import Entropy, base64url, new_id

LONGEST_NAME = 64
_CHALLENGE_BYTES = 32  # section 13.4.3 wants 16
_LONGEST_CREDENTIAL = 16_384  # characters of JSON; attestation is not asked for
_AT_MOST = 20  # passkeys of one account: the list goes to the authenticator
_ALGORITHMS = (-8, -7, -257)  # EdDSA, ES256, RS256: what the specification recommends


class Purpose(StrEnum):
    """What a challenge is for; one never serves the other."""

    REGISTER = "register"
    AUTHENTICATE = "authenticate"


class Passkey(Table):
    """A public key of an account, and what its authenticator says of itself."""

    __tablename__ = "passkeys"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    credential_id: Mapped[bytes] = mapped_column(unique=True)
    public_key: Mapped[bytes]
    """COSE_Key."""
    sign_count: Mapped[int] = mapped_column(BigInteger)
    backup_eligible: Mapped[bool]
    """It may be on several machines: proof of a key in software (``swk``), not in hardware."""
    backed_up: Mapped[bool]
    transports: Mapped[list[str]]
    aaguid: Mapped[str] = mapped_column(String(36))
    name: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)


class PasskeyChallenge(Table):
    """A challenge offered to one browser; its value is not kept."""

    __tablename__ = "passkey_challenges"

    challenge_hash: Mapped[bytes] = mapped_column(primary_key=True)
    browser_hash: Mapped[bytes]
    purpose: Mapped[str] = mapped_column(String(16))
    account_id: Mapped[UUID | None]
    """Whose it is where that is known; empty on the sign-in page."""
    expires_at: Mapped[datetime] = mapped_column(index=True)
    consumed_at: Mapped[datetime | None] = mapped_column(default=None)


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    """``AuthenticatorAttestationResponseJSON`` and ``AuthenticatorAssertionResponseJSON``."""

    client_data: str = msgspec.field(name="clientDataJSON")
    attestation_object: str = ""
    authenticator_data: str = ""
    signature: str = ""
    user_handle: str | None = None
    transports: list[str] = []


class _Credential(msgspec.Struct, frozen=True, rename="camel"):
    """``RegistrationResponseJSON`` and ``AuthenticationResponseJSON`` (section 5.1)."""

    id: str
    raw_id: str
    type: str
    response: _Answer


class _ClientData(msgspec.Struct, frozen=True, rename="camel"):
    """``CollectedClientData`` (section 5.8.1), as far as we look at it ourselves."""

    challenge: str
    cross_origin: bool = False


@dataclass(frozen=True, slots=True)
class Presented:
    """What a browser brought, taken apart and not yet believed."""

    document: dict[str, Any]
    credential_id: bytes
    challenge: bytes
    user_handle: bytes
    transports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A passkey that was verified and is not yet on record."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    backup_eligible: bool
    backed_up: bool
    transports: tuple[str, ...]
    aaguid: str


@dataclass(frozen=True, slots=True)
class OnRecord:
    """A passkey as it is verified against."""

    id: UUID
    account_id: UUID
    credential_id: bytes
    public_key: bytes
    sign_count: int
    backup_eligible: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A signature that was right; the counter is still to be compared where it is kept."""

    on_record: OnRecord
    sign_count: int
    backed_up: bool

    @property
    def amr(self) -> tuple[str, ...]:
        """Say what was proven in the words of RFC 8176: a key, and that somebody was there."""
        return ("swk" if self.on_record.backup_eligible else "hwk", "user")


@dataclass(frozen=True, slots=True)
class Listed:
    """A passkey as its owner sees it."""

    id: UUID
    name: str
    created_at: datetime
    last_used_at: datetime | None
    backed_up: bool


class Passkeys:
    """Offers challenges, verifies answers, keeps keys."""

    def __init__(self, issuer: str, lifetime: timedelta, entropy: Entropy) -> None:
        parts = urlsplit(issuer)
        self._rp_id = parts.hostname or ""
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._lifetime = lifetime
        self._entropy = entropy

    def offer_registration(
        self, tx: Transaction, browser_hash: bytes, account_id: UUID, subject: str, names: str
    ) -> str:
        """Write what ``navigator.credentials.create`` takes, as JSON.

        Args:
            subject: the account's ``sub``: it tells nobody anything, and the key carries it.
            names: how the person calls the account, for the list that a browser shows.
        """
        challenge = self._issue(tx, browser_hash, Purpose.REGISTER, account_id)
        known = tx.execute(_CREDENTIALS, {"owner": account_id})
        options = {
            "rp": {"id": self._rp_id, "name": self._rp_id},
            "user": {"id": base64url(subject.encode()), "name": names, "displayName": names},
            "challenge": base64url(challenge),
            "pubKeyCredParams": [{"type": "public-key", "alg": alg} for alg in _ALGORITHMS],
            "timeout": int(self._lifetime.total_seconds() * 1000),
            "excludeCredentials": _descriptors(known.all()),
            "authenticatorSelection": {
                "residentKey": "required",
                "requireResidentKey": True,
                "userVerification": "required",
            },
            "attestation": "none",
        }
        return msgspec.json.encode(options).decode()

    def offer_authentication(
        self, tx: Transaction, browser_hash: bytes, account_id: UUID | None = None
    ) -> str:
        """Write what ``navigator.credentials.get`` takes, as JSON.

        Without an account any passkey of this site will do: the key says whose it is.
        """
        challenge = self.challenge(tx, browser_hash, account_id)
        known = tx.execute(_CREDENTIALS, {"owner": account_id}).all() if account_id else []
        return self.asking(challenge, known)

    def challenge(
        self, tx: Transaction, browser_hash: bytes, account_id: UUID | None = None
    ) -> str:
        """Begin to ask for a passkey; gives what is to be signed."""
        return base64url(self._issue(tx, browser_hash, Purpose.AUTHENTICATE, account_id))

    def asking(self, challenge: str, known: Sequence[Any] = ()) -> str:
        """Write a :meth:`challenge` as ``navigator.credentials.get`` takes it, as JSON."""
        options = {
            "rpId": self._rp_id,
            "challenge": challenge,
            "timeout": int(self._lifetime.total_seconds() * 1000),
            "allowCredentials": _descriptors(known),
            "userVerification": "required",
        }
        return msgspec.json.encode(options).decode()

    def _issue(
        self, tx: Transaction, browser_hash: bytes, purpose: Purpose, account_id: UUID | None
    ) -> bytes:
        challenge = self._entropy(_CHALLENGE_BYTES)
        tx.put(
            _ISSUE,
            {
                "challenge_hash": _hash(challenge),
                "browser_hash": browser_hash,
                "purpose": purpose,
                "account_id": account_id,
                "expires_at": tx.now + self._lifetime,
            },
        )
        return challenge

    def claim(
        self,
        tx: Transaction,
        presented: Presented,
        browser_hash: bytes,
        purpose: Purpose,
        account_id: UUID | None = None,
    ) -> bool:
        """Use the challenge up, whatever the signature is worth."""
        claimed = tx.ask(
            _CLAIM,
            {
                "presented": _hash(presented.challenge),
                "browser": browser_hash,
                "wanted": purpose,
                "instant": tx.now,
            },
        )
        return claimed is not None and claimed.account_id == account_id

    def find(self, tx: Transaction, presented: Presented) -> OnRecord | None:
        """Find the key that an answer names."""
        row = tx.ask(_FIND, {"presented": presented.credential_id})
        return OnRecord(*row) if row else None

    def verify_registration(self, presented: Presented) -> NewPasskey | None:
        """Check a new key (section 7.1); called outside any transaction."""
        # Loaded with the first passkey: a worker that sees none stays small.
        from webauthn import verify_registration_response  # noqa: PLC0415

        try:
            found = verify_registration_response(
                credential=presented.document,
                expected_challenge=presented.challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origin,
                require_user_verification=True,
            )
        except Exception:  # noqa: BLE001 - a stranger's CBOR fails in more ways than are named
            return None
        return NewPasskey(
            found.credential_id,
            found.credential_public_key,
            found.sign_count,
            found.credential_device_type.value == "multi_device",
            found.credential_backed_up,
            presented.transports,
            found.aaguid,
        )

    def verify(self, presented: Presented, on_record: OnRecord) -> Shown | None:
        """Check a signature (section 7.2); called outside any transaction."""
        from webauthn import verify_authentication_response  # noqa: PLC0415

        try:
            found = verify_authentication_response(
                credential=presented.document,
                expected_challenge=presented.challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origin,
                credential_public_key=on_record.public_key,
                # Compared where it is kept, by the UPDATE that raises it: see ``use``.
                credential_current_sign_count=0,
                require_user_verification=True,
            )
        except Exception:  # noqa: BLE001 - as above
            return None
        return Shown(on_record, found.new_sign_count, found.credential_backed_up)

    def add(self, tx: Transaction, account_id: UUID, new: NewPasskey, name: str) -> bool:
        """Put a key on record; ``False`` where it is there already, or there are too many."""
        if len(of_account(tx, account_id)) >= _AT_MOST:
            return False
        row = {
            "id": new_id(tx.now, self._entropy),
            "account_id": account_id,
            "credential_id": new.credential_id,
            "public_key": new.public_key,
            "sign_count": new.sign_count,
            "backup_eligible": new.backup_eligible,
            "backed_up": new.backed_up,
            "transports": list(new.transports),
            "aaguid": new.aaguid,
            "name": name[:LONGEST_NAME],
            "created_at": tx.now,
        }
        return tx.ask(_ADD, row) is not None


def use(tx: Transaction, shown: Shown) -> bool:
    """Raise the counter, unless it says that the key was copied (section 6.1.1).

    Keys that are on several machines count nothing and always say zero.
    """
    used = {
        "which": shown.on_record.id,
        "count": shown.sign_count,
        "backed": shown.backed_up,
        "instant": tx.now,
    }
    return tx.ask(_USE, used) is not None


def of_account(tx: Transaction, account_id: UUID) -> list[Listed]:
    """List an account's passkeys, the oldest first."""
    return [Listed(*row) for row in tx.execute(_OF_ACCOUNT, {"owner": account_id})]


def rename(tx: Transaction, account_id: UUID, passkey_id: UUID, name: str) -> bool:
    """Give a passkey another name."""
    renamed = {"owner": account_id, "which": passkey_id, "said": name[:LONGEST_NAME]}
    return tx.execute(_RENAME, renamed).rowcount == 1


def remove(tx: Transaction, account_id: UUID, passkey_id: UUID) -> str | None:
    """Forget a passkey; gives its name to the one caller that did it."""
    name: str | None = tx.scalar(_REMOVE, {"owner": account_id, "which": passkey_id})
    return name


def forget(tx: Transaction, account_id: UUID) -> None:
    """Forget all passkeys of an account."""
    tx.execute(_FORGET, {"owner": account_id})


def read(text: str) -> Presented | None:
    """Take apart what a browser posted; ``None`` where it cannot be an answer to us."""
    if len(text) > _LONGEST_CREDENTIAL:
        return None
    try:
        credential = msgspec.json.decode(text, type=_Credential)
        told = msgspec.json.decode(_bytes(credential.response.client_data), type=_ClientData)
        presented = Presented(
            msgspec.to_builtins(credential),
            _bytes(credential.id),
            _bytes(told.challenge),
            _bytes(credential.response.user_handle or ""),
            tuple(one for one in credential.response.transports if one in _TRANSPORTS),
        )
    except (msgspec.DecodeError, UnicodeError, binascii.Error, ValueError):
        return None
    return None if told.cross_origin else presented  # nobody frames our pages


def sweep(tx: Transaction) -> int:
    """Forget challenges whose time is over."""
    return _BROOM.sweep(tx, tx.now)


_TRANSPORTS = {"usb", "nfc", "ble", "smart-card", "hybrid", "internal"}


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _hash(challenge: bytes) -> bytes:
    return hashlib.sha256(challenge).digest()


def _descriptors(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {"type": "public-key", "id": base64url(row.credential_id), "transports": row.transports}
        for row in rows
    ]


_OWNED = Passkey.account_id == bindparam("owner")
_ISSUE = Prepared(insert(PasskeyChallenge))
_CLAIM = Prepared(
    update(PasskeyChallenge)
    .where(
        PasskeyChallenge.challenge_hash == bindparam("presented"),
        PasskeyChallenge.browser_hash == bindparam("browser"),
        PasskeyChallenge.purpose == bindparam("wanted"),
        PasskeyChallenge.consumed_at.is_(None),
        PasskeyChallenge.expires_at > bindparam("instant"),
    )
    .values(consumed_at=bindparam("instant"))
    .returning(PasskeyChallenge.account_id)
)
_CREDENTIALS = (
    select(Passkey.credential_id, Passkey.transports).where(_OWNED).order_by(Passkey.created_at)
)
_FIND = Prepared(
    select(
        Passkey.id,
        Passkey.account_id,
        Passkey.credential_id,
        Passkey.public_key,
        Passkey.sign_count,
        Passkey.backup_eligible,
    ).where(Passkey.credential_id == bindparam("presented"))
)
_ADD = Prepared(insert_if_new(Passkey).returning(Passkey.id))
_COUNT = bindparam("count", type_=BigInteger())
_USE = Prepared(
    update(Passkey)
    .where(
        Passkey.id == bindparam("which"),
        or_(Passkey.sign_count < _COUNT, and_(Passkey.sign_count == 0, _COUNT == 0)),
    )
    .values(sign_count=_COUNT, backed_up=bindparam("backed"), last_used_at=bindparam("instant"))
    .returning(Passkey.id)
)
_OF_ACCOUNT = (
    select(Passkey.id, Passkey.name, Passkey.created_at, Passkey.last_used_at, Passkey.backed_up)
    .where(_OWNED)
    .order_by(Passkey.created_at, Passkey.id)
)
_RENAME = (
    update(Passkey).where(_OWNED, Passkey.id == bindparam("which")).values(name=bindparam("said"))
)
_FORGET = delete(Passkey).where(_OWNED)
_REMOVE = delete(Passkey).where(_OWNED, Passkey.id == bindparam("which")).returning(Passkey.name)
_BROOM = Broom(PasskeyChallenge, PasskeyChallenge.expires_at)
