"""The shared look: base templates, design tokens, form macros, the calendar.

The provider and the relying apps call :func:`install` and write their pages against
``ui/base.html``. It imports nothing of theirs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, abort, request
from flask_babel import LazyString
from jinja2 import ChoiceLoader, FileSystemLoader
from markupsafe import Markup, escape
from werkzeug.exceptions import HTTPException

from ui import assets, locale, roc_calendar

TRANSLATIONS = str(Path(__file__).parent / "locales")


@dataclass(frozen=True, slots=True)
class FootLink:
    """One entry at the foot of every page."""

    id: str
    label: str | LazyString
    url: str


@dataclass(frozen=True, slots=True)
class Site:
    """Whose pages these are."""

    name: str | LazyString
    home: str
    links: Sequence[FootLink] = ()


@dataclass(frozen=True, slots=True)
class LocaleLink:
    """One entry of the language switch."""

    code: str
    label: str
    url: str
    current: bool


def install(
    app: Flask,
    *,
    site: Callable[[], Site],
    speaks: Callable[[], str],
    keeps: Sequence[str],
) -> None:
    """Give ``app`` the look.

    Args:
        speaks: tells the locale of the request at hand.
        keeps: the query parameters that say which page it is; the language switch carries
            them along and nothing else, so that no page echoes what it was sent.
    """
    loader = FileSystemLoader(Path(__file__).parent / "templates")
    own = app.jinja_loader
    app.jinja_loader = ChoiceLoader([own, loader] if own else [loader])
    served = assets.collect()
    _serve(app, served)
    app.jinja_env.filters["moment"] = lambda at: _unbroken(roc_calendar.moment(at, speaks()))
    app.jinja_env.filters["day"] = lambda at: _unbroken(roc_calendar.day(at, speaks()))
    app.jinja_env.globals["asset"] = lambda name: served[name].path

    @app.context_processor
    def _of_every_page() -> dict[str, Any]:
        speaking = speaks()
        return {
            "site": site(),
            "locale": speaking,
            "html_lang": locale.HTML_LANG[speaking],
            "locale_links": _locale_links(speaking, keeps),
        }


def _unbroken(written: str) -> Markup:
    """Keep a date with hyphens on one line: half of one is read as another."""
    date, blank, rest = written.partition(" ")
    if "-" not in date:
        return escape(written)
    return Markup('<span class="p-whole">{}</span>').format(date) + blank + rest


def _serve(app: Flask, served: dict[str, assets.Asset]) -> None:
    @app.get("/assets/<version>/<name>", endpoint="assets")
    def _asset(version: str, name: str) -> Response:
        found = served.get(name)
        if found is None or found.version != version:
            abort(404)
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(found.body, content_type=found.content_type, headers=headers)


def _posted(key: str) -> str:
    try:
        return request.form.get(key, "")
    except HTTPException:  # an error page about the very body that cannot be read
        return ""


def _locale_links(speaking: str, keeps: Sequence[str]) -> list[LocaleLink]:
    """Link to the page at hand in each language; after a POST, to the page it came from."""
    kept = [(key, request.args[key]) for key in keeps if key in request.args]
    if request.method == "POST":
        kept = [(key, value) for key in keeps if (value := _posted(key))]
    path = request.path if request.url_rule else "/"  # an address that is none is not repeated
    return [
        LocaleLink(
            code,
            locale.LABELS[code],
            f"{path}?{urlencode([*kept, ('lang', code)])}",
            code == speaking,
        )
        for code in locale.SUPPORTED
    ]
