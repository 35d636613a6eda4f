"""Whether a card is revoked, with every fault between us and who knows (D13, T62)."""

import time
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardbridge.lab.faults import FINE, NAMED, Fault
from cardbridge.lab.holders import CITIZEN
from cardbridge.lab.pki import LabPki
from cardbridge.lab.responder import Responder
from idp.authenticators.card import certificate
from idp.authenticators.card.authority import Authority
from idp.authenticators.card.candidate import Candidate
from idp.authenticators.card.crl import Entry
from idp.authenticators.card.holders import Holders
from idp.authenticators.card.leaf import Leaf
from idp.authenticators.card.profiles import CardHolder, all_profiles, describe
from idp.authenticators.card.reasons import Flaw, Unfit
from idp.authenticators.card.revocation import Cleared, Freshness, Listed, Revocation, Source
from idp.authenticators.card.trust import Trust
from idp.clock import system_clock
from idp.gateways import pki
from idp.gateways.pki import Forbidden, PkiGateway, Unreachable
from idp.secret import system_entropy

HOSTS = {"127.0.0.1"}
NO_GRACE = Freshness(timedelta(minutes=10), timedelta(), timedelta())
DOWN = Fault(status=503)


def asking(freshness: Freshness = NO_GRACE, deadline: float = 0.5) -> Revocation:
    return Revocation(PkiGateway(deadline), freshness, (), system_entropy)


def card(lab: LabPki, variant: str = "good") -> Leaf:
    found = certificate.read(
        lab.issue("moica", CITIZEN, variant=variant, key="p256").sign.certificate
    )
    assert isinstance(found, Leaf)
    return found


def check(
    leaf: Leaf, issuer: Authority, listed: Listed | None = None, by: Revocation | None = None
) -> Cleared | Unfit:
    return (by or asking()).check(leaf, issuer, HOSTS, listed, clock=system_clock)


def listed(now: datetime, *, late: timedelta = timedelta(), entry: Entry | None = None) -> Listed:
    return Listed(entry, 7, now - timedelta(hours=6) - late, now + timedelta(hours=6) - late)


def source(found: Cleared | Unfit) -> Source | Flaw:
    return found.source if isinstance(found, Cleared) else found.flaw


def test_the_responder_is_asked_first_and_its_answer_kept(
    lab: LabPki, responder: Responder, moica: Authority
) -> None:
    del responder.asked[:]

    found = check(card(lab), moica)

    assert isinstance(found, Cleared)
    assert found.source is Source.OCSP
    assert found.evidence
    assert responder.asked == ["POST /moica/ocsp"]


@pytest.mark.parametrize("ocsp", [FINE, DOWN], ids=["responder", "list"])
def test_revoked_and_suspended_are_told_apart(
    lab: LabPki, responder: Responder, moica: Authority, ocsp: Fault
) -> None:
    responder.faults.set("moica", "ocsp", ocsp)

    assert source(check(card(lab, "revoked"), moica)) is Flaw.REVOKED
    assert source(check(card(lab, "suspended"), moica)) is Flaw.SUSPENDED


@pytest.mark.parametrize(
    "fault",
    ["silent", "stale", "future", "foreign", "foreign_issuer", "no_eku", "stranger", "wrong_cert",
     "wrong_nonce", "garbage", "empty", "huge", "drip", "truncated", "try_later", "500"],
)  # fmt: skip
def test_D13_a_responder_that_says_nothing_of_use_leads_to_the_list(
    lab: LabPki, responder: Responder, moica: Authority, fault: str
) -> None:
    responder.faults.set("moica", "ocsp", NAMED[fault])

    assert source(check(card(lab), moica)) is Source.PART


def test_D13_unknown_to_its_responder_is_not_looked_up_elsewhere(
    lab: LabPki, responder: Responder, moica: Authority, now: datetime
) -> None:
    responder.faults.set("moica", "ocsp", NAMED["unknown"])

    assert source(check(card(lab), moica, listed(now))) is Flaw.COULD_NOT_CHECK


@pytest.mark.parametrize(
    "fault", ["silent", "outdated", "future", "stranger", "wrong_cert", "garbage", "huge", "404"]
)
def test_D13_with_neither_there_is_no_sign_in(
    lab: LabPki, responder: Responder, moica: Authority, fault: str
) -> None:
    responder.faults.set("moica", "ocsp", DOWN)
    responder.faults.set("moica", "crl", NAMED[fault])
    began = time.monotonic()

    assert source(check(card(lab), moica)) is Flaw.COULD_NOT_CHECK
    assert time.monotonic() - began < 5


def test_the_index_serves_while_its_list_is_of_today(
    lab: LabPki, responder: Responder, moica: Authority, now: datetime
) -> None:
    responder.faults.set("moica", "ocsp", DOWN)
    responder.faults.set("moica", "crl", DOWN)

    assert source(check(card(lab), moica, listed(now))) is Source.INDEX
    late = listed(now, late=timedelta(hours=7))
    assert source(check(card(lab), moica, late)) is Flaw.COULD_NOT_CHECK


def test_grace_is_bounded_and_says_so(
    lab: LabPki, responder: Responder, moica: Authority, now: datetime
) -> None:
    responder.faults.set("moica", "ocsp", DOWN)
    responder.faults.set("moica", "crl", DOWN)
    lenient = Freshness(timedelta(minutes=10), timedelta(), timedelta(hours=12))

    granted = check(card(lab), moica, listed(now, late=timedelta(hours=7)), asking(lenient))
    refused = check(card(lab), moica, listed(now, late=timedelta(hours=19)), asking(lenient))

    assert isinstance(granted, Cleared)
    assert granted.is_degraded
    assert source(refused) is Flaw.COULD_NOT_CHECK


def test_what_the_index_calls_revoked_needs_no_question(
    lab: LabPki, responder: Responder, moica: Authority, now: datetime
) -> None:
    del responder.asked[:]
    revoked = Entry(1, is_suspended=False, revoked_at=now)

    assert source(check(card(lab), moica, listed(now, entry=revoked))) is Flaw.REVOKED
    assert responder.asked == []


def test_what_the_index_calls_suspended_may_be_resumed_since(
    lab: LabPki, moica: Authority, responder: Responder, now: datetime
) -> None:
    held = Entry(1, is_suspended=True, revoked_at=now)
    assert source(check(card(lab), moica, listed(now, entry=held))) is Source.OCSP

    responder.faults.set("moica", "ocsp", DOWN)
    responder.faults.set("moica", "crl", DOWN)
    assert source(check(card(lab), moica, listed(now, entry=held))) is Flaw.SUSPENDED


@pytest.mark.parametrize("later", [True, False], ids=["index later", "part later"])
def test_T62_of_a_suspended_card_a_part_counts_only_if_said_after_the_index(
    lab: LabPki, responder: Responder, moica: Authority, now: datetime, *, later: bool
) -> None:
    responder.faults.set("moica", "ocsp", DOWN)
    aside = timedelta(hours=1 if later else -1)
    held = Entry(1, is_suspended=True, revoked_at=now)
    index = Listed(held, 7, now + aside, now + timedelta(hours=6))

    found = source(check(card(lab), moica, index))

    assert found is (Flaw.SUSPENDED if later else Source.PART)


def test_T62_an_answer_kept_does_not_outlive_a_later_suspension(
    lab: LabPki, responder: Responder, moica: Authority, now: datetime
) -> None:
    by = asking(Freshness(timedelta(minutes=10), timedelta(seconds=60), timedelta()))
    leaf = card(lab)
    assert source(check(leaf, moica, by=by)) is Source.OCSP
    responder.faults.set("moica", "ocsp", DOWN)
    responder.faults.set("moica", "crl", DOWN)
    held = Entry(leaf.serial, is_suspended=True, revoked_at=now)
    index = Listed(held, 7, now + timedelta(hours=1), now + timedelta(hours=6))

    assert source(check(leaf, moica, index, by)) is Flaw.SUSPENDED
    assert source(check(leaf, moica, by=by)) is Source.OCSP


def test_an_answer_serves_again_for_as_long_as_configured(
    lab: LabPki, responder: Responder, moica: Authority
) -> None:
    by = asking(Freshness(timedelta(minutes=10), timedelta(seconds=60), timedelta()))
    leaf = card(lab)
    check(leaf, moica, by=by)
    del responder.asked[:]

    assert source(check(leaf, moica, by=by)) is Source.OCSP
    assert responder.asked == []
    assert source(check(card(lab), moica, by=by)) is Source.OCSP
    assert len(responder.asked) == 1


def test_T62_addresses_of_other_hosts_are_never_called(lab: LabPki, moica: Authority) -> None:
    leaf = card(lab, "foreign_addresses")

    assert source(check(leaf, moica)) is Flaw.COULD_NOT_CHECK


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1.evil/x",
        "https://127.0.0.1/x",
        "file:///etc/passwd",
        "http://user@127.0.0.1/x",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1/a b",
        "http://127.0.0.1\t/",
        "ldap://127.0.0.1/",
        "",
    ],
)
def test_only_plain_addresses_of_named_hosts_are_called(url: str) -> None:
    with pytest.raises(Forbidden):
        PkiGateway(0.1).fetch(url, HOSTS)


def test_a_silent_host_is_left_in_peace(lab: LabPki, responder: Responder) -> None:
    responder.faults.set("moica", "ocsp", NAMED["silent"])
    gateway = PkiGateway(0.1)
    url = card(lab).ocsp_urls[0]
    for _ in range(3):
        with pytest.raises(Unreachable):
            gateway.ask(url, b"x", HOSTS)
    del responder.asked[:]

    with pytest.raises(Unreachable, match="left in peace"):
        gateway.ask(url, b"x", HOSTS)
    assert responder.asked == []


PIECES = ["http", "https", "file", "ldap", ":", "//", "/", "\\", "@", "127.0.0.1", "evil.example"]
PIECES += ["[::1]", "#", "?", "%2f", "%40", "0x7f.1", "2130706433", ":80", ".", "\t", "\0", " "]


@given(
    st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=8).map("".join)
    | st.sampled_from(PIECES).map(lambda piece: f"http://127.0.0.1{piece}evil.example/x")
)
def test_T62_no_address_leads_to_a_host_that_is_not_named(url: str) -> None:
    try:
        host, port, path = pki._target(url, HOSTS)  # noqa: SLF001
    except Forbidden:
        return
    assert host == "127.0.0.1"
    assert 0 < port < 65536
    assert path.startswith("/")
    assert path.isprintable()
    assert " " not in path


def test_T62_nobody_is_called_before_the_path_is_proven(
    lab: LabPki, responder: Responder, moica: Authority
) -> None:
    der = lab.issue("moica", CITIZEN, key="p256").sign.certificate
    leaf = certificate.read(der[:-1] + bytes([der[-1] ^ 1]))
    assert isinstance(leaf, Leaf)
    profile = all_profiles()["moica"]
    holder = describe(profile, leaf)
    assert isinstance(holder, CardHolder)
    del responder.asked[:]

    traced = Candidate(leaf, holder, profile, moica, None)
    found = Holders(Trust(), asking()).verify(traced, clock=system_clock)

    assert isinstance(found, Unfit)
    assert found.flaw is Flaw.WRONG_PATH
    assert responder.asked == []
