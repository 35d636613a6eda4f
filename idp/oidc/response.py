"""Where an authorization response travels and in what form. Pure.

OAuth 2.0 Multiple Response Type Encoding Practices, OAuth 2.0 Form Post Response Mode,
RFC 9207 (``iss``). An error takes the way the answer would have taken.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote_plus

from idp.oidc.vocabulary import ResponseMode, ResponseType

_SIGNED = {
    ResponseMode.JWT: None,
    ResponseMode.QUERY_JWT: ResponseMode.QUERY,
    ResponseMode.FRAGMENT_JWT: ResponseMode.FRAGMENT,
    ResponseMode.FORM_POST_JWT: ResponseMode.FORM_POST,
}
"""Each mode of JARM and the way it travels; ``None``: the response type's own."""
_MODES = frozenset(ResponseMode)
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")  # RFC 3986 section 2.3
_FROM_THE_FRONT = frozenset({ResponseType.TOKEN, ResponseType.ID_TOKEN})
TYPES = (
    "code",
    "id_token",
    "id_token token",
    "code id_token",
    "code token",
    "code id_token token",
)
"""What ``response_type`` may ask for, each in the order that OIDC Core section 3 writes it."""


@dataclass(frozen=True, slots=True)
class Response:
    """A response on its way."""

    mode: ResponseMode
    redirect_uri: str
    parameters: Mapping[str, str]

    @property
    def location(self) -> str:
        """Write the address that carries it; in a form post it carries nothing."""
        if self.mode is ResponseMode.FORM_POST:
            return self.redirect_uri
        joint = "#" if self.mode is ResponseMode.FRAGMENT else "&"
        if joint == "&" and "?" not in self.redirect_uri:
            joint = "?"
        told = "&".join([f"{name}={_encoded(value)}" for name, value in self.parameters.items()])
        return f"{self.redirect_uri}{joint}{told}"


def _encoded(value: str) -> str:
    """Encode a value. What we make ourselves has nothing to encode, and urllib looks for long."""
    return value if _PLAIN.fullmatch(value) else quote_plus(value)


def is_signed(response_mode: str) -> bool:
    """Tell whether the response is to be a JWT (JARM section 2.3)."""
    return response_mode in _SIGNED


def gives_tokens(response_type: str) -> bool:
    """Tell whether tokens travel in the response itself, with or without a code beside them."""
    return not _FROM_THE_FRONT.isdisjoint(response_type.split())


def canonical(response_type: str) -> str:
    """Give the words of ``response_type`` in one order; their own order says nothing."""
    return " ".join(sorted(response_type.split()))


@lru_cache(maxsize=64)
def mode_of(response_type: str, response_mode: str) -> ResponseMode:
    """Tell which way a response goes; a mode that is none falls back to the type's own.

    What is signed takes the same ways as what is not.

    What carries a token never goes in the query (Multiple Response Types, section 3): it
    would stay in histories and logs.
    """
    carries_tokens = gives_tokens(response_type)
    usual = ResponseMode.FRAGMENT if carries_tokens else ResponseMode.QUERY
    if response_mode not in _MODES:
        return usual
    chosen = _SIGNED.get(ResponseMode(response_mode), ResponseMode(response_mode)) or usual
    return usual if carries_tokens and chosen is ResponseMode.QUERY else chosen
