"""Tokens for the people of a directory: none before it was asked whether they still stand (P04)."""

from datetime import timedelta

from idp.oidc.authorizations import Granted
from idp.oidc.errors import InvalidGrant
from idp.oidc.logout import reach
from idp.oidc.server import OAuthRequest, Parts
from idp.oidc.vouching import Asks, Word

JUST_ASKED = timedelta(minutes=1)
"""So soon after a sign-in its word is new: the code of that sign-in needs no second question."""


def demand(request: OAuthRequest, parts: Parts, granted: Granted) -> None:
    """Go on only where no directory vouches for the account, or it has just done so.

    To be called in the transaction that claims what was presented.

    Raises:
        Asks: it has to be asked first; nothing of this transaction is kept.
        InvalidGrant: it does no more. All that stood on its word is over, and that is kept.
    """
    key, tx = granted.vouched_by, request.tx
    if not key:
        return
    if request.voucher is None or request.voucher.key != key:
        raise Asks(key)
    if request.voucher.word is Word.WITHDRAWN:
        parts.vouching.withdraw(tx, granted.account_id, reach(tx), request.voucher.why)
        raise InvalidGrant("the account is no longer served")
