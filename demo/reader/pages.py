"""The reader's page: the four cards, and what the bridge asks where it has no window."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import Babel, gettext

from demo.loopback import keep_to_ourselves
from demo.reader.known import OWNED, OWNER, PIN
from demo.reader.window import Window
from ui import locale, look

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_TRANSLATIONS = str(Path(__file__).parent.parent / "locales")
Move = Callable[..., object]


@dataclass(frozen=True, slots=True)
class Card:
    """A card as the page shows it."""

    name: str
    label: str
    holder: str
    opens: str
    """The account that it opens; empty: nobody's yet."""
    is_in: bool


def create_app(folder: Path, window: Window, softcard: Move) -> Flask:
    """Make the application. It speaks as the browser asks, the bridge's question as its page does.

    Args:
        softcard: runs a command of the soft cards on a folder.
    """
    app = Flask(__name__)
    Babel(
        app,
        default_translation_directories=f"{_TRANSLATIONS};{look.TRANSLATIONS}",
        locale_selector=lambda: _speaks().replace("-", "_"),
    )
    look.install(
        app,
        site=lambda: look.Site(gettext("Demo card reader"), "/"),
        speaks=_speaks,
        keeps=[],
        demands=None,
    )
    keep_to_ourselves(app, _POLICY)  # who may post here may type a PIN

    @app.get("/")
    def show() -> str:
        cards = _cards(folder)
        return render_template("reader.html", cards=cards, question=window.question, pin=PIN)

    @app.get("/asked")
    def asked() -> ResponseReturnValue:
        question = window.question
        return {"question": question.number if question else ""}

    @app.post("/cards/<name>")
    def move(name: str) -> ResponseReturnValue:
        card = next((one for one in _cards(folder) if one.name == name), None) or abort(404)
        words = ("remove", card.name) if card.is_in else ("insert", card.name, "--alone")
        softcard(folder, *words)
        return redirect(url_for("show"), code=303)

    @app.post("/answer")
    def answer() -> ResponseReturnValue:
        form = request.form
        window.answer(form.get("question", ""), form.get("button", ""), form.get("pin", ""))
        return redirect(url_for("show"), code=303)

    @app.get("/reader.js")
    def script() -> ResponseReturnValue:
        text = (Path(__file__).parent / "reader.js").read_text("utf-8")
        return text, 200, {"Content-Type": "text/javascript; charset=utf-8"}

    @app.get("/health/ready")
    def ready() -> ResponseReturnValue:
        return {"status": "ready"}

    return app


def _speaks() -> str:
    wanted = request.headers.get("Accept-Language", "")
    return locale.negotiate(explicit="", remembered="", ui_locales="", accept_language=wanted)


def _cards(folder: Path) -> list[Card]:
    """List the cards, the one with an account first; a card in the reader is a folder there."""
    listed = json.loads((folder / "cards.json").read_text("utf-8"))
    found = [
        Card(
            one["name"],
            one["label"],
            one["holder"],
            OWNER if one["name"] == OWNED else "",
            (folder / "tokens" / "reader" / one["name"]).is_dir(),
        )
        for one in listed
    ]
    return sorted(found, key=lambda card: (not card.opens, card.name))
