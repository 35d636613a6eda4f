"""What provider and app say to one another about links.

=============  ===========  ==============================  ===========================
form field     ``typ``      says                            beside the claims of all
=============  ===========  ==============================  ===========================
``request``    link+jwt     may this person have that one?  local_account, password
``status``     link-status  what came of a request?         attempt
               +jwt
``event``      link-event   this link is over               attempt
               +jwt
=============  ===========  ==============================  ===========================

All are posted to the app's ``link_uri``, signed by us: ``iss``, ``aud`` (the client), ``sub``
(as the client knows the person), ``jti``, ``iat`` and ``exp``. The request is encrypted to the
app's key as well, for it holds a password; its ``jti`` is the attempt's id, good once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec

from idp.clock import seconds
from idp.gateways.fetch import Reply
from idp.keys.store import KeySet
from idp.linking.rules import Outcome
from idp.oidc import tokens
from idp.oidc.vocabulary import TokenType

ALG = "RS256"  # the one algorithm every relying party must know (OIDC Core section 15.1)
LIFETIME = timedelta(seconds=60)


class LinkEvent(msgspec.Struct, frozen=True):
    """What the outbox holds of a link that is over."""

    client_id: str
    sub: str
    attempt: UUID


class Answer(msgspec.Struct, frozen=True):
    """What an app answers to a request or a question about one."""

    status: Literal["linked", "refused", "taken", "throttled"]
    account: str = ""
    """Its own name of the account that was linked."""


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who writes to which app about whom, when, and with which key."""

    issuer: str
    client_id: str
    sub: str
    keys: KeySet
    now: datetime

    def signed(self, typ: TokenType, jti: str, claims: Mapping[str, Any]) -> str:
        """Sign claims beside those that all have in common.

        Raises:
            NoSigningKey: the operator has to run ``idp keys rotate``.
        """
        common = {
            "iss": self.issuer,
            "aud": self.client_id,
            "sub": self.sub,
            "jti": jti,
            "iat": seconds(self.now),
            "exp": seconds(self.now + LIFETIME),
        }
        return tokens.sign(self.keys, ALG, typ, {**common, **claims})


def read(reply: Reply, typed: str) -> tuple[Outcome, str]:
    """Read an answer and the account it names; what cannot be read answers nothing."""
    try:
        answer = msgspec.json.decode(reply.body if reply.status == 200 else b"", type=Answer)
    except (msgspec.MsgspecError, RecursionError):
        return Outcome.UNANSWERED, typed
    return Outcome(answer.status), answer.account[:64] or typed
