"""What a directory itself counts of wrong passwords, which may lock an account there. Pure.

AD keeps a count when its window is over, and begins anew at the next wrong password (MS-SAMR
3.1.1.8.7): what it shows is worth something only beside the time of the last one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.authenticators.directory import standing
from idp.authenticators.directory.standing import Values

_SKEW = timedelta(minutes=5)  # what a controller's clock may be behind ours, as for a ticket
ATTRIBUTES = ("badPwdCount", "badPasswordTime", "msDS-User-Account-Control-Computed")


@dataclass(frozen=True, slots=True)
class Heard:
    """What one controller counts of one entry."""

    host: str
    dn: str
    wrong: int
    """Wrong passwords that it still holds against the account."""
    until: datetime
    """When it holds them no longer; the past, if it holds none."""
    is_locked: bool


def of_entry(host: str, dn: str, values: Values, window: timedelta, now: datetime) -> Heard | None:
    """Read what is counted; ``None``: the service account may not see it, or it is no AD."""
    wrong = standing.number(values, "badpwdcount")
    computed = standing.number(values, "msds-user-account-control-computed")
    if wrong is None or computed is None:
        return None
    last = standing.number(values, "badpasswordtime")
    if wrong and not last:
        return None  # counted, and not told since when
    until = min(standing.instant(last), now) + window + _SKEW if last else now
    is_held = wrong > 0 and until > now
    return Heard(host, dn, wrong if is_held else 0, until, standing.is_locked(computed))
