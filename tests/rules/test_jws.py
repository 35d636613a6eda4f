"""What counts as a token of ours: byte for byte what one of our keys wrote, or nothing."""

import base64
import json
from datetime import UTC, datetime

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from idp.keys.ring import Life
from idp.keys.store import KeyPair, KeySet
from idp.oidc import jws
from idp.oidc.vocabulary import TokenType
from idp.secret import base64url

NOW = datetime(2026, 11, 20, tzinfo=UTC)
EC = KeyPair("ec-1", "ES256", ECKey.generate_key("P-256"))
RSA = KeyPair("rsa-1", "RS256", RSAKey.generate_key(2048))
CLAIMS = {"iss": "https://sso.example", "sub": "s_1", "exp": 1_795_000_000, "amr": ["pwd"]}
ALGS = ("ES256", "RS256")


def keys(*pairs: KeyPair) -> KeySet:
    lives = tuple(Life(pair.kid, pair.alg, NOW) for pair in pairs)
    return KeySet(NOW, lives, b"", {pair.kid: pair for pair in pairs})


def token(pair: KeyPair = EC, typ: TokenType = TokenType.ACCESS_TOKEN) -> str:
    return jws.signed(pair, typ, CLAIMS)


def verify(presented: str, typ: TokenType = TokenType.ACCESS_TOKEN) -> object:
    return jws.verified(keys(EC, RSA), presented, typ, ALGS)


@pytest.mark.parametrize("pair", [EC, RSA], ids=["ES256", "RS256"])
@pytest.mark.parametrize("typ", list(TokenType))
def test_what_was_signed_is_verified_here_and_by_joserfc(pair: KeyPair, typ: TokenType) -> None:
    signed = token(pair, typ)

    assert verify(signed, typ) == CLAIMS
    theirs = jwt.decode(signed, pair.key, algorithms=[pair.alg])
    assert theirs.claims == CLAIMS
    assert theirs.header == {"alg": pair.alg, "kid": pair.kid, "typ": typ.value}


@pytest.mark.parametrize("part", [0, 1, 2], ids=["header", "claims", "signature"])
def test_T09_a_changed_character_anywhere_is_refused(part: int) -> None:
    parts = token().split(".")
    for at in range(len(parts[part])):
        changed = list(parts)
        other = "A" if parts[part][at] != "A" else "B"
        changed[part] = parts[part][:at] + other + parts[part][at + 1 :]

        with pytest.raises(jws.BadSignature):
            verify(".".join(changed))


def other_forms(good: str) -> dict[str, str]:
    """The same token, written so that a lenient reader might take it for the same."""
    signing_input, _, signature = good.rpartition(".")
    return {
        "padded": good + "=",
        "a part more": good + ".",
        "a line break": good + "\n",
        "cut": good[:-1],
        "an empty part": good.replace(".", "..", 1),
        "an empty signature": signing_input + ".",
        "no signature": signing_input,
        "a part before": "." + good,
        "a blank": good[:60] + " " + good[60:],
        "not ASCII": good + "é",
        "not ASCII inside": f"{signing_input}é.{signature}",
        "nothing": "",
        "dots": "..",
    }


def test_another_form_of_the_same_token_is_refused() -> None:
    for name, presented in other_forms(token()).items():
        with pytest.raises(jws.BadSignature):
            pytest.fail(f"{name} was taken: {verify(presented)}")


def test_T09_T10_a_header_that_says_more_or_less_than_ours_is_refused() -> None:
    claims, signature = token().split(".")[1:]
    for header in (
        {"alg": "none", "kid": "ec-1", "typ": "at+jwt"},
        {"alg": "HS256", "kid": "ec-1", "typ": "at+jwt"},
        {"alg": "ES256", "typ": "at+jwt"},
        {"alg": "ES256", "kid": "ec-1", "typ": "at+jwt", "crit": ["b64"], "b64": False},
        {"alg": "ES256", "kid": "ec-1", "typ": "at+jwt", "jwk": EC.key.as_dict(private=False)},
        {"alg": "ES256", "kid": "../../ec-1", "typ": "at+jwt"},
    ):
        written = base64url(json.dumps(header).encode())
        with pytest.raises(jws.BadSignature):
            verify(f"{written}.{claims}.{signature}")


def test_a_token_of_another_type_or_algorithm_is_refused() -> None:
    with pytest.raises(jws.BadSignature):
        verify(token(EC, TokenType.ID_TOKEN))
    with pytest.raises(jws.BadSignature):
        jws.verified(keys(EC, RSA), token(RSA), TokenType.ACCESS_TOKEN, ("ES256",))


def test_a_strangers_key_under_our_kid_is_refused() -> None:
    stranger = KeyPair("ec-1", "ES256", ECKey.generate_key("P-256"))

    with pytest.raises(jws.BadSignature):
        verify(token(stranger))


def test_a_remembered_token_is_refused_once_its_key_is_withdrawn() -> None:
    signed = token()
    assert verify(signed) == CLAIMS

    with pytest.raises(jws.BadSignature):
        jws.verified(keys(RSA), signed, TokenType.ACCESS_TOKEN, ALGS)


def test_a_good_token_is_remembered_and_after_two_generations_forgotten() -> None:
    good = jws.GoodTokens(limit=2)
    for name in ("a", "b", "c", "d"):
        good.add(EC, name, {"sub": name})

    assert good.find(EC, "a") == {"sub": "a"}
    good.add(EC, "e", {"sub": "e"})
    assert good.find(EC, "a") is None
    assert good.find(EC, "e") == {"sub": "e"}
    assert good.find(RSA, "e") is None


def test_what_is_remembered_cannot_be_changed_by_its_maker() -> None:
    claims = dict(CLAIMS)
    signed = jws.signed(EC, TokenType.ACCESS_TOKEN, claims)
    claims["sub"] = "somebody else"

    assert verify(signed) == CLAIMS


def test_the_signature_is_the_raw_pair_of_rfc_7518() -> None:
    signature = token().rpartition(".")[2]

    assert len(base64.urlsafe_b64decode(signature + "==")) == 64
    assert msgspec.json.decode(base64.urlsafe_b64decode(token().split(".")[1] + "==")) == CLAIMS
