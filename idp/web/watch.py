"""What happens around every page: its token, its cookies, its place in the figures."""

import time

from flask import Flask, Response, request

from idp.web import metrics
from idp.web.busy import MET
from idp.web.request import csrf_token, keep_browser, origin

_BEGAN = "portico.began"


def every_page(app: Flask) -> None:
    """Watch over the pages of ``app``."""

    @app.context_processor
    def _of_a_page() -> dict[str, str | None]:
        return {"csrf_token": csrf_token(), "who": None}

    @app.before_request
    def _begin() -> None:
        request.environ[_BEGAN] = time.perf_counter()
        if MET in request.environ:
            raise request.environ[MET]

    @app.after_request
    def _end(response: Response) -> Response:
        now = time.perf_counter()
        response.headers["X-Request-Id"] = origin().request_id
        rule = request.url_rule.rule if request.url_rule else "unknown"
        metrics.observe(rule, response.status_code, now - request.environ.get(_BEGAN, now))
        return keep_browser(response)
