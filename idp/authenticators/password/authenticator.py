"""Account name and password, checked with Argon2id (RFC 9106) or as where they came from."""

import os
import threading
import unicodedata
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from idp import memory
from idp.authenticators import Identity, Proof, Reason, Refusal
from idp.authenticators.password import foreign
from idp.config import PasswordSection
from idp.secret import Secret

OURS = "$argon2id$"
LONGEST = 1024  # bytes after normalisation: nothing is cut, more is simply not a password


@dataclass(frozen=True, slots=True)
class PasswordOnRecord:
    """What the database holds under an account name."""

    identity: Identity
    phc_hash: str
    """Argon2id in PHC string format, with its own parameters; or another system's hash."""
    usable: bool
    """Neither the password nor the account is switched off."""


@dataclass(frozen=True, slots=True)
class PasswordEvidence:
    """What the person typed, beside what is on record (``None``: no such account)."""

    password: Secret[str]
    on_record: PasswordOnRecord | None
    stand_in: str = ""
    """A hash of nobody, compared where there is none; empty: one of our own (``works.py``)."""


class PasswordAuthenticator:
    """Verifies passwords; does as much work for accounts that do not exist.

    Argon2 is the dearest thing an anonymous request can ask for. As many run at once as
    there are processors, ``queue_limit`` may wait, and the next is told to come back.
    """

    def __init__(self, section: PasswordSection) -> None:
        self._hasher = PasswordHasher(
            time_cost=section.time_cost,
            memory_cost=section.memory_kib,
            parallelism=section.parallelism,
        )
        self._hash_of_nobody = self._hasher.hash("nobody")
        self._limit = section.queue_limit
        self._inside = 0
        self._counting = threading.Lock()
        self._processors = threading.BoundedSemaphore(os.cpu_count() or 1)

    def prove(self, evidence: PasswordEvidence) -> Proof | Refusal:
        """Compare with the work of what is on record, or of its stand-in (ASVS 6.3.8)."""
        on_record = evidence.on_record
        claimed = on_record.identity if on_record else None
        with self._place() as free:
            if not free:
                return Refusal(Reason.BUSY, claimed)
            phc_hash = on_record.phc_hash if on_record else evidence.stand_in
            phc_hash = phc_hash or self._hash_of_nobody
            matches = self._verify(phc_hash, evidence.password)
            opens = matches and on_record is not None and on_record.usable
            if not opens and self.is_weaker(phc_hash):
                # What opens is hashed anew; a refusal costs as much, be the password right or
                # wrong, so that a hash that takes no time does not tell who was imported.
                self._verify(self._hash_of_nobody, evidence.password)
        if on_record is None:
            return Refusal(Reason.WRONG_CREDENTIALS, detail="unknown_account")
        if not matches:
            return Refusal(Reason.WRONG_CREDENTIALS, claimed, "wrong_password")
        if not on_record.usable:
            return Refusal(Reason.WRONG_CREDENTIALS, claimed, "disabled")
        return Proof(on_record.identity, amr=("pwd",))

    def is_full(self) -> bool:
        """Tell whether the next one would be told to come back: for who can say so at less cost."""
        return self._inside >= self._limit

    def _verify(self, phc_hash: str, password: Secret[str]) -> bool:
        typed = _normal(password.reveal())
        fits = len(typed) <= LONGEST
        if phc_hash.startswith(OURS):
            return self._verify_ours(phc_hash, typed if fits else b"") and fits
        # The other system was given what was typed as it was typed.
        return fits and foreign.matches(phc_hash, _as_typed(password.reveal()))

    def _verify_ours(self, phc_hash: str, typed: bytes) -> bool:
        try:
            return self._hasher.verify(phc_hash, typed)
        except (VerificationError, ValueError):  # InvalidHashError is one, not ASCII another
            return False

    @contextmanager
    def _place(self) -> Generator[bool]:
        if not self._enter():
            yield False
            return
        try:
            with self._processors:
                yield True
        finally:
            self._leave()

    def _enter(self) -> bool:
        with self._counting:
            free = self._inside < self._limit
            self._inside += free
        return free

    def _leave(self) -> None:
        with self._counting:
            self._inside -= 1
            last = self._inside == 0
        if last:  # in a rush the next one takes over the memory as it is
            memory.give_back()

    def is_one_of(self, hashes: Sequence[str], password: Secret[str]) -> bool | None:
        """Compare a password that is to be chosen with earlier ones; ``None``: too busy."""
        with self._place() as free:
            if not free:
                return None
            return any(self._verify(phc_hash, password) for phc_hash in hashes)

    def hash_in_turn(self, password: Secret[str]) -> str | None:
        """Hash a password that somebody has chosen, where sign-ins wait too; ``None``: too busy."""
        with self._place() as free:
            return self.hash(password) if free else None

    def hash(self, password: Secret[str]) -> str:
        """Hash a new password with the parameters of the configuration."""
        return self._hasher.hash(_normal(password.reveal()))

    def is_weaker(self, phc_hash: str) -> bool:
        """Tell whether a hash was made elsewhere, or with other parameters than configured."""
        if not phc_hash.startswith(OURS):
            return True
        try:
            return self._hasher.check_needs_rehash(phc_hash)
        except InvalidHashError:
            return True


def _normal(password: str) -> bytes:
    """One spelling for what looks the same (NFC; NIST SP 800-63B-4 section 3.1.1.2)."""
    return _as_typed(unicodedata.normalize("NFC", password))


def _as_typed(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
