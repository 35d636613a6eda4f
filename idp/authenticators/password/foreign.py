"""Hashes that other systems made, verified until their owner first signs in here.

``password_credentials.phc_hash`` holds each in one self-describing form: PHC string format
(``$scrypt$ln=14,r=8,p=1$<salt>$<hash>``, base64 without padding), or the scheme's own where
every library knows it (bcrypt's ``$2b$``, sha512-crypt's ``$6$``). ``adoption.py`` brings
them into it. What has not exactly one of these forms, or would cost more than the limits
below, is no hash at all: it matches nothing, at sign-in as at the import.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, Literal, Protocol

import bcrypt
from passlib.hash import sha512_crypt

from idp.secret import same

# Whoever may import may not thereby slow down every sign-in: a few seconds at most.
MOST_BCRYPT_COST = 15
MOST_PBKDF2_ROUNDS = 2_000_000
MOST_SHA512_CRYPT_ROUNDS = 1_000_000
MOST_SCRYPT_MEMORY = 256 * 1024 * 1024  # bytes
MOST_SCRYPT_WORK = 1024 * 1024 * 1024  # bytes written, over all p lanes
LONGEST_SALT = 128  # bytes
SHORTEST_HASH, LONGEST_HASH = 16, 64  # bytes; a hash of no bytes would match every password
_BCRYPT_READS = 72  # bytes of the password; the rest never counted where the hash was made

Digest = Literal["sha1", "sha256", "sha512"]


class Scheme(StrEnum):
    """How a hash was made, by the names an import declares."""

    BCRYPT = "bcrypt"
    PBKDF2_SHA1 = "pbkdf2-sha1"
    PBKDF2_SHA256 = "pbkdf2-sha256"
    PBKDF2_SHA512 = "pbkdf2-sha512"
    SCRYPT = "scrypt"
    SHA512_CRYPT = "sha512-crypt"
    ARGON2ID = "argon2id"
    SALTED_SHA1 = "salted-sha1"
    """SHA-1 of password and salt in this order, LDAP's ``{SSHA}``."""
    SALTED_SHA256 = "salted-sha256"
    SHA1_SALT_FIRST = "sha1(salt+password)"
    SHA256_SALT_FIRST = "sha256(salt+password)"


class BadHash(ValueError):
    """Not a hash that can be verified here. The message shows nothing of it."""


class Foreign(Protocol):
    """A hash within its limits; ``str()`` gives the form that is stored."""

    @property
    def scheme(self) -> Scheme:
        """How it was made."""

    def matches(self, typed: bytes) -> bool:
        """Tell whether the password is this one; takes as long for one as for another."""

    def specimen(self) -> str:
        """Give a hash of nobody that takes as much work, in its stored form; empty: none."""


@dataclass(frozen=True, slots=True)
class Pbkdf2:
    """PBKDF2 with HMAC (RFC 8018 section 5.2)."""

    digest: Digest
    rounds: int
    salt: bytes
    expected: bytes

    def __post_init__(self) -> None:
        _demand_lengths(self.salt, self.expected)
        blocks = -(-len(self.expected) // hashlib.new(self.digest).digest_size)
        if not 1 <= self.rounds * blocks <= MOST_PBKDF2_ROUNDS:
            raise BadHash(f"has more than {MOST_PBKDF2_ROUNDS} rounds")

    @property
    def scheme(self) -> Scheme:
        """How it was made."""
        return Scheme(f"pbkdf2-{self.digest}")

    def matches(self, typed: bytes) -> bool:
        """Derive as many bytes and compare."""
        size = len(self.expected)
        return same(
            hashlib.pbkdf2_hmac(self.digest, typed, self.salt, self.rounds, size), self.expected
        )

    def specimen(self) -> str:
        """Give one of as many rounds and blocks."""
        return str(replace(self, salt=bytes(16), expected=bytes(len(self.expected))))

    def __str__(self) -> str:
        return f"$pbkdf2-{self.digest}$i={self.rounds}${b64(self.salt)}${b64(self.expected)}"


@dataclass(frozen=True, slots=True)
class Scrypt:
    """Scrypt (RFC 7914): ``2 ** log_n`` blocks of ``128 * r`` bytes, in ``p`` lanes."""

    log_n: int
    r: int
    p: int
    salt: bytes
    expected: bytes

    def __post_init__(self) -> None:
        _demand_lengths(self.salt, self.expected)
        if min(self.log_n, self.r, self.p) < 1:
            raise BadHash("has a cost of nothing")
        if self.log_n > 32 or self._memory > MOST_SCRYPT_MEMORY:
            raise BadHash(f"needs more than {MOST_SCRYPT_MEMORY >> 20} MiB")
        if self._memory * self.p > MOST_SCRYPT_WORK:
            raise BadHash(f"writes more than {MOST_SCRYPT_WORK >> 20} MiB")

    @property
    def _memory(self) -> int:
        return 128 * self.r << self.log_n

    @property
    def scheme(self) -> Scheme:
        """How it was made."""
        return Scheme.SCRYPT

    def matches(self, typed: bytes) -> bool:
        """Derive as many bytes and compare."""
        derived = hashlib.scrypt(
            typed,
            salt=self.salt,
            n=1 << self.log_n,
            r=self.r,
            p=self.p,
            maxmem=self._memory + 128 * self.r * (self.p + 2) + 1024,  # OpenSSL's own sum, rounded
            dklen=len(self.expected),
        )
        return same(derived, self.expected)

    def specimen(self) -> str:
        """Give one of the same costs."""
        return str(replace(self, salt=bytes(16), expected=bytes(len(self.expected))))

    def __str__(self) -> str:
        costs = f"ln={self.log_n},r={self.r},p={self.p}"
        return f"$scrypt${costs}${b64(self.salt)}${b64(self.expected)}"


@dataclass(frozen=True, slots=True)
class Salted:
    """One round of SHA over salt and password: no protection, upgraded at the first sign-in."""

    digest: Digest
    salt_first: bool
    salt: bytes
    expected: bytes

    _SCHEMES: ClassVar[dict[tuple[str, bool], Scheme]] = {
        ("sha1", False): Scheme.SALTED_SHA1,
        ("sha256", False): Scheme.SALTED_SHA256,
        ("sha1", True): Scheme.SHA1_SALT_FIRST,
        ("sha256", True): Scheme.SHA256_SALT_FIRST,
    }

    def __post_init__(self) -> None:
        _demand_lengths(self.salt, self.expected)
        if len(self.expected) != hashlib.new(self.digest).digest_size:
            raise BadHash("has not the length of its digest")

    @property
    def scheme(self) -> Scheme:
        """How it was made."""
        return self._SCHEMES[self.digest, self.salt_first]

    def matches(self, typed: bytes) -> bool:
        """Hash both in their order and compare."""
        salted = self.salt + typed if self.salt_first else typed + self.salt
        return same(hashlib.new(self.digest, salted).digest(), self.expected)

    def specimen(self) -> str:
        """Give none: a round of SHA is no work beside an Argon2."""
        return ""

    def __str__(self) -> str:
        order = "salt-password" if self.salt_first else "password-salt"
        return f"${self.digest}-{order}${b64(self.salt)}${b64(self.expected)}"


@dataclass(frozen=True, slots=True)
class Bcrypt:
    """Bcrypt in its own form, ``$2a$``, ``$2b$`` and ``$2y$`` (one algorithm today)."""

    text: str
    cost: int

    def __post_init__(self) -> None:
        if not 4 <= self.cost <= MOST_BCRYPT_COST:
            raise BadHash(f"has not a cost from 4 to {MOST_BCRYPT_COST}")

    @property
    def scheme(self) -> Scheme:
        """How it was made."""
        return Scheme.BCRYPT

    def matches(self, typed: bytes) -> bool:
        """Compare as the library does; it refuses what bcrypt used to cut off."""
        return bcrypt.checkpw(typed[:_BCRYPT_READS], self.text.encode("ascii"))

    def specimen(self) -> str:
        """Give one of the same cost."""
        return f"$2b${self.cost:02}${'.' * 53}"

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Sha512Crypt:
    """SHA-crypt with SHA-512 (U. Drepper, https://akkadia.org/drepper/SHA-crypt.txt)."""

    text: str
    rounds: int

    def __post_init__(self) -> None:
        if not 1000 <= self.rounds <= MOST_SHA512_CRYPT_ROUNDS:
            raise BadHash(f"has not from 1000 to {MOST_SHA512_CRYPT_ROUNDS} rounds")

    @property
    def scheme(self) -> Scheme:
        """How it was made."""
        return Scheme.SHA512_CRYPT

    def matches(self, typed: bytes) -> bool:
        """Compare as the library does: in constant time."""
        return bool(sha512_crypt.verify(typed, self.text))

    def specimen(self) -> str:
        """Give one of as many rounds with a salt of the same length: each round may hash it."""
        salt = "." * len(self.text.rsplit("$", 2)[1])
        return f"$6$rounds={self.rounds}${salt}${'.' * 86}"

    def __str__(self) -> str:
        return self.text


def parse(stored: str) -> Foreign:
    """Read the stored form of a hash.

    Raises:
        BadHash: it is malformed, of no scheme known here, or beyond the limits.
    """
    for form, read in _FORMS:
        if found := form.fullmatch(stored):
            return read(found)
    raise BadHash("has no form that is known here")


def matches(stored: str, typed: bytes) -> bool:
    """Tell whether ``typed`` is the password of a stored hash; ``False`` for what is none."""
    try:
        return parse(stored).matches(typed)
    except ValueError:  # BadHash, or what a library says of the hash or of a NUL in a password
        return False


def b64(data: bytes) -> str:
    """Encode as PHC string format does: the standard alphabet, no padding."""
    return base64.b64encode(data).rstrip(b"=").decode("ascii")


def unb64(text: str) -> bytes:
    """Decode base64, padded or not.

    Raises:
        BadHash: it is not.
    """
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        raise BadHash("is not base64 where it should be") from None


def _demand_lengths(salt: bytes, expected: bytes) -> None:
    if not 1 <= len(salt) <= LONGEST_SALT:
        raise BadHash(f"has not a salt of 1 to {LONGEST_SALT} bytes")
    if not SHORTEST_HASH <= len(expected) <= LONGEST_HASH:
        raise BadHash(f"has not from {SHORTEST_HASH} to {LONGEST_HASH} bytes")


def _pbkdf2(found: re.Match[str]) -> Foreign:
    digest, rounds, salt, expected = found.groups()
    return Pbkdf2(_digest(digest), int(rounds), unb64(salt), unb64(expected))


def _scrypt(found: re.Match[str]) -> Foreign:
    log_n, r, p, salt, expected = found.groups()
    return Scrypt(int(log_n), int(r), int(p), unb64(salt), unb64(expected))


def _salted(found: re.Match[str]) -> Foreign:
    digest, order, salt, expected = found.groups()
    return Salted(_digest(digest), order == "salt-password", unb64(salt), unb64(expected))


def _digest(name: str) -> Digest:
    known: dict[str, Digest] = {"sha1": "sha1", "sha256": "sha256", "sha512": "sha512"}
    return known[name]


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Foreign]], ...] = (
    # The last character of a bcrypt salt has four bits to spare: only one spelling is taken.
    (
        re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}"),
        lambda found: Bcrypt(found[0], int(found[1])),
    ),
    (
        re.compile(r"\$6\$(?:rounds=([1-9][0-9]{0,8})\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86}"),
        lambda found: Sha512Crypt(found[0], int(found[1] or 5000)),
    ),
    (
        re.compile(
            r"\$pbkdf2-(sha1|sha256|sha512)\$i=([1-9][0-9]{0,8})"
            r"\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)"
        ),
        _pbkdf2,
    ),
    (
        re.compile(
            r"\$scrypt\$ln=([0-9]{1,2}),r=([0-9]{1,6}),p=([0-9]{1,6})"
            r"\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)"
        ),
        _scrypt,
    ),
    (
        re.compile(
            r"\$(sha1|sha256)-(salt-password|password-salt)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)"
        ),
        _salted,
    ),
)
