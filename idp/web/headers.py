"""What every page tells the browser to forbid: one record a surface."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlsplit

from flask import Response


@dataclass(frozen=True, slots=True)
class Policy:
    """The headers of a surface's pages."""

    form_action: str = "'self'"
    caching: str = "no-store"
    frame_src: str = ""
    """What the page itself may frame; nothing, unless it says so."""
    framed_by: str = "'none'"
    pictures: str = "'self' data:"
    connects: str = "'self'"
    """Whom the page's script may call."""
    opener: str = "same-origin"
    """``same-origin-allow-popups`` where the page talks to a window that it opens."""

    def showing(self, logo_uri: str) -> Self:
        """Allow one picture from elsewhere: an app's logo."""
        return replace(self, pictures=f"{self.pictures} {_source(logo_uri)}") if logo_uri else self

    def calling_loopback(self, ports: Iterable[int]) -> Self:
        """Allow calls to a program of the person's own machine, and a window of it."""
        places = " ".join(f"http://127.0.0.1:{port}" for port in ports)
        return replace(self.opening_windows(), connects=f"{self.connects} {places}")

    def opening_windows(self) -> Self:
        """Let a window that the page opens talk to it; the page says itself to whom it listens."""
        return replace(self, opener="same-origin-allow-popups")

    def apply(self, response: Response) -> Response:
        """Set the headers; a page is never sniffed, referred from or cached, and hardly framed."""
        for name, value in self.headers:
            response.headers[name] = value
        response.headers.setdefault("Cache-Control", self.caching)
        return response

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """List the headers, but the one for caches."""
        frames = (("X-Frame-Options", "DENY"),) if self.framed_by == "'none'" else ()
        return (
            (
                "Content-Security-Policy",
                "default-src 'none'; style-src 'self'; script-src 'self'; "
                f"img-src {self.pictures}; media-src 'self'; font-src 'self'; "
                f"connect-src {self.connects}; base-uri 'none'; "
                f"form-action {self.form_action}; frame-ancestors {self.framed_by}"
                + (f"; frame-src {self.frame_src}" if self.frame_src else ""),
            ),
            ("X-Content-Type-Options", "nosniff"),
            *frames,
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Opener-Policy", self.opener),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()"),
        )


PAGES = Policy()
FRAMED_BY_ANYONE = Policy(framed_by="*")


def _source(uri: str) -> str:
    """Write where a picture is from; what could be read as more than a host is left out."""
    parts = urlsplit(uri)
    return f"https://{parts.netloc}" if _HOST.fullmatch(parts.netloc) else ""


_HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}(:[0-9]{1,5})?")


def posting_to(redirect_uri: str) -> Policy:
    """Allow a form post to an app, which may send the browser on to wherever it is at home."""
    parts = urlsplit(redirect_uri)
    return Policy(form_action=f"{parts.scheme}://{parts.netloc} https:")


def leading_to(redirect_uri: str) -> Policy:
    """Allow a page's form to end at an app: browsers hold the whole redirect chain to it."""
    parts = urlsplit(redirect_uri)
    place = f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"
    return Policy(form_action=f"'self' {place}")
