"""Second factors, and the recovery codes that stand in for them."""

from typing import Literal

from idp.audit.events.event import Event


class FactorAdded(Event, frozen=True):
    """An account can show one more second factor."""

    name = "factor.added"
    for_owner = True
    kind: Literal["passkey", "totp", "card"]


class FactorRenamed(Event, frozen=True):
    """Somebody gave a passkey another name."""

    name = "factor.renamed"
    for_owner = True
    kind: Literal["passkey"]


class FactorRemoved(Event, frozen=True):
    """An account can show one second factor less."""

    name = "factor.removed"
    for_owner = True
    kind: Literal["passkey", "totp", "recovery_code", "all"]


class FactorsAsked(Event, frozen=True):
    """It was decided whether every sign-in asks for the second factor."""

    name = "factor.asked"
    for_owner = True
    always: bool


class RecoveryCodesRenewed(Event, frozen=True):
    """Ten recovery codes were made; those before are worthless."""

    name = "recovery_codes.renewed"
    for_owner = True


class RecoveryCodeUsed(Event, frozen=True):
    """A recovery code stood in for the second factor."""

    name = "recovery_codes.used"
    for_owner = True
    left: int
