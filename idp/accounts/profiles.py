"""What is known of a person, sealed field by field."""

from uuid import UUID

import msgspec

from idp.accounts.model import Profile
from idp.secret import Seal


def close(seal: Seal, account_id: UUID, profile: Profile) -> bytes:
    """Seal a profile field by field, as far as its fields have rules of their own."""
    whole, told = _place(account_id), msgspec.to_builtins(profile)
    parts = {name: told.pop(name) for name in _SEALED_ALONE if name in told} | {"": told}
    return msgspec.msgpack.encode(
        {
            name: seal.close(msgspec.json.encode(value), place=_part(whole, name))
            for name, value in parts.items()
        }
    )


def opened(seal: Seal, account_id: UUID, sealed: bytes) -> Profile:
    """Open the sealed profile of an account.

    Raises:
        SealBroken: a part was changed, or is of another account or field.
    """
    try:
        parts = msgspec.msgpack.decode(sealed, type=dict[str, bytes])
    except msgspec.DecodeError:  # sealed as a whole, before its fields were
        return msgspec.json.decode(seal.open(sealed, place=_place(account_id)), type=Profile)
    whole = _place(account_id)
    told = {
        name: msgspec.json.decode(seal.open(part, place=_part(whole, name)))
        for name, part in parts.items()
    }
    return msgspec.convert(told.pop("", {}) | told, Profile)


def _place(account_id: UUID) -> str:
    return f"accounts/profile/{account_id}"


def _part(whole: str, field: str) -> str:
    return f"{whole}/{field}" if field else whole


_SEALED_ALONE = ("birthdate", "phone_number", "address")
"""Fields that are never opened with another's value: each is bound to its account and name."""
