"""``idp restored``: what a backup must not bring back."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import click
from msgspec import structs

from idp.accounts import status
from idp.audit.events.operation import BackupRestored
from idp.authenticators import passkey
from idp.authenticators.card import challenges, offers
from idp.authenticators.password import captcha
from idp.cli.context import Invocation, json_option, operator, say
from idp.cli.operate import built
from idp.database.patience import lift_limits
from idp.database.sweeping import BATCH
from idp.database.transaction import Transaction
from idp.oidc import pending, pushed_requests
from idp.registration import store as registrations
from idp.signin import codes, tickets
from idp.signin import store as signin

_FOR_EVER = timedelta(days=3650)

GOOD_ONCE: Sequence[Callable[[Transaction], int]] = (
    signin.sweep,
    pushed_requests.sweep,
    pending.sweep,
    codes.sweep,
    tickets.sweep,
    registrations.sweep,
    captcha.sweep,
    passkey.sweep,
    challenges.sweep,
    offers.sweep,
)
"""What may have been used since the backup was taken. Codes and tokens die with the epoch."""


@click.command()
@json_option
@click.pass_obj
def restored(invocation: Invocation, as_json: bool) -> None:
    """After a restore, before the start: end every session, token and link of the backup.

    Some of them were ended after it was taken, or have been used, and nobody knows which.
    """
    portico = built(invocation.config())
    with portico.database.write(operator()) as tx:
        lift_limits(tx.connection)
        ended = status.raise_every_epoch(tx)
        portico.trail.append(tx, BackupRestored(accounts=ended))
        forgotten = _forget(tx)
    say({"accounts": ended, "forgotten": forgotten}, as_json=as_json)


def _forget(tx: Transaction) -> int:
    """Sweep as if the time of all that is good once were over."""
    later, forgotten = structs.replace(tx, now=tx.now + _FOR_EVER), 0
    for sweeper in GOOD_ONCE:
        swept = BATCH
        while swept >= BATCH:
            swept = sweeper(later)
            forgotten += swept
    return forgotten
