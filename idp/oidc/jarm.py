"""Authorization responses as signed JWTs (JARM): the app sees who answered, and to whom."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from idp.clock import seconds
from idp.database.transaction import Transaction
from idp.keys.store import SigningKeys
from idp.oidc import jwe, tokens
from idp.oidc.model import Client
from idp.oidc.vocabulary import TokenType

_LIFETIME = timedelta(minutes=5)  # JARM section 2.1: 10 minutes at most


def signed(
    tx: Transaction, keys: SigningKeys, issuer: str, client: Client, answer: Mapping[str, str]
) -> dict[str, str]:
    """Put the parameters of a response into the one parameter ``response`` (section 2.3)."""
    claims: dict[str, Any] = {
        **answer,
        "iss": issuer,
        "aud": client.client_id,
        "exp": seconds(tx.now + _LIFETIME),
    }
    alg = client.alg_of("authorization")
    typ = TokenType.AUTHORIZATION_RESPONSE
    token = tokens.sign(keys.current(tx), alg, typ, claims)
    return {"response": jwe.sealed(client, "authorization", token)}
