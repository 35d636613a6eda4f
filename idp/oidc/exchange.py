"""A machine's request and our reply, without any web framework.

Everything that can be wrong with the form of a request is refused here, once: repeated
parameters (OAuth 2.1 section 3.2.2), bytes that are no text, credentials in a URL.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from idp.database.transaction import NOBODY, Origin
from idp.oidc.errors import InvalidRequest

BODY_LIMIT = 64 * 1024  # bytes: a signed request object with room to spare
_PARAMETERS_LIMIT = 100
_ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_FORM = "application/x-www-form-urlencoded"

NO_STORE = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))


class Exchange(msgspec.Struct, frozen=True):
    """One request as it came; headers by lower-case name, bodies not yet read as a form."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    body: bytes = b""
    origin: Origin = NOBODY

    def header(self, name: str) -> str:
        """Give a header by its lower-case name, or the empty string."""
        return self.headers.get(name, "")

    def query_parameters(self) -> dict[str, str]:
        """Read the query.

        Raises:
            InvalidRequest: a parameter comes twice, or is no UTF-8.
        """
        return parameters(self.query)

    def form(self) -> dict[str, str]:
        """Read the body as a form; an absent body is an empty form.

        Raises:
            InvalidRequest: another content type, a repeated parameter, or no UTF-8.
        """
        if not self.body:
            return {}
        if self.header("content-type").partition(";")[0].strip().lower() != _FORM:
            raise InvalidRequest(f"the content type must be {_FORM}", redirect=False)
        if len(self.body) > BODY_LIMIT:
            raise InvalidRequest("the request is too large", redirect=False)
        try:
            return parameters(self.body.decode("ascii"))
        except UnicodeDecodeError:
            raise InvalidRequest("the form is not URL-encoded", redirect=False) from None


class Reply(msgspec.Struct, frozen=True):
    """What goes back: bytes and headers, ready for any server."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


def parameters(encoded: str) -> dict[str, str]:
    """Decode ``a=1&b=2``; an empty value is the same as none (RFC 6749 section 3.1).

    Of all parameters ``resource`` alone may come more than once (RFC 8707 section 2); its values
    are URIs and come back with blanks between them.

    Raises:
        InvalidRequest: a parameter comes twice, there are too many, or one is no UTF-8.
    """
    fields = encoded.split("&")
    if len(fields) > _PARAMETERS_LIMIT:
        raise InvalidRequest("there are too many parameters", redirect=False)
    try:
        pairs = [_pair(one) for one in fields if one]
    except UnicodeDecodeError:
        raise InvalidRequest("the parameters cannot be decoded", redirect=False) from None
    found = dict(pairs)
    if len(found) != len(pairs):
        found = _with_all_resources(pairs)
    if "%00" in encoded or "\x00" in encoded:
        raise InvalidRequest("a parameter holds a NUL", redirect=False)
    return {name: value for name, value in found.items() if value}


def _pair(written: str) -> tuple[str, str]:
    """Decode a name and its value; most have nothing to decode."""
    if "%" in written or "+" in written:
        name, _, value = written.partition("=")
        return decoded(name), decoded(value)
    name, _, value = written.partition("=")
    return name, value


def decoded(text: str) -> str:
    """Decode what a form has encoded: as urllib does, in a third of its calls.

    Raises:
        UnicodeDecodeError: it is no UTF-8.
    """
    plain = text.replace("+", " ")
    return _ESCAPED.sub(_unescaped, plain) if "%" in plain else plain


def _unescaped(found: re.Match[str]) -> str:
    return bytes.fromhex(found[0].replace("%", "")).decode("utf-8")


def _with_all_resources(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    others = [pair for pair in pairs if pair[0] != "resource"]
    found = dict(others)
    if len(found) != len(others):
        raise InvalidRequest("a parameter is repeated", redirect=False)
    return found | {"resource": " ".join(value for name, value in pairs if name == "resource")}


def json_reply(status: int, document: Any, *headers: tuple[str, str]) -> Reply:
    """Reply with JSON that no cache keeps (RFC 6749 section 5.1)."""
    return Reply(
        status,
        msgspec.json.encode(document),
        (("Content-Type", "application/json"), *NO_STORE, *headers),
    )
