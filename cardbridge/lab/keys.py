"""Private keys of the lab: made, kept in files, and reused where a test needs many cards."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
KeyKind = Literal["rsa1024", "rsa2048", "rsa3072", "rsa4096", "p256", "p384"]
MakeKey = Callable[[KeyKind], PrivateKey]

_CURVES: dict[str, ec.EllipticCurve] = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}


def fresh(kind: KeyKind) -> PrivateKey:
    """Make a key that nobody else has. RSA-2048 takes 70 ms here, and sometimes half a second."""
    if curve := _CURVES.get(kind):
        return ec.generate_private_key(curve)
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind.removeprefix("rsa")))


class Pool:
    """A few keys of each kind, handed out in turn: many cards, and no waiting for primes.

    Two keys handed out one after the other differ, so the two of one card do.
    """

    def __init__(self, size: int = 4) -> None:
        self._size = size
        self._turns: dict[KeyKind, Iterator[PrivateKey]] = {}

    def __call__(self, kind: KeyKind) -> PrivateKey:
        """Give the next key of that kind."""
        if kind not in self._turns:
            self._turns[kind] = itertools.cycle([fresh(kind) for _ in range(self._size)])
        return next(self._turns[kind])


def save(path: Path, key: PrivateKey) -> None:
    """Write a key that only its owner can read."""
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def load(path: Path) -> PrivateKey:
    """Read a key that :func:`save` wrote."""
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, PrivateKey):
        raise TypeError(f"{path} holds neither an RSA nor an elliptic-curve key")
    return key
