"""The captcha's picture and sound, for the browser it was issued to."""

from flask import Blueprint, Response, abort, request

from idp.authenticators.password.speaking import speak
from idp.web.headers import PAGES
from idp.web.request import browser_hash
from idp.web.wiring import provider

pages = Blueprint("captcha", __name__)


@pages.get("/signin/captcha/<captcha_id>.png")
def picture(captcha_id: str) -> Response:
    """Draw the six digits."""
    # Pillow is loaded with the first picture: a worker that draws none stays small.
    from idp.authenticators.password.drawing import draw  # noqa: PLC0415

    _demand_alive(captcha_id)
    captcha = provider().captcha
    drawn = draw(captcha.answer(captcha_id), captcha.chance(captcha_id))
    return PAGES.apply(Response(drawn, content_type="image/png"))


@pages.get("/signin/captcha/<captcha_id>.wav")
def sound(captcha_id: str) -> Response:
    """Speak the six digits in the language ``voice``; not ``lang``, which is a person's choice."""
    _demand_alive(captcha_id)
    captcha = provider().captcha
    spoken = speak(
        captcha.answer(captcha_id), request.args.get("voice", ""), captcha.chance(captcha_id)
    )
    return PAGES.apply(Response(spoken, content_type="audio/wav"))


def _demand_alive(captcha_id: str) -> None:
    portico = provider()
    with portico.database.read() as tx:
        if not portico.captcha.is_alive(tx, captcha_id, browser_hash()):
            abort(404)
