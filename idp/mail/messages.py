"""Every mail as a record, its way into the outbox and out of it as text.

A mail is kept as what it is about and rendered when it is sent: templates and words may
improve while it waits, and the row stays small.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from babel.support import Translations
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from idp.database.transaction import Transaction
from idp.outbox.store import Leased, Outbox
from idp.secret import base64url, digest
from ui import roc_calendar

_HERE = Path(__file__).parent
# Refuses line breaks in headers. Seven bits: not every server on the way takes eight.
_POLICY = SMTP.clone(cte_type="7bit")


class Message(msgspec.Struct, frozen=True, tag_field="message", kw_only=True):
    """One purpose each; the template bears the tag's name."""

    at: datetime


class Notice(Message, frozen=True, kw_only=True):
    """Something that the owner should know of if it was not they who did it."""

    token: str = ""
    """Of the link that says so; empty where only the help desk can."""
    days: int = 0
    """How long the link is good."""
    of_directory: bool = False
    """Whether the password is a directory's, and not ours to switch off."""


class NewBrowser(Notice, frozen=True, tag="new_browser"):
    """Somebody signed in from a browser that the account has not used before."""

    address: str
    browser: str
    method: Literal["password", "passkey", "card", "directory", "ticket"] = "password"


class TooManyFailures(Message, frozen=True, tag="too_many_failures"):
    """Strangers try passwords at the account; the owner's own browsers are not affected."""

    failures: int


class PasswordSwitchedOff(Message, frozen=True, tag="password_switched_off"):
    """After a hundred wrong ones in a row the password is off until recovery."""


EmailChange = Literal["added", "removed", "first", "withdrawn", "restored", ""]
Change = Literal[
    "passkey_added",
    "passkey_renamed",
    "passkey_removed",
    "totp_added",
    "totp_removed",
    "all_removed",
    "recovery_codes_renewed",
    "recovery_codes_removed",
    "recovery_code_used",
    "card_added",
    "card_renewed",
    "card_removed",
    "asked_always",
    "asked_on_demand",
]


class SecondFactorChanged(Notice, frozen=True, tag="second_factor_changed"):
    """Something changed in how the account's owner proves who they are."""

    change: Change
    address: str


class CardExpires(Message, frozen=True, tag="card_expires"):
    """A card that opens the account is good for a few more days."""

    kind: str
    """A name of ``idp/authenticators/card/profiles``."""
    serial: str
    """The last characters of its serial number: enough to tell two cards apart."""
    until: datetime
    days: int


class Code(Message, frozen=True, tag="code"):
    """Six digits that prove who reads the mailbox."""

    code: str
    minutes: int
    """How long they are good."""


class AlreadyRegistered(Message, frozen=True, tag="already_registered"):
    """Somebody began a registration with an address that belongs to an account."""

    account_name: str


class Activation(Message, frozen=True, tag="activation"):
    """A registration is done; the link lets the account be used (B03)."""

    account_name: str
    electronic_id: str
    token: str
    days: int


class AccountOpened(Message, frozen=True, tag="account_opened"):
    """A card has opened an account, which works at once."""

    account_name: str
    electronic_id: str
    kind: str
    """A name of ``idp/authenticators/card/profiles``."""


class JudgeAccountOpened(Message, frozen=True, tag="judge_account_opened"):
    """Whom a directory knows has an account now, which works at once."""

    ad_account: str
    electronic_id: str


class Recovery(Message, frozen=True, tag="recovery"):
    """A link to set a new password (P15)."""

    account_name: str
    token: str
    minutes: int
    alarm: bool = False
    """The owner said that a sign-in was not theirs: the old password is off already."""


class PasswordChanged(Notice, frozen=True, tag="password_changed"):
    """The password is another one; everything was signed out."""

    address: str


class EmailsChanged(Notice, frozen=True, tag="emails_changed"):
    """The e-mail addresses of the account are others than before."""

    address: str
    change: EmailChange = ""
    about: str = ""
    """Which one, masked: not every reader of these mails has to know it."""


class AccountClosed(Message, frozen=True, tag="account_closed"):
    """The account is no more."""

    account_name: str


AnyMessage = (
    NewBrowser
    | TooManyFailures
    | PasswordSwitchedOff
    | CardExpires
    | Code
    | AlreadyRegistered
    | Activation
    | AccountOpened
    | JudgeAccountOpened
    | Recovery
    | PasswordChanged
    | EmailsChanged
    | AccountClosed
    | SecondFactorChanged
)


class Letter(msgspec.Struct, frozen=True):
    """What lies in the outbox."""

    recipient: str
    locale: str
    message: AnyMessage


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail in words."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Post:
    """Puts mails into the outbox."""

    outbox: Outbox

    def put(
        self,
        tx: Transaction,
        recipient: str,
        locale: str,
        message: AnyMessage,
        *,
        unique: str | None,
    ) -> None:
        """Send ``message`` once this transaction has committed; of one ``unique`` key only one."""
        letter = msgspec.json.encode(Letter(recipient, locale, message))
        key = unique or base64url(digest(f"{tx.now.isoformat()}{letter!r}"))
        self.outbox.put(tx, "mail", letter, dedupe_key=f"mail/{key}")


@dataclass(frozen=True, slots=True)
class Stationery:
    """What every mail carries: the provider's name, its address and its help desk."""

    names: Mapping[str, str]
    issuer: str
    sender: str
    help_desk: str

    def compose(self, leased: Leased) -> EmailMessage:
        """Write the mail of an outbox row.

        The row's id is the Message-ID: a mail sent twice can be told from two mails.
        """
        letter = msgspec.json.decode(leased.payload, type=Letter)
        rendered = self.render(letter)
        mail = EmailMessage(policy=_POLICY)
        mail["Subject"] = rendered.subject
        mail["From"] = self.sender
        mail["To"] = Address(addr_spec=letter.recipient)  # one address, or an error
        mail["Date"] = format_datetime(leased.created_at)
        mail["Message-ID"] = _message_id(leased.id, self.issuer)
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office comes back
        mail.set_content(rendered.text)
        mail.add_alternative(rendered.html, subtype="html")
        mail["Content-Language"] = letter.locale  # set earlier it would move into the first part
        return mail

    def render(self, letter: Letter) -> Rendered:
        """Write a letter in its reader's language."""
        environment = _environment(letter.locale.replace("-", "_"))
        name = str(msgspec.to_builtins(letter.message)["message"])
        words = {
            "letter": letter.message,
            "provider": self.names.get(letter.locale) or next(iter(self.names.values())),
            "issuer": self.issuer,
            "help_desk": self.help_desk,
            "when": f"{roc_calendar.moment(letter.message.at, letter.locale)} (UTC+8)",
            "lang": letter.locale,
        }
        if isinstance(letter.message, NewBrowser):
            words["browser"] = known_as(letter.message.browser)
        if isinstance(letter.message, CardExpires):
            until = letter.message.until
            words["until"] = roc_calendar.day(until, letter.locale)
        text = environment.get_template(f"{name}.txt").render(words)
        subject, _, body = text.partition("\n")
        return Rendered(
            subject.strip(), body.lstrip(), environment.get_template(f"{name}.html").render(words)
        )


def known_as(user_agent: str) -> str:
    """Name a browser in words of ours: what it calls itself was written by a stranger."""
    kinds = (_BROWSERS, _SYSTEMS)
    found = [next((ours for sign, ours in kind if sign in user_agent), "") for kind in kinds]
    return ", ".join(filter(None, found)) or "?"


# In this order: nearly every browser also claims to be those below it.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def _message_id(row_id: UUID, issuer: str) -> str:
    return f"<{row_id}@{urlsplit(issuer).hostname}>"


@cache
def _environment(locale: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("idp.mail", "templates"),
        autoescape=select_autoescape(["html"]),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    translations = Translations.load(_HERE.parent / "locales", [locale])
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    return environment
