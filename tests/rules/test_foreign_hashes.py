"""Hashes of other systems: published vectors, every spelling, and what is no hash at all."""

import base64
import hashlib
import re

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.authenticators import Identity, Proof
from idp.authenticators.password import foreign
from idp.authenticators.password.adoption import adopt, scheme_of
from idp.authenticators.password.authenticator import (
    PasswordAuthenticator,
    PasswordEvidence,
    PasswordOnRecord,
)
from idp.authenticators.password.foreign import BadHash, Scheme, b64, unb64
from idp.config import PasswordSection
from idp.secret import Secret
from tests.people import PASSWORD
from tests.spellings import SPELLINGS, Spelling

SALT, HASH = b64(b"salt"), b64(bytes(32))

VECTORS = {
    # scheme, as another system writes it, password
    "RFC 6070": (
        "pbkdf2-sha1",
        f"$pbkdf2$4096${SALT}$" + b64(bytes.fromhex("4b007901b765489abead49d926f721d065a429c1")),
        "password",
    ),
    "RFC 7914 section 11": (
        "pbkdf2-sha256",
        f"$pbkdf2-sha256$1${SALT}$"
        + b64(
            bytes.fromhex(
                "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
                "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"
            )
        ).replace("+", "."),
        "passwd",
    ),
    "RFC 7914 section 12": (
        "scrypt",
        f"$scrypt$ln=10,r=8,p=16${b64(b'NaCl')}$"
        + b64(
            bytes.fromhex(
                "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
                "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
            )
        ),
        "password",
    ),
    "crypt_blowfish": (
        "bcrypt",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "U*U",
    ),
    "passlib's manual": (
        "pbkdf2-sha256",
        "$pbkdf2-sha256$6400$.6UI/S.nXIk8jcbdHx3Fhg$98jZicV16ODfEsEZeYPGHU3kbrUrvUEXOPimVSQDD44",
        "password",
    ),
    "passlib's manual, LDAP": (
        "salted-sha1",
        "{SSHA}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ",
        "password",
    ),
    "SHA-crypt.txt, 1": (
        "sha512-crypt",
        (
            "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCo"
            "EOfaS35inz1"
        ),
        "Hello world!",
    ),
    "SHA-crypt.txt, 2": (
        "sha512-crypt",
        (
            "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8v"
            "OuZeHBy/YTBmSK6H9qs/y3RnOaw5v."
        ),
        "Hello world!",
    ),
    "SHA-crypt.txt, 3": (
        "sha512-crypt",
        (
            "$6$rounds=5000$toolongsaltstrin$lQ8jolhgVRVhY4b5pZKaysCLi0QBxGoNeKQzQ3glMhwllF7oGDZxUhx1y"
            "xdYcz/e1JSbq3y6JMxxl8audkUEm0"
        ),
        "This is just a test",
    ),
    "SHA-crypt.txt, 4": (
        "sha512-crypt",
        (
            "$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x"
            "9t0oSwbtEW7o7UmJEiDwGqd8p4ur1"
        ),
        "a very much longer text to encrypt.  This one even stretches over morethan one line.",
    ),
}


@pytest.mark.parametrize("source", VECTORS)
def test_published_vectors(source: str) -> None:
    scheme, text, password = VECTORS[source]

    stored = adopt(scheme, text)

    assert foreign.matches(stored, password.encode())
    assert not foreign.matches(stored, password.encode() + b".")
    assert not foreign.matches(stored, b"")


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda one: one.id)
def test_every_spelling_has_one_stored_form_that_says_what_it_is(spelling: Spelling) -> None:
    stored = adopt(spelling.scheme, spelling.text, spelling.salt)

    assert stored.startswith("$")
    assert len(stored) <= 512
    assert scheme_of(stored) == spelling.scheme
    assert adopt(spelling.scheme, stored) == stored  # what was exported can be imported


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda one: one.id)
def test_the_authenticator_takes_it_and_wants_it_stronger(spelling: Spelling) -> None:
    authenticator = PasswordAuthenticator(PasswordSection(memory_kib=7168, time_cost=1))
    stored = adopt(spelling.scheme, spelling.text, spelling.salt)
    on_record = PasswordOnRecord(Identity("account", "1"), stored, usable=True)

    right, wrong, off = (
        authenticator.prove(PasswordEvidence(Secret(typed), record))
        for typed, record in (
            (PASSWORD, on_record),
            (PASSWORD + " ", on_record),
            (PASSWORD, PasswordOnRecord(on_record.identity, stored, usable=False)),
        )
    )

    assert isinstance(right, Proof)
    assert not isinstance(wrong, Proof)
    assert not isinstance(off, Proof)
    assert authenticator.is_weaker(stored)


BAD = {
    # what is wrong: scheme, text, salt, what is said
    "no scheme": ("", "$2b$10$" + "a" * 53, "", "none of the schemes"),
    "unknown scheme": ("md5", "0" * 32, "", "none of the schemes"),
    "another scheme": ("scrypt", "$2b$10$" + "C" * 21 + "." + "a" * 31, "", "is not scrypt"),
    "nothing": ("bcrypt", "x", "", "no form"),
    "bcrypt is dear": ("bcrypt", "$2b$16$" + "C" * 21 + "." + "a" * 31, "", "cost"),
    "bcrypt is nothing": ("bcrypt", "$2b$03$" + "C" * 21 + "." + "a" * 31, "", "cost"),
    "bcrypt with the sign bug": ("bcrypt", "$2x$10$" + "C" * 21 + "." + "a" * 31, "", "no form"),
    "bcrypt is short": ("bcrypt", "$2b$10$" + "C" * 21 + "." + "a" * 30, "", "no form"),
    "a line end": ("bcrypt", "$2b$10$" + "C" * 21 + "." + "a" * 31 + "\n", "", "no form"),
    "too many rounds": ("pbkdf2-sha256", f"pbkdf2_sha256$2000001$s${HASH}=", "", "rounds"),
    "in two blocks": ("pbkdf2-sha1", f"$pbkdf2$1000001${SALT}${b64(bytes(40))}", "", "rounds"),
    "no rounds": ("pbkdf2-sha256", f"pbkdf2_sha256$0$s${HASH}=", "", "no form"),
    "an empty hash": ("pbkdf2-sha256", "pbkdf2_sha256$1$s$====", "", "no form"),
    "a short hash": ("pbkdf2-sha256", f"$pbkdf2-sha256$1${SALT}${b64(bytes(15))}", "", "bytes"),
    "a long hash": ("pbkdf2-sha256", f"$pbkdf2-sha256$1${SALT}${b64(bytes(65))}", "", "bytes"),
    "a long salt": ("pbkdf2-sha256", f"pbkdf2_sha256$1${'s' * 129}${HASH}=", "", "salt"),
    "half a byte": ("pbkdf2-sha256", f"$pbkdf2-sha256$1$aaaaa${HASH}", "", "base64"),
    "scrypt is large": ("scrypt", f"$scrypt$ln=19,r=8,p=1${SALT}${HASH}", "", "256 MiB"),
    "scrypt is huge": ("scrypt", f"$scrypt$ln=99,r=8,p=1${SALT}${HASH}", "", "256 MiB"),
    "scrypt is long": ("scrypt", f"$scrypt$ln=18,r=8,p=5${SALT}${HASH}", "", "1024 MiB"),
    "scrypt is nothing": ("scrypt", f"$scrypt$ln=0,r=8,p=1${SALT}${HASH}", "", "nothing"),
    "scrypt is odd": ("scrypt", f"scrypt$1000$s$8$1${HASH}=", "", "power of two"),
    "many rounds of SHA": ("sha512-crypt", f"$6$rounds=1000001$s${'a' * 86}", "", "rounds"),
    "few rounds of SHA": ("sha512-crypt", f"$6$rounds=999$s${'a' * 86}", "", "rounds"),
    "SSHA without salt": ("salted-sha1", "{SSHA}" + b64(bytes(20)) + "=", "", "salt"),
    "SSHA is short": ("salted-sha256", "{SSHA256}" + b64(bytes(20)) + "=", "", "salt"),
    "no hex": ("sha1(salt+password)", "g" * 40, "s", "hexadecimal"),
    "another digest": ("sha1(salt+password)", "0" * 64, "s", "length"),
    "hex without salt": ("sha1(salt+password)", "0" * 40, "", "no form"),
    "two salts": ("bcrypt", "$2b$10$" + "C" * 21 + "." + "a" * 31, "s", "itself"),
    "argon2i": ("argon2id", f"$argon2i$v=19$m=64,t=1,p=1${b64(bytes(16))}${HASH}", "", "argon2id"),
    "argon2id is large": (
        "argon2id",
        f"$argon2id$v=19$m=262145,t=1,p=1${b64(bytes(16))}${HASH}",
        "",
        "KiB",
    ),
    "argon2id is long": (
        "argon2id",
        f"$argon2id$v=19$m=65536,t=17,p=1${b64(bytes(16))}${HASH}",
        "",
        "KiB",
    ),
    "argon2id in full width": (
        "argon2id",
        f"$argon2id$v=１9$m=64,t=1,p=1${b64(bytes(16))}${HASH}",
        "",
        "argon2id",
    ),
    "very long": ("bcrypt", "$2b$" + "0" * 600, "", "512"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_hash_is_refused_with_its_reason_and_not_shown(what: str) -> None:
    scheme, text, salt, says = BAD[what]

    with pytest.raises(BadHash, match=re.escape(says)) as refused:
        adopt(scheme, text, salt)

    assert text not in str(refused.value) or len(text) < 2


@pytest.mark.parametrize("what", BAD)
def test_nor_does_it_match_anything_should_it_ever_be_on_record(what: str) -> None:
    authenticator = PasswordAuthenticator(PasswordSection(memory_kib=7168, time_cost=1))
    _, text, _, _ = BAD[what]
    on_record = PasswordOnRecord(Identity("account", "1"), text, usable=True)

    found = [
        authenticator.prove(PasswordEvidence(Secret(typed), on_record))
        for typed in ("", "nobody", "x")
    ]

    assert not any(isinstance(one, Proof) for one in found)


@given(st.text(alphabet=st.sampled_from("$2abiry6=,.0159lnptu+/{}SHA-\x00é"), max_size=80))
def test_nothing_that_is_drawn_at_random_is_taken_or_raises_anything_else(text: str) -> None:
    assert not foreign.matches(text, b"x")
    for scheme in Scheme:
        with pytest.raises(BadHash):
            adopt(scheme, text)


def test_bcrypt_reads_as_much_of_a_password_as_it_did_where_it_was_made() -> None:
    stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()

    assert foreign.matches(stored, b"x" * 100)
    assert not foreign.matches(stored, b"x" * 71)


def test_a_password_is_compared_as_it_was_typed_not_normalised() -> None:
    authenticator = PasswordAuthenticator(PasswordSection(memory_kib=7168, time_cost=1))
    typed = "e\u0301" * 6  # normalised, each is one character
    digest = hashlib.sha256(b"salt" + typed.encode()).hexdigest()
    stored = adopt("sha256(salt+password)", digest, "salt")
    on_record = PasswordOnRecord(Identity("account", "1"), stored, usable=True)

    assert isinstance(authenticator.prove(PasswordEvidence(Secret(typed), on_record)), Proof)


def test_a_password_that_is_too_long_to_be_one_is_not_even_tried() -> None:
    authenticator = PasswordAuthenticator(PasswordSection(memory_kib=7168, time_cost=1))
    typed = "x" * 1025
    digest = hashlib.sha1(b"salt" + typed.encode(), usedforsecurity=False).hexdigest()
    stored = adopt("sha1(salt+password)", digest, "salt")
    on_record = PasswordOnRecord(Identity("account", "1"), stored, usable=True)

    assert not isinstance(authenticator.prove(PasswordEvidence(Secret(typed), on_record)), Proof)


@given(st.binary(max_size=70))
def test_base64_without_padding(data: bytes) -> None:
    assert unb64(b64(data)) == unb64(base64.b64encode(data).decode()) == data
