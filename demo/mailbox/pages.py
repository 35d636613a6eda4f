"""The pages and the JSON of the mailbox."""

from dataclasses import asdict
from typing import Any

from flask import Flask, Response, abort, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import Babel

from demo.loopback import keep_to_ourselves
from demo.mailbox.letters import Letter
from demo.mailbox.links import linked
from demo.mailbox.pile import Pile
from ui import look

_POLICY = (
    # Mails bring their own style, never a script and nothing from elsewhere.
    "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'self'; frame-ancestors 'none'"
)


def create_app(pile: Pile) -> Flask:
    """Make the application that shows ``pile``. A tool for developers: it speaks English."""
    app = Flask(__name__)
    Babel(app, default_translation_directories=look.TRANSLATIONS, locale_selector=lambda: "en")
    site = look.Site("Demo mailbox", "/")
    look.install(app, site=lambda: site, speaks=lambda: "en", keeps=[], demands=None)
    app.jinja_env.filters["linked"] = linked
    keep_to_ourselves(app, _POLICY)  # mails hold links that sign people in
    _serve_pages(app, pile)
    _serve_json(app, pile)
    return app


def _serve_pages(app: Flask, pile: Pile) -> None:
    @app.get("/")
    def letters() -> str:
        return render_template("letters.html", letters=pile.newest_first())

    @app.get("/letters/<letter_id>")
    def letter(letter_id: str) -> str:
        found = pile.find(letter_id) or abort(404)
        part = "html" if request.args.get("part") == "html" or not found.text else "text"
        return render_template("letter.html", letter=found, part=part)

    @app.post("/clear")
    def clear() -> ResponseReturnValue:
        pile.clear()
        return redirect(url_for("letters"), code=303)

    @app.get("/health/ready")
    def ready() -> ResponseReturnValue:
        return {"status": "ready"}


def _serve_json(app: Flask, pile: Pile) -> None:
    @app.get("/api/messages")
    def messages() -> Response:
        wanted = request.args.get("to", "").lower()
        found = [each for each in pile.newest_first() if wanted in each.recipients.lower()]
        return jsonify([_as_json(each) for each in found])

    @app.get("/api/messages/<letter_id>")
    def message(letter_id: str) -> Response:
        return jsonify(_as_json(pile.find(letter_id) or abort(404)))

    @app.post("/api/clear")
    def clear_all() -> ResponseReturnValue:
        pile.clear()
        return "", 204


def _as_json(letter: Letter) -> dict[str, Any]:
    return asdict(letter) | {"received_at": letter.received_at.isoformat()}
