"""The shared look: base templates, design tokens, form macros, the switch of the language.

The provider and the relying apps call :func:`install` and write their pages against
``ui/base.html``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, abort, current_app, request
from flask_babel import LazyString
from jinja2 import ChoiceLoader, FileSystemLoader
from markupsafe import Markup
from werkzeug.exceptions import HTTPException

from ui import assets, locale, roc_calendar
from ui import typed as typing

TRANSLATIONS = str(Path(__file__).parent / "locales")
_PAGE = "ui.page"


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


@dataclass(frozen=True, slots=True)
class Switch:
    """The language switch of a page: links, or buttons of the form that people type into."""

    main: str
    """The content of the page; after a click, with what was typed in it."""
    links: Sequence[LocaleLink] = ()
    form: typing.Form | None = None


def install(
    app: Flask,
    *,
    site: Callable[[], Site],
    speaks: Callable[[], str],
    keeps: Sequence[str],
    demands: Callable[[Mapping[str, str]], None] | None,
) -> None:
    """Give ``app`` the look.

    Args:
        speaks: tells the locale of the request at hand.
        keeps: the query parameters that say which page it is; the language switch carries
            them along and nothing else, so that no page echoes what it was sent.
        demands: refuses a form that is not of this browser's own page, as any other form is
            refused; ``None`` for a site of one language, which has no switch.
    """
    loader = FileSystemLoader(Path(__file__).parent / "templates")
    own = app.jinja_loader
    app.jinja_loader = ChoiceLoader([own, loader] if own else [loader])
    served = assets.collect()
    _serve(app, served)
    _speak_of_dates(app, speaks)
    app.jinja_env.globals["asset"] = lambda name: served[name].path
    if demands is not None:
        _carry_along(app, demands)

    @app.context_processor
    def _of_every_page() -> dict[str, Any]:
        speaking = speaks()
        return {
            "site": site(),
            "locale": speaking,
            "html_lang": locale.HTML_LANG[speaking],
            "switch_of": lambda main: _switch(main, speaking, keeps) if demands else Switch(main),
        }


def typed(name: str) -> str:
    """Give what stood in a field, hidden ones too, when the language was switched; else nothing."""
    return (typing.typed_in(request.environ) or {}).get(name, "")


def stands_for(path: str) -> None:
    """Say which page is shown, where that cannot be told from the address of the form."""
    request.environ[_PAGE] = path


def _carry_along(app: Flask, demands: Callable[[Mapping[str, str]], None]) -> None:
    """Let what is typed survive a click on the switch."""
    pages = typing.Carrying(app.wsgi_app, app.config["MAX_CONTENT_LENGTH"])
    app.wsgi_app = pages  # type: ignore[method-assign]

    @app.before_request
    def _refuse_strangers() -> None:
        if (typed := typing.typed_in(request.environ)) is not None:
            demands(typed)


def _speak_of_dates(app: Flask, speaks: Callable[[], str]) -> None:
    """Let templates write dates in the language of the page, each date on one line.

    ``moment`` and ``day`` take an instant, ``date`` a day of the calendar, also as ISO 8601;
    ``written`` is ``moment`` where there is no markup.
    """

    def whole(day: date) -> Markup:
        """Half a date is read as another."""
        return Markup('<span class="p-whole">{}</span>').format(roc_calendar.date_of(day, speaks()))

    def on(at: datetime) -> Markup:
        local = roc_calendar.in_taipei(at)
        return whole(local.date()) + " " + roc_calendar.weekday(local, speaks())

    filters = app.jinja_env.filters
    filters["day"] = on
    filters["written"] = lambda at: roc_calendar.moment(at, speaks())
    filters["moment"] = lambda at: on(at) + " " + roc_calendar.time_of(roc_calendar.in_taipei(at))
    filters["date"] = lambda day: whole(day if isinstance(day, date) else date.fromisoformat(day))


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


def _switch(main: str, speaking: str, keeps: Sequence[str]) -> Switch:
    """Lead to the page at hand in each language, with what is typed in it."""
    told = typing.typed_in(request.environ)
    if told is not None:
        main = typing.filled(main, request.args[typing.MARK], told)
    form = typing.form_of(main)
    if form is not None and form.again:
        path, kept = form.again, []
    else:
        path, kept = _path(), _kept(keeps)
    carries = form is not None and form.keeps and form.method == "post"
    mark = [(typing.MARK, form.id)] if form and carries else []
    links = [
        LocaleLink(
            code,
            locale.LABELS[code],
            f"{path}?{urlencode([*kept, ('lang', code), *mark])}",
            code == speaking,
        )
        for code in locale.SUPPORTED
    ]
    return Switch(main, links, form)


def _kept(keeps: Sequence[str]) -> list[tuple[str, str]]:
    if request.method == "POST":
        return [(key, value) for key in keeps if (value := _posted(key))]
    return [(key, request.args[key]) for key in keeps if key in request.args]


def _path() -> str:
    """Give the address of the page at hand; of a form's answer, that of the page it is on."""
    if _PAGE in request.environ:
        return str(request.environ[_PAGE])
    path = request.path if request.url_rule else ""  # an address that is none is not repeated
    pages = current_app.create_url_adapter(request)
    while pages is not None and path and not pages.test(path, method="GET"):
        path = path.rpartition("/")[0]
    return path or "/"
