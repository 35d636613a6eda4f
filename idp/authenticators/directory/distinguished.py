"""Distinguished names taken apart (RFC 4514). Pure."""

import re

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
