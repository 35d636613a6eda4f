"""What the bridge needs of a PKCS#11 library: a dozen calls, and values instead of structures.

There is one real implementation, :mod:`cardbridge.card.pykcs11`; another library takes its
place by the same few methods.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class CardFault(Exception):
    """A PKCS#11 call failed."""

    def __init__(self, ckr: int) -> None:
        super().__init__(f"CKR {ckr:#x}")
        self.ckr = ckr


class CannotLoad(Exception):
    """A library does not load."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A reader; its number holds until the library is closed."""

    number: int
    has_token: bool


@dataclass(frozen=True, slots=True)
class Token:
    """A card, as far as it can be asked without a PIN."""

    serial: str
    """Tells cards apart within one operation; leaves the worker never."""
    initialised: bool
    pin_pad: bool
    """The PIN is typed on the reader (CKF_PROTECTED_AUTHENTICATION_PATH)."""
    last_try: bool
    locked: bool
    shortest_pin: int
    longest_pin: int


@dataclass(frozen=True, slots=True)
class StoredCertificate:
    """A certificate on a card."""

    key_id: bytes
    """CKA_ID: that of the key that belongs to it."""
    der: bytes


class Mechanism(Enum):
    """How a key is told to sign."""

    SHA256_RSA_PKCS = "the card pads, and hashes with SHA-256"
    RSA_PKCS = "the card pads a DigestInfo"
    ECDSA = "the card signs a hash; the answer is r and s side by side"


class Login(Protocol):
    """A session whose PIN was right."""

    def sign(self, key_id: bytes, mechanism: Mechanism, data: bytes) -> bytes:
        """Sign with the private key of an id.

        Raises:
            CardFault: if the card does not.
            LookupError: if there is no such key.
        """

    def close(self) -> None:
        """Log out and close the session, whatever state it is in."""


class CardModule(Protocol):
    """A PKCS#11 library that has been initialised."""

    def slots(self) -> list[Slot]:
        """List the readers."""

    def token(self, slot: int) -> Token:
        """Ask a card about itself."""

    def certificates(self, slot: int) -> list[StoredCertificate]:
        """Read the certificates that can be read without a PIN."""

    def public_keys(self, slot: int, key_id: bytes) -> list[bytes]:
        """Read what is stored of public keys of an id: RSA moduli and EC points, bare."""

    def mechanisms(self, slot: int) -> frozenset[Mechanism]:
        """List the ways to sign that the card knows."""

    def login(self, slot: int, pin: bytearray | None) -> Login:
        """Log in with a PIN, or have the reader's pad ask for it.

        Raises:
            CardFault: if the PIN is wrong, among other things.
        """

    def close(self) -> None:
        """Finalise and unload the library."""
