"""Whether an authority has really issued a certificate, for this purpose and policy. Pure.

Two verifiers that share no code look at it, and both have to agree: pyhanko-certvalidator, which
knows policies, and cryptography, which is written in another language by other people.
"""

import asyncio
from datetime import datetime, timedelta

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.x509 import verification
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathError, ValidationError
from pyhanko_certvalidator.policy_decl import PKIXValidationParams

from idp.authenticators.card.authority import Authority
from idp.authenticators.card.certificate import Leaf
from idp.authenticators.card.reasons import Flaw, Unfit

_PURPOSE = {"digital_signature"}


def check(
    leaf: Leaf, authority: Authority, policies: frozenset[str], now: datetime
) -> Unfit | None:
    """Tell what is wrong with the path from an installed authority to a card; ``None``: nothing.

    The authority is the anchor: that it is itself still good is looked at when it is installed
    and every day after, not at every sign-in.
    """
    for unfit in (
        _time(leaf, authority, now),
        _by_pyhanko(leaf, authority, policies, now),
        _by_cryptography(leaf, authority, now),
    ):
        if unfit:
            return unfit
    return None


def _time(leaf: Leaf, authority: Authority, now: datetime) -> Unfit | None:
    if now < leaf.not_before:
        return Unfit(Flaw.NOT_YET_VALID, leaf.not_before.isoformat())
    if now > leaf.not_after:
        return Unfit(Flaw.EXPIRED, leaf.not_after.isoformat())
    issuer = authority.certificate
    if not issuer.not_valid_before_utc <= now <= issuer.not_valid_after_utc:
        return Unfit(Flaw.WRONG_PATH, "the authority has expired")
    return None


def _by_pyhanko(
    leaf: Leaf, authority: Authority, policies: frozenset[str], now: datetime
) -> Unfit | None:
    context = ValidationContext(
        trust_roots=[asn1.Certificate.load(authority.der)],
        moment=now,
        allow_fetching=False,
        revocation_mode="soft-fail",  # revocation has a module of its own
        time_tolerance=timedelta(),
    )
    demands = PKIXValidationParams(user_initial_policy_set=policies, initial_explicit_policy=True)
    validator = CertificateValidator(
        asn1.Certificate.load(leaf.der), validation_context=context, pkix_params=demands
    )
    try:
        asyncio.run(validator.async_validate_usage(_PURPOSE))  # type: ignore[no-untyped-call]
    except (PathError, ValidationError) as wrong:
        return Unfit(Flaw.WRONG_PATH, type(wrong).__name__)
    return None


def _by_cryptography(leaf: Leaf, authority: Authority, now: datetime) -> Unfit | None:
    try:
        _verifier(authority, now).verify(x509.load_der_x509_certificate(leaf.der), [])
    except verification.VerificationError:
        return Unfit(Flaw.WRONG_PATH, "second opinion")
    return None


def _verifier(authority: Authority, now: datetime) -> verification.ClientVerifier:
    of_leaves = verification.ExtensionPolicy.permit_all().require_present(
        x509.KeyUsage, verification.Criticality.AGNOSTIC, _signs
    )
    of_authorities = verification.ExtensionPolicy.webpki_defaults_ca()
    return (
        verification.PolicyBuilder()
        .store(verification.Store([authority.certificate]))
        .time(now)
        .max_chain_depth(0)
        .extension_policies(ca_policy=of_authorities, ee_policy=of_leaves)
        .build_client_verifier()
    )


def _signs(
    _policy: verification.Policy, _certificate: x509.Certificate, usage: x509.KeyUsage
) -> None:
    if not usage.digital_signature:
        raise ValueError("key usage")
