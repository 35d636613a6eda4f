"""The request for a sign-in: which members, types and lengths it has."""

import re
from dataclasses import dataclass
from typing import Any

from cardbridge.front import strict_json

VERSION = 1
PURPOSES = ("login", "register", "add")
KINDS = ("moica", "moeaca", "gca", "xca")
# 32 bytes in base64url without padding; the last character carries four bits.
_NONCE = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}", re.ASCII)


class BadRequest(Exception):
    """A request does not say what a request has to say."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page wants signed."""

    origin: str
    """Who asks, as the browser says; never as the page says."""
    purpose: str
    nonce: str
    """43 characters of base64url: 32 bytes of the server's choice."""
    kinds: tuple[str, ...]
    lang: str


def _is(value: object, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _are_kinds(value: object) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= len(KINDS)
        and all(isinstance(one, str) and one in KINDS for one in value)
        and len(set(value)) == len(value)
    )


def _has(message: dict[str, Any], *names: str) -> bool:
    return set(message) == set(names)


def from_page(origin: str, message: object) -> Asked:
    """Read what a page asks for.

    Raises:
        BadRequest: for a member too many or too few, or of another type, length or alphabet.
    """
    if not isinstance(message, dict):
        raise BadRequest("no object")
    if not _has(message, "v", "purpose", "nonce", "kinds", "lang"):
        raise BadRequest("other members than v, purpose, nonce, kinds, lang")
    if type(message["v"]) is not int or message["v"] != VERSION:
        raise BadRequest("another version")
    if not isinstance(message["purpose"], str) or message["purpose"] not in PURPOSES:
        raise BadRequest("another purpose")
    if not _is(message["nonce"], _NONCE):
        raise BadRequest("nonce is not 32 bytes in base64url")
    if not _are_kinds(message["kinds"]):
        raise BadRequest("kinds is no list of kinds of cards")
    if not _is(message["lang"], _LANGUAGE):
        raise BadRequest("lang is no language")
    kinds = tuple(message["kinds"])
    return Asked(origin, message["purpose"], message["nonce"], kinds, message["lang"])


def from_popup(message: dict[str, Any]) -> tuple[str, object]:
    """Take apart what the popup passes on: the origin its browser told it, and the request.

    Raises:
        BadRequest: if it is not these two.
    """
    if not _has(message, "origin", "request") or not isinstance(message["origin"], str):
        raise BadRequest("other members than origin and request")
    return message["origin"], message["request"]


def read(body: bytes) -> dict[str, Any]:
    """Read a body.

    Raises:
        BadRequest: if it is no clear JSON object.
    """
    try:
        return strict_json.read(body)
    except strict_json.Unclear as error:
        raise BadRequest(str(error)) from error
