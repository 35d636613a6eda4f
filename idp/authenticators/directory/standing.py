"""Whether a directory lets someone in: by what it says to a bind, and by what an entry holds. Pure.

Who comes with a ticket or a refresh token binds nothing: what a bind would have said is read in
the entry (MS-ADTS 2.2.16 and 3.1.1.4.5.17).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from idp.authenticators.directory.model import Standing

Values = Mapping[str, tuple[bytes, ...]]

ATTRIBUTES = (
    "userAccountControl",
    "msDS-User-Account-Control-Computed",
    "accountExpires",
    "pwdLastSet",
    "logonHours",
)
_SUB_CODES = {
    "530": Standing.OUTSIDE_HOURS,
    "531": Standing.OTHER_WORKSTATION,
    "532": Standing.PASSWORD_EXPIRED,
    "533": Standing.DISABLED,
    "701": Standing.EXPIRED,
    "773": Standing.MUST_CHANGE,
    "775": Standing.LOCKED,
}
_DISABLED, _LOCKED, _PASSWORD_EXPIRED = 0x2, 0x10, 0x800000
_NEVER = {0, 0x7FFFFFFFFFFFFFFF}
_BEGIN = datetime(1601, 1, 1, tzinfo=UTC)  # FILETIME counts 100 ns from here
_LAST = (datetime.max.replace(tzinfo=UTC) - _BEGIN) // timedelta(microseconds=1)


def of_sub_code(code: str) -> Standing:
    """Read what a bind came to: ``""`` is good, and what has no meaning of its own is wrong."""
    return _SUB_CODES.get(code, Standing.WRONG_CREDENTIALS) if code else Standing.GOOD


def of_entry(values: Values, now: datetime) -> Standing:
    """Judge an entry of AD. One whose state may not be read is not judged good."""
    control = number(values, "useraccountcontrol")
    computed = number(values, "msds-user-account-control-computed")
    if control is None or computed is None:
        return Standing.MISCONFIGURED
    if control & _DISABLED:
        return Standing.DISABLED
    if is_locked(computed):
        return Standing.LOCKED
    if _is_over(number(values, "accountexpires") or 0, now):
        return Standing.EXPIRED
    return _of_password(values, computed, now)


def _of_password(values: Values, computed: int, now: datetime) -> Standing:
    if computed & _PASSWORD_EXPIRED:
        never_set = number(values, "pwdlastset") == 0
        return Standing.MUST_CHANGE if never_set else Standing.PASSWORD_EXPIRED
    return Standing.GOOD if _is_hour(values, now) else Standing.OUTSIDE_HOURS


def _is_over(filetime: int, now: datetime) -> bool:
    if filetime in _NEVER:
        return False
    return instant(filetime) <= now


def instant(filetime: int) -> datetime:
    """Read a FILETIME; what is later than time itself is the last moment."""
    return _BEGIN + timedelta(microseconds=min(filetime // 10, _LAST))


def is_locked(computed: int) -> bool:
    """Read ``msDS-User-Account-Control-Computed``: is it locked at this moment?"""
    return bool(computed & _LOCKED)


def _is_hour(values: Values, now: datetime) -> bool:
    """Look the hour up in 168 bits, of which the first is Sunday's first hour, UTC."""
    hours = values.get("logonhours", (b"",))[0]
    if len(hours) != 21:
        return True
    hour = now.astimezone(UTC).isoweekday() % 7 * 24 + now.astimezone(UTC).hour
    return bool(hours[hour // 8] >> hour % 8 & 1)


def number(values: Values, name: str) -> int | None:
    """Read an attribute, named in lower case, that is a number; ``None`` if it cannot be."""
    try:
        return int(values[name][0])
    except (LookupError, ValueError):
        return None
