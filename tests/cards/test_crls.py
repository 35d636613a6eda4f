"""Lists that are assembled by hand, read by libraries that were not."""

import time
from datetime import timedelta

import pytest
from asn1crypto import crl as asn1
from cryptography import x509

from cardbridge.lab import authorities, crls, keys
from cardbridge.lab.authorities import Signer
from cardbridge.lab.crls import Heading, Revoked
from cardbridge.lab.keys import KeyKind
from cardbridge.lab.profiles import PROFILES
from tests.clock import MovableClock

NOW = MovableClock()()


def signer(kind: KeyKind = "rsa2048") -> Signer:
    return authorities.certify(PROFILES["moica"].issuer, keys.fresh(kind), NOW, by=None)


def heading(number: int = 7, partition_url: str | None = None) -> Heading:
    return Heading(number, NOW, NOW + timedelta(days=1), partition_url)


ENTRIES = [
    Revoked(1 << 126, NOW - timedelta(days=1), "certificate_hold"),
    Revoked((1 << 126) + 128, NOW - timedelta(days=2), None),
    Revoked(128, NOW - timedelta(days=40 * 365), "privilege_withdrawn"),
]


@pytest.mark.parametrize("kind", ["rsa2048", "p256", "p384"])
def test_a_list_by_hand_is_read_and_verified_by_cryptography(kind: KeyKind) -> None:
    by = signer(kind)

    read = x509.load_der_x509_crl(crls.assemble(by, heading(), ENTRIES))

    assert read.is_signature_valid(by.key.public_key())
    assert read.issuer == by.certificate.subject
    assert (read.last_update_utc, read.next_update_utc) == (NOW, NOW + timedelta(days=1))
    assert [(one.serial_number, one.revocation_date_utc) for one in read] == [
        (one.serial, one.at) for one in ENTRIES
    ]
    number = read.extensions.get_extension_for_class(x509.CRLNumber)
    assert number.value.crl_number == 7


def test_reasons_arrive_and_no_reason_stays_none() -> None:
    read = x509.load_der_x509_crl(crls.assemble(signer(), heading(), ENTRIES))

    found = [
        [one.value.reason for one in entry.extensions if isinstance(one.value, x509.CRLReason)]
        for entry in read
    ]
    assert found == [
        [x509.ReasonFlags.certificate_hold],
        [],
        [x509.ReasonFlags.privilege_withdrawn],
    ]


def test_an_empty_list_has_no_empty_sequence_in_it() -> None:
    der = crls.assemble(signer(), heading(), [])

    read = asn1.CertificateList.load(der, strict=True)
    assert read["tbs_cert_list"]["revoked_certificates"].native is None


def test_a_part_of_a_list_says_critically_which_part() -> None:
    url = "http://127.0.0.1:8790/moica/crl/part-3.crl"

    read = x509.load_der_x509_crl(crls.assemble(signer(), heading(partition_url=url), ENTRIES))

    scope = read.extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    assert scope.critical
    assert scope.value.full_name == [x509.UniformResourceIdentifier(url)]


def test_the_citizens_complete_list_is_made_in_seconds_and_is_as_long_as_theirs() -> None:
    count, by = 412_000, signer()
    began = time.process_time()

    der = crls.assemble(by, heading(), crls.many(count, NOW))

    assert time.process_time() - began < 10
    assert 10e6 < len(der) < 25e6
    read = x509.load_der_x509_crl(der)
    assert len(read) == count
    assert read.is_signature_valid(by.key.public_key())
    last = list(crls.many(count, NOW))[-1]
    assert read.get_revoked_certificate_by_serial_number(last.serial) is not None
