"""Distinguished names taken apart (RFC 4514). Pure."""

import re
from collections.abc import Sequence

Key = tuple[tuple[str, str], ...]
_ESCAPED = re.compile(rb"\\(?:([0-9A-Fa-f]{2})|(.))", re.DOTALL)


def parse(dn: str) -> list[tuple[str, str]]:
    """List its parts from the entry upwards: ``[("CN", "王大明"), ("OU", "法院"), …]``.

    What is not ``type=value`` is left out.
    """
    parts = []
    for part in _split(dn):
        name, equals, value = part.partition("=")
        if equals:
            parts.append((name.strip(), _plain(value.strip())))
    return parts


def units_below(dn: str, base: str) -> list[str]:
    """List the names of the OUs between ``base`` and an entry, the nearest to the base first."""
    parts, depth = parse(dn), len(parse(base))
    below = parts[: len(parts) - depth]
    return [value for name, value in reversed(below) if name.casefold() == "ou"]


def key(dn: str) -> Key:
    """Give what is the same for every way to write a name."""
    return tuple((name.casefold(), value.casefold()) for name, value in parse(dn))


def shared_by(names: Sequence[str]) -> str:
    """Give the deepest entry that all of them are below; empty where that cannot be told."""
    written = [_split(one) for one in names]
    keys = [key(one)[::-1] for one in names]
    is_plain = all(len(parts) == len(of) for parts, of in zip(written, keys, strict=True))
    if not keys or not is_plain or any("+" in one for one in names):
        return ""
    above = min(len(one) for one in keys) - 1
    depth = next((at for at in range(above) if len({one[at] for one in keys}) > 1), above)
    return ",".join(written[0][len(written[0]) - depth :]).strip() if depth > 0 else ""


def _split(dn: str) -> list[str]:
    parts, start, position = [], 0, 0
    while position < len(dn):
        if dn[position] == "\\":
            position += 1
        elif dn[position] in ",+":
            parts.append(dn[start:position])
            start = position + 1
        position += 1
    return [*parts, dn[start:]]


def _plain(value: str) -> str:
    return _ESCAPED.sub(_meant, value.encode()).decode("utf-8", "replace")


def _meant(found: re.Match[bytes]) -> bytes:
    return bytes.fromhex(found[1].decode()) if found[1] else found[2]
