"""The authorities behind the national cards, as they were found published. Pure.

Nothing here is trusted: an administrator installs an authority and switches it on. What this
saves is the search for the file, and a comparison of fingerprints by hand; ``authorities.toml``
says of each where its bytes came from and who else names the same fingerprint.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec


class Published(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A certificate of an issuing authority or of a root."""

    name: str
    kind: str
    """The kind of cards that it issues; empty: a root, which issues none."""
    below: str
    """The name of the root above it; of a root its own."""
    valid: str
    """Its days, for people."""
    source: str
    """Where the authority itself publishes it."""
    vouched: list[str]
    """Who else was seen to name the same certificate, and when."""
    sha256: str = ""
    """Of the DER, hex; empty where no fingerprint could be found."""
    file: str = ""
    """The certificate in this package; empty: whoever wants it fetches it from ``source``."""
    crl_url: str = ""
    """The list of what a root has revoked."""

    @property
    def der(self) -> bytes:
        """Read the certificate, of one that has a file."""
        return files(__package__).joinpath(self.file).read_bytes()

    @property
    def provenance(self) -> str:
        """Say in one line why these should be the right bytes."""
        return f"{self.name}: {self.source}; {'; '.join(self.vouched)}"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    root_hosts: list[str]
    authorities: list[Published]


@cache
def _file() -> _File:
    content = files(__package__).joinpath("authorities.toml").read_bytes()
    return msgspec.toml.decode(content, type=_File)


def everything() -> Mapping[str, Published]:
    """Give what is known, by name."""
    return {one.name: one for one in _file().authorities}


def root_hosts() -> frozenset[str]:
    """Name the hosts that may be asked what a root has revoked."""
    return frozenset(_file().root_hosts)


def by_fingerprint(fingerprint: bytes) -> Published | None:
    """Find a certificate by the SHA-256 of its DER."""
    found = (one for one in _file().authorities if one.sha256 == fingerprint.hex())
    return next(found, None)
