"""What is proven of an account, and that a number which is not keeps nobody from theirs."""

from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from idp.accounts import proofs
from idp.accounts.model import Kind
from idp.accounts.particulars import Field
from idp.accounts.proofs import Assurance, Attribute, Proof
from idp.clock import system_clock
from idp.provider import Provider
from idp.signin import closing
from tests.people import CITIZEN, LAWYER, Person, add

NUMBER = "12345675"


def id_of(person: Person) -> UUID:
    assert person.account is not None
    return person.account.id


def proof(attribute: Attribute) -> Proof:
    at = system_clock().replace(microsecond=0)
    return Proof(attribute, Assurance.CERTIFICATE, "moica", "1", b"\x02" * 32, b"\x01" * 32, at)


def test_a_proof_is_read_as_it_was_written_and_a_new_one_takes_its_place(
    provider: Provider, citizen: Person
) -> None:
    first, other = proof(Attribute.NAME), proof(Attribute.NATIONAL_ID)
    newer = replace(first, source="gca", assurance=Assurance.TAIL_MATCHED)

    with provider.database.write() as tx:
        proofs.put(tx, id_of(citizen), [first, other])
        proofs.put(tx, id_of(citizen), [newer])
        found = proofs.of(tx, id_of(citizen))

    assert found == {Attribute.NAME: newer, Attribute.NATIONAL_ID: other}


def test_a_closed_account_has_proven_nothing(provider: Provider, citizen: Person) -> None:
    assert citizen.account is not None
    with provider.database.write() as tx:
        proofs.put(tx, id_of(citizen), [proof(Attribute.NAME)])
        closing.forget(tx, citizen.account)
        assert proofs.of(tx, id_of(citizen)) == {}


def test_an_unproven_number_keeps_nobody_from_theirs(provider: Provider) -> None:
    typed, proven = add(provider, CITIZEN), add(provider, LAWYER)
    told = {Field.UNIFORM_NUMBER: NUMBER}
    unproven = frozenset({Field.UNIFORM_NUMBER})

    with provider.database.write() as tx:
        provider.particulars.put(tx, id_of(typed), Kind.ORGANISATION, told, unproven=unproven)
        provider.particulars.put(tx, id_of(proven), Kind.ORGANISATION, told)

    with pytest.raises(IntegrityError), provider.database.write() as tx:
        provider.particulars.put(tx, id_of(typed), Kind.ORGANISATION, told)
