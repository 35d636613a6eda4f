"""Every event of the audit log, with the only fields it may hold.

A field that is not declared here cannot be logged: there is no free-form dictionary on
the way in, and no field for a password, code, token or national id. ``subject`` (the
``sub`` of an account: a pseudonym) and ``client_id`` have columns of their own.
"""

from typing import ClassVar, Literal

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened. Who set it in motion comes with the transaction."""

    name: ClassVar[str]
    for_owner: ClassVar[bool] = False
    """Whether the account's owner finds it in the account's own history (``history.py``)."""

    subject: str = ""
    client_id: str = ""


class SigninSucceeded(Event, frozen=True):
    """A person proved who they are, and a session was opened."""

    name = "signin.succeeded"
    method: str
    acr: str
    session: str


class SigninRefused(Event, frozen=True):
    """An attempt failed; ``reason`` is the true one, which the page may not tell."""

    name = "signin.refused"
    method: str
    reason: str


class SigninRaised(Event, frozen=True):
    """A second factor was shown; a session of its own took the place of the one before."""

    name = "signin.raised"
    method: str
    acr: str
    session: str


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


class PasswordUpgraded(Event, frozen=True):
    """The same password was hashed again with stronger parameters."""

    name = "password.upgraded"


class PasswordDisabled(Event, frozen=True):
    """Too many wrong passwords in a row: it is off until recovery."""

    name = "password.disabled"
    for_owner = True


class SessionEnded(Event, frozen=True):
    """One browser was signed out."""

    name = "session.ended"
    session: str
    why: str


class SessionsEnded(Event, frozen=True):
    """Everything an account had open was ended at once."""

    name = "sessions.ended"
    why: str


class BrowsersSignedOut(Event, frozen=True):
    """A person signed out browsers on the page that lists them."""

    name = "sessions.signed_out"
    for_owner = True
    which: Literal["one", "others", "all"]


class CodeIssued(Event, frozen=True):
    """A person authorised a client."""

    name = "code.issued"
    scope: str
    session: str


class CodeReplayed(Event, frozen=True):
    """A code came twice; what it had bought was revoked."""

    name = "code.replayed"
    family: str


class TokenIssued(Event, frozen=True):
    """A client received tokens."""

    name = "token.issued"
    grant_type: str
    scope: str
    family: str = ""


class RefreshReused(Event, frozen=True):
    """A spent refresh token came again; its family was revoked."""

    name = "refresh.reused"
    family: str


class TokenRevoked(Event, frozen=True):
    """A client gave a token back."""

    name = "token.revoked"
    kind: str
    family: str


class ConsentGiven(Event, frozen=True):
    """A person let a client have these scopes."""

    name = "consent.given"
    for_owner = True
    scope: str
    remembered: bool
    resource: str = ""
    """Where the tokens may be used (RFC 8707)."""


class ConsentRefused(Event, frozen=True):
    """A person said no."""

    name = "consent.refused"


class ClientAdded(Event, frozen=True):
    """A client was registered."""

    name = "client.added"
    source: str


class ClientChanged(Event, frozen=True):
    """A registration was replaced."""

    name = "client.changed"
    source: str


class ClientRemoved(Event, frozen=True):
    """A client was disabled for good."""

    name = "client.removed"
    source: str


class ClientSecretRotated(Event, frozen=True):
    """A client was given a new secret."""

    name = "client.secret_rotated"


class ClientRefused(Event, frozen=True):
    """Somebody failed to prove to be a client."""

    name = "client.refused"
    reason: str


class LinkMade(Event, frozen=True):
    """An account was linked with one of an app."""

    name = "link.made"
    for_owner = True
    attempt: str


class LinkRefused(Event, frozen=True):
    """A try to link came to nothing; ``gate``: it was one too many and nothing was sent."""

    name = "link.refused"
    reason: str


class LinkEnded(Event, frozen=True):
    """A link, or a try that was still open, was ended by the person or by the app."""

    name = "link.ended"
    for_owner = True
    attempt: str
    why: Literal["person", "app"]


class KeyAdded(Event, frozen=True):
    """A signing key was made."""

    name = "key.added"
    kid: str
    alg: str


class KeyRetired(Event, frozen=True):
    """A signing key was taken out of use at once."""

    name = "key.retired"
    kid: str


class AccountAdded(Event, frozen=True):
    """An account was made."""

    name = "account.added"
    for_owner = True
    kind: str


class AccountRegistered(Event, frozen=True):
    """A person went through a registration to its end."""

    name = "account.registered"
    for_owner = True
    kind: str
    proof: str
    terms: str
    evidence: str = ""
    """SHA-256 of the package of the card that it rests on."""


class RegistrationRefused(Event, frozen=True):
    """A card was shown in a registration and did not serve."""

    name = "registration.refused"
    why: str


class AccountActivated(Event, frozen=True):
    """The link of the confirmation mail was used."""

    name = "account.activated"
    for_owner = True


class AccountChanged(Event, frozen=True):
    """A person changed what is known of them; which fields, never what they hold."""

    name = "account.changed"
    for_owner = True
    fields: list[str]


class OfficeChanged(Event, frozen=True):
    """A directory says something else of a person than at the sign-in before; which fields."""

    name = "office.changed"
    for_owner = True
    fields: list[str]


class CourtChanged(Event, frozen=True):
    """A person belongs to another court than before. Courts as their codes."""

    name = "court.changed"
    for_owner = True
    by: Literal["directory", "holder"]
    """Who says so: the holder where the directory names no court."""
    before: str
    after: str
    before_name: str
    after_name: str


class EmailsChanged(Event, frozen=True):
    """An address joined an account, left it, or became its first."""

    name = "emails.changed"
    for_owner = True
    act: Literal["added", "removed", "first", "withdrawn", "restored"]


class AccountClosed(Event, frozen=True):
    """A person closed their account; its personal data is gone."""

    name = "account.closed"


class TermsAccepted(Event, frozen=True):
    """A person accepted a version of the terms."""

    name = "terms.accepted"
    for_owner = True
    version: str


class RecoveryAsked(Event, frozen=True):
    """A link to set a new password was sent."""

    name = "recovery.asked"
    for_owner = True


class PasswordChanged(Event, frozen=True):
    """The password is another one."""

    name = "password.changed"
    for_owner = True
    how: Literal["change", "recovery"]


class SigninDisowned(Event, frozen=True):
    """The owner says that it was not them, in a session or by the link of a notice."""

    name = "signin.disowned"
    for_owner = True
    by: Literal["session", "mail"]


class AccessWithdrawn(Event, frozen=True):
    """A person took back what a client was allowed."""

    name = "access.withdrawn"
    for_owner = True


class DataExported(Event, frozen=True):
    """A person downloaded what is known of them."""

    name = "data.exported"
    for_owner = True


class AccountsImported(Event, frozen=True):
    """Accounts of another system were made: one batch of a file, in one transaction."""

    name = "accounts.imported"
    accounts: int
    first_row: int
    last_row: int


class AccountsExported(Event, frozen=True):
    """An operator took all accounts out; ``personal`` and ``hashes`` say how much of them."""

    name = "accounts.exported"
    personal: bool
    hashes: bool


class WithdrawalsHeld(Event, frozen=True):
    """A directory would put out more people at once than it may: nobody goes."""

    name = "directory.withdrawals_held"
    directory: str
    waiting: int
    asked: int


class WithdrawalsConfirmed(Event, frozen=True):
    """An operator has said that those whom a directory puts out have to go."""

    name = "directory.withdrawals_confirmed"
    directory: str


class Throttled(Event, frozen=True):
    """A gate began to refuse a context."""

    name = "throttle.blocked"
    gate: str


class OutboxAbandoned(Event, frozen=True):
    """Something could not be delivered and is not tried again."""

    name = "outbox.abandoned"
    kind: str
    attempts: int


class BackupRestored(Event, frozen=True):
    """The database came back from a backup; all that stood on the accounts' epochs was ended."""

    name = "backup.restored"
    accounts: int


class Checkpoint(Event, frozen=True):
    """The heads of all chains that moved since the last checkpoint, tied together."""

    name = "audit.checkpoint"
    previous: list[str]
    """Chain, seq and hash of the checkpoint before; empty for the first."""
    heads: list[list[str]]
    """Chain, seq and hash of each chain that moved."""


class AuthorityInstalled(Event, frozen=True):
    """An administrator has installed an authority of smart cards, switched off."""

    name = "authority.installed"
    kind: str
    fingerprint: str


class AuthoritySwitched(Event, frozen=True):
    """From now on, or no longer, cards of an authority are taken."""

    name = "authority.switched"
    fingerprint: str
    on: bool


class AuthorityStanding(Event, frozen=True):
    """The root of an authority says something new of it; a fallen one's cards prove nothing."""

    name = "authority.standing"
    fingerprint: str
    standing: str


class AuthorityRemoved(Event, frozen=True):
    """An authority of smart cards was forgotten."""

    name = "authority.removed"
    fingerprint: str


class CardPresented(Event, frozen=True):
    """A card has signed a challenge; the hash names the package that shows it.

    Empty of a certificate that no authority has issued: nothing of it is kept.
    """

    name = "card.presented"
    decision: str
    evidence: str


class CardAdded(Event, frozen=True):
    """A card opens one more account."""

    name = "card.added"
    for_owner = True
    why: Literal["added", "renewed", "help_desk"]
    """``renewed``: it agrees with an earlier card of the account in everything. ``help_desk``: an
    operator has seen the card and its holder; it has signed nothing."""
    certificate: str
    evidence: str = ""
    differs: str = ""
    """In what it is no renewal of a card that the account had; empty: it is one."""


class CardNotAdded(Event, frozen=True):
    """A card was to open an account, and was refused; ``why`` is the true reason."""

    name = "card.not_added"
    why: str
    evidence: str = ""


class CardRemoved(Event, frozen=True):
    """A card no longer opens an account."""

    name = "card.removed"
    for_owner = True
    why: Literal["person", "disowned", "help_desk"]


class NationalIdAsked(Event, frozen=True):
    """The authority of a card was asked whether the account's national id is its holder's."""

    name = "national_id.asked"
    said: str


class NationalIdShared(Event, frozen=True):
    """Two accounts of a kind have the same national id, confirmed for one of them at most.

    Somebody has typed another's, or one person has two numbers of their authority.
    """

    name = "national_id.shared"
    other: str
    """The subject of the other account."""


ALL: tuple[type[Event], ...] = tuple(Event.__subclasses__())
"""Every event; the house tests and ``docs/generated/events.md`` are made from it."""
