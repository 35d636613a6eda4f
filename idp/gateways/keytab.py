"""What a keytab holds, without the keys: for whom, in which version, of which kind.

MIT's file format, version 5.2. The library reads the keys themselves; it does not tell their names.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

_VERSION = b"\x05\x02"
_LONGEST = 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a file."""

    principal: str
    """``HTTP/sso.example@COURT.EXAMPLE``."""
    version: int
    """As the domain counts its changes (``kvno``)."""
    kind: int
    """Its encryption type (RFC 3961): 18 and 17 are AES, 23 is RC4."""


class Unusable(ValueError):
    """The file is no keytab; the text says why, for the operator."""


def read(path: str) -> list[Key]:
    """List the keys of a file.

    Raises:
        Unusable: it cannot be read, or is no keytab.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LONGEST)
    except OSError as wrong:
        raise Unusable(f"{path}: {wrong.strerror}") from wrong
    if not content.startswith(_VERSION):
        raise Unusable(f"{path}: no keytab of version 5.2")
    try:
        return _keys(content)
    except (struct.error, UnicodeDecodeError) as wrong:
        raise Unusable(f"{path}: damaged") from wrong


def _keys(content: bytes) -> list[Key]:
    found, at = [], len(_VERSION)
    while at + 4 <= len(content):
        (size,) = struct.unpack_from(">i", content, at)
        if size == 0:
            break
        if size > 0:
            found.append(_key(content[at + 4 : at + 4 + size]))
        at += 4 + abs(size)  # less than nothing: a hole, where a key was
    return found


def _key(entry: bytes) -> Key:
    (components,) = struct.unpack_from(">H", entry)
    names, at = [], 2
    for _ in range(components + 1):
        (length,) = struct.unpack_from(">H", entry, at)
        names.append(entry[at + 2 : at + 2 + length].decode())
        at += 2 + length
    version, kind, length = struct.unpack_from(">BHH", entry, at + 8)
    at += 8 + 5 + length
    if len(entry) >= at + 4:  # versions over 255, where the writer has put one
        version = struct.unpack_from(">I", entry, at)[0] or version
    realm, *rest = names
    return Key(f"{'/'.join(rest)}@{realm}", version, kind)
