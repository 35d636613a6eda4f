"""How long somebody has to wait who has tried too often: as the page and as ``Retry-After`` say it.

It is what the gate says of the name that was typed and of the browser: the same for a name that
nobody has (T44).
"""

from datetime import datetime

from flask_babel import gettext, ngettext

from idp.authenticators import Reason, Refusal
from idp.web.forms import FieldError
from idp.web.wording.ways import FIELD_OF, heading_of, refusal_error

_MINUTE, _HOUR = 60, 3600
_IN_HOURS_FROM = 2 * _HOUR
_UNKNOWN_SECONDS = 60


def seconds(refusal: Refusal, now: datetime) -> int:
    """Say how long, rounded up (RFC 9110 section 10.2.3)."""
    if refusal.until is None:
        return _UNKNOWN_SECONDS
    return max(1, -int((now - refusal.until).total_seconds() // 1))


def problem(refusal: Refusal, now: datetime) -> FieldError:
    """Write what the page says of a refusal, with the time where there is one to wait for."""
    reason = refusal.reason
    if reason is Reason.TOO_MANY_ATTEMPTS and refusal.until is not None:
        sentence = _sentence(seconds(refusal, now))
        return FieldError(FIELD_OF[reason], sentence, heading=heading_of(reason))
    return refusal_error(reason)


def _sentence(left: int) -> str:
    if left >= _IN_HOURS_FROM:
        found = gettext(
            "Too many attempts. Try again in %(num)d hours, or sign in from a browser you have "
            "used before.",
            num=-(-left // _HOUR),
        )
        return str(found)
    found = ngettext(
        "Too many attempts. Try again in %(num)d minute, or sign in from a browser you have used "
        "before.",
        "Too many attempts. Try again in %(num)d minutes, or sign in from a browser you have used "
        "before.",
        -(-left // _MINUTE),
    )
    return str(found)
