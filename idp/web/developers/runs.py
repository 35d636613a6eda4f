"""What a demonstration has sent and received so far. Kept in memory, for a while, for few."""

import base64
import hashlib
import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from joserfc.jwk import ECKey

from idp.secret import Entropy, base64url, mint
from idp.web.developers.flows import Flow

PREFIX = "pdr"
_HELD = 200  # demonstrations: the oldest makes way


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it went over the wire, and what is inside its tokens."""

    title: str
    """The request line, or the status."""
    body: str
    """Parameters, a line each; or JSON."""
    tokens: list[tuple[str, str]]
    """Each token's name, and its header and claims as JSON."""


@dataclass(slots=True)
class Run:
    """One demonstration under way."""

    flow: Flow
    state: str
    nonce: str
    verifier: str
    key: ECKey
    done: int = 0
    """How many steps have been taken."""
    messages: list[Message] = field(default_factory=list)
    holds: dict[str, str] = field(default_factory=dict)
    """Codes, tokens and references received so far, by the names of their parameters."""
    waits: bool = False
    """The browser is at another page and will come back."""
    failed: bool = False
    """An error has ended it: what the next message would hold never came."""
    polled_at: datetime | None = None
    """When the device asked last."""

    @property
    def challenge(self) -> str:
        """``code_challenge`` (RFC 7636 section 4.2)."""
        return base64url(hashlib.sha256(self.verifier.encode()).digest())

    @property
    def next_step(self) -> str:
        """The name of the step to be taken, empty at the end."""
        if self.failed:
            return ""
        return self.flow.steps[self.done] if self.done < len(self.flow.steps) else ""

    @property
    def interval(self) -> int:
        """How many seconds lie between two questions of the device (RFC 8628 section 3.2)."""
        told = self.holds.get("interval", "")
        return int(told) if told.isdecimal() else 5

    def must_wait(self, now: datetime) -> int:
        """Tell for how many seconds the device may not ask again."""
        if self.next_step not in {"poll", "poll_request"} or self.polled_at is None:
            return 0
        left = self.polled_at + timedelta(seconds=self.interval) - now
        return max(0, math.ceil(left.total_seconds()))

    def note(self, title: str, fields: Mapping[str, Any] | str) -> None:
        """Write a message down, with every JWT in it read."""
        if isinstance(fields, str):
            self.messages.append(Message(title, fields, _tokens({"": fields})))
            return
        body = "\n".join(f"{name} = {value}" for name, value in fields.items())
        self.messages.append(Message(title, body, _tokens(fields)))


class Runs:
    """The demonstrations of this process."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._held: OrderedDict[str, Run] = OrderedDict()

    def begin(self, flow: Flow) -> str:
        """Begin a demonstration and give its name, which is also its ``state``."""
        name = mint(PREFIX, self._entropy)
        nonce, verifier = base64url(self._entropy(16)), base64url(self._entropy(32))
        self._held[name] = Run(flow, name, nonce, verifier, ECKey.generate_key("P-256"))
        while len(self._held) > _HELD:
            self._held.popitem(last=False)
        return name

    def find(self, name: str) -> Run | None:
        """Find a demonstration, unless it had to make way."""
        return self._held.get(name)


def _tokens(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    read = [(name, _read(str(value))) for name, value in fields.items()]
    return [(name, told) for name, told in read if told]


def _read(value: str) -> str:
    """Read a JWT without verifying it; the empty string for anything else."""
    parts = value.rpartition(" ")[2].split(".")
    if len(parts) != 3:
        return ""
    try:
        told = [msgspec.json.decode(_decoded(part)) for part in parts[:2]]
    except (ValueError, msgspec.DecodeError):
        return ""
    return "\n".join(msgspec.json.format(msgspec.json.encode(one)).decode() for one in told)


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
