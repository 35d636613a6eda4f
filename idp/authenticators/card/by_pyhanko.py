"""What pyhanko-certvalidator says of a card: it knows policies, and is the second voice on OCSP.

Imported with the first card, by whoever asks it: a worker that sees none stays small.
"""

from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

from asn1crypto import x509
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.authority import CertTrustAnchor
from pyhanko_certvalidator.errors import (
    RevokedError,
)
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import PKIXValidationParams
from pyhanko_certvalidator.revinfo.validate_ocsp import verify_ocsp_response

from idp.authenticators.card.authority import Authority
from idp.authenticators.card.leaf import Leaf

_PURPOSE = {"digital_signature"}


def path_trouble(leaf: Leaf, authority: Authority, policies: frozenset[str], now: datetime) -> str:
    """Say what is wrong with the path, by the name of its exception; empty: nothing.

    Never raises: a name of letters that nobody has assigned is wrong in a way of its own.
    """
    try:
        _walk(leaf, authority, policies, now)
    except Exception as wrong:  # noqa: BLE001 - a stranger's DER fails in more ways than are named
        return type(wrong).__name__
    return ""


def _walk(leaf: Leaf, authority: Authority, policies: frozenset[str], now: datetime) -> None:
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(authority.der)],
        moment=now,
        allow_fetching=False,
        revocation_mode="soft-fail",  # revocation has a module of its own
        time_tolerance=timedelta(),
    )
    validator = CertificateValidator(
        _card(leaf),
        validation_context=context,
        pkix_params=PKIXValidationParams(
            user_initial_policy_set=policies, initial_explicit_policy=True
        ),
    )
    _finish(validator.async_validate_usage(_PURPOSE))  # type: ignore[no-untyped-call]


def ocsp_status(answer: bytes, leaf: Leaf, authority: Authority, now: datetime) -> str:
    """Say what a response means: ``good``, ``revoked``, or ``unknown``: it proves nothing."""
    issuer, card = x509.Certificate.load(authority.der), _card(leaf)
    context = ValidationContext(
        trust_roots=[issuer], ocsps=[answer], moment=now, allow_fetching=False
    )
    path = ValidationPath(CertTrustAnchor(issuer), interm=[], leaf=card)
    try:
        _finish(verify_ocsp_response(card, path, context))
    except RevokedError:
        return "revoked"
    except Exception:  # noqa: BLE001 - nor does an answer that it cannot read prove anything
        return "unknown"
    return "good"


def _card(leaf: Leaf) -> x509.Certificate:
    """Read a card, its holder's name made comparable also where it has a letter of after 2002.

    asn1crypto prepares names by RFC 4518, whose letters are those of Unicode 3.2, and knows no
    more than to raise at others: people bear names of later extensions. With the subject of a
    card nothing is compared; the name of its issuer stays as it is.
    """
    card = x509.Certificate.load(leaf.der)
    for part in card.subject.chosen:
        for pair in part:
            pair._prepped = str(pair["value"].native)  # noqa: SLF001
    return card


def _finish(work: Coroutine[Any, Any, object]) -> None:
    """Run to its end what has nothing to wait for, as fetching is off.

    Without an event loop of its own: one costs a pair of sockets each time, and a thread that
    has a loop already may not start a second.
    """
    try:
        work.send(None)
    except StopIteration:
        return
    work.close()
    raise RuntimeError("the validator waits for something although it may fetch nothing")
