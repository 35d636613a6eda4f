"""Certificates, messages, answers and lists with one thing wrong: refused, or what they were.

Whatever comes is answered by one of the declared refusals, in bounded time; and nothing that
was changed under a signature is believed.
"""

import base64
import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from cryptography.x509.ocsp import OCSPCertStatus
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cardbridge.lab import crls
from cardbridge.lab.crls import Heading, Revoked
from cardbridge.lab.holders import CITIZEN, DEMO
from cardbridge.lab.pki import LabPki
from cardbridge.lab.responder import Responder
from idp.authenticators.card import authority, certificate, crl, formats, ocsp, path
from idp.authenticators.card.authority import Authority, NotAnAuthority
from idp.authenticators.card.formats import Asked, Format, Malformed
from idp.authenticators.card.leaf import Leaf
from idp.authenticators.card.profiles import CardHolder, all_profiles, describe
from idp.authenticators.card.reasons import Unfit
from idp.clock import system_clock
from tests.cards.test_formats import ASKED, message, twcard
from tests.cards.test_revocation_answers import MAX_AGE, NONCE, call
from tests.labs import der_mutants
from tests.labs.der_mutants import mutants
from tests.labs.web_eid import CHALLENGE, ORIGIN, TOKEN

# cryptography warns of a serial number of nought, and will refuse it; ours does already.
pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
LEVEL_3 = frozenset({"2.16.886.101.0.3.3"})
many = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
Draw = Any


@pytest.fixture(scope="module")
def cards(lab: LabPki) -> dict[str, bytes]:
    """A good certificate of each kind."""
    return {
        kind: lab.issue(kind, DEMO[kind], key="p256").sign.certificate for kind in all_profiles()
    }


@many
@given(data=st.data())
@pytest.mark.parametrize("kind", sorted(all_profiles()))
def test_a_mutant_of_a_certificate_is_refused_by_its_reading_or_its_path(
    lab: LabPki, cards: dict[str, bytes], kind: str, data: Draw
) -> None:
    mutant = data.draw(mutants(cards[kind]))

    found = certificate.read(mutant)

    assert isinstance(found, Leaf | Unfit)
    if isinstance(found, Unfit) or mutant == cards[kind]:
        return
    assert isinstance(describe(all_profiles()[kind], found), CardHolder | Unfit)
    issuer = authority.read(lab.issuers[kind], kind)
    now = system_clock()
    assert path.check(found, issuer, LEVEL_3, now) is not None
    in_time = found.not_before <= now <= found.not_after
    opinions = (
        bool(path._by_pyhanko(found, issuer, LEVEL_3, now)),  # noqa: SLF001
        bool(path._by_cryptography(found, issuer, now)),  # noqa: SLF001
    )
    assert not in_time or opinions == (True, True)


@many
@given(data=st.data())
def test_a_mutant_of_an_authority_is_one_or_is_none(lab: LabPki, data: Draw) -> None:
    mutant = data.draw(mutants(lab.issuers["moica"]))

    with suppress(NotAnAuthority):
        found = authority.read(mutant, "moica")
        assert found.key_id
        assert len(found.fingerprint) == 32


@many
@given(data=st.data())
def test_a_mutant_of_a_message_proves_what_the_message_proved_or_nothing(data: Draw) -> None:
    mutant = data.draw(mutants(CMS))

    with suppress(Malformed):
        found = formats.read(Format.HIPKI, base64.b64encode(mutant).decode())
        if formats.proves(Format.HIPKI, found, ASKED):
            good = formats.read(Format.HIPKI, base64.b64encode(CMS).decode())
            assert (found.content, found.attributes) == (good.content, good.attributes)
            assert _key_of(found.certificate) == _key_of(good.certificate)


@many
@given(data=st.data())
@pytest.mark.parametrize("format_", [Format.TWCARD, Format.WEB_EID])
def test_a_token_with_a_mutant_in_it_proves_nothing_and_breaks_nothing(
    format_: Format, data: Draw
) -> None:
    text, asked, member = TOKENS[format_]
    token = json.loads(text)
    der = base64.b64decode(token[member])
    token[member] = base64.b64encode(data.draw(mutants(der))).decode()

    with suppress(Malformed):
        found = formats.read(format_, json.dumps(token))
        proven = formats.proves(format_, found, asked)
        assert not proven or _key_of(found.certificate) == _key_of(der)


@many
@given(data=st.data())
@pytest.mark.parametrize("format_", [Format.TWCARD, Format.WEB_EID])
def test_a_token_with_one_member_changed_is_refused_or_proves_nothing(
    format_: Format, data: Draw
) -> None:
    text, asked, _ = TOKENS[format_]
    token: dict[str, Any] = json.loads(text)
    member = data.draw(st.sampled_from(sorted({*token, "origin", "nonce"})))
    before, token[member] = token.get(member), data.draw(ANYTHING)

    with suppress(Malformed):
        found = formats.read(format_, json.dumps(token))
        proven = formats.proves(format_, found, asked)
        assert not proven or member in LET_BE or token[member] == before


@many
@given(data=st.data())
@pytest.mark.parametrize("variant", ["good", "revoked"])
def test_a_mutant_of_an_answer_never_says_more_than_the_answer(
    lab: LabPki, responder: Responder, moica: Authority, variant: str, data: Draw
) -> None:
    leaf, said = _asked(lab, responder, moica, variant)
    mutant = data.draw(mutants(said))

    found = ocsp.read(mutant, leaf, moica, NONCE, now=system_clock(), max_age=MAX_AGE)

    assert isinstance(found, ocsp.Answer | ocsp.Useless)
    if isinstance(found, ocsp.Answer):
        assert found.status is OCSPCertStatus[variant.upper()]


@many
@given(data=st.data())
def test_a_mutant_of_a_list_never_lacks_who_was_on_it(
    lab: LabPki, moica: Authority, data: Draw
) -> None:
    now = system_clock().replace(microsecond=0)
    revoked = [Revoked(number, now, "key_compromise") for number in (77, 1 << 126)]
    heading = Heading(7, now, now + timedelta(hours=3))
    whole = crls.assemble(lab.authority("moica").signer, heading, revoked)
    mutant = data.draw(mutants(whole))

    found = crl.read(mutant, moica, now=now)

    if isinstance(found, crl.RevocationList):
        assert found.find(77) is not None
        assert {entry.serial for entry in found.entries()} == {77, 1 << 126}
        assert found.number == 7


def test_an_answer_signed_with_an_algorithm_of_nobodys_says_nothing(
    lab: LabPki, responder: Responder, moica: Authority
) -> None:
    leaf, said = _asked(lab, responder, moica, "good")
    named = bytes.fromhex("06082a8648ce3d040302")  # ecdsa-with-SHA256
    assert named in said

    found = ocsp.read(
        said.replace(named, named[:-1] + b"\x7f"),
        leaf,
        moica,
        NONCE,
        now=system_clock(),
        max_age=MAX_AGE,
    )

    assert found == ocsp.Useless("UnsupportedAlgorithm")


@pytest.mark.parametrize("oid", ["2a864886f70d010101", "2a864886f70d01010b"])
def test_a_key_of_a_kind_that_nobody_knows_proves_nothing(oid: str) -> None:
    token = json.loads(twcard())
    der = base64.b64decode(token["certificate"])
    named = bytes.fromhex(oid)
    changed = base64.b64encode(der.replace(named, named[:-1] + b"\x7f")).decode()

    found = formats.read(Format.TWCARD, json.dumps(token | {"certificate": changed}))

    assert formats.proves(Format.TWCARD, found, ASKED) is (oid == "2a864886f70d01010b")


READERS: dict[str, Callable[[bytes], object]] = {
    "certificate": certificate.read,
    "message": lambda der: _suppressed(
        lambda: formats.read(Format.HIPKI, base64.b64encode(der).decode())
    ),
    "authority": lambda der: _suppressed(lambda: authority.read(der, "moica")),
}
DEEP: dict[str, bytes] = {
    "sequences, as deep as they go": der_mutants.nested(1900),
    "sets, as deep as they go": der_mutants.nested(1900, 0x31),
    "contexts, as deep as they go": der_mutants.nested(1900, 0xA0),
    "of no length": der_mutants.nested_without_end(8000),
    "empty ones": b"\x30\x82\x1f\x00" + b"\x30\x00" * 3968,
    "one long tag": b"\x3f" + b"\xff" * 8000,
    "one long length": b"\x30\xfe" + b"\xff" * 8000,
    "one long number": b"\x02\x82\x1f\x00" + b"\x7f" * 7936,
    "one long identifier": b"\x06\x82\x1f\x00" + b"\x81" * 7935 + b"\x01",
}


@pytest.mark.parametrize("der", DEEP.values(), ids=DEEP)
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_nothing_of_8_kilobytes_takes_long(reader: Callable[[bytes], object], der: bytes) -> None:
    began = time.thread_time()

    reader(der)

    assert time.thread_time() - began < 1.0


def test_a_key_of_enormous_numbers_is_refused_in_time() -> None:
    """An attacker's own certificate costs us no more than a true one's signature does."""
    modulus, exponent = (1 << 16_383) | 1, (1 << 4_000) | 1
    began = time.thread_time()

    with suppress(Malformed):
        found = formats.read(Format.TWCARD, twcard(certificate=_with_key(modulus, exponent)))
        assert not formats.proves(Format.TWCARD, found, ASKED)

    assert time.thread_time() - began < 1.0


def _with_key(modulus: int, exponent: int) -> str:
    from asn1crypto import keys as asn1_keys
    from asn1crypto import x509 as asn1

    made = asn1.Certificate.load(base64.b64decode(json.loads(twcard())["certificate"]))
    public = asn1_keys.RSAPublicKey({"modulus": modulus, "public_exponent": exponent})
    info = made["tbs_certificate"]["subject_public_key_info"]
    info["public_key"] = asn1_keys.ParsableOctetBitString(public.dump())
    return base64.b64encode(made.dump(force=True)).decode()


def _suppressed(work: Callable[[], object]) -> None:
    with suppress(Malformed, NotAnAuthority):
        work()


def _key_of(der: bytes) -> object:
    from cryptography import x509

    return x509.load_der_x509_certificate(der).public_key()


def _asked(
    lab: LabPki, responder: Responder, issuer: Authority, variant: str
) -> tuple[Leaf, bytes]:
    """Ask the responder once; its answer is good for all mutants."""
    if variant not in ANSWERS or ANSWERS[variant][2] is not responder:
        made = lab.issue("moica", CITIZEN, variant=variant, key="p256").sign.certificate
        leaf = certificate.read(made)
        assert isinstance(leaf, Leaf)
        said = call(leaf.ocsp_urls[0], ocsp.question(leaf, issuer, NONCE))
        ANSWERS[variant] = (leaf, said, responder)
    return ANSWERS[variant][:2]


ANSWERS: dict[str, tuple[Leaf, bytes, Responder]] = {}
CMS = base64.b64decode(message())
TOKENS: dict[Format, tuple[str, Asked, str]] = {
    Format.TWCARD: (twcard(), ASKED, "certificate"),
    Format.WEB_EID: (TOKEN, Asked(ORIGIN, CHALLENGE, "login"), "unverifiedCertificate"),
}
LET_BE = {"bridge", "appVersion", "context", "format", "origin", "nonce"}
"""What counts for nothing: the program's own word, and what we decide by ourselves."""
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
