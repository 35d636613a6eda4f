"""Origins: which texts are one, as a browser writes it (HTML Living Standard, 7.1.1; RFC 6454).

An origin is compared whole and byte for byte, never by a prefix or a part of it.
"""

import re

MOST_CHARACTERS = 255
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ORIGIN = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]{{2,45}}\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?",
    re.ASCII,
)
_DEFAULT_PORT = {"http": "80", "https": "443"}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


def is_origin(text: str) -> bool:
    """Tell whether a text is an origin a site may have here, exactly as browsers write it.

    That is https, in lower-case ASCII (an international name in its ``xn--`` form), without the
    default port. Plain http is good on the machine itself only: anywhere else somebody on the
    way could take the signature over.
    """
    if len(text) > MOST_CHARACTERS or not (found := _ORIGIN.fullmatch(text)):
        return False
    scheme, host, port = found["scheme"], found["host"], found["port"]
    if port is not None and (port == _DEFAULT_PORT[scheme] or int(port) > 65535):
        return False
    return scheme == "https" or host in _LOOPBACK


def own_origins(port: int) -> frozenset[str]:
    """List the origins that a page of the bridge itself can have."""
    return frozenset(f"http://{host}:{port}" for host in _LOOPBACK)


def own_hosts(port: int) -> frozenset[str]:
    """List the values of ``Host`` with which a browser reaches the bridge by its own names."""
    return frozenset(f"{host}:{port}" for host in _LOOPBACK)
