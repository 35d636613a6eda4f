"""From an entry of a directory to a person: how to find them, who they are, which court. Pure."""

import re
import unicodedata
import uuid
from collections.abc import Collection, Iterable, Mapping

from idp.authenticators.directory import courts, filters, standing
from idp.authenticators.directory.distinguished import units_below
from idp.authenticators.directory.model import DirectoryPerson
from idp.authenticators.directory.names import LoginName, implicit_suffix, same_account
from idp.config import DirectorySection

Values = Mapping[str, tuple[bytes, ...]]

_GUID, _PRINCIPAL = "objectGUID", "userPrincipalName"
_ENTRY_UUID = "entryUUID"  # RFC 4530
_LONGEST = 256
# Controls, format characters, lone surrogates, line and paragraph separators: no database and no
# page is to meet them. Private use stays: names have characters that no standard has.
_NEVER = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_SEPARATOR = re.compile(r"[;,\s]+")


def is_ad(section: DirectorySection) -> bool:
    """Tell whether it is Active Directory, with all that this brings."""
    return section.kind == "active_directory"


def wanted(section: DirectorySection) -> list[str]:
    """List the attributes that are read: no more than are used."""
    shown = [
        section.account_attribute,
        section.name_attribute,
        section.mail_attribute,
        section.department_attribute,
        section.title_attribute,
    ]
    if section.employee_numbers:
        shown.append(section.employee_number_attribute)
    if section.court_from == "attribute":
        shown.append(section.court_attribute)
    own = [_GUID, _PRINCIPAL, *standing.ATTRIBUTES] if is_ad(section) else [_ENTRY_UUID]
    return list(dict.fromkeys(one for one in [*shown, *own] if one))


def groups_asked_for(section: DirectorySection) -> list[str]:
    """List the groups (DN) whose members are something to us."""
    of_courts = section.court_groups if section.court_from == "group" else {}
    listed = [section.people_group, *section.roles, *of_courts]
    return [one for one in dict.fromkeys(listed) if one]


def by_name(section: DirectorySection, name: LoginName) -> str:
    """Make the filter for a sign-in name; :func:`the_one` decides among what it finds."""
    ways = []
    if may_be_account(section, name):
        ways.append(filters.equals(section.account_attribute, name.account))
    if name.principal and is_ad(section):
        ways.append(filters.equals(_PRINCIPAL, name.principal))
    return _a_person(section, filters.either(*ways))


def by_account(section: DirectorySection, name: LoginName) -> str:
    """Make the filter for the account that a name begins with, whatever follows."""
    return _a_person(section, filters.equals(section.account_attribute, name.account))


def principal_of(values: Values) -> str:
    """Read the principal name that is stored; empty: there is none."""
    return _text(values, _PRINCIPAL)


def by_any_name(section: DirectorySection, account: str) -> str:
    """Make the filter for all whom tries at a name may be at, whatever follows its ``@``."""
    ways = [filters.equals(section.account_attribute, account)]
    if is_ad(section):
        ways += [filters.equals(_PRINCIPAL, f"{account}@{one}") for one in section.upn_suffixes]
    return _a_person(section, filters.either(*ways))


def by_guid(section: DirectorySection, guid: str) -> str:
    """Make the filter for what :func:`guid_of` gave.

    Raises:
        ValueError: it is none.
    """
    unique = uuid.UUID(guid)
    if is_ad(section):
        return _a_person(section, filters.equals(_GUID, unique.bytes_le))
    return filters.equals(_ENTRY_UUID, str(unique))


def by_sid(section: DirectorySection, sid: bytes) -> str:
    """Make the filter for a security identifier, in its binary form."""
    return _a_person(section, filters.equals("objectSid", sid))


def the_one(section: DirectorySection, name: LoginName, found: Iterable[Values]) -> Values | None:
    """Choose who is meant, if it is exactly one: a stored principal name goes before all else."""
    entries = list(found)
    principal = name.principal if is_ad(section) else ""
    named = [
        one for one in entries if principal and same_account(principal, _text(one, _PRINCIPAL))
    ]
    if not named and may_be_account(section, name):
        attribute = section.account_attribute
        named = [one for one in entries if same_account(name.account, _text(one, attribute))]
    return named[0] if len(named) == 1 else None


def guid_of(section: DirectorySection, values: Values) -> str:
    """Read what outlives names and moves; empty where there is none that can be read."""
    try:
        if is_ad(section):
            return str(uuid.UUID(bytes_le=values[_GUID.lower()][0]))
        return str(uuid.UUID(_text(values, _ENTRY_UUID)))
    except (LookupError, ValueError):
        return ""


def person(
    section: DirectorySection, dn: str, values: Values, groups: Collection[str]
) -> DirectoryPerson:
    """Read who an entry is.

    Args:
        groups: which of :func:`groups_asked_for` they are in.
    """
    court, told = _court(section, dn, values, groups)
    number = section.employee_number_attribute if section.employee_numbers else ""
    account = _shown(values, section.account_attribute)
    return DirectoryPerson(
        directory=section.id,
        guid=guid_of(section, values),
        account=account,
        name=_shown(values, section.name_attribute) or account,
        title=_shown(values, section.title_attribute),
        court=court,
        court_name=courts.called(section.courts[court]) if court else "",
        department=_shown(values, section.department_attribute),
        mails=_mails(section, values),
        employee_number=_shown(values, number),
        roles=tuple(dict.fromkeys(role for dn, role in section.roles.items() if dn in groups)),
        court_told=told,
    )


def _court(
    section: DirectorySection, dn: str, values: Values, groups: Collection[str]
) -> tuple[str, str]:
    """Give the code of a court of ours, and what is named where that is none.

    Both are empty where nothing is named, or more than one court of ours.
    """
    if section.court_from == "group":
        named = [code for group, code in section.court_groups.items() if group in groups]
    elif section.court_from == "ou":
        level = section.court_ou_level - 1
        named = units_below(dn, section.base)[level : level + 1]
    else:
        named = [_text(values, section.court_attribute)]
    codes = {code for one in named if (code := courts.code_of(section.courts, one))}
    if codes:
        return (codes.pop() if len(codes) == 1 else ""), ""
    return "", _fit(", ".join(dict.fromkeys(filter(None, named))))


def _mails(section: DirectorySection, values: Values) -> tuple[str, ...]:
    stored = " ".join(map(_decoded, values.get(section.mail_attribute.lower(), ())))
    return tuple(dict.fromkeys(one for one in _SEPARATOR.split(stored) if _is_mail(one)))


def _is_mail(word: str) -> bool:
    """Tell whether it may be suggested: one that had to be mended would be another's."""
    return "@" in word and word == _fit(word)


def may_be_account(section: DirectorySection, name: LoginName) -> bool:
    """Tell whether a name may be an account's without being stored as a principal name."""
    return (
        not name.suffix or not is_ad(section) or name.suffix.casefold() == implicit_suffix(section)
    )


def _a_person(section: DirectorySection, filter_: str) -> str:
    if not is_ad(section):
        return filter_
    return filters.both("(objectCategory=person)", "(objectClass=user)", filter_)


def _shown(values: Values, attribute: str) -> str:
    return _fit(_text(values, attribute))


def _fit(text: str) -> str:
    """Leave out what nobody can see, and cut what nobody would read."""
    kept = (one for one in text if unicodedata.category(one) not in _NEVER)
    return "".join(kept).strip()[:_LONGEST]


def _text(values: Values, attribute: str) -> str:
    found = values.get(attribute.lower(), ())
    return _decoded(found[0]).strip() if found else ""


def _decoded(value: bytes) -> str:
    return value.decode("utf-8", "replace")
