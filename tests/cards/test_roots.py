"""Whether authorities still stand: what their root says, and for how long nobody said anything."""

from datetime import timedelta
from urllib.request import urlopen

import msgspec
import pytest
from cryptography import x509
from prometheus_client import CollectorRegistry, start_http_server

from cardbridge.lab.faults import NAMED, Fault
from cardbridge.lab.holders import CITIZEN
from cardbridge.lab.pki import LabPki
from idp import worker
from idp.authenticators.card import authority, published, roots, trust
from idp.authenticators.card.candidate import Candidate
from idp.authenticators.card.holders import Holders
from idp.authenticators.card.reasons import Flaw, Unfit
from idp.authenticators.card.roots import Health
from idp.cli import doctor
from idp.cli.figures import CardFigures
from idp.config import CardsSection, Config
from idp.database.transaction import Database
from idp.provider import Provider
from tests.clock import MovableClock
from tests.labs.cards import CardLab

PATIENCE = timedelta(hours=48)
GENERATION = iter(range(2, 1000))


@pytest.fixture
def config(config: Config) -> Config:
    section = CardsSection(enabled=True, hosts_also=["127.0.0.1"], deadline_seconds=0.5)
    return msgspec.structs.replace(config, cards=section)


class Watched:
    """An authority of its own with its root, installed and on."""

    def __init__(self, portico: Provider, lab: CardLab, clock: MovableClock) -> None:
        self.portico, self.lab, self.clock = portico, lab, clock
        self.generation = next(GENERATION)
        der = lab.pki.add_generation("moica", self.generation)
        self.authority = authority.read(der, "moica")
        self.root = authority.read(lab.pki.root, "")
        url = f"{lab.responder.base_url}/root/crl/complete.crl"
        with portico.database.write() as tx:
            for one, crl_url in ((self.authority, ""), (self.root, url)):
                trust.install(tx, one, name="x", provenance="the lab", crl_url=crl_url)
                trust.switch(tx, one.fingerprint, on=True)

    @property
    def serial(self) -> int:
        return self.authority.certificate.serial_number

    @property
    def health(self) -> Health:
        return self._health(self.authority.fingerprint)

    @property
    def root_health(self) -> Health:
        return self._health(self.root.fingerprint)

    def _health(self, fingerprint: bytes) -> Health:
        with self.portico.database.read() as tx:
            found = roots.healths(tx)
        return next(one for one in found if one.installed.authority.fingerprint == fingerprint)

    @property
    def worries(self) -> list[str]:
        return roots.worries(self.health, self.clock(), PATIENCE)

    def rounds(self) -> None:
        """Let the worker's rounds of a quarter of a day run."""
        self.clock.advance(timedelta(hours=7))
        self._fetch()
        worker.watch_card_authorities(self.portico)

    def _fetch(self) -> None:
        # The round reads the wall's clock for the list; the lab stands on the test's.
        with self.portico.database.read() as tx:
            wanted = [one for one in trust.everyone(tx) if one.crl_url]
        for one in wanted:
            self.portico.card_lists.refresh(one, self.portico.database.write, clock=self.clock)

    def trace(self) -> Candidate | Unfit:
        card = self.lab.pki.issue("moica", CITIZEN, key="p256", generation=self.generation)
        holders = Holders(trust.Trust(), self.portico.card_revocation)
        with self.portico.database.read() as tx:
            return holders.trace(tx, card.sign.certificate)


@pytest.fixture
def watched(provider: Provider, card_lab: CardLab, clock: MovableClock) -> Watched:
    return Watched(provider, card_lab, clock)


def flaw(found: Candidate | Unfit) -> Flaw | None:
    return found.flaw if isinstance(found, Unfit) else None


def test_T62_an_authority_that_its_root_has_revoked_is_trusted_no_longer(watched: Watched) -> None:
    watched.rounds()
    assert watched.health.word == "good"
    assert flaw(watched.trace()) is None

    watched.lab.pki.revoke(watched.serial, "ca_compromise")
    watched.rounds()

    assert watched.health.word == "revoked"
    assert watched.worries == ["revoked"]
    assert flaw(watched.trace()) is Flaw.UNKNOWN_ISSUER


def test_what_was_revoked_stays_so_although_a_later_list_is_silent(watched: Watched) -> None:
    watched.lab.pki.revoke(watched.serial, "ca_compromise")
    watched.rounds()
    other = LabPki.open(watched.lab.pki.directory, clock=watched.clock)
    with watched.portico.database.write() as tx:
        changed = trust.note_standing(tx, watched.authority.fingerprint, trust.Standing.GOOD)

    assert other.register.find(watched.serial) is not None
    assert not changed
    assert watched.health.word == "revoked"


def test_a_suspended_authority_rises_again_when_its_root_says_so(watched: Watched) -> None:
    watched.lab.pki.suspend(watched.serial)
    watched.rounds()
    assert watched.health.word == "suspended"
    assert flaw(watched.trace()) is Flaw.UNKNOWN_ISSUER

    watched.lab.pki.resume(watched.serial)
    watched.rounds()

    assert watched.health.word == "good"
    assert flaw(watched.trace()) is None


def test_D13_a_root_that_cannot_be_reached_changes_nothing_and_grows_old(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.rounds()
    heard = watched.health.installed.checked_at
    watched.lab.responder.faults.set("root", "crl", NAMED["500"])

    for _ in range(6):
        watched.rounds()
    assert watched.health.word == "good"
    assert watched.health.installed.checked_at is not None
    assert heard is not None
    assert watched.clock() - watched.health.installed.checked_at < PATIENCE
    assert watched.worries == []
    for _ in range(6):
        watched.rounds()

    assert watched.health.word == "good"
    assert flaw(watched.trace()) is None
    assert any("its root was last heard" in one for one in watched.worries)
    assert any("its root was last heard" in str(vars(one)) for one in caplog.records)
    assert any(
        "is over since" in one
        for one in roots.worries(watched.root_health, watched.clock(), PATIENCE)
    )


def test_a_root_list_that_goes_back_in_number_is_not_taken(watched: Watched) -> None:
    for _ in range(2):  # the first list of all may have the number one
        watched.rounds()
    before = watched.root_health.list_read_at
    watched.lab.pki.revoke(watched.serial, "ca_compromise")
    watched.lab.responder.faults.set("root", "crl", Fault(number=1))

    watched.rounds()

    assert watched.root_health.list_read_at == before
    assert "older list" in watched.root_health.trouble
    assert watched.health.word == "good"


@pytest.mark.parametrize("fault", ["stranger", "outdated", "future", "garbage", "empty", "404"])
def test_a_root_list_with_one_thing_wrong_says_nothing(watched: Watched, fault: str) -> None:
    watched.lab.pki.revoke(watched.serial, "ca_compromise")
    watched.lab.responder.faults.set("root", "crl", NAMED[fault])

    watched.rounds()

    assert watched.health.word == "unasked"
    assert watched.root_health.trouble


def test_an_authority_that_is_over_is_trusted_no_longer(watched: Watched) -> None:
    watched.clock.now = watched.authority.certificate.not_valid_after_utc - timedelta(days=60)
    assert any(one.startswith("expires on") for one in watched.worries)

    watched.clock.advance(timedelta(days=61))

    assert watched.health.word == "expired"
    assert watched.worries[0] == "expired"
    assert flaw(watched.trace()) is Flaw.UNKNOWN_ISSUER


def test_without_its_root_an_authority_serves_and_says_that_nobody_was_asked(
    watched: Watched,
) -> None:
    with watched.portico.database.write() as tx:
        trust.remove(tx, watched.root.fingerprint)

    watched.rounds()

    assert watched.health.word == "unasked"
    assert any("root is not installed" in one for one in watched.worries)


def test_a_namesake_of_the_root_says_nothing(watched: Watched) -> None:
    card = watched.lab.pki.issue("moica", CITIZEN, variant="namesake", key="p256")
    false = authority.read(card.chain[1], "")
    with watched.portico.database.write() as tx:
        trust.remove(tx, watched.root.fingerprint)
        trust.install(tx, false, name="x", provenance="nobody", crl_url="")
        trust.switch(tx, false.fingerprint, on=True)

    assert watched.health.root is None


def test_doctor_and_figures_say_it(watched: Watched) -> None:
    watched.rounds()
    label = f"moica {watched.authority.fingerprint.hex()[:8]}"
    assert doctor.look_at_cards("cards", watched.portico).result == doctor.GOOD
    assert scraped(watched.portico)[f'portico_card_authority_serves{{authority="{label}"}}'] == 1

    watched.lab.pki.revoke(watched.serial, "ca_compromise")
    watched.rounds()
    watched.clock.advance(timedelta(hours=5))

    found = doctor.look_at_cards("cards", watched.portico)
    assert (found.result, found.advice) == (doctor.WARN, "x: revoked")
    figures = scraped(watched.portico)
    assert figures[f'portico_card_authority_serves{{authority="{label}"}}'] == 0
    assert figures[f'portico_card_root_check_age_seconds{{authority="{label}"}}'] == 5 * 3600
    root = f"root {watched.root.fingerprint.hex()[:8]}"
    assert figures[f'portico_card_list_age_seconds{{authority="{root}"}}'] == 5 * 3600
    assert figures[f'portico_card_list_entries{{authority="{root}"}}'] >= 1


def scraped(portico: Provider) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(CardFigures(portico))
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        with urlopen(f"http://127.0.0.1:{server.server_port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


def test_what_comes_of_each_question_to_a_responder_is_counted(
    watched: Watched, responder_words: list[str]
) -> None:
    def verify() -> None:
        found = watched.trace()
        assert isinstance(found, Candidate)
        watched.portico.card_holders.verify(found, clock=watched.clock)

    verify()
    for fault in ("stranger", "500", "unknown"):
        name = f"moica-{watched.generation}"
        watched.lab.responder.faults.set(name, "ocsp", NAMED[fault])
        verify()

    assert responder_words == ["good", "useless", "unreachable", "unknown"]


@pytest.fixture
def responder_words(provider: Provider) -> list[str]:
    heard: list[str] = []
    provider.card_revocation.heard = heard.append
    return heard


SHIPPED = [one.name for one in published.everything().values() if one.file]


class TestPublished:
    """What ships: certificates whose bytes are the ones that are named."""

    @pytest.mark.parametrize(
        "name", [one.name for one in published.everything().values() if one.file]
    )
    def test_a_certificate_that_ships_has_its_fingerprint_and_its_root(self, name: str) -> None:
        one = published.everything()[name]
        found = authority.read(one.der, one.kind)

        assert found.fingerprint.hex() == one.sha256
        assert found.der == one.der
        first, _, last = one.valid.partition(" to ")
        certificate = found.certificate
        assert (str(certificate.not_valid_before_utc.date()), first) == (first, first)
        assert str(certificate.not_valid_after_utc.date()) == last
        above = published.everything()[one.below]
        if above.file:
            certificate.verify_directly_issued_by(x509.load_der_x509_certificate(above.der))

    def test_every_entry_says_where_it_is_from_and_who_vouches(self) -> None:
        for one in published.everything().values():
            assert one.source.startswith("https://")
            assert one.vouched
            assert one.below in published.everything()
            assert not one.file or len(one.sha256) == 64

    def test_a_certificate_of_which_nobody_else_knows_is_signed_by_one_that_ships(self) -> None:
        for one in published.everything().values():
            alone = not any(word.startswith("same fingerprint") for word in one.vouched)
            assert not (one.file and alone) or published.everything()[one.below].file

    def test_the_lists_of_roots_stand_in_the_certificates_below(self) -> None:
        moica = x509.load_der_x509_certificate(published.everything()["MOICA2"].der)
        points = moica.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        urls = {name.value for point in points for name in point.full_name or ()}

        assert urls == {published.everything()["GRCA2"].crl_url}


def test_nothing_that_ships_is_trusted_by_itself(database: Database) -> None:
    with database.read() as tx:
        assert trust.everyone(tx) == []
