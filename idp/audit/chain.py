"""The hash that ties an audit row to the one before it. Pure.

Every field of a row is under it, so a changed, moved, inserted or missing row breaks the
chain at a place that can be named.
"""

import hmac
from datetime import datetime
from uuid import UUID

import msgspec

GENESIS = b"portico audit chain 1"


class Content(msgspec.Struct, frozen=True, array_like=True):
    """A row without its hash; the order of the fields is part of the format."""

    chain_id: UUID
    seq: int
    at: datetime
    event: str
    subject: str
    client_id: str
    source: str
    operator: str
    request_id: str
    data: str


def first_link(key: bytes, chain_id: UUID) -> bytes:
    """Give what stands before the first row of a chain."""
    return hmac.digest(key, GENESIS + chain_id.bytes, "sha256")


def link(key: bytes, previous: bytes, content: Content) -> bytes:
    """Give the hash of a row: over the hash before it and all it says (32 bytes)."""
    return hmac.digest(key, previous + _ENCODER.encode(content), "sha256")


_ENCODER = msgspec.json.Encoder(order="deterministic")
