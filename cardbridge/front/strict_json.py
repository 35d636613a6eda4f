"""JSON read with no benefit of the doubt: what two readers could read differently is refused."""

import json
from typing import Any, NoReturn


class Unclear(Exception):
    """A text is not the one thing it could be."""


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Unclear("a member occurs twice")
    return members


def _never(text: str) -> NoReturn:
    raise Unclear(f"{text[:20]} has no place here")


def read(body: bytes) -> dict[str, Any]:
    """Read an object in UTF-8; no member twice, no number that is not a whole one.

    Raises:
        Unclear: for anything else.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_once_each,
            parse_constant=_never,
            parse_float=_never,
        )
    except (ValueError, RecursionError) as error:
        raise Unclear("no JSON in UTF-8") from error
    if not isinstance(value, dict):
        raise Unclear("no object")
    return value
