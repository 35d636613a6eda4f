"""Minting, hashing, sealing and hiding secrets. The only caller of the random source.

An opaque token is ``prefix_`` + 256 random bits + a checksum: secret scanners can find
it, a truncated copy is seen without asking the database, and the database holds only
its SHA-256 (behind the date, where it begins with one). What has to be read again (a signing
key, a mail's text) is *sealed*: AES-256-GCM under a key of its own purpose, bound to its place
by associated data.
"""

import binascii
import hashlib
import hmac
import os
import re
import uuid
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

Entropy = Callable[[int], bytes]
"""Returns that many unpredictable bytes: :func:`system_entropy`, in screenshots a counter."""

TOKEN_BYTES = 32  # RFC 6749 section 10.10 asks for guesses below 2^-160; this gives 2^-256
KEY_BYTES = 32
_NONCE_BYTES = 12
_CHECKSUM_CHARACTERS = 6
_DATED = re.compile(r"[a-z]+_([0-9a-f]{12})[A-Za-z0-9_-]{49}")
_URL_SAFE = bytes.maketrans(b"+/", b"-_")

system_entropy: Entropy = os.urandom

Value = TypeVar("Value")


class Secret(Generic[Value]):
    """A value that prints as ``***`` wherever it is logged, formatted or compared in a test."""

    __slots__ = ("_value",)

    def __init__(self, value: Value) -> None:
        self._value = value

    def reveal(self) -> Value:
        """Hand the value to the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._value)


def base64url(data: bytes) -> str:
    """Encode without padding (RFC 7515 appendix C)."""
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=").decode("ascii")


def mint(prefix: str, entropy: Entropy) -> str:
    """Make an opaque token: ``<prefix>_<43 characters><6 characters of checksum>``."""
    body = f"{prefix}_{base64url(entropy(TOKEN_BYTES))}"
    return body + _checksum(body)


def mint_dated(prefix: str, now: datetime, entropy: Entropy) -> str:
    """Make an opaque token that begins with its date: ``<prefix>_<12 hexadecimal digits>…``.

    For what is kept in large numbers for long, by its :func:`dated_digest`.
    """
    body = f"{prefix}_{_milliseconds(now).hex()}{base64url(entropy(TOKEN_BYTES))}"
    return body + _checksum(body)


def well_formed(prefix: str, token: str) -> bool:
    """Tell whether ``token`` can be one of ours, without a look-up; says nothing of its worth."""
    body, checksum = token[:-_CHECKSUM_CHARACTERS], token[-_CHECKSUM_CHARACTERS:]
    return (
        token.isascii()
        and body.startswith(f"{prefix}_")
        and hmac.compare_digest(_checksum(body), checksum)
    )


def digest(token: str) -> bytes:
    """SHA-256 of a high-entropy secret: what the database keeps of it (32 bytes)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def dated_digest(token: str) -> bytes:
    """What the database keeps of a dated token: the date, then 208 bits of its SHA-256 (32 bytes).

    In an index the new ones stand side by side. By their hash alone each would fall on a page
    of its own, to be read, and written whole into PostgreSQL's WAL after each checkpoint.
    """
    whole, dated = digest(token), _DATED.fullmatch(token)
    return bytes.fromhex(dated[1]) + whole[: -len(dated[1]) // 2] if dated else whole


def same(one: bytes, other: bytes) -> bool:
    """Compare in time that does not tell where they differ."""
    return hmac.compare_digest(one, other)


_MOST_OF_AN_INSTANT = 0xFFF


def new_id(now: datetime, entropy: Entropy, nth: int | None = None) -> uuid.UUID:
    """Make a UUID version 7 (RFC 9562 section 5.7): sorted by time, so that indexes stay dense.

    Args:
        nth: which of its instant it is, counted from 0: they sort so, as far as the 12 bits for it
            reach (section 6.2). Without it their order is left to chance.
    """
    raw = bytearray(_milliseconds(now) + entropy(10))
    if nth is not None:
        raw[6:8] = min(nth, _MOST_OF_AN_INSTANT).to_bytes(2, "big")
    raw[6] = 0x70 | raw[6] & 0x0F
    raw[8] = 0x80 | raw[8] & 0x3F
    return uuid.UUID(bytes=bytes(raw))


def _milliseconds(now: datetime) -> bytes:
    return int(now.timestamp() * 1000).to_bytes(6, "big")


def _checksum(body: str) -> str:
    return base64url(zlib.crc32(body.encode("ascii", "replace")).to_bytes(4, "big"))


class SealBroken(Exception):
    """What was sealed cannot be opened: wrong key, wrong place, or changed."""


@dataclass(frozen=True, slots=True)
class Seal:
    """Seals and opens values of one purpose. Safe to share between threads."""

    _cipher: AESGCM
    _entropy: Entropy

    def close(self, plaintext: bytes, *, place: str) -> bytes:
        """Seal ``plaintext`` for ``place``; moved to another place it will not open."""
        nonce = self._entropy(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plaintext, place.encode())

    def open(self, sealed: bytes, *, place: str) -> bytes:
        """Open what :meth:`close` made for the same place.

        Raises:
            SealBroken: the bytes are not what was sealed, or not for this place or key.
        """
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, ciphertext, place.encode())
        except (InvalidTag, ValueError) as broken:
            raise SealBroken(f"cannot open a sealed value for {place}") from broken


@dataclass(frozen=True, slots=True)
class Keychain:
    """The key-encryption key and the keys derived from it, one a purpose (RFC 5869)."""

    _root: Secret[bytes]
    _entropy: Entropy

    def key(self, purpose: str) -> bytes:
        """Derive the 32-byte key of ``purpose``; purposes never share one."""
        hkdf = HKDF(SHA256(), KEY_BYTES, salt=None, info=f"portico/1/{purpose}".encode())
        return hkdf.derive(self._root.reveal())

    def seal(self, purpose: str) -> Seal:
        """Make the seal of ``purpose``. Parses a key: call it once, at assembly."""
        return Seal(AESGCM(self.key(purpose)), self._entropy)

    def check_value(self) -> str:
        """Name the root key without showing it, so that a wrong one stops the start."""
        return self.key("check-value").hex()[:16]


def keychain(root: bytes, entropy: Entropy = system_entropy) -> Keychain:
    """Make a keychain of 32 bytes of root key.

    Raises:
        ValueError: the key has another length.
    """
    if len(root) != KEY_BYTES:
        raise ValueError(f"a key-encryption key has {KEY_BYTES} bytes, this one {len(root)}")
    return Keychain(Secret(root), entropy)
