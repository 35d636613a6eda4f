"""One password as other systems keep it; made by passlib, so by nothing of our own."""

import base64
import hashlib
from dataclasses import dataclass

import argon2
import bcrypt
from passlib import hash as passlib

from tests.people import PASSWORD


@dataclass(frozen=True)
class Spelling:
    """A hash of ``PASSWORD`` as a file declares it."""

    id: str
    scheme: str
    text: str
    salt: str = ""

    @property
    def account_name(self) -> str:
        return "IMPORTED-" + self.id.upper().replace(" ", "-")


def _django_scrypt() -> str:
    made = hashlib.scrypt(PASSWORD.encode(), salt=b"seasalt", n=16, r=8, p=5, dklen=64)
    return "scrypt$16$seasalt$8$5$" + base64.b64encode(made).decode()


def _bcrypt(prefix: str) -> str:
    made = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    return made.replace("$2b$", f"${prefix}$")


_ARGON2ID = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
_SALTED = ("saltsalt" + PASSWORD).encode()

SPELLINGS = (
    Spelling("bcrypt 2a", "bcrypt", _bcrypt("2a")),
    Spelling("bcrypt 2b", "bcrypt", _bcrypt("2b")),
    Spelling("bcrypt 2y", "bcrypt", _bcrypt("2y")),
    Spelling("bcrypt django", "bcrypt", "bcrypt$" + _bcrypt("2b")),
    Spelling("pbkdf2 sha1", "pbkdf2-sha1", passlib.pbkdf2_sha1.using(rounds=9).hash(PASSWORD)),
    Spelling(
        "pbkdf2 sha256", "pbkdf2-sha256", passlib.pbkdf2_sha256.using(rounds=9).hash(PASSWORD)
    ),
    Spelling(
        "pbkdf2 sha512", "pbkdf2-sha512", passlib.pbkdf2_sha512.using(rounds=9).hash(PASSWORD)
    ),
    Spelling(
        "django sha1", "pbkdf2-sha1", passlib.django_pbkdf2_sha1.using(rounds=9).hash(PASSWORD)
    ),
    Spelling(
        "django sha256",
        "pbkdf2-sha256",
        passlib.django_pbkdf2_sha256.using(rounds=9).hash(PASSWORD),
    ),
    Spelling("scrypt", "scrypt", passlib.scrypt.using(rounds=4).hash(PASSWORD)),
    Spelling("scrypt django", "scrypt", _django_scrypt()),
    Spelling(
        "sha512 crypt", "sha512-crypt", passlib.sha512_crypt.using(rounds=1000).hash(PASSWORD)
    ),
    Spelling("argon2id", "argon2id", _ARGON2ID),
    Spelling("argon2id django", "argon2id", "argon2" + _ARGON2ID),
    Spelling("ssha", "salted-sha1", passlib.ldap_salted_sha1.hash(PASSWORD)),
    Spelling("ssha256", "salted-sha256", passlib.ldap_salted_sha256.hash(PASSWORD)),
    Spelling(
        "hex sha1",
        "sha1(salt+password)",
        hashlib.sha1(_SALTED, usedforsecurity=False).hexdigest(),
        "saltsalt",
    ),
    Spelling(
        "hex sha256",
        "sha256(salt+password)",
        hashlib.sha256(_SALTED).hexdigest().upper(),
        "saltsalt",
    ),
)
