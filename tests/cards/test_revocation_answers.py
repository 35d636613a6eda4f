"""What a responder or a list has to be like before it is believed (T62, cards.md section 5)."""

import urllib.request
from datetime import datetime, timedelta
from urllib.error import HTTPError

import pytest
from cryptography.x509.ocsp import OCSPCertStatus
from hypothesis import given
from hypothesis import strategies as st

from cardbridge.lab.faults import NAMED, Fault
from cardbridge.lab.holders import CITIZEN
from cardbridge.lab.pki import LabPki
from cardbridge.lab.responder import Responder
from idp.authenticators.card import certificate, crl, ocsp
from idp.authenticators.card.authority import Authority
from idp.authenticators.card.leaf import Leaf
from idp.clock import system_clock

NONCE = b"n" * ocsp.NONCE_BYTES
MAX_AGE = timedelta(minutes=10)


def card(lab: LabPki, variant: str = "good") -> Leaf:
    found = certificate.read(
        lab.issue("moica", CITIZEN, variant=variant, key="p256").sign.certificate
    )
    assert isinstance(found, Leaf)
    return found


def call(url: str, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(url, body)  # noqa: S310 - the lab's own, on loopback
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return bytes(answer.read())
    except HTTPError:
        return b""


def ask(leaf: Leaf, issuer: Authority) -> ocsp.Answer | ocsp.Useless:
    said = call(leaf.ocsp_urls[0], ocsp.question(leaf, issuer, NONCE))
    return ocsp.read(said, leaf, issuer, NONCE, now=system_clock(), max_age=MAX_AGE)


def fetch(leaf: Leaf, issuer: Authority, which: int = 0) -> crl.RevocationList | crl.Useless:
    return crl.read(call(leaf.crl_urls[which]), issuer, now=system_clock())


@pytest.mark.parametrize(
    ("variant", "status"),
    [
        ("good", OCSPCertStatus.GOOD),
        ("revoked", OCSPCertStatus.REVOKED),
        ("suspended", OCSPCertStatus.REVOKED),
    ],
)
@pytest.mark.usefixtures("responder")
def test_a_true_answer_is_believed(
    lab: LabPki, moica: Authority, variant: str, status: OCSPCertStatus
) -> None:
    found = ask(card(lab, variant), moica)

    assert isinstance(found, ocsp.Answer)
    assert found.status is status


@pytest.mark.parametrize("fault", ["issuer_signed", "no_nonce"])
def test_what_the_standard_allows_is_believed(
    lab: LabPki, responder: Responder, moica: Authority, fault: str
) -> None:
    responder.faults.set("moica", "ocsp", NAMED[fault])

    assert isinstance(ask(card(lab), moica), ocsp.Answer)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("stale", "stale"),
        ("outdated", "stale"),
        ("future", "from the future"),
        ("foreign", "responder not appointed"),
        ("foreign_issuer", "responder not appointed"),
        ("no_eku", "responder not appointed"),
        ("stranger", "responder not appointed"),
        ("wrong_cert", "another certificate"),
        ("wrong_nonce", "another nonce"),
        ("try_later", "try_later"),
        ("unauthorized", "unauthorized"),
        ("garbage", "ValueError"),
        ("empty", "ValueError"),
        ("truncated", "ValueError"),
        ("500", "ValueError"),
    ],
)
def test_T62_an_answer_with_one_thing_wrong_says_nothing(
    lab: LabPki, responder: Responder, moica: Authority, fault: str, why: str
) -> None:
    responder.faults.set("moica", "ocsp", NAMED[fault])

    assert ask(card(lab), moica) == ocsp.Useless(why)


def test_an_answer_is_good_for_ten_minutes(
    lab: LabPki, responder: Responder, moica: Authority
) -> None:
    responder.faults.set("moica", "ocsp", Fault(age=timedelta(minutes=9)))
    assert isinstance(ask(card(lab), moica), ocsp.Answer)

    responder.faults.set("moica", "ocsp", Fault(age=timedelta(minutes=11)))
    assert ask(card(lab), moica) == ocsp.Useless("stale")


@pytest.mark.parametrize("which", [0, 1], ids=["part", "whole"])
@pytest.mark.usefixtures("responder")
def test_a_true_list_is_believed(lab: LabPki, moica: Authority, which: int) -> None:
    for variant, suspended in (("revoked", False), ("suspended", True)):
        leaf = card(lab, variant)
        found = fetch(leaf, moica, which)
        assert isinstance(found, crl.RevocationList)
        assert crl.covers(found, leaf.crl_urls)
        entry = found.find(leaf.serial)
        assert entry is not None
        assert entry.is_suspended is suspended
    good = card(lab)
    found = fetch(good, moica, which)
    assert isinstance(found, crl.RevocationList)
    assert found.find(good.serial) is None


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("outdated", "outdated"),
        ("future", "from the future"),
        ("stranger", "another key"),
        ("garbage", "ValueError"),
        ("empty", "ValueError"),
        ("truncated", "ValueError"),
    ],
)
def test_T62_a_list_with_one_thing_wrong_says_nothing(
    lab: LabPki, responder: Responder, moica: Authority, fault: str, why: str
) -> None:
    responder.faults.set("moica", "crl", NAMED[fault])

    assert fetch(card(lab), moica) == crl.Useless(why)


def test_another_part_of_the_list_does_not_speak_of_this_card(
    lab: LabPki, responder: Responder, moica: Authority
) -> None:
    responder.faults.set("moica", "crl", NAMED["wrong_cert"])
    leaf = card(lab, "revoked")

    found = fetch(leaf, moica)

    assert isinstance(found, crl.RevocationList)
    assert found.find(leaf.serial) is None
    assert not crl.covers(found, leaf.crl_urls)


def test_an_outdated_list_is_taken_within_the_grace_that_an_operator_gave(
    lab: LabPki, responder: Responder, moica: Authority, now: datetime
) -> None:
    responder.faults.set("moica", "crl", NAMED["outdated"])
    der = call(card(lab).crl_urls[1])

    assert isinstance(crl.read(der, moica, now=now), crl.Useless)
    granted = crl.read(der, moica, now=now, grace=timedelta(days=30))
    assert isinstance(granted, crl.RevocationList)


@given(st.binary(max_size=300))
def test_no_bytes_are_more_than_useless(moica: Authority, now: datetime, anything: bytes) -> None:
    assert isinstance(crl.read(anything, moica, now=now), crl.Useless)
