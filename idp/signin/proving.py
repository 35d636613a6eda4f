"""What a card proves of what an account has on record (P10, P11, P41)."""

from datetime import datetime

from idp.accounts import proofs
from idp.accounts.model import Account
from idp.accounts.particulars import Field, Particulars
from idp.accounts.proofs import Assurance, Attribute, Proof
from idp.authenticators.card.profiles import CardHolder
from idp.database.transaction import Transaction


def prove(
    tx: Transaction,
    particulars: Particulars,
    account: Account,
    holder: CardHolder,
    *,
    kept: str,
    at: datetime,
) -> None:
    """Say of what the account has on record that the card shows it; nothing is filled in.

    Args:
        kept: the hash of the package that shows it, hex.
        at: when the card signed.
    """
    known = particulars.of(tx, account.id)
    said = {
        Attribute.NAME: (holder.name, account.profile.name),
        Attribute.UNIFORM_NUMBER: (holder.uniform_number, known.get(Field.UNIFORM_NUMBER)),
        Attribute.ORGANISATION_OID: (
            holder.organisation_oid,
            known.get(Field.ORGANISATION_OID),
        ),
    }
    shown = {
        name: (Assurance.CERTIFICATE, value)
        for name, (value, on_record) in said.items()
        if value and value == on_record
    }
    if holder.id_tail and known.get(Field.NATIONAL_ID, "").endswith(holder.id_tail):
        shown[Attribute.NATIONAL_ID] = (Assurance.TAIL_MATCHED, known[Field.NATIONAL_ID])
    before = proofs.of(tx, account.id)
    hashes = {name: particulars.hash_of(name, value) for name, (_, value) in shown.items()}
    source, number = holder.profile_id, holder.subject_number
    proofs.put(
        tx,
        account.id,
        [
            Proof(name, how, source, number, hashes[name], bytes.fromhex(kept), at)
            for name, (how, _) in shown.items()
            if name not in before or before[name].value_hash != hashes[name]
        ],
    )
