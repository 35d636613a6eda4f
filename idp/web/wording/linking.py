"""Sentences for how the linking of an account of another system has ended."""

from collections.abc import Mapping

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.linking.rules import Outcome

LINKING: Mapping[Outcome, tuple[LazyString, str]] = {
    Outcome.REFUSED: (_("This account or this password is not right there."), "account"),
    Outcome.TAKEN: (_("This account is linked with somebody else already."), "account"),
    Outcome.THROTTLED: (_("Too many tries. Wait a while before the next one."), ""),
    Outcome.UNSENT: (_("The system cannot be asked at the moment. Nothing was sent to it."), ""),
}
"""A sentence, and the field it is about; what is not here has a page of its own."""
