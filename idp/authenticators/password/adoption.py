"""How other systems write a hash, brought into the one form that is stored.

Spellings are Django's (``pbkdf2_sha256$600000$salt$hash=``), passlib's
(``$pbkdf2-sha256$29000$salt$hash``), LDAP's (``{SSHA}...``, RFC 2307), bare hex beside a
salt of its own, and the stored form itself, so that an export can be imported.
"""

import re
from collections.abc import Callable, Mapping

from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError

from idp.authenticators.password.foreign import (
    BadHash,
    Digest,
    Foreign,
    Pbkdf2,
    Salted,
    Scheme,
    Scrypt,
    parse,
    unb64,
)

MOST_ARGON2_MEMORY_KIB = 256 * 1024
MOST_ARGON2_WORK_KIB = 1024 * 1024  # memory written, over all passes
MOST_ARGON2_LANES = 16
_LONGEST = 512  # characters, of the column

_SALT_FIRST: Mapping[Scheme, Digest] = {
    Scheme.SHA1_SALT_FIRST: "sha1",
    Scheme.SHA256_SALT_FIRST: "sha256",
}


def adopt(scheme: str, text: str, salt: str = "") -> str:
    """Give the stored form of a hash of the declared scheme.

    Raises:
        BadHash: it is not of that scheme, malformed, or dearer than the limits.
    """
    if scheme not in set(Scheme):
        raise BadHash("has none of the schemes " + ", ".join(Scheme))
    declared = Scheme(scheme)
    if len(text) > _LONGEST:
        raise BadHash(f"is longer than {_LONGEST} characters")
    if salt and declared not in _SALT_FIRST:
        raise BadHash(f"of {declared} carries its salt itself")
    if declared is Scheme.ARGON2ID:
        return _argon2id(text.removeprefix("argon2"))  # Django's argon2$argon2id$...
    found = _salted_first(declared, text, salt) if salt else _read(text)
    if found.scheme is not declared:
        raise BadHash(f"is not {declared}")
    return str(found)


def scheme_of(stored: str) -> Scheme:
    """Name the scheme of a stored hash.

    Raises:
        BadHash: it is none.
    """
    return Scheme.ARGON2ID if stored.startswith("$argon2id$") else parse(stored).scheme


def _read(text: str) -> Foreign:
    for form, read in _SPELLINGS:
        if found := form.fullmatch(text):
            return read(found)
    return parse(text.removeprefix("bcrypt$"))  # Django's bcrypt$$2b$12$...


def _salted_first(declared: Scheme, text: str, salt: str) -> Foreign:
    if not re.fullmatch(r"(?:[0-9a-fA-F]{2})+", text):
        raise BadHash("is not hexadecimal")
    return Salted(_SALT_FIRST[declared], True, salt.encode(), bytes.fromhex(text))


def _argon2id(text: str) -> str:
    if not _ARGON2ID.fullmatch(text):
        raise BadHash("is not argon2id")
    try:
        costs = extract_parameters(text)
    except InvalidHashError:
        raise BadHash("has no form that is known here") from None
    if not (8 <= costs.salt_len <= 128 and 16 <= costs.hash_len <= 64):
        raise BadHash("has a salt or a hash of another length than 8 to 128, 16 to 64 bytes")
    if (
        costs.memory_cost > MOST_ARGON2_MEMORY_KIB
        or costs.memory_cost * costs.time_cost > MOST_ARGON2_WORK_KIB
        or costs.parallelism > MOST_ARGON2_LANES
        or min(costs.time_cost, costs.parallelism) < 1
    ):
        raise BadHash(
            f"needs more than {MOST_ARGON2_MEMORY_KIB} KiB, {MOST_ARGON2_WORK_KIB} KiB over its"
            f" passes, or {MOST_ARGON2_LANES} lanes"
        )
    return text


def _django_pbkdf2(found: re.Match[str]) -> Foreign:
    digest, rounds, salt, expected = found.groups()
    return Pbkdf2(_DIGESTS[digest], int(rounds), salt.encode(), unb64(expected))


def _passlib_pbkdf2(found: re.Match[str]) -> Foreign:
    digest, rounds, salt, expected = found.groups()
    salt, expected = (part.replace(".", "+") for part in (salt, expected))  # its own base64
    return Pbkdf2(_DIGESTS[digest or "sha1"], int(rounds), unb64(salt), unb64(expected))


def _django_scrypt(found: re.Match[str]) -> Foreign:
    n, salt, r, p, expected = found.groups()
    log_n = int(n).bit_length() - 1
    if int(n) != 1 << log_n:
        raise BadHash("has a cost that is no power of two")
    return Scrypt(log_n, int(r), int(p), salt.encode(), unb64(expected))


def _ldap(found: re.Match[str]) -> Foreign:
    digest: Digest = "sha256" if found[1] else "sha1"
    size = 32 if found[1] else 20
    both = unb64(found[2])
    return Salted(digest, False, both[size:], both[:size])


_ARGON2ID = re.compile(
    r"\$argon2id\$v=[0-9]{1,3}\$m=[0-9]{1,9},t=[0-9]{1,9},p=[0-9]{1,9}"
    r"\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+"
)
_DIGESTS: Mapping[str, Digest] = {"sha1": "sha1", "sha256": "sha256", "sha512": "sha512"}
_SPELLINGS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Foreign]], ...] = (
    (
        re.compile(
            r"pbkdf2_(sha1|sha256|sha512)\$([1-9][0-9]{0,8})\$([^$]+)\$([A-Za-z0-9+/]+={0,2})"
        ),
        _django_pbkdf2,
    ),
    (
        re.compile(
            r"\$pbkdf2(?:-(sha1|sha256|sha512))?\$([1-9][0-9]{0,8})"
            r"\$([A-Za-z0-9./+]+)\$([A-Za-z0-9./+]+)"
        ),
        _passlib_pbkdf2,
    ),
    (
        re.compile(
            r"scrypt\$([1-9][0-9]{0,11})\$([^$]+)\$([1-9][0-9]{0,5})\$([1-9][0-9]{0,5})"
            r"\$([A-Za-z0-9+/]+={0,2})"
        ),
        _django_scrypt,
    ),
    (re.compile(r"(?i:\{SSHA(256)?\})([A-Za-z0-9+/]+={0,2})"), _ldap),
)
