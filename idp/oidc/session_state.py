"""Whether a browser is still signed in as it was, told without a request (OIDC Session 1.0).

An app holds a ``session_state`` and asks, from its own frame, ours on the same browser. All
either of them learns is "unchanged" or "changed". Pure; the frame computes the same in
``ui/static/check-session.js``.
"""

import hashlib
from urllib.parse import urlsplit

from idp.secret import Entropy, base64url

_DEFAULT_PORTS = {"https": 443, "http": 80}


def browser_state(session_hash: bytes) -> str:
    """Give what the frame may read of a session: one way from it, and another for each."""
    return base64url(hashlib.sha256(b"op browser state " + session_hash).digest())


def session_state(client_id: str, redirect_uri: str, state: str, entropy: Entropy) -> str:
    """Write ``session_state`` for an app at the origin of ``redirect_uri`` (section 3)."""
    salt = base64url(entropy(12))
    told = f"{client_id} {origin_of(redirect_uri)} {state} {salt}"
    return f"{base64url(hashlib.sha256(told.encode()).digest())}.{salt}"


def origin_of(uri: str) -> str:
    """Write the origin as a browser does: default ports left out (RFC 6454 section 6.2)."""
    parts = urlsplit(uri)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    usual = parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)}
    return f"{parts.scheme}://{host}" + ("" if usual else f":{parts.port}")
