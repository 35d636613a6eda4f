"""What is typed into a page and not sent yet, carried along when its language is switched.

On a page with a form the entries of the switch are buttons of that form. They post it to the
page's own address, with ``typed=<id of the form>`` in the query: :class:`Carrying` makes a GET of
that before the application sees it, so that nothing is validated, used up or changed, and
:func:`filled` writes what was typed into the page as it comes out. Only what may be shown is
written: a password, a code or the answer of a captcha is typed anew, unless ``portico.js`` has
kept it in the page. A page of several forms keeps the first one without that script, all with it.

The markup is our own: no attribute holds a bare ``>``, whatever somebody has typed.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs

from markupsafe import Markup, escape
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

MARK = "typed"
_AT_ENVIRON = "ui.typed"
_TAG = re.compile(r"<(/?)(form|input|select|option|textarea|button)\b([^>]*)>")
_ATTRIBUTE = re.compile(r'([a-z-]+)(?:="([^"]*)")?')
_TEXT = {"text", "email", "tel", "search", "url", "number", "date"}
_TICKED = {"checkbox", "radio"}
_UNSEEN = {"hidden", "submit", "button", "reset"}

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


@dataclass(slots=True)
class Form:
    """A form of a page, as far as the switch has to know it."""

    id: str = ""
    method: str = "get"
    again: str = ""
    """Where to post it for the same page once more: there is no other way to that page."""
    is_hidden: bool = False
    shows: bool = False
    """Whether it has a field at all that a person sees."""
    keeps: bool = False
    """Whether one of its fields may be written into the page again."""
    default: dict[str, str] = field(default_factory=dict)
    """The button that the Enter key presses."""

    @property
    def default_button(self) -> Markup:
        """Stand in for that button, before those of the switch: Enter presses the first there is.

        Its attributes are markup already.
        """
        named = "".join(
            f' {name}="{self.default[name]}"' for name in ("name", "value") if name in self.default
        )
        return Markup(  # noqa: S704 - attributes of our own markup, escaped there
            '<button class="visually-hidden" type="submit" tabindex="-1" aria-hidden="true"'
            f' form="{self.id}"{named}></button>'
        )


def form_of(markup: str) -> Form | None:
    """Find the form whose content the switch carries along: the first that may be kept."""
    found = [one for one in _forms(markup) if one.id and not one.is_hidden]
    return next((one for one in found if one.keeps or one.again), None)


def filled(markup: str, form_id: str, typed: Mapping[str, str]) -> Markup:
    """Write what was typed into the fields of one form."""
    pieces, at, chosen = [], 0, None
    for tag, owner, attributes in _controls(markup):
        kind, text = tag[2], tag[3]
        if kind == "option" and chosen is not None:
            text = _marked(text, "selected", unescape(attributes.get("value", "")) == chosen)
        elif kind in {"input", "select"}:
            mine = owner == form_id and _is_kept(kind, attributes)
            name = unescape(attributes.get("name", ""))
            chosen = typed.get(name) if mine and kind == "select" else None
            if mine and kind == "input":
                text = _retyped(text, attributes, typed, name)
        pieces += [markup[at : tag.start(3)], text]
        at = tag.end(3)
        if kind == "textarea" and owner == form_id and attributes.get("name") in typed:
            pieces.append(f">{escape(typed[attributes['name']])}")
            at = markup.index("</textarea>", at)
    return Markup("".join([*pieces, markup[at:]]))  # noqa: S704 - the page itself, and escaped values


def _retyped(text: str, attributes: Mapping[str, str], typed: Mapping[str, str], name: str) -> str:
    if attributes.get("type", "text") in _TICKED:
        value = unescape(attributes.get("value", "on"))
        return _marked(text, "checked", typed.get(name) == value)
    if name not in typed:
        return text
    return re.sub(r'\svalue="[^"]*"', "", text) + f' value="{escape(typed[name])}"'


def _marked(text: str, word: str, is_so: bool) -> str:
    bare = re.sub(rf"\s{word}\b(?!=)", "", text)
    return f"{bare} {word}" if is_so else bare


def _forms(markup: str) -> list[Form]:
    found: dict[str, Form] = {}
    for tag, owner, attributes in _controls(markup):
        form = found.setdefault(owner, Form())
        if tag[2] == "form":
            form.id, form.method = owner, attributes.get("method", "get")
            form.again = attributes.get("data-again", "")
            form.is_hidden = "hidden" in attributes
        elif tag[2] == "button":
            if attributes.get("type", "submit") == "submit" and not form.default:
                form.default = attributes
        elif tag[2] != "option" and attributes.get("type") not in _UNSEEN:
            form.shows = True
            form.keeps = form.keeps or _is_kept(tag[2], attributes)
    return list(found.values())


def _controls(markup: str) -> Iterator[tuple[re.Match[str], str, dict[str, str]]]:
    """List forms and what is in them, each with the id of its form."""
    inside = ""
    for tag in _TAG.finditer(markup):
        if tag[1]:
            inside = "" if tag[2] == "form" else inside
            continue
        attributes = dict(_ATTRIBUTE.findall(tag[3]))
        if tag[2] == "form":
            inside = attributes.get("id", "")
            yield tag, inside, attributes
        else:
            yield tag, attributes.get("form", inside), attributes


def _is_kept(kind: str, attributes: Mapping[str, str]) -> bool:
    """Tell whether a field may be written into the page again; what is not known may not."""
    if {"data-secret", "readonly"} & attributes.keys():
        return False
    return kind == "select" or attributes.get("type", "text") in _TEXT | _TICKED


class Carrying:
    """A WSGI application that answers a click on the switch as if the page were asked for."""

    def __init__(self, pages: Wsgi, limit: int | None) -> None:
        self._pages = pages
        self._limit = limit

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Turn what the switch posts into a GET that knows what was typed."""
        if is_switch(environ):
            told = {_AT_ENVIRON: self._read(environ), "REQUEST_METHOD": "GET"}
            environ = environ | told | {"CONTENT_LENGTH": "0", "wsgi.input": BytesIO()}
            environ.pop("werkzeug.request", None)
        return self._pages(environ, start_response)

    def _read(self, environ: Environ) -> dict[str, str]:
        """Read the form; one that no browser of ours would send is as good as empty."""
        sent = Request(environ, populate_request=False)
        sent.max_content_length = self._limit
        try:
            fields = dict(sent.form.lists())
        except HTTPException:
            return {}
        whole = all(len(told) == 1 and "\x00" not in told[0] for told in fields.values())
        return {name: told[0] for name, told in fields.items()} if whole else {}


def is_switch(environ: Environ) -> bool:
    """Tell a click on the switch from a form that is sent."""
    asked = parse_qs(environ.get("QUERY_STRING", ""))
    return environ["REQUEST_METHOD"] == "POST" and {MARK, "lang"} <= asked.keys()


def typed_in(environ: Environ) -> dict[str, str] | None:
    """Give what was typed when the language was switched; ``None`` for any other request."""
    found: dict[str, str] | None = environ.get(_AT_ENVIRON)
    return found
