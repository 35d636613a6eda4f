"""Sentences for the codes that are sent by mail."""

from collections.abc import Mapping

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.signin.codes import Sending, Typing

SENDING: Mapping[Sending, LazyString] = {
    Sending.TOO_SOON: _("A code was sent a moment ago. It may take a minute to arrive."),
    Sending.TOO_MANY: _("Too many codes were sent. Wait a quarter of an hour and ask again."),
}
TYPING: Mapping[Typing, LazyString] = {
    Typing.WRONG: _("This is not the code. Look at the newest mail."),
    Typing.OVER: _("This code no longer works. Ask for another."),
}
