"""Cards as they should not be, each by the one thing that is wrong with it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from cryptography.x509.oid import ExtendedKeyUsageOID

from cardbridge.lab import der
from cardbridge.lab.keys import KeyKind
from cardbridge.lab.profiles import (
    ASSURANCE_LEVEL_3,
    ASSURANCE_OF_TESTS,
    ID_TAIL,
    SUBJECT_TYPE,
    UNIFORM_NUMBER,
    Attribute,
)
from cardbridge.lab.register import Status

SignedBy = Literal["issuer", "another", "namesake", "itself"]
Rewrite = Callable[[list[Attribute]], list[Attribute]]
_DAY = timedelta(days=1)


def _as_is(attributes: list[Attribute]) -> list[Attribute]:
    return attributes


@dataclass(frozen=True, slots=True)
class Variant:
    """How a signature certificate differs from a good one; the defaults are the good one."""

    about: str
    signed_by: SignedBy = "issuer"
    """``another``: of the four, the wrong one. ``namesake``: one of the same name that nobody
    trusts. ``itself``: its own key."""
    starts: timedelta = timedelta(hours=-1)
    """Counted from now."""
    lasts: timedelta | None = None
    """Counted from its start; the profile's own life if not said."""
    policies: tuple[str, ...] = (ASSURANCE_LEVEL_3,)
    usages: tuple[str, ...] = ("digital_signature",)
    extended_usages: tuple[str, ...] = ()
    sha1: bool = False
    key: KeyKind | None = None
    """Demands this key, whatever was asked for."""
    authority: bool = False
    attributes: Rewrite = _as_is
    """Rewrites the subject directory attributes; an empty list leaves the extension out."""
    elsewhere: str | None = None
    """Base of the addresses of lists and answers, instead of the lab's own; ``""``: none."""
    unknown_critical: bool = False
    status: Status = Status.GOOD
    reason: str | None = None
    encryption: bool = True
    """Whether the card has an encryption certificate as well."""


def _without(*names: str) -> Rewrite:
    return lambda attributes: [one for one in attributes if one[0] not in names]


def _replaced(name: str, *values: bytes) -> Rewrite:
    return lambda attributes: [
        (found, values if found == name else old) for found, old in attributes
    ]


def _twice(name: str) -> Rewrite:
    return lambda attributes: [*attributes, *(one for one in attributes if one[0] == name)]


_ENCIPHERS = ("key_encipherment", "data_encipherment")
VARIANTS: dict[str, Variant] = {
    "good": Variant("as the authority makes them"),
    "expired": Variant("expired yesterday", starts=-366 * _DAY, lasts=365 * _DAY),
    "not_yet_valid": Variant("valid from tomorrow", starts=_DAY),
    "ends_soon": Variant("expires in twenty days", starts=-345 * _DAY, lasts=365 * _DAY),
    "revoked": Variant(
        "revoked, its key compromised", status=Status.REVOKED, reason="key_compromise"
    ),
    "suspended": Variant(
        "suspended by its holder", status=Status.SUSPENDED, reason="certificate_hold"
    ),
    "wrong_issuer": Variant("issued by another of the four", signed_by="another"),
    "namesake": Variant("issued by one that only bears the name", signed_by="namesake"),
    "self_signed": Variant("signed by its own key", signed_by="itself"),
    "wrong_policy": Variant("of the assurance of tests", policies=(ASSURANCE_OF_TESTS,)),
    "no_policy": Variant("without a policy", policies=()),
    "encryption_only": Variant(
        "an encryption certificate alone", usages=_ENCIPHERS, encryption=False
    ),
    "all_usages": Variant("signs and enciphers", usages=("digital_signature", *_ENCIPHERS)),
    "content_commitment": Variant("commits to content alone", usages=("content_commitment",)),
    "server_purpose": Variant(
        "for servers", extended_usages=(ExtendedKeyUsageOID.SERVER_AUTH.dotted_string,)
    ),
    "client_purpose": Variant(
        "for clients, which is allowed",
        extended_usages=(ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string,),
    ),
    "sha1": Variant("signed over SHA-1", sha1=True),
    "rsa1024": Variant("with a key of 1024 bits", key="rsa1024"),
    "authority": Variant("may issue certificates itself", authority=True),
    "unknown_critical": Variant("with a critical extension nobody knows", unknown_critical=True),
    "no_attributes": Variant("without subject directory attributes", attributes=lambda _: []),
    "no_subject_type": Variant("without a subject type", attributes=_without(SUBJECT_TYPE)),
    "wrong_subject_type": Variant(
        "of a server's subject type",
        attributes=_replaced(SUBJECT_TYPE, der.oid("2.16.886.1.100.3.3.1")),
    ),
    "printable_tail": Variant(
        "with its tail as PrintableString, as older ones have it",
        attributes=_replaced(ID_TAIL, der.printable("7893")),
    ),
    "tail_of_letters": Variant(
        "with a tail that is no number", attributes=_replaced(ID_TAIL, der.utf8("78O3"))
    ),
    "two_tails": Variant(
        "with two tails in one attribute",
        attributes=_replaced(ID_TAIL, der.utf8("7893"), der.utf8("0000")),
    ),
    "tail_twice": Variant("with the attribute of the tail twice", attributes=_twice(ID_TAIL)),
    "no_tail": Variant("without a tail", attributes=_without(ID_TAIL)),
    "number_mismatch": Variant(
        "with another number in the attribute than in the subject",
        attributes=_replaced(UNIFORM_NUMBER, der.utf8("04595257")),
    ),
    "foreign_addresses": Variant(
        "that sends whoever checks it to other hosts", elsewhere="http://169.254.169.254/latest"
    ),
    "no_addresses": Variant("that says nowhere where to check it", elsewhere=""),
}
