"""What kinds of account there are, and what the pages of one are called."""

from collections.abc import Mapping

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.accounts.model import Kind

KINDS: Mapping[str, LazyString] = {
    Kind.CITIZEN: _("Natural person"),
    # Translators: 非憑證帳號, manual B01
    Kind.UNCERTIFIED: _("Person without certificate"),
    Kind.ORGANISATION: _("Legal person"),
    Kind.LAWYER: _("Lawyer"),
    Kind.ACCOUNTANT: _("Accountant"),
    Kind.PATENT_ATTORNEY: _("Patent attorney"),
    Kind.PATENT_AGENT: _("Patent agent"),
    Kind.FIRM_ADMINISTRATOR: _("Firm administrator"),
    Kind.JUDGE: _("Judge"),
    Kind.STAFF: _("Court staff"),
}
KIND_OF_ACCOUNT: LazyString = _("Kind of account")
CARDS_PAGE = "cards"
"""The account page that is there only where cards are taken."""
ACCOUNT_PAGES: Mapping[str, tuple[str, LazyString]] = {
    # page: its endpoint, its name
    "account": ("account.show", _("Basic details")),
    "emails": ("emails.show", _("E-mail")),
    # Translators: 修改密碼, manual P31
    "password": ("own_password.show", _("Password")),
    "passkeys": ("passkeys.show", _("Passkeys")),
    "totp": ("totp.show", _("Authenticator app")),
    CARDS_PAGE: ("own_cards.show", _("Certificate cards")),
    "sessions": ("own_sessions.show", _("Signed-in browsers")),
    "apps": ("own_apps.show", _("Apps with access")),
    # Translators: 帳號綁定, manual P32
    "links": ("links.show", _("Linked accounts")),
    "history": ("own_history.show", _("History")),
    "data": ("own_data.show", _("My data")),
}
NAME_HERE: LazyString = _("Name of the account on this site")
"""Of who signs in by a directory: the AD account, ``@`` and which directory it is of."""
