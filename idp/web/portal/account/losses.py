"""What goes with an account when it is closed, counted and named before it is."""

from dataclasses import dataclass
from datetime import timedelta

from idp.accounts import emails
from idp.accounts.model import Account
from idp.authenticators import passkey
from idp.consent import store as consents
from idp.database.transaction import Transaction
from idp.linking import store as links
from idp.oidc import authorizations
from idp.provider import Provider
from idp.sessions import store as sessions
from idp.web.portal import card_lines
from idp.web.request import speaks


@dataclass(frozen=True, slots=True)
class Losses:
    """What ``portal/account/data.html`` lists; names where there are any."""

    apps: list[str]
    links: list[str]
    passkeys: list[str]
    cards: list[str]
    """Their kinds and serial numbers."""
    has_app: bool
    """Whether an authenticator app is set up."""
    codes: int
    browsers: int
    emails: int


def of(tx: Transaction, portico: Provider, account: Account) -> Losses:
    """Count what an account holds."""
    owner = account.id
    idle = timedelta(minutes=portico.config.sessions.idle_minutes)
    given = {one.client_id for one in consents.of_account(tx, owner)}
    return Losses(
        apps=_names(tx, portico, given | set(authorizations.of_account(tx, owner))),
        links=_names(tx, portico, set(links.of_account(tx, owner))),
        passkeys=[one.name for one in passkey.of_account(tx, owner)],
        cards=[f"{one.kind} {one.serial}" for one in card_lines.lines(tx, portico, owner)],
        has_app=portico.totp.in_use(tx, owner) is not None,
        codes=portico.recovery_codes.left(tx, owner),
        browsers=len(sessions.live_of(tx, owner, idle)),
        emails=len(emails.of_account(tx, owner)),
    )


def _names(tx: Transaction, portico: Provider, client_ids: set[str]) -> list[str]:
    found = ((one, portico.clients.find(tx, one)) for one in sorted(client_ids))
    return [client.name(speaks()) if client else one for one, client in found]
