"""The page after a sign-out: it opens what the apps asked for, then leads on.

OIDC Front-Channel Logout 1.0 section 3. Browsers that keep other sites' cookies from frames
make this a courtesy; the notices that go from server to server are the rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Response, make_response, render_template, url_for

from idp.web.headers import Policy
from ui import look


@dataclass(frozen=True, slots=True)
class SignedOutPage:
    """What ``signin/signed_out.html`` shows."""

    apps: Sequence[str] = ()
    """The names of those that are being told by their server."""
    frames: Sequence[str] = ()
    go_on: str = ""
    """Where the browser is to go when the frames have loaded; empty: it stays."""


def show(page: SignedOutPage) -> Response:
    """Render the page; frames may lead only where these do."""
    hosts = sorted({f"{urlsplit(one).scheme}://{urlsplit(one).netloc}" for one in page.frames})
    policy = Policy(frame_src=" ".join(hosts))
    look.stands_for(url_for("logout.done"))
    return policy.apply(make_response(render_template("signin/signed_out.html", page=page)))
