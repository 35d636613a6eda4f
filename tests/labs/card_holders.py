"""People with cards: an authority that is taken, a card of an account, and a hand that signs."""

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from cardbridge.lab.holders import CITIZEN, DEMO
from cardbridge.lab.keys import KeyKind, PrivateKey
from cardbridge.lab.pki import CardFiles, IssuedLeaf, LabPki
from idp.authenticators.card import authority, cards, trust
from idp.authenticators.card.candidate import Candidate
from idp.provider import Provider
from tests.people import BASE, Browser, Person


def take(portico: Provider, lab: LabPki, *kinds: str) -> None:
    """Have the provider take cards of some of the lab's authorities."""
    with portico.database.write() as tx:
        for kind in kinds:
            found = authority.read(lab.issuers[kind], kind)
            trust.install(tx, found, name=kind, provenance="the lab", crl_url="")
            trust.switch(tx, found.fingerprint, on=True)


def card_of(
    portico: Provider,
    lab: LabPki,
    person: Person | None,
    variant: str = "good",
    *,
    key: KeyKind = "p256",
) -> CardFiles:
    """Make a card, which opens a person's account where one is given."""
    made = lab.issue("moica", CITIZEN, variant=variant, key=key)
    if person is not None:
        give(portico, person, made)
    return made


def give(portico: Provider, person: Person, card: CardFiles) -> None:
    """Let a card open a person's account."""
    assert person.account is not None
    with portico.database.write() as tx:
        traced = portico.card_holders.trace(tx, card.sign.certificate)
        assert isinstance(traced, Candidate), traced
        assert cards.add(tx, person.account.id, traced, portico.entropy)


def forged(like: CardFiles) -> CardFiles:
    """Copy a certificate word for word, the authority's name and key id too, with keys of ours."""
    own, theirs = ec.generate_private_key(ec.SECP256R1()), like.sign.x509
    copy = (
        x509.CertificateBuilder()
        .subject_name(theirs.subject)
        .issuer_name(theirs.issuer)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(theirs.not_valid_before_utc)
        .not_valid_after(theirs.not_valid_after_utc)
    )
    for one in theirs.extensions:
        copy = copy.add_extension(one.value, one.critical)
    signed = copy.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return replace(like, sign=IssuedLeaf(signed.public_bytes(Encoding.DER), own))


def made(lab: LabPki, kind: str, variant: str = "good", **changes: Any) -> CardFiles:
    """Make a card of some kind for its usual holder, who has no account yet."""
    return lab.issue(kind, replace(DEMO[kind], **changes), variant=variant, key="p256")


def token(
    card: CardFiles, challenge: str, *, origin: str = BASE, purpose: str = "login", **changes: Any
) -> str:
    """Sign as the bridge does."""
    hashed = [hashlib.sha256(part.encode()).hexdigest() for part in (origin, challenge, purpose)]
    content = "".join(f"{line}\n" for line in ("twcard-auth-v1", *hashed)).encode()
    alg, signature = _signed(card.sign.key, content)
    document = {
        "format": "twcard:1",
        "alg": alg,
        "certificate": base64.b64encode(card.sign.certificate).decode(),
        "signature": base64.b64encode(signature).decode(),
        "context": {"purpose": purpose},
        "bridge": "cardbridge/0.1 test",
    }
    return json.dumps(document | changes)


def _signed(key: PrivateKey, content: bytes) -> tuple[str, bytes]:
    if isinstance(key, rsa.RSAPrivateKey):
        return "RS256", key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    r, s = decode_dss_signature(key.sign(content, ec.ECDSA(hashes.SHA256())))
    return "ES256", r.to_bytes(32, "big") + s.to_bytes(32, "big")


def present(browser: Browser, card: CardFiles, page: str = "/signin/card", **how: Any) -> None:
    """Post what the card on the open page has signed, as its script does."""
    hidden = browser.hidden()
    signed = token(card, hidden["challenge"], **how)
    browser.post(page, hidden | {"format": "twcard:1", "document": signed})


def prove(browser: Browser, card: CardFiles, **how: Any) -> None:
    """Do so on the page of a registration."""
    present(browser, card, "/register-account/proof", **{"purpose": "register", **how})
