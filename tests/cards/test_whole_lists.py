"""What takes the place of an authority's whole list, and what only looks like it (T62)."""

from datetime import timedelta
from urllib.request import urlopen
from uuid import UUID

import pytest
from sqlalchemy import func, select

from cardbridge.lab.holders import CITIZEN
from cardbridge.lab.pki import LabPki
from cardbridge.lab.responder import Responder
from idp.authenticators.card import certificate, index, trust
from idp.authenticators.card.authority import Authority
from idp.authenticators.card.crl import Entry
from idp.authenticators.card.leaf import Leaf
from idp.authenticators.card.lists import Lists
from idp.clock import system_clock
from idp.database import sweeping
from idp.database.transaction import Database
from idp.gateways.pki import PkiGateway
from idp.secret import system_entropy


class Kept:
    """The index of one authority, and a card of its own that is revoked."""

    def __init__(self, database: Database, lab: LabPki, issuer: Authority) -> None:
        self.database, self.issuer = database, issuer
        issued = lab.issue("moica", CITIZEN, variant="revoked", key="p256").sign
        leaf = certificate.read(issued.certificate)
        assert isinstance(leaf, Leaf)
        self.leaf = leaf
        self.part, self.whole = leaf.crl_urls
        self.lists = Lists(
            PkiGateway(2.0), frozenset({"127.0.0.1"}), timedelta(hours=6), 1 << 20, system_entropy
        )

    def refresh(self, crl_url: str) -> int | None:
        with self.database.write() as tx:
            trust.install(tx, self.issuer, name="x", provenance="the lab", crl_url=crl_url)
        with self.database.read() as tx:
            installed = next(
                one
                for one in trust.everyone(tx)
                if one.authority.fingerprint == self.issuer.fingerprint
            )
        return self.lists.refresh(installed, self.database.write, clock=system_clock, now=True)

    @property
    def entry(self) -> Entry | None:
        with self.database.read() as tx:
            found = index.look_up(tx, self.issuer, self.leaf.serial)
        return found.entry if found else None

    @property
    def trouble(self) -> str:
        with self.database.read() as tx:
            return index.lists(tx)[self.issuer.fingerprint].trouble

    @property
    def rows(self) -> int:
        with self.database.read() as tx:
            return int(tx.execute(select(func.count(index.CardRevocation.serial))).scalar_one())

    def lease(self) -> UUID:
        with self.database.write() as tx:
            index.make_due(tx, self.issuer)
            given = index.lease(tx, self.issuer, tx.now + timedelta(hours=1), system_entropy)
        assert given is not None
        return given

    def swept(self) -> int:
        with self.database.write() as tx:
            return index.sweep(tx)


@pytest.fixture
def kept(database: Database, lab: LabPki, moica: Authority) -> Kept:
    return Kept(database, lab, moica)


def test_T62_a_part_at_the_address_of_the_whole_list_is_not_taken_for_it(
    kept: Kept, responder: Responder
) -> None:
    assert kept.refresh(kept.whole) is not None
    assert kept.entry is not None
    with urlopen(kept.part, timeout=5) as answer:  # noqa: S310 - the lab's own, on loopback
        responder.instead["/" + kept.whole.split("/", 3)[3]] = answer.read()

    assert kept.refresh(kept.whole) is None

    assert kept.entry is not None
    assert "part" in kept.trouble


def test_a_list_that_names_the_address_it_is_fetched_from_is_taken(
    kept: Kept, responder: Responder
) -> None:
    del responder.asked[:]

    assert kept.refresh(kept.part) is not None
    assert kept.trouble == ""


def test_the_rows_of_a_list_go_when_another_takes_its_place(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "BATCH", 1)
    kept.refresh(kept.whole)
    before = kept.rows
    assert kept.swept() == 0, "nobody looks through the rows in use"

    kept.refresh(kept.whole)

    assert kept.rows == 2 * before
    for _ in range(before + 1):
        assert kept.swept() == 1
    assert (kept.swept(), kept.rows) == (0, before)
    assert kept.entry is not None


def test_what_a_writer_that_died_has_left_goes_and_it_writes_nothing_more(kept: Kept) -> None:
    some = [Entry(number, is_suspended=False, revoked_at=system_clock()) for number in range(3)]
    kept.refresh(kept.whole)
    before = kept.rows
    dead, again = kept.lease(), kept.lease()
    with kept.database.write() as tx:
        assert not index.write(tx, kept.issuer, dead, some)
        assert index.write(tx, kept.issuer, again, some)
    kept.refresh(kept.whole)

    while kept.swept():
        pass

    assert kept.rows == before
