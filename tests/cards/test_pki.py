"""The certificates of the lab: in every field what the four kinds of cards.md say."""

import contextlib
import itertools
from datetime import timedelta
from pathlib import Path

import pytest
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID

from cardbridge.lab import generations, holders, keys
from cardbridge.lab.holders import DEMO, Holder
from cardbridge.lab.pki import CardFiles, LabPki
from cardbridge.lab.register import Status
from cardbridge.lab.variants import VARIANTS
from idp.registration import taiwan_ids
from tests.clock import MovableClock

BASE = "http://127.0.0.1:8790"


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> LabPki:
    return LabPki.create(
        tmp_path_factory.mktemp("pki"), base_url=BASE, clock=MovableClock(), make_key=keys.Pool(2)
    )


def directory(der: bytes) -> dict[str, list[tuple[str, object]]]:
    """Read the subject directory attributes: type and value of each."""
    read = asn1.Certificate.load(der, strict=True)
    return {
        one["type"].dotted: [(type(v).__name__, v.native) for v in one["values"]]
        for one in read.subject_directory_attributes_value or []
    }


def addresses(certificate: x509.Certificate) -> list[str]:
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    return [one.full_name[0].value for one in points if one.full_name]


TYPE = "2.16.886.1.100.2.1"
RANK = "2.16.886.1.100.2.2"


@pytest.mark.parametrize(
    ("profile", "subject", "attributes"),
    [
        (
            "moica",
            "serialNumber=1001120260000012,CN=林美玲,C=TW",
            {
                TYPE: [("ObjectIdentifier", "2.16.886.1.100.3.1.1")],
                "2.16.886.1.100.2.51": [("UTF8String", "7893")],
            },
        ),
        (
            "moeaca",
            "serialNumber=12345675,O=測試股份有限公司,C=TW",
            {
                TYPE: [("ObjectIdentifier", "2.16.886.1.100.3.2.2.1.1")],
                RANK: [("PrintableString", "primary")],
                "2.16.886.1.100.2.101": [("UTF8String", "12345675")],
            },
        ),
        (
            "xca",
            "O=社團法人測試協會,C=TW",
            {
                TYPE: [("ObjectIdentifier", "2.16.886.1.100.3.2.11")],
                RANK: [("PrintableString", "primary")],
                "2.16.886.1.100.2.102": [("ObjectIdentifier", "2.16.886.119.90003.100001")],
            },
        ),
        (
            "gca",
            "OU=測試機關,O=行政院,C=TW",
            {
                TYPE: [("ObjectIdentifier", "2.16.886.1.100.3.2.1.1")],
                RANK: [("PrintableString", "primary")],
                "2.16.886.1.100.2.102": [("ObjectIdentifier", "2.16.886.101.90001.20001")],
            },
        ),
    ],
)
def test_each_kind_writes_its_holder_in_its_own_fields(
    pki: LabPki, profile: str, subject: str, attributes: dict[str, list[tuple[str, object]]]
) -> None:
    card = pki.issue(profile, DEMO[profile])

    assert card.sign.x509.subject.rfc4514_string({x509.NameOID.SERIAL_NUMBER: "serialNumber"}) == (
        subject
    )
    assert directory(card.sign.certificate) == attributes


def test_a_card_has_two_certificates_that_do_not_do_each_others_work(pki: LabPki) -> None:
    card = pki.issue("moica", holders.CITIZEN)

    assert card.encryption is not None
    usages = [
        one.x509.extensions.get_extension_for_class(x509.KeyUsage)
        for one in (card.sign, card.encryption)
    ]
    assert all(usage.critical for usage in usages)
    assert [usage.value.digital_signature for usage in usages] == [True, False]
    assert [usage.value.key_encipherment for usage in usages] == [False, True]
    assert [usage.value.data_encipherment for usage in usages] == [False, True]
    assert card.sign.key is not card.encryption.key


def test_a_certificate_says_where_to_ask_about_it(pki: LabPki) -> None:
    certificate = pki.issue("xca", holders.ORGANISATION).sign.x509

    part = certificate.serial_number % 8
    access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert addresses(certificate) == [
        f"{BASE}/xca/crl/part-{part}.crl",
        f"{BASE}/xca/crl/complete.crl",
    ]
    assert {one.access_method: one.access_location.value for one in access} == {
        AuthorityInformationAccessOID.OCSP: f"{BASE}/xca/ocsp",
        AuthorityInformationAccessOID.CA_ISSUERS: f"{BASE}/xca/issuer.cer",
    }


def test_the_four_stand_below_one_root_and_found_nothing_below_themselves(pki: LabPki) -> None:
    root = x509.load_der_x509_certificate(pki.root)

    for der in pki.issuers.values():
        issuing = x509.load_der_x509_certificate(der)
        issuing.verify_directly_issued_by(root)
        limits = issuing.extensions.get_extension_for_class(x509.BasicConstraints)
        assert limits.critical
        assert limits.value.path_length == 0
        assert "(測試用)" in issuing.subject.rfc4514_string()


@pytest.mark.parametrize("holder", [holders.CITIZEN, holders.RARE_NAME])
def test_a_name_of_any_plane_arrives_whole(pki: LabPki, holder: Holder) -> None:
    certificate = pki.issue("moica", holder).sign.x509

    [name] = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    assert name.value == holder.name


def test_the_numbers_of_the_demo_pass_the_checks_of_a_registration() -> None:
    people = (holders.CITIZEN, holders.RARE_NAME)

    for one in people:
        read = taiwan_ids.read_national_id(one.national_id)
        assert isinstance(read, taiwan_ids.PersonalNumber)
    number = holders.COMPANY.uniform_number
    assert taiwan_ids.read_business_number(number) == number


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa3072"])
def test_cards_have_other_keys_too(pki: LabPki, kind: keys.KeyKind) -> None:
    card = pki.issue("gca", holders.AGENCY, key=kind)

    public = card.sign.x509.public_key()
    assert isinstance(public, (ec.EllipticCurvePublicKey, rsa.RSAPublicKey))
    assert public.key_size == int(kind.removeprefix("rsa").removeprefix("p"))
    assert public == card.sign.key.public_key()


def issuer_of(pki: LabPki, card: CardFiles) -> str | None:
    """Name the authority whose key signed the signature certificate."""
    for name in pki.offices.names:
        issuing = pki.authority(name).certificate
        with contextlib.suppress(ValueError, TypeError, InvalidSignature):
            card.sign.x509.verify_directly_issued_by(issuing)
            return name
    return None


@pytest.mark.parametrize("variant", list(VARIANTS))
@pytest.mark.parametrize("profile", list(DEMO))
def test_every_variant_of_every_kind_can_be_read(pki: LabPki, profile: str, variant: str) -> None:
    card = pki.issue(profile, DEMO[profile], variant=variant)

    asn1.Certificate.load(card.sign.certificate, strict=True).native  # noqa: B018  reads it all
    entry = pki.register.find(card.sign.serial)
    assert entry is not None
    assert entry.variant == variant


@pytest.mark.parametrize(
    ("variant", "issuer"),
    [("good", "moica"), ("wrong_issuer", "moeaca"), ("namesake", "namesake-moica")],
)
def test_a_card_is_signed_by_whom_the_variant_says(pki: LabPki, variant: str, issuer: str) -> None:
    card = pki.issue("moica", holders.CITIZEN, variant=variant)

    assert issuer_of(pki, card) == issuer
    assert card.chain[0] == pki.authority(issuer).signer.der


def test_a_namesake_differs_from_the_true_one_in_its_key_alone(pki: LabPki) -> None:
    false = pki.issue("moica", holders.CITIZEN, variant="namesake")

    true = pki.authority("moica").certificate
    read = x509.load_der_x509_certificate(false.chain[0])
    assert read.subject == true.subject
    assert read.public_key() != true.public_key()
    assert false.chain[1] != pki.root


def test_a_card_that_signed_itself_has_nobody_above(pki: LabPki) -> None:
    certificate = pki.issue("moica", holders.CITIZEN, variant="self_signed").sign.x509

    certificate.verify_directly_issued_by(certificate)


def test_sha1_stands_in_the_signature_and_the_signature_is_right(pki: LabPki) -> None:
    card = pki.issue("moica", holders.CITIZEN, variant="sha1")

    read = asn1.Certificate.load(card.sign.certificate, strict=True)
    inner = read["tbs_certificate"]["signature"]["algorithm"].native
    assert read.signature_algo == "rsassa_pkcs1v15"
    assert (read.hash_algo, inner) == ("sha1", "sha1_rsa")


def test_dates_can_be_wished(pki: LabPki) -> None:
    now = pki.clock()
    start, end = now - timedelta(days=3), now + timedelta(days=3)

    certificate = pki.issue("moica", holders.CITIZEN, not_before=start, not_after=end).sign.x509

    assert (certificate.not_valid_before_utc, certificate.not_valid_after_utc) == (start, end)


def test_a_certificate_is_suspended_resumed_and_revoked_for_good(pki: LabPki) -> None:
    serial = pki.issue("moica", holders.CITIZEN).sign.serial

    def state() -> Status:
        entry = pki.register.find(serial)
        assert entry is not None
        return entry.status

    pki.suspend(serial)
    assert state() is Status.SUSPENDED
    pki.resume(serial)
    assert state() is Status.GOOD
    pki.revoke(serial, "cessation_of_operation")
    assert state() is Status.REVOKED
    with pytest.raises(LookupError, match="stays so"):
        pki.resume(serial)
    with pytest.raises(LookupError, match="stays so"):
        pki.suspend(serial)


def test_what_was_never_issued_and_reasons_that_are_none_are_refused(pki: LabPki) -> None:
    with pytest.raises(LookupError, match="was issued here"):
        pki.revoke(12345)
    with pytest.raises(LookupError, match="no reason"):
        pki.revoke(12345, "certificate_hold")
    with pytest.raises(LookupError, match="moica, moeaca"):
        pki.issue("hca", holders.CITIZEN)
    with pytest.raises(LookupError, match="expired"):
        pki.issue("moica", holders.CITIZEN, variant="odd")


def test_a_lab_is_opened_again_as_it_was(tmp_path: Path) -> None:
    made = LabPki.create(tmp_path, base_url=BASE + "/", make_key=keys.Pool(2))
    serial = made.issue("moica", holders.CITIZEN).sign.serial

    again = LabPki.open(tmp_path)

    assert (again.root, again.issuers, again.base_url) == (made.root, made.issuers, BASE)
    assert again.register.find(serial) == made.register.find(serial)
    with pytest.raises(FileExistsError, match="already"):
        LabPki.create(tmp_path, base_url=BASE)


def test_only_the_owner_reads_a_private_key(tmp_path: Path) -> None:
    LabPki.create(tmp_path / "lab", base_url=BASE, make_key=keys.Pool(2))

    kept = list((tmp_path / "lab").rglob("*.key"))
    assert len(kept) == 10
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}


def test_a_second_generation_has_the_name_and_another_key(tmp_path: Path) -> None:
    pki = LabPki.create(tmp_path, base_url=BASE, make_key=keys.Pool(3))
    second = x509.load_der_x509_certificate(pki.add_generation("moica"))

    card = pki.issue("moica", holders.CITIZEN, generation=2)

    first = pki.authority("moica").certificate
    assert second.subject == first.subject
    assert second.public_key() != first.public_key()
    assert issuer_of(pki, card) == "moica-2"
    assert addresses(card.sign.x509)[1] == f"{BASE}/moica-2/crl/complete.crl"


def test_a_root_and_its_successor_lead_to_each_other(tmp_path: Path) -> None:
    pki = LabPki.create(tmp_path, base_url=BASE, make_key=keys.Pool(3))

    rolled = generations.roll_root(pki)

    old, new, new_with_old, old_with_new = (
        x509.load_der_x509_certificate(der)
        for der in (rolled.old_root, rolled.new_root, rolled.new_with_old, rolled.old_with_new)
    )
    assert len({one.subject for one in (old, new, new_with_old, old_with_new)}) == 1
    assert new_with_old.public_key() == new.public_key() != old.public_key()
    new_with_old.verify_directly_issued_by(old)
    old_with_new.verify_directly_issued_by(new)
    pki.add_generation("moica", 3, root="root-2")
    assert pki.issue("moica", holders.CITIZEN, generation=3).chain[1] == rolled.new_root


def test_T62_a_chain_of_fifty_holds_link_by_link(pki: LabPki) -> None:
    card = generations.long_chain(pki, "moica", holders.CITIZEN)

    row = [x509.load_der_x509_certificate(der) for der in (card.sign.certificate, *card.chain)]
    assert len(row) == 52
    for below, above in itertools.pairwise(row):
        below.verify_directly_issued_by(above)
