"""Search filters (RFC 4515). What people type goes into them through here alone. Pure."""

import string
from collections.abc import Sequence

# Blanks are none of it: ldap3 strips them off either end.
_PLAIN = frozenset((string.ascii_letters + string.digits + "-._@").encode())
IN_CHAIN = "1.2.840.113556.1.4.1941"
"""AD's matching rule for "directly, or by a group in it" (LDAP_MATCHING_RULE_IN_CHAIN)."""


def escaped(value: str | bytes) -> str:
    """Write a value so that nothing in it means anything (RFC 4515 section 3)."""
    octets = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return "".join(chr(octet) if octet in _PLAIN else f"\\{octet:02x}" for octet in octets)


def equals(attribute: str, value: str | bytes) -> str:
    """Make an equality match."""
    return f"({attribute}={escaped(value)})"


def either(*filters: str) -> str:
    """Make a filter that any of these satisfies."""
    return filters[0] if len(filters) == 1 else f"(|{''.join(filters)})"


def both(*filters: str) -> str:
    """Make a filter that all of these must satisfy."""
    return f"(&{''.join(filters)})"


def member_of(group_dn: str) -> str:
    """Match an entry that is in a group, directly or by a group in it: for one entry, not a tree.

    It does not see the primary group (``Domain Users``).
    """
    return f"(memberOf:{IN_CHAIN}:={escaped(group_dn)})"


def groups_holding(dn: str, groups: Sequence[str]) -> str:
    """Match those of some groups that an entry is in, as :func:`member_of` counts it."""
    named = either(*(equals("distinguishedName", one) for one in groups))
    return both(named, f"(member:{IN_CHAIN}:={escaped(dn)})")


def has_member(dn: str) -> str:
    """Match a group that holds an entry directly, where the directory knows no more."""
    return either(equals("member", dn), equals("uniqueMember", dn))
