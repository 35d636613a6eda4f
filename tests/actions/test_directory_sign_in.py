"""Signing in by a directory, at the record: what is counted, and what two at once come to."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from idp.accounts import identities, offices
from idp.accounts.model import Account, Kind, Office, Profile, State
from idp.accounts.store import NewAccount
from idp.authenticators.directory import people
from idp.authenticators.directory.model import DirectoryPerson, Standing
from idp.config import DirectorySection
from idp.database.transaction import Transaction
from idp.provider import Provider
from idp.registration import directory_proof, flows
from idp.registration.by_directory import EntryTaken
from idp.registration.directory_proof import DirectoryProof
from idp.registration.store import Answers, Under
from idp.signin import court_choice, rests
from idp.signin.actions import Browser, SignedIn
from idp.signin.directory import TRIES, Admitted, Means, Unregistered
from tests.clock import MovableClock
from tests.labs.paper_directory import WANG

MEANS = Means("directory", ("pwd",), "urn:portico:acr:directory")
TICKET = Means("ticket", ("kerberos",), "urn:portico:acr:kerberos")


def browser(name: str) -> Browser:
    return Browser(b"binding", name, "Firefox", "en")


def judge_of(tx: Transaction, portico: Provider, person: DirectoryPerson = WANG) -> Account:
    """Open an account for somebody of a directory."""
    new = NewAccount("WANG.DM@COURT", Kind.JUDGE, Profile(name=person.name), state=State.ACTIVE)
    account = portico.accounts.add(tx, new)
    assert identities.take(tx, person.identity.kind, person.identity.key, account.id)
    return account


def test_T44_of_sixteen_tries_at_once_two_reach_the_directory(provider: Provider) -> None:
    def attempt(number: int) -> bool:
        with provider.database.write() as tx:
            admitted = provider.directory_signing_in.admit(
                tx, "wang.dm", "court:wang.dm", browser(f"device {number}")
            )
        return isinstance(admitted, Admitted)

    with ThreadPoolExecutor(16) as pool:
        admitted = list(pool.map(attempt, range(16)))

    assert admitted.count(True) == TRIES


@pytest.mark.parametrize(
    ("standing", "is_known", "counts"),
    [
        pytest.param(Standing.WRONG_CREDENTIALS, True, True, id="a wrong password"),
        pytest.param(Standing.LOCKED, True, True, id="locked: told to a wrong password as well"),
        pytest.param(Standing.DISABLED, False, False, id="the right password of who is disabled"),
        pytest.param(Standing.BUSY, False, False, id="nobody was asked"),
        pytest.param(Standing.MISCONFIGURED, False, False, id="no password was compared"),
        pytest.param(Standing.UNANSWERED, False, True, id="no answer, which may have counted"),
        pytest.param(Standing.UNANSWERED, True, False, id="no answer, in the holder's browser"),
        pytest.param(Standing.UNREACHABLE, False, False, id="nobody has heard the password"),
    ],
)
def test_what_a_directory_counts_stays_counted(
    provider: Provider, standing: Standing, is_known: bool, counts: bool
) -> None:
    signing_in, own = provider.directory_signing_in, browser("their own")
    with provider.database.write() as tx:
        account = judge_of(tx, provider)
        provider.directory_signing_in.refreshing.refresh(tx, account, WANG)
        if is_known:
            signing_in.enter(tx, account, MEANS, own, client_id=None)
    for _ in range(TRIES):
        with provider.database.write() as tx:
            admitted = signing_in.admit(tx, "wang.dm", "court:wang.dm", own)
            assert isinstance(admitted, Admitted)
            assert admitted.is_known is is_known
            signing_in.record(tx, standing, MEANS, own, client_id=None, admitted=admitted)

    with provider.database.write() as tx:
        again = signing_in.admit(tx, "wang.dm", "court:wang.dm", own)

    assert isinstance(again, Admitted) is not counts


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer
def test_a_court_that_is_chosen_while_the_directory_tells_something_else_stays_chosen(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    refreshing, without = (
        provider.directory_signing_in.refreshing,
        replace(WANG, court="", court_name=""),
    )
    with provider.database.write() as tx:
        made = judge_of(tx, provider)
        refreshing.refresh(tx, made, without)
        account = refreshing.accounts.find(tx, made.id)
    assert account is not None
    read = offices.of

    def read_and_let_them_choose(tx: Transaction, account_id: UUID) -> Office | None:
        held = read(tx, account_id)
        monkeypatch.setattr(offices, "of", read)
        assert held is not None
        with provider.database.write() as other:
            chosen = court_choice.choose(other, provider.trail, account, held, ("TPH", "高等"))
        assert chosen
        return held

    monkeypatch.setattr(offices, "of", read_and_let_them_choose)
    with provider.database.write() as tx:
        refreshing.refresh(tx, account, replace(without, title="庭長"))
        office = offices.of(tx, account.id)

    assert office is not None
    assert (office.court, office.title) == ("TPH", "庭長")


def test_an_entry_with_characters_that_no_database_takes_is_kept_without_them(
    provider: Provider,
) -> None:
    section = DirectorySection(id="court", hosts=["dc1"], bind_dn="CN=svc", base="DC=court")
    values = dict.fromkeys(("displayname", "title", "department"), ("許\0師".encode(),))
    entry = values | {"samaccountname": (b"hsu\0",), "objectguid": (bytes(16),)}
    person = people.person(section, "CN=hsu,DC=court", entry, ())

    with provider.database.write() as tx:
        account = judge_of(tx, provider)
        provider.directory_signing_in.refreshing.refresh(tx, account, person)
        office = offices.of(tx, account.id)

    assert office is not None
    assert (office.ad_account, office.title, office.department) == ("hsu", "許師", "許師")


def test_nobody_forgives_their_own_guesses_at_somebody_named_alike(provider: Provider) -> None:
    """The front of a principal name, ``wang.dm@judicial.test``, may be another's account."""
    signing_in, insider = provider.directory_signing_in, replace(WANG, guid="b", account="a.wang")
    admitted: list[bool] = []
    for found in (Standing.WRONG_CREDENTIALS, insider) * TRIES:
        with provider.database.write() as tx:
            one = signing_in.admit(tx, "wang.dm", "court:wang.dm", browser("the insider's"))
            admitted.append(isinstance(one, Admitted))
            if isinstance(one, Admitted):
                signing_in.record(
                    tx, found, MEANS, browser("the insider's"), client_id=None, admitted=one
                )

    assert admitted == [True, True, True, False]


def test_whose_account_it_is_goes_before_whose_principal_name_begins_so(
    provider: Provider, clock: MovableClock
) -> None:
    with provider.database.write() as tx:
        judge = judge_of(tx, provider)
        provider.directory_signing_in.refreshing.refresh(tx, judge, WANG)
    clock.advance(timedelta(minutes=1))
    with provider.database.write() as tx:
        new = NewAccount("A.WANG@COURT", Kind.JUDGE, Profile(name="A"), state=State.ACTIVE)
        another = provider.accounts.add(tx, new)
        insider = replace(WANG, guid="b", account="a.wang")
        whole = "court:wang.dm@judicial.test"
        provider.directory_signing_in.refreshing.refresh(tx, another, insider, whole)

        for typed in ("court:wang.dm", "court:wang.dm@court.test"):
            assert offices.holder_of(tx, "court:wang.dm", typed) == (judge.id, "court:wang.dm")
        assert offices.holder_of(tx, "court:wang.dm", whole) == (another.id, "court:a.wang")


def test_known_browsers_of_whose_principal_name_begins_so_are_strangers_to_an_account(
    provider: Provider,
) -> None:
    """An insider with many browsers has no more tries at another's account than anybody."""
    signing_in, insider = provider.directory_signing_in, replace(WANG, guid="b", account="a.wang")
    with provider.database.write() as tx:
        new = NewAccount("A.WANG@COURT", Kind.JUDGE, Profile(name="A"), state=State.ACTIVE)
        account = provider.accounts.add(tx, new)
        whole = "court:wang.dm@judicial.test"
        signing_in.refreshing.refresh(tx, account, insider, whole)
        identities.take(tx, insider.identity.kind, insider.identity.key, account.id)
    for number in range(4):
        with provider.database.write() as tx:
            signing_in.record(tx, insider, TICKET, browser(f"hers {number}"), client_id=None)

    tried = 0
    for number in range(4):
        for _ in range(TRIES):
            with provider.database.write() as tx:
                one = signing_in.admit(tx, "wang.dm", "court:wang.dm", browser(f"hers {number}"))
                tried += isinstance(one, Admitted)

    assert tried == TRIES


def test_a_ticket_opens_a_session_that_says_so(provider: Provider) -> None:
    with provider.database.write() as tx:
        account = judge_of(tx, provider)
        came = provider.directory_signing_in.record(
            tx, WANG, TICKET, browser("own"), client_id=None
        )
        stranger = provider.directory_signing_in.record(
            tx, replace(WANG, guid="another"), TICKET, browser("own"), client_id=None
        )
        held = offices.of(tx, account.id)

    assert isinstance(came, SignedIn)
    assert isinstance(stranger, Unregistered), "the same name, and another entry"
    assert held is not None
    assert held.also_login == ""


def test_P20_an_entry_opens_one_account(provider: Provider) -> None:
    with provider.database.write() as tx:
        account = judge_of(tx, provider)
        proof = DirectoryProof(WANG, "directory", ("pwd",), MEANS.acr, tx.now)
        under = Under(
            b"", flows.of_directory(), frozenset(), Answers(directory=proof), 0, completed=False
        )
        assert provider.registering.by_directory.is_taken(tx, proof)
        with pytest.raises(EntryTaken):
            provider.registering.by_directory.settle(tx, account, under)


def test_P20_a_name_is_not_given_twice(provider: Provider) -> None:
    with provider.database.write() as tx:
        judge_of(tx, provider)
        proof = DirectoryProof(WANG, "directory", ("pwd",), MEANS.acr, tx.now)
        name = provider.registering.by_directory.account_name(tx, proof)
        long = replace(WANG, account="w" * 256)
        other = provider.registering.by_directory.account_name(
            tx, DirectoryProof(long, "directory", ("pwd",), MEANS.acr, tx.now)
        )

    assert name == "WANG.DM@COURT-2"
    assert len(other) <= 64


def test_P20_the_proof_of_a_registration_is_over_after_its_time(provider: Provider) -> None:
    with provider.database.write() as tx:
        since = tx.now - directory_proof.LIFETIME
        held, over = (
            Under(
                b"",
                flows.of_directory(),
                frozenset(),
                Answers(directory=DirectoryProof(WANG, "ticket", ("kerberos",), "acr", at)),
                0,
                completed=False,
            )
            for at in (since, since - (tx.now - since) / 100)
        )
        assert provider.registering.by_directory.standing(tx, held) is not None
        assert provider.registering.by_directory.standing(tx, over) is None


@pytest.mark.parametrize("is_known", [False, True])
def test_T44_a_rest_that_is_lifted_ends_once_and_only_as_it_was_seen(
    provider: Provider, clock: MovableClock, is_known: bool
) -> None:
    signing_in, own = provider.directory_signing_in, browser("their own")
    with provider.database.write() as tx:
        account = judge_of(tx, provider)
        signing_in.refreshing.refresh(tx, account, WANG)
        if is_known:
            signing_in.enter(tx, account, MEANS, own, client_id=None)

    def tries() -> int:
        with provider.database.write() as tx:
            found = [
                signing_in.admit(tx, "wang.dm", "court:wang.dm", own) for _ in range(TRIES + 1)
            ]
        return sum(isinstance(one, Admitted) for one in found)

    assert tries() == TRIES
    with provider.database.write() as tx:
        seen = rests.of(tx, signing_in, "wang.dm", "court:wang.dm")
        assert [bool(one.pool) for one in seen.resting] == [not is_known]
        assert rests.lift(tx, seen)
    clock.advance(timedelta(seconds=1))
    assert tries() == TRIES

    with provider.database.write() as tx:
        assert not rests.lift(tx, seen), "others have tried since"
