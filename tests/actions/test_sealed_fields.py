"""Personal data opens only in its own row and field (security.md section 4.7)."""

from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import select, update

from idp.accounts.model import Kind
from idp.accounts.particulars import Field, Particular, masked
from idp.accounts.tables import AccountRow
from idp.provider import Provider
from idp.secret import SealBroken
from tests.people import LAWYER, Person, add


def sealed(provider: Provider, account_id: UUID) -> bytes:
    with provider.database.read() as tx:
        statement = select(AccountRow.profile_sealed).where(AccountRow.id == account_id)
        found: bytes = tx.scalar(statement)
    return found


def id_of(person: Person) -> UUID:
    assert person.account is not None
    return person.account.id


def test_nothing_of_a_person_lies_open(provider: Provider, citizen: Person) -> None:
    raw = sealed(provider, id_of(citizen))

    for told in ("王小明𠮷", "1972-12-18", "+886912345678", "信義路四段六號九樓"):
        assert told.encode() not in raw


def test_a_profile_does_not_open_in_another_row(provider: Provider, citizen: Person) -> None:
    other = add(provider, LAWYER)
    with provider.database.write() as tx:
        stolen = update(AccountRow).where(AccountRow.id == id_of(other))
        tx.execute(stolen.values(profile_sealed=sealed(provider, id_of(citizen))))

    with pytest.raises(SealBroken), provider.database.read() as tx:
        provider.accounts.find(tx, id_of(other))


def test_a_field_does_not_open_in_anothers_place(provider: Provider, citizen: Person) -> None:
    parts = msgspec.msgpack.decode(sealed(provider, id_of(citizen)), type=dict[str, bytes])
    assert set(parts) == {"", "birthdate", "phone_number", "address"}
    mixed = parts | {"birthdate": parts["phone_number"]}

    with pytest.raises(SealBroken):
        provider.accounts.open_profile(id_of(citizen), msgspec.msgpack.encode(mixed))


def test_a_profile_sealed_as_a_whole_still_opens(provider: Provider, citizen: Person) -> None:
    owner = id_of(citizen)
    seal: Any = provider.keychain.seal("profile")
    before = seal.close(msgspec.json.encode(citizen.profile), place=f"accounts/profile/{owner}")

    assert provider.accounts.open_profile(owner, before) == citizen.profile


def test_particulars_of_two_accounts_cannot_be_exchanged(
    provider: Provider, citizen: Person
) -> None:
    other = add(provider, LAWYER)
    with provider.database.write() as tx:
        for person, number in ((citizen, "A123456789"), (other, "B123456780")):
            provider.particulars.put(tx, id_of(person), Kind.CITIZEN, {Field.NATIONAL_ID: number})
        assert provider.particulars.holders(tx, Field.NATIONAL_ID, "A123456789") == [id_of(citizen)]
        assert provider.particulars.is_claimed(tx, Kind.CITIZEN, Field.NATIONAL_ID, "A123456789")
        assert not provider.particulars.is_claimed(tx, Kind.LAWYER, Field.NATIONAL_ID, "A123456789")
        found = tx.execute(select(Particular.account_id, Particular.sealed))
        rows = {row.account_id: row.sealed for row in found}
        for mine, theirs in ((citizen, other), (other, citizen)):
            tx.execute(
                update(Particular)
                .where(Particular.account_id == id_of(mine))
                .values(sealed=rows[id_of(theirs)])
            )

    with pytest.raises(SealBroken), provider.database.read() as tx:
        provider.particulars.of(tx, id_of(citizen))


def test_what_is_masked_shows_little() -> None:
    assert masked("A123456789") == "A••••••789"
    assert masked("1234") == "••••"
    assert masked("") == ""
