"""The lab's certificate authorities: they issue, revoke, suspend and resume.

A directory is the whole state, so that a command, a test and the program that answers about
revocation may work on one at the same time.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from cryptography import x509

from cardbridge.lab import keys, leaves
from cardbridge.lab.authorities import Authority
from cardbridge.lab.clock import Clock, system_clock
from cardbridge.lab.holders import Holder
from cardbridge.lab.keys import KeyKind, MakeKey, PrivateKey
from cardbridge.lab.leaves import Hand, Order
from cardbridge.lab.offices import Offices
from cardbridge.lab.profiles import PROFILES, ROOT
from cardbridge.lab.register import Entry, Register, Status
from cardbridge.lab.variants import VARIANTS, Variant

_SETTINGS = "lab.json"
_NO_REASONS = {"unspecified", "remove_from_crl", "certificate_hold"}
_Kind = TypeVar("_Kind")


@dataclass(frozen=True, slots=True)
class IssuedLeaf:
    """A certificate of a card and the key to it."""

    certificate: bytes
    """As DER."""
    key: PrivateKey

    @property
    def serial(self) -> int:
        """The serial number, by which the register knows it."""
        return self.x509.serial_number

    @property
    def x509(self) -> x509.Certificate:
        """The certificate, read."""
        return x509.load_der_x509_certificate(self.certificate)


@dataclass(frozen=True, slots=True)
class CardFiles:
    """Everything that is written on one card."""

    profile: str
    holder: Holder
    variant: str
    sign: IssuedLeaf
    """The pair that signs. Of the variant ``encryption_only`` it is the pair that may not."""
    encryption: IssuedLeaf | None
    chain: tuple[bytes, ...]
    """As DER: the issuing authority, then the root."""


class LabPki:
    """The authorities of one directory."""

    def __init__(self, directory: Path, base_url: str, clock: Clock, make_key: MakeKey) -> None:
        self.directory = directory
        self.make_key = make_key
        self.offices = Offices(directory / "authorities", base_url, clock)
        self.register = Register(directory / "register.sqlite")

    @classmethod
    def create(
        cls,
        directory: Path,
        *,
        base_url: str,
        clock: Clock = system_clock,
        make_key: MakeKey = keys.fresh,
    ) -> "LabPki":
        """Found a root and the four authorities below it, in a directory of their own.

        Costs four RSA-2048 keys: 0.3 s, seldom more than one. ``base_url`` is where the
        responder will answer; it stands in every certificate. ``make_key`` makes the keys of
        cards, never those of authorities.

        Raises:
            FileExistsError: the directory holds a lab already.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = directory / _SETTINGS
        if settings.exists():
            raise FileExistsError(f"{directory} holds a card lab already")
        made = cls(directory, base_url.rstrip("/"), clock, make_key)
        made.offices.found_root("root", ROOT)
        for profile in PROFILES:
            made.add_generation(profile, 1)
        settings.write_text(json.dumps({"base_url": made.base_url}) + "\n", "utf-8")
        return made

    @classmethod
    def open(
        cls, directory: Path, *, clock: Clock = system_clock, make_key: MakeKey = keys.fresh
    ) -> "LabPki":
        """Open a lab that was created before.

        Raises:
            FileNotFoundError: there is none in that directory.
        """
        settings = json.loads((directory / _SETTINGS).read_text("utf-8"))
        return cls(directory, settings["base_url"], clock, make_key)

    @property
    def clock(self) -> Clock:
        """What tells the lab the time; another may be put in its place."""
        return self.offices.clock

    @clock.setter
    def clock(self, clock: Clock) -> None:
        self.offices.clock = clock

    @property
    def base_url(self) -> str:
        """Where the responder answers, without a slash at the end."""
        return self.offices.base_url

    @property
    def root(self) -> bytes:
        """The first root, as DER."""
        return self.authority("root").signer.der

    @property
    def issuers(self) -> dict[str, bytes]:
        """The first generation of the four, as DER, by profile."""
        return {name: self.authority(name).signer.der for name in PROFILES}

    def authority(self, name: str) -> Authority:
        """Give an authority: ``root``, ``moica``, … ``moica-2`` for its second generation."""
        return self.offices.get(name)

    def add_generation(self, profile: str, generation: int = 2, *, root: str = "root") -> bytes:
        """Found another authority with the same name and a new key; give it as DER."""
        kind = find(PROFILES, profile)
        made = self.offices.found_below(numbered(profile, generation), kind, root)
        self.register.add(_entry_of_authority(made, root, profile))
        return made.signer.der

    def issue(
        self,
        profile: str,
        holder: Holder,
        *,
        variant: str = "good",
        key: KeyKind = "rsa2048",
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        generation: int = 1,
    ) -> CardFiles:
        """Issue what stands on one card: two certificates, their keys, and the chain.

        Args:
            variant: a name of ``VARIANTS``. What is wrong is wrong with the signature
                certificate alone; a revoked or suspended card is so with both.
            generation: of the issuing authority; see :meth:`add_generation`.

        Raises:
            LookupError: no such profile, variant or generation.
        """
        kind, how = find(PROFILES, profile), find(VARIANTS, variant)
        issuer = self.authority(numbered(profile, generation))
        signer = self._signer(issuer.name, how)
        start = not_before or self.clock() + how.starts
        order = Order(kind, holder, how, start, not_after or start + (how.lasts or kind.life))
        sign = self._write(order, how.key or key, signer, variant)
        encryption = None
        if how.encryption:
            order = replace(order, variant=_companion(how, key))
            encryption = self._write(order, key, issuer, variant)
        chain = self.offices.chain(signer.name)
        return CardFiles(profile, holder, variant, sign, encryption, chain)

    def revoke(self, serial: int, reason: str = "key_compromise") -> None:
        """Revoke a certificate for good; ``reason`` is a name in ``x509.ReasonFlags``.

        Raises:
            LookupError: no such reason, or no such certificate.
        """
        if reason in _NO_REASONS or reason not in x509.ReasonFlags.__members__:
            raise LookupError(f"{reason!r} is no reason of RFC 5280 section 5.3.1")
        self.register.change(serial, Status.REVOKED, reason, self.clock())

    def suspend(self, serial: int) -> None:
        """Suspend a certificate (停用); :meth:`resume` takes it back.

        Raises:
            LookupError: it is revoked, which stays, or was never issued.
        """
        self._refuse_revoked(serial)
        self.register.change(serial, Status.SUSPENDED, "certificate_hold", self.clock())

    def resume(self, serial: int) -> None:
        """Let a suspended certificate hold again (復用).

        Raises:
            LookupError: it is revoked, which stays, or was never issued.
        """
        self._refuse_revoked(serial)
        self.register.change(serial, Status.GOOD, None, self.clock())

    def _refuse_revoked(self, serial: int) -> None:
        entry = self.register.find(serial)
        if entry is not None and entry.status is Status.REVOKED:
            raise LookupError(f"{serial:x} is revoked, and stays so")

    def _signer(self, issuer: str, how: Variant) -> Authority:
        if how.signed_by == "another":
            return self.authority(_another(issuer))
        if how.signed_by == "namesake":
            return self._namesake(issuer)
        return self.authority(issuer)

    def _namesake(self, issuer: str) -> Authority:
        name = f"namesake-{issuer}"
        if name not in self.offices.names:
            if "namesake" not in self.offices.names:
                self.offices.found_root("namesake", ROOT)
            self.offices.found_below(name, find(PROFILES, issuer.partition("-")[0]), "namesake")
        return self.authority(name)

    def _write(self, order: Order, kind: KeyKind, signer: Authority, variant: str) -> IssuedLeaf:
        key = self.make_key(kind)
        hand = Hand(signer.certificate.subject, signer.signer.key, self.offices.url_of(signer.name))
        if order.variant.signed_by == "itself":
            hand = replace(hand, name=order.profile.subject(order.holder), key=key)
        leaf = IssuedLeaf(leaves.write(order, key, hand), key)
        self._enter(leaf, order, signer.name, variant)
        return leaf

    def _enter(self, leaf: IssuedLeaf, order: Order, authority: str, variant: str) -> None:
        how = order.variant
        entry = Entry(
            leaf.serial,
            authority,
            order.profile.name,
            order.holder.name,
            variant,
            "sign" if "digital_signature" in how.usages else "encryption",
            leaves.partition_of(leaf.serial),
            order.not_after,
            how.status,
            how.reason,
            self.clock() if how.status is not Status.GOOD else None,
        )
        self.register.add(entry)


def find(table: Mapping[str, _Kind], name: str) -> _Kind:
    """Look a name up, and say which there are if it is none of them."""
    if name not in table:
        raise LookupError(f"{name!r} is none of {', '.join(table)}")
    return table[name]


def numbered(profile: str, generation: int) -> str:
    """Name the authority of a generation: ``moica``, ``moica-2``, …."""
    return profile if generation == 1 else f"{profile}-{generation}"


def _another(issuer: str) -> str:
    """Name the next of the four."""
    names = list(PROFILES)
    return names[(names.index(issuer.partition("-")[0]) + 1) % len(names)]


def _companion(how: Variant, key: KeyKind) -> Variant:
    """Say what the encryption certificate beside a signature certificate is like."""
    usages = (
        ("key_encipherment", "data_encipherment") if key.startswith("rsa") else ("key_agreement",)
    )
    return Variant("of the same card", usages=usages, status=how.status, reason=how.reason)


def _entry_of_authority(made: Authority, root: str, profile: str) -> Entry:
    serial = made.certificate.serial_number
    return Entry(
        serial,
        root,
        profile,
        made.name,
        "good",
        "authority",
        leaves.partition_of(serial),
        made.certificate.not_valid_after_utc,
    )
