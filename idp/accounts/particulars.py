"""Personal data that no app is ever given: each field sealed for its account and name.

National ids, business numbers, extensions: what a claim of OIDC Core has no name for. A field is
found again by a *blind index*, HMAC-SHA256 over its normal form with a key of its own that never
lies in the database (security.md section 4.7); ``claim`` binds the value to one kind of account,
so that one person has one account of a kind, whoever is quicker.
"""

import hmac
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, bindparam, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.model import Kind
from idp.accounts.tables import AccountRow
from idp.database.columns import Table
from idp.database.transaction import Transaction
from idp.secret import Seal


class Field(StrEnum):
    """What is kept beside the profile."""

    NATIONAL_ID = "national_id"
    UNIFORM_NUMBER = "uniform_number"
    ORGANISATION_OID = "organisation_oid"
    """Dotted, as the certificate of an agency or association has it."""
    PHONE = "phone"
    """Landline in E.164, with ``;ext=`` where it has an extension (RFC 3966)."""
    MOBILE = "mobile"
    FAX = "fax"
    REPRESENTATIVE = "representative"
    REPRESENTATIVE_TITLE = "representative_title"


_ONE_A_KIND = frozenset({Field.NATIONAL_ID, Field.UNIFORM_NUMBER, Field.ORGANISATION_OID})
_INDEXED = _ONE_A_KIND | {Field.PHONE, Field.MOBILE}


class Particular(Table):
    """One sealed field of one account."""

    __tablename__ = "account_particulars"
    __table_args__ = (Index("ix_account_particulars_field_blind_index", "field", "blind_index"),)

    account_id: Mapped[UUID] = mapped_column(ForeignKey(AccountRow.id), primary_key=True)
    field: Mapped[str] = mapped_column(String(32), primary_key=True)
    sealed: Mapped[bytes]
    blind_index: Mapped[bytes | None] = mapped_column(default=None)
    claim: Mapped[bytes | None] = mapped_column(unique=True, default=None)


class Particulars:
    """Reads and writes sealed fields."""

    def __init__(self, seal: Seal, key: bytes) -> None:
        self._seal = seal
        self._key = key

    def put(
        self,
        tx: Transaction,
        account_id: UUID,
        kind: Kind,
        fields: Mapping[Field, str],
        *,
        unproven: AbstractSet[Field] = frozenset(),
    ) -> None:
        """Replace the named fields of an account; an empty value removes one.

        Args:
            unproven: numbers that anybody could have typed: they keep nobody else from theirs.

        Raises:
            sqlalchemy.exc.IntegrityError: another account of the kind has the same number.
        """
        tx.execute(_FORGET, {"owner": account_id, "names": list(fields)})
        claimed = _ONE_A_KIND - unproven
        rows = [
            {
                "account_id": account_id,
                "field": name,
                "sealed": self._seal.close(value.encode(), place=_place(account_id, name)),
                "blind_index": self._index(name, value) if name in _INDEXED else None,
                "claim": self._index(kind, name, value) if name in claimed else None,
            }
            for name, value in fields.items()
            if value
        ]
        if rows:
            tx.execute(_ADD, rows)

    def of(self, tx: Transaction, account_id: UUID) -> dict[Field, str]:
        """Open all fields of an account. Pages mask them."""
        rows = tx.execute(_OF, {"owner": account_id})
        return {
            Field(row.field): self._seal.open(
                row.sealed, place=_place(account_id, Field(row.field))
            ).decode()
            for row in rows
        }

    def holders(self, tx: Transaction, name: Field, value: str) -> list[UUID]:
        """List the accounts that have a value, found by its blind index."""
        looked = {"name": name, "value": self._index(name, value)}
        return list(tx.execute(_HOLDERS, looked).scalars())

    def claim(self, tx: Transaction, account_id: UUID, kind: Kind, name: Field, value: str) -> bool:
        """Make a number on record the account's alone; ``False``: another of the kind has it.

        Raises:
            sqlalchemy.exc.IntegrityError: another account was quicker.
        """
        if self.is_claimed(tx, kind, name, value):
            return False
        claim = self._index(kind, name, value)
        tx.execute(_CLAIM, {"owner": account_id, "name": name, "ours": claim})
        return True

    def is_claimed(self, tx: Transaction, kind: Kind, name: Field, value: str) -> bool:
        """Tell whether an account of the kind has the number."""
        return tx.scalar(_CLAIMED, {"claim": self._index(kind, name, value)}) is not None

    def hash_of(self, name: str, value: str) -> bytes:
        """Give what tells one value of a name from another and shows neither."""
        return self._index("proven", name, value)

    def forget(self, tx: Transaction, account_id: UUID) -> None:
        """Delete all fields of an account."""
        tx.execute(_FORGET_ALL, {"owner": account_id})

    def _index(self, *words: str) -> bytes:
        return hmac.digest(self._key, "|".join(words).encode(), "sha256")


def masked(value: str) -> str:
    """Show the first character and the last three: ``A••••••789``."""
    if len(value) <= 4:
        return "•" * len(value)
    return f"{value[0]}{'•' * (len(value) - 4)}{value[-3:]}"


def _place(account_id: UUID, name: Field) -> str:
    return f"account_particulars/{name}/{account_id}"


_ADD = insert(Particular)
_OF = select(Particular.field, Particular.sealed).where(Particular.account_id == bindparam("owner"))
_FORGET = delete(Particular).where(
    Particular.account_id == bindparam("owner"),
    Particular.field.in_(bindparam("names", expanding=True)),
)
_FORGET_ALL = delete(Particular).where(Particular.account_id == bindparam("owner"))
_CLAIM = (
    update(Particular)
    .where(Particular.account_id == bindparam("owner"), Particular.field == bindparam("name"))
    .values(claim=bindparam("ours"))
)
_HOLDERS = select(Particular.account_id).where(
    Particular.field == bindparam("name"), Particular.blind_index == bindparam("value")
)
_CLAIMED = select(Particular.account_id).where(Particular.claim == bindparam("claim"))
