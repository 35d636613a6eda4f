"""Keytabs as MIT krb5 writes them, made by hand: where no domain controller has to agree."""

import struct
from pathlib import Path

_AES256 = 18
_KEY_BYTES = 32


def keytab(
    path: Path, service: str = "HTTP/localhost", realm: str = "COURT.TEST", version: int = 1
) -> str:
    """Write a keytab with one key of nobody's; gives its path."""
    parts = service.split("/")
    counted = [struct.pack(">H", len(one)) + one.encode() for one in (realm, *parts)]
    entry = struct.pack(">H", len(parts)) + b"".join(counted)
    entry += struct.pack(">IIB", 1, 0, version)  # name type, time, version of the key
    entry += struct.pack(">HH", _AES256, _KEY_BYTES) + bytes(range(_KEY_BYTES))
    path.write_bytes(b"\x05\x02" + struct.pack(">i", len(entry)) + entry)
    return str(path)
