"""Pages of this machine's own browser alone: no other site's page reads or posts to them."""

from urllib.parse import urlsplit

from flask import Flask, Response, abort, request

_OURSELVES = {"localhost", "127.0.0.1", "::1"}


def keep_to_ourselves(app: Flask, policy: str) -> None:
    """Refuse what other sites send, and set the headers; ``policy`` is the content's (CSP)."""

    def guard(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        # With "no-referrer" a browser calls the origin of our own forms "null", too.
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    app.before_request(_refuse_other_sites)
    app.after_request(guard)


def _refuse_other_sites() -> None:
    """Keep other sites' pages out.

    A name that was rebound to loopback shows in ``Host``, a form of another page in ``Origin``.
    """
    origin = request.headers.get("Origin")
    if urlsplit(request.host_url).hostname not in _OURSELVES:
        abort(421)
    if origin is not None and origin != request.host_url.rstrip("/"):
        abort(403)
