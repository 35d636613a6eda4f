"""Whom a ticket names: ``UPN_DNS_INFO`` of its PAC ([MS-PAC] section 2.10). Pure.

It carries the SID since the updates of November 2021, which were made so that nobody has to
believe names any more (CVE-2020-25721). Samba writes it since 4.15.
"""

import struct
from dataclasses import dataclass

_HEAD = struct.Struct("<HHHHI")
_EXTENSION = struct.Struct("<HHHH")
_HAS_SID = 2
_SID_HEAD = 8  # bytes: revision, count, and an authority of six
_AUTHORITY_NT, _NOT_UNIQUE = 5, 21
_MOST_SUBAUTHORITIES = 15
_LONGEST_ACCOUNT = 256


@dataclass(frozen=True, slots=True)
class Named:
    """The account that a ticket is for."""

    sid: bytes
    """``objectSid`` as the directory has it; of an account in a domain (``S-1-5-21-…``)."""
    account: str
    """``sAMAccountName``, for the log."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The bytes name nobody."""

    why: str


def read(info: bytes) -> Named | Unreadable:
    """Read the account out of ``UPN_DNS_INFO``; no bytes whatever make it raise."""
    if len(info) < _HEAD.size + _EXTENSION.size:
        return Unreadable("too short for a SID")
    *_, flags = _HEAD.unpack_from(info)
    if not flags & _HAS_SID:
        return Unreadable("without a SID: the domain controller is too old")
    name_length, name_at, sid_length, sid_at = _EXTENSION.unpack_from(info, _HEAD.size)
    name, sid = _part(info, name_at, name_length), _part(info, sid_at, sid_length)
    if not _is_of_domain(sid):
        return Unreadable("not the SID of an account in a domain")
    account = _text(name)
    return Named(sid, account) if account else Unreadable("without an account's name")


def written(sid: bytes) -> str:
    """Write a SID as people do: ``S-1-5-21-…`` ([MS-DTYP] section 2.4.2.1)."""
    authority = int.from_bytes(sid[2:_SID_HEAD], "big")
    numbers = struct.unpack(f"<{sid[1]}I", sid[_SID_HEAD:])
    return "-".join(str(part) for part in ("S", sid[0], authority, *numbers))


def _part(info: bytes, start: int, length: int) -> bytes:
    """Cut a part out; empty where it does not lie behind the head and within the bytes."""
    if start < _HEAD.size + _EXTENSION.size or start + length > len(info):
        return b""
    return info[start : start + length]


def _is_of_domain(sid: bytes) -> bool:
    if len(sid) < _SID_HEAD or sid[0] != 1 or not 2 <= sid[1] <= _MOST_SUBAUTHORITIES:
        return False
    if len(sid) != _SID_HEAD + 4 * sid[1]:
        return False
    first = int.from_bytes(sid[_SID_HEAD : _SID_HEAD + 4], "little")
    return int.from_bytes(sid[2:_SID_HEAD], "big") == _AUTHORITY_NT and first == _NOT_UNIQUE


def _text(name: bytes) -> str:
    """Decode UTF-16; empty where it is none, too long, or holds what no name holds."""
    try:
        found = name.decode("utf-16-le")
    except UnicodeDecodeError:
        return ""
    return found if found.isprintable() and len(found) <= _LONGEST_ACCOUNT else ""
