"""The page of a sign-in that finds no place in the queue, drawn once a language.

Refusing must cost next to nothing: otherwise a crowd that is refused slows down everybody else.
"""

from typing import Any

from werkzeug.exceptions import ServiceUnavailable

from idp.authenticators import Reason
from idp.oidc.exchange import Reply
from idp.provider import Provider
from idp.web import metrics
from idp.web.request import language_in
from ui import locale
from ui.typed import is_switch

MET = "portico.met"
"""Where a page finds the error that was met in front of it: it need not look for it again."""
_PATH = "/signin/password"
_OF_ONE_BROWSER = {"set-cookie", "x-request-id", "content-length"}


class Busy:
    """Answers in place of the application while too many wait for a processor."""

    def __init__(self, pages: Any, portico: Provider) -> None:
        self._pages = pages
        self._portico = portico
        self._drawn: dict[str, Reply] = {}

    def answer(self, environ: dict[str, Any]) -> Reply | None:
        """Refuse a try at a password that would have to be refused later; ``None``: go on."""
        if environ.get("PATH_INFO") != _PATH or environ["REQUEST_METHOD"] != "POST":
            return None
        if not self._portico.password.is_full() or is_switch(environ):
            return None
        metrics.signin("password", Reason.BUSY)
        issuer = self._portico.config.provider.issuer
        language = locale.negotiate(
            explicit="",
            remembered=language_in(environ.get("HTTP_COOKIE", ""), issuer),
            ui_locales="",
            accept_language=environ.get("HTTP_ACCEPT_LANGUAGE", ""),
        )
        if language not in self._drawn:
            self._drawn[language] = self._draw(environ, language)
        return self._drawn[language]

    def _draw(self, environ: dict[str, Any], language: str) -> Reply:
        """Have the application draw its error page, and leave out what is one browser's alone."""
        bare = {name: value for name, value in environ.items() if not name.startswith("HTTP_")}
        bare |= {"QUERY_STRING": "", "HTTP_ACCEPT_LANGUAGE": language, MET: ServiceUnavailable()}
        said: list[tuple[str, str]] = []

        def start_response(_status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            said.extend(headers)

        body = b"".join(self._pages(bare, start_response))
        reference = dict(said).get("X-Request-Id", "").encode()
        kept = tuple(one for one in said if one[0].lower() not in _OF_ONE_BROWSER)
        return Reply(503, body.replace(reference, b"busy") if reference else body, kept)
