"""The lab's answers about revocation, asked over HTTP as a verifier asks."""

import base64
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from cardbridge.lab import faults, holders, keys
from cardbridge.lab.faults import Fault
from cardbridge.lab.pki import IssuedLeaf, LabPki
from cardbridge.lab.responder import Responder
from tests.clock import MovableClock

NONCE = bytes(range(32))


class Lab:
    """An authority that answers, and a verifier that asks."""

    def __init__(self, pki: LabPki, responder: Responder) -> None:
        self.pki = pki
        self.responder = responder

    def fetch(self, path: str, body: bytes | None = None, timeout: float = 10) -> tuple[int, bytes]:
        where = urlsplit(self.responder.base_url)
        asking = http.client.HTTPConnection(where.hostname or "", where.port, timeout=timeout)
        try:
            asking.request("GET" if body is None else "POST", path, body)
            answer = asking.getresponse()
            return answer.status, answer.read()
        finally:
            asking.close()

    def question(
        self,
        leaf: IssuedLeaf,
        *,
        nonce: bytes | None = NONCE,
        digest: hashes.SHA1 | hashes.SHA256 = hashes.SHA1(),  # noqa: B008, S303  what RFC 6960 starts from
    ) -> bytes:
        issuer = self.pki.authority("moica").certificate
        builder = ocsp.OCSPRequestBuilder().add_certificate(leaf.x509, issuer, digest)
        if nonce is not None:
            builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
        return builder.build().public_bytes(Encoding.DER)

    def ask(self, leaf: IssuedLeaf, *, nonce: bytes | None = NONCE) -> ocsp.OCSPResponse:
        status, body = self.fetch("/moica/ocsp", self.question(leaf, nonce=nonce))
        assert status == 200
        return ocsp.load_der_ocsp_response(body)

    def crl(self, name: str) -> x509.CertificateRevocationList:
        status, body = self.fetch(f"/moica/crl/{name}")
        assert status == 200
        return x509.load_der_x509_crl(body)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    responder = Responder()
    pki = LabPki.create(
        tmp_path_factory.mktemp("pki"),
        base_url=responder.base_url,
        clock=MovableClock(),
        make_key=keys.Pool(2),
    )
    with responder.serving(pki):
        yield Lab(pki, responder)


@pytest.fixture
def lab(running: Lab) -> Lab:
    running.responder.reset()
    return running


@pytest.fixture
def leaf(lab: Lab) -> IssuedLeaf:
    return lab.pki.issue("moica", holders.CITIZEN).sign


def verify(answer: ocsp.OCSPResponse, certificate: x509.Certificate) -> None:
    """Verify the signature of an answer with the key of a certificate, or raise."""
    key, digest = certificate.public_key(), answer.signature_hash_algorithm
    assert digest is not None
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), digest)
    else:
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(digest))


def purposes(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    try:
        return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return []


def test_a_good_certificate_is_said_to_be_good_by_an_appointed_responder(
    lab: Lab, leaf: IssuedLeaf
) -> None:
    answer = lab.ask(leaf)

    [appointed] = answer.certificates
    verify(answer, appointed)
    appointed.verify_directly_issued_by(lab.pki.authority("moica").certificate)
    assert purposes(appointed) == [ExtendedKeyUsageOID.OCSP_SIGNING]
    assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert answer.serial_number == leaf.serial
    assert answer.this_update_utc == lab.pki.clock()


def test_the_nonce_of_the_question_comes_back_and_none_comes_unasked(
    lab: Lab, leaf: IssuedLeaf
) -> None:
    asked, unasked = lab.ask(leaf), lab.ask(leaf, nonce=None)

    assert asked.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == NONCE
    assert list(unasked.extensions) == []


def test_a_question_may_name_the_authority_in_another_hash(lab: Lab, leaf: IssuedLeaf) -> None:
    _, body = lab.fetch("/moica/ocsp", lab.question(leaf, digest=hashes.SHA256()))

    answer = ocsp.load_der_ocsp_response(body)
    assert isinstance(answer.hash_algorithm, hashes.SHA256)
    assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD


def test_the_root_answers_for_the_authorities_below_it(lab: Lab) -> None:
    root = x509.load_der_x509_certificate(lab.pki.root)
    issuing = lab.pki.authority("moica").certificate
    asked = ocsp.OCSPRequestBuilder().add_certificate(issuing, root, hashes.SHA256()).build()

    _, body = lab.fetch("/root/ocsp", asked.public_bytes(Encoding.DER))

    answer = ocsp.load_der_ocsp_response(body)
    assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD
    verify(answer, lab.pki.authority("root").responder.certificate)


def test_a_question_in_the_path_is_answered_too(lab: Lab, leaf: IssuedLeaf) -> None:
    asked = quote(base64.b64encode(lab.question(leaf)).decode(), safe="")

    _, body = lab.fetch(f"/moica/ocsp/{asked}")

    assert ocsp.load_der_ocsp_response(body).serial_number == leaf.serial


def test_what_becomes_of_a_certificate_is_told_at_once_by_answer_and_by_lists(
    lab: Lab, leaf: IssuedLeaf
) -> None:
    part = f"part-{leaf.serial % 8}.crl"

    def listed() -> list[bool]:
        return [
            lab.crl(name).get_revoked_certificate_by_serial_number(leaf.serial) is not None
            for name in ("complete.crl", part, f"part-{(leaf.serial + 1) % 8}.crl")
        ]

    assert listed() == [False, False, False]
    lab.pki.suspend(leaf.serial)
    held = lab.ask(leaf)
    assert held.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert held.revocation_reason is x509.ReasonFlags.certificate_hold
    assert listed() == [True, True, False]
    lab.pki.resume(leaf.serial)
    assert lab.ask(leaf).certificate_status is ocsp.OCSPCertStatus.GOOD
    assert listed() == [False, False, False]
    lab.pki.revoke(leaf.serial, "superseded")
    assert lab.ask(leaf).revocation_reason is x509.ReasonFlags.superseded
    assert listed() == [True, True, False]


@pytest.mark.parametrize("variant", ["revoked", "suspended"])
def test_a_card_made_revoked_or_suspended_is_so_with_both_certificates(
    lab: Lab, variant: str
) -> None:
    card = lab.pki.issue("moica", holders.CITIZEN, variant=variant)

    assert card.encryption is not None
    for one in (card.sign, card.encryption):
        assert lab.ask(one).certificate_status is ocsp.OCSPCertStatus.REVOKED


def test_lists_are_signed_by_their_authority_and_counted_upwards(lab: Lab) -> None:
    lists = [lab.crl("complete.crl") for _ in range(2)] + [lab.crl("part-1.crl")]

    issuer = lab.pki.authority("moica").certificate.public_key()
    assert isinstance(issuer, rsa.RSAPublicKey)
    assert all(one.is_signature_valid(issuer) for one in lists)
    first, second, _ = (
        one.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number for one in lists
    )
    assert second == first + 1


def test_an_issuing_authority_can_be_revoked_on_the_list_of_its_root(lab: Lab) -> None:
    issuing = x509.load_der_x509_certificate(lab.pki.add_generation("gca", 9))
    lab.pki.revoke(issuing.serial_number, "ca_compromise")

    _, body = lab.fetch("/root/crl/complete.crl")

    listed = x509.load_der_x509_crl(body)
    assert listed.get_revoked_certificate_by_serial_number(issuing.serial_number) is not None


def test_the_issuers_certificate_is_where_the_leaf_says(lab: Lab) -> None:
    assert lab.fetch("/moica/issuer.cer") == (200, lab.pki.issuers["moica"])


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/moica",
        "/hca/ocsp",
        "/moica/crl/part-8.crl",
        "/moica/crl/part-٣.crl",
        "/moica/crl/part-.crl",
        "/moica/crl/../issuer.cer",
        "/../register.sqlite",
        "/moica.ocsp/issuer.cer",
    ],
)
def test_what_is_not_published_is_not_found(lab: Lab, path: str) -> None:
    assert lab.fetch(quote(path))[0] == 404


@pytest.mark.parametrize(
    ("question", "status"),
    [
        (b"", ocsp.OCSPResponseStatus.MALFORMED_REQUEST),
        (b"\x30\x80", ocsp.OCSPResponseStatus.MALFORMED_REQUEST),
        (b"not DER", ocsp.OCSPResponseStatus.MALFORMED_REQUEST),
    ],
)
def test_a_broken_question_is_called_so(
    lab: Lab, question: bytes, status: ocsp.OCSPResponseStatus
) -> None:
    _, body = lab.fetch("/moica/ocsp", question)

    assert ocsp.load_der_ocsp_response(body).response_status is status


def test_a_question_for_another_authority_is_not_answered(lab: Lab, leaf: IssuedLeaf) -> None:
    _, body = lab.fetch("/xca/ocsp", lab.question(leaf))

    status = ocsp.load_der_ocsp_response(body).response_status
    assert status is ocsp.OCSPResponseStatus.UNAUTHORIZED


def test_a_serial_nobody_issued_is_unknown(lab: Lab) -> None:
    elsewhere = lab.pki.issue("moica", holders.CITIZEN, variant="namesake").sign

    assert lab.ask(elsewhere).certificate_status is ocsp.OCSPCertStatus.UNKNOWN


def test_a_question_too_long_is_refused_unread(lab: Lab) -> None:
    assert lab.fetch("/moica/ocsp", b"\0" * 100_000)[0] == 413


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("unknown", ocsp.OCSPCertStatus.UNKNOWN),
        ("revoked", ocsp.OCSPCertStatus.REVOKED),
    ],
)
def test_a_fault_says_something_else_than_the_register(
    lab: Lab, leaf: IssuedLeaf, fault: str, status: ocsp.OCSPCertStatus
) -> None:
    lab.responder.faults.set("moica", "ocsp", faults.named(fault))

    assert lab.ask(leaf).certificate_status is status


def test_a_fault_may_deny_a_revocation(lab: Lab, leaf: IssuedLeaf) -> None:
    lab.pki.revoke(leaf.serial)
    lab.responder.faults.set("moica", "ocsp", Fault(certainty="good"))

    assert lab.ask(leaf).certificate_status is ocsp.OCSPCertStatus.GOOD


@pytest.mark.parametrize(
    ("fault", "issuer", "may_answer"),
    [
        ("foreign", "moeaca", True),
        ("foreign_issuer", "root", False),
        ("no_eku", "moica", False),
        ("issuer_signed", "root", False),
    ],
)
def test_a_fault_lets_another_sign(
    lab: Lab, leaf: IssuedLeaf, fault: str, issuer: str, *, may_answer: bool
) -> None:
    lab.responder.faults.set("moica", "ocsp", faults.named(fault))

    answer = lab.ask(leaf)

    [shown] = answer.certificates
    verify(answer, shown)
    shown.verify_directly_issued_by(lab.pki.authority(issuer).certificate)
    assert (ExtendedKeyUsageOID.OCSP_SIGNING in purposes(shown)) is may_answer


def test_a_stranger_is_certified_by_nobody(lab: Lab, leaf: IssuedLeaf) -> None:
    lab.responder.faults.set("moica", "ocsp", faults.named("stranger"))

    [shown] = lab.ask(leaf).certificates

    for name in lab.pki.offices.names:
        with pytest.raises((ValueError, TypeError, InvalidSignature)):
            shown.verify_directly_issued_by(lab.pki.authority(name).certificate)


def test_a_stale_answer_is_old_and_still_claims_to_hold(lab: Lab, leaf: IssuedLeaf) -> None:
    now = lab.pki.clock()
    lab.responder.faults.set("moica", "ocsp", faults.named("stale"))
    stale = lab.ask(leaf)
    lab.responder.faults.set("moica", "ocsp", faults.named("outdated"))
    outdated = lab.ask(leaf)

    assert stale.this_update_utc == outdated.this_update_utc == now - timedelta(days=20)
    assert stale.next_update_utc is not None
    assert outdated.next_update_utc is not None
    assert outdated.next_update_utc < now < stale.next_update_utc


def test_an_answer_from_the_future_is_one(lab: Lab, leaf: IssuedLeaf) -> None:
    lab.responder.faults.set("moica", "ocsp", faults.named("future"))

    assert lab.ask(leaf).this_update_utc > lab.pki.clock()


def test_the_nonce_can_be_left_out_or_be_wrong(lab: Lab, leaf: IssuedLeaf) -> None:
    lab.responder.faults.set("moica", "ocsp", faults.named("no_nonce"))
    assert list(lab.ask(leaf).extensions) == []

    lab.responder.faults.set("moica", "ocsp", faults.named("wrong_nonce"))
    wrong = lab.ask(leaf).extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    assert len(wrong) == len(NONCE)
    assert wrong != NONCE


def test_the_answer_can_be_about_another_certificate(lab: Lab, leaf: IssuedLeaf) -> None:
    lab.responder.faults.set("moica", "ocsp", faults.named("wrong_cert"))

    assert lab.ask(leaf).serial_number != leaf.serial


@pytest.mark.parametrize("fault", ["try_later", "unauthorized"])
def test_the_answer_can_be_a_refusal(lab: Lab, leaf: IssuedLeaf, fault: str) -> None:
    lab.responder.faults.set("moica", "ocsp", faults.named(fault))

    assert lab.ask(leaf).response_status.name == fault.upper()


@pytest.mark.parametrize(
    ("fault", "status", "size"),
    [("500", 500, 0), ("404", 404, 0), ("empty", 200, 0), ("huge", 200, 64 * 1024 * 1024)],
)
def test_the_answer_can_be_of_another_size(
    lab: Lab, leaf: IssuedLeaf, fault: str, status: int, size: int
) -> None:
    lab.responder.faults.set("moica", "ocsp", faults.named(fault))

    told, body = lab.fetch("/moica/ocsp", lab.question(leaf))

    assert (told, len(body)) == (status, size)


@pytest.mark.parametrize("fault", ["garbage", "truncated", "empty"])
@pytest.mark.parametrize("service", ["ocsp", "crl"])
def test_the_answer_can_be_no_answer(
    lab: Lab, leaf: IssuedLeaf, fault: str, service: faults.Service
) -> None:
    lab.responder.faults.set("moica", service, faults.named(fault))

    with pytest.raises(ValueError, match=r".*"):
        if service == "ocsp":
            lab.ask(leaf)
        else:
            lab.crl("complete.crl")


def test_a_redirect_leads_away(lab: Lab) -> None:
    lab.responder.faults.set("moica", "crl", Fault(redirect="http://127.0.0.1:9/"))

    assert lab.fetch("/moica/crl/complete.crl")[0] == 302


def test_a_list_can_be_signed_by_another_key_under_the_right_name(lab: Lab) -> None:
    lab.responder.faults.set("moica", "crl", faults.named("foreign"))

    read = lab.crl("complete.crl")

    issuer = lab.pki.authority("moica").certificate
    key = issuer.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert read.issuer == issuer.subject
    assert not read.is_signature_valid(key)


def test_a_list_can_be_of_another_part_and_go_back_in_number(lab: Lab) -> None:
    lab.responder.faults.set("moica", "crl", Fault(wrong_cert=True, number=1))

    read = lab.crl("part-2.crl")

    scope = read.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    assert scope.full_name is not None
    assert scope.full_name[0].value.endswith("/part-3.crl")
    assert read.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 1


def test_something_else_can_be_served_at_a_path(lab: Lab) -> None:
    lab.responder.instead["/moica/crl/complete.crl"] = b"made elsewhere"

    assert lab.fetch("/moica/crl/complete.crl") == (200, b"made elsewhere")


@pytest.mark.parametrize("fault", ["silent", "drip", "slow=20"])
def test_who_is_kept_waiting_keeps_nobody_else_waiting(
    lab: Lab, leaf: IssuedLeaf, fault: str
) -> None:
    lab.responder.faults.set("xca", "ocsp", faults.named(fault))
    where = urlsplit(lab.responder.base_url)
    waiting = [socket.create_connection((where.hostname or "", where.port or 0)) for _ in range(20)]
    for one in waiting:
        one.sendall(b"POST /xca/ocsp HTTP/1.1\r\nHost: lab\r\nContent-Length: 0\r\n\r\n")
    began = time.monotonic()

    answer = lab.ask(leaf)

    assert time.monotonic() - began < 5
    assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD
    for one in waiting:
        one.close()


def test_a_crowd_is_answered_each_with_its_own(lab: Lab) -> None:
    leaves = [lab.pki.issue("moica", holders.CITIZEN).sign for _ in range(16)]
    together = threading.Barrier(len(leaves))
    wrong: list[str] = []

    def ask(number: int) -> None:
        together.wait()
        for turn in range(8):
            mine = leaves[number]
            if turn == 4 and number % 2:
                lab.pki.suspend(mine.serial)
            nonce = bytes([number, turn]) * 16
            answer = lab.ask(mine, nonce=nonce)
            held = turn >= 4 and number % 2 == 1
            expected = ocsp.OCSPCertStatus.REVOKED if held else ocsp.OCSPCertStatus.GOOD
            back = answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
            found = (answer.serial_number, back, answer.certificate_status)
            if found != (mine.serial, nonce, expected):
                wrong.append(f"{number} {turn} {found}")
            lab.crl(f"part-{turn}.crl")

    asking = [threading.Thread(target=ask, args=[number]) for number in range(len(leaves))]
    for one in asking:
        one.start()
    for one in asking:
        one.join()

    assert wrong == []
    assert len(lab.responder.asked) == 16 * 8 * 2


def test_no_two_lists_have_one_number_though_asked_for_together(lab: Lab) -> None:
    numbers: list[int] = []

    def ask() -> None:
        read = lab.crl("complete.crl")
        numbers.append(read.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number)

    asking = [threading.Thread(target=ask) for _ in range(12)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()

    assert len(set(numbers)) == 12


def test_it_listens_on_loopback_alone() -> None:
    with pytest.raises(ValueError, match="loopback"):
        Responder("0.0.0.0")  # noqa: S104  it is refused


def test_callers_who_come_before_it_serves_wait(tmp_path: Path) -> None:
    responder = Responder()
    pki = LabPki.create(tmp_path, base_url=responder.base_url, make_key=keys.Pool(2))
    early = Lab(pki, responder)
    heard: list[int] = []
    asking = threading.Thread(target=lambda: heard.append(early.fetch("/moica/issuer.cer")[0]))
    asking.start()

    with responder.serving(pki):
        asking.join(10)

    assert heard == [200]


def test_no_such_fault_is_said_with_those_there_are() -> None:
    with pytest.raises(LookupError, match="wrong_cert"):
        faults.named("odd")


def test_a_stopped_responder_lets_go_of_who_waits(tmp_path: Path) -> None:
    responder = Responder()
    pki = LabPki.create(tmp_path, base_url=responder.base_url, make_key=keys.Pool(2))
    responder.faults.set("moica", "crl", faults.named("silent"))
    began = time.monotonic()

    with responder.serving(pki):
        where = urlsplit(responder.base_url)
        waiting = socket.create_connection((where.hostname or "", where.port or 0))
        waiting.sendall(b"GET /moica/crl/complete.crl HTTP/1.1\r\nHost: lab\r\n\r\n")
        while not responder.asked:
            time.sleep(0.01)
    waiting.settimeout(5)

    assert waiting.recv(1) == b""
    assert time.monotonic() - began < 10
    waiting.close()
