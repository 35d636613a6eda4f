"""A validator that knows nothing of the lab accepts what is good in it, and nothing else."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from asn1crypto import crl as asn1_crl
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp, verification
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import (
    InvalidCertificateError,
    PathBuildingError,
    PathValidationError,
    RevokedError,
)
from pyhanko_certvalidator.policy_decl import PKIXValidationParams

from cardbridge.lab import faults, keys
from cardbridge.lab.holders import DEMO
from cardbridge.lab.pki import CardFiles, LabPki
from cardbridge.lab.responder import Responder
from cardbridge.lab.variants import VARIANTS
from idp.authenticators.card import authority, certificate, path
from idp.authenticators.card.profiles import all_profiles, describe
from idp.authenticators.card.reasons import Unfit
from idp.authenticators.card.revocation import Cleared, Freshness, Revocation
from idp.gateways.pki import PkiGateway
from idp.secret import system_entropy
from tests.clock import MovableClock

POLICY = "2.16.886.101.0.3.3"


class Judge:
    """Validates a card against the root with what the responder says."""

    def __init__(self, pki: LabPki, responder: Responder) -> None:
        self.pki = pki
        self.responder = responder

    def fetch(self, url: str, body: bytes | None = None) -> bytes:
        parts = urlsplit(url)
        asking = HTTPConnection(parts.hostname or "", parts.port)
        asking.request("GET" if body is None else "POST", parts.path, body)
        heard = asking.getresponse().read()
        asking.close()
        return heard

    def lists(self, card: CardFiles, part: int) -> list[asn1_crl.CertificateList]:
        """Fetch the list of the root and one of the two that the leaf names."""
        points = card.sign.x509.extensions.get_extension_for_class(x509.CRLDistributionPoints)
        urls = [point.full_name[0].value for point in points.value if point.full_name]
        wanted = (urls[part], f"{self.responder.base_url}/root/crl/complete.crl")
        return [asn1_crl.CertificateList.load(self.fetch(url)) for url in wanted]

    def answer(self, card: CardFiles) -> asn1_ocsp.OCSPResponse:
        issuer = x509.load_der_x509_certificate(card.chain[0])
        asked = (
            ocsp.OCSPRequestBuilder()
            .add_certificate(card.sign.x509, issuer, hashes.SHA256())
            .build()
        )
        url = f"{self.responder.base_url}/{card.profile}/ocsp"
        return asn1_ocsp.OCSPResponse.load(self.fetch(url, asked.public_bytes(Encoding.DER)))

    def judge(
        self,
        card: CardFiles,
        crls: list[asn1_crl.CertificateList],
        ocsps: list[asn1_ocsp.OCSPResponse],
    ) -> None:
        root, *between = (
            asn1.Certificate.load(der) for der in (self.pki.root, *self.pki.issuers.values())
        )
        context = ValidationContext(
            trust_roots=[root],
            other_certs=between,
            crls=crls,
            ocsps=ocsps,
            allow_fetching=False,
            revocation_mode="require",
            # Asked about one moment, it overlooks an entry of that very second.
            moment=self.pki.clock() + timedelta(seconds=1),
        )
        validator = CertificateValidator(
            asn1.Certificate.load(card.sign.certificate),
            validation_context=context,
            pkix_params=PKIXValidationParams(
                user_initial_policy_set=frozenset([POLICY]), initial_explicit_policy=True
            ),
        )
        usage = {"digital_signature"}
        checking = validator.async_validate_usage(usage)  # type: ignore[no-untyped-call]
        with ThreadPoolExecutor(1) as beside:  # this thread may have the loop of a browser
            beside.submit(asyncio.run, checking).result()

    def by_list(self, card: CardFiles, part: int = 0) -> None:
        self.judge(card, self.lists(card, part), [])

    def by_answer(self, card: CardFiles) -> None:
        self.judge(card, self.lists(card, 0)[1:], [self.answer(card)])


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    responder = Responder()
    pki = LabPki.create(
        tmp_path_factory.mktemp("pki"),
        base_url=responder.base_url,
        clock=MovableClock(),
        make_key=keys.Pool(2),
    )
    with responder.serving(pki):
        yield Judge(pki, responder)


@pytest.fixture
def judge(court: Judge) -> Judge:
    court.responder.reset()
    return court


@pytest.mark.parametrize("profile", list(DEMO))
def test_a_good_card_is_good_by_answer_by_part_and_by_complete_list(
    judge: Judge, profile: str
) -> None:
    card = judge.pki.issue(profile, DEMO[profile])

    judge.by_answer(card)
    judge.by_list(card, part=0)
    judge.by_list(card, part=1)


@pytest.mark.parametrize("variant", ["revoked", "suspended"])
def test_a_revoked_card_is_refused_each_way(judge: Judge, variant: str) -> None:
    card = judge.pki.issue("xca", DEMO["xca"], variant=variant)

    for way in (judge.by_answer, judge.by_list):
        with pytest.raises(RevokedError):
            way(card)


@pytest.mark.parametrize(
    "variant",
    [
        "expired",
        "not_yet_valid",
        "namesake",
        "self_signed",
        "wrong_policy",
        "no_policy",
        "encryption_only",
        "sha1",
        "unknown_critical",
    ],
)
def test_a_card_with_one_thing_wrong_is_refused(judge: Judge, variant: str) -> None:
    card = judge.pki.issue("moica", DEMO["moica"], variant=variant)

    with pytest.raises((PathValidationError, PathBuildingError, InvalidCertificateError)):
        judge.by_list(card)


@pytest.mark.parametrize(
    "fault",
    ["foreign", "foreign_issuer", "no_eku", "stranger", "outdated", "unknown", "wrong_cert"],
)
def test_an_answer_with_one_thing_wrong_proves_nothing(judge: Judge, fault: str) -> None:
    card = judge.pki.issue("moica", DEMO["moica"])
    judge.responder.faults.set("moica", "ocsp", faults.named(fault))

    with pytest.raises(PathValidationError):
        judge.by_answer(card)


@pytest.mark.parametrize("fault", ["foreign", "outdated", "wrong_cert"])
def test_a_list_with_one_thing_wrong_proves_nothing(judge: Judge, fault: str) -> None:
    card = judge.pki.issue("moica", DEMO["moica"])
    judge.responder.faults.set("moica", "crl", faults.named(fault))

    with pytest.raises(PathValidationError):
        judge.by_list(card)


TAKEN = {"good", "ends_soon", "client_purpose", "printable_tail"}
"""What is a good card to everybody."""
OURS_ALONE = {
    "all_usages", "server_purpose", "authority", "rsa1024", "no_attributes", "no_subject_type",
    "wrong_subject_type", "tail_of_letters", "two_tails", "tail_twice", "no_tail",
    "number_mismatch", "wrong_issuer",
}  # fmt: skip
"""What no verifier of paths looks at: other purposes beside a signature, attributes, and whether
it was the authority of this kind of card that issued it, and not another below the same root."""
ELSEWHERE = {"foreign_addresses", "no_addresses"}
"""What sends whoever asks to hosts that are not the lab's, or nowhere."""


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_three_opinions_on_every_variant(judge: Judge, variant: str) -> None:
    """What we take, everybody takes; what anybody refuses, we refuse."""
    profile = "moeaca" if variant == "number_mismatch" else "moica"
    card = judge.pki.issue(profile, DEMO[profile], variant=variant)

    ours = accepted_by_us(judge, card)

    assert ours is (variant in TAKEN)
    if variant not in ELSEWHERE:
        pyhanko = is_fine(lambda: judge.by_list(card))
        cryptography = verified_by_cryptography(judge, card)
        assert not ours or (pyhanko and cryptography)
        assert not pyhanko or ours or variant in OURS_ALONE


def accepted_by_us(judge: Judge, card: CardFiles) -> bool:
    """Ask the product: its reading, its profile, its path, its revocation."""
    leaf = certificate.read(card.sign.certificate)
    if isinstance(leaf, Unfit):
        return False
    profile = all_profiles()[card.profile]
    issuer = authority.read(judge.pki.issuers[card.profile], card.profile)
    if isinstance(describe(profile, leaf), Unfit):
        return False
    now = judge.pki.clock()
    if path.check(leaf, issuer, frozenset(profile.policies), now) is not None:
        return False
    freshness = Freshness(timedelta(minutes=10), timedelta(), timedelta())
    asking = Revocation(PkiGateway(0.5), freshness, (), system_entropy)
    found = asking.check(leaf, issuer, {"127.0.0.1"}, None, clock=judge.pki.clock)
    return isinstance(found, Cleared)


def verified_by_cryptography(judge: Judge, card: CardFiles) -> bool:
    """Ask the verifier of cryptography, from the issuer that we pin."""
    pinned = x509.load_der_x509_certificate(judge.pki.issuers[card.profile])
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store([pinned]))
        .time(judge.pki.clock())
        .max_chain_depth(0)
        .extension_policies(
            ca_policy=verification.ExtensionPolicy.webpki_defaults_ca(),
            ee_policy=verification.ExtensionPolicy.permit_all(),
        )
        .build_client_verifier()
    )
    return is_fine(lambda: verifier.verify(card.sign.x509, []))


def is_fine(work: Callable[[], object]) -> bool:
    """Tell whether a verifier has nothing against a card."""
    try:
        work()
    except (
        PathValidationError,
        PathBuildingError,
        InvalidCertificateError,
        RevokedError,
        verification.VerificationError,
    ):
        return False
    return True
