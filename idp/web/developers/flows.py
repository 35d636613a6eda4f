"""The flows that can be demonstrated, as data: which client, which request, which steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

CODE, OLDER, SERVICE = "developers", "developers-older", "developers-service"
"""The demonstration's clients: one of the profile ``oauth21``, one of ``oidc``, both public; and a
service with a secret that everybody knows, registered in demonstrations alone."""
SERVICE_SECRET = "demo-only-developers-service-7QmTzXc2"

_AFTERWARDS = ("userinfo", "refresh", "revoke")


@dataclass(frozen=True, slots=True)
class Flow:
    """One way through the protocol."""

    name: str
    title: LazyString
    standard: str
    """Where it is written."""
    client_id: str
    steps: tuple[str, ...]
    request: Mapping[str, str] = field(default_factory=dict)
    """What the authorization request holds beside the usual."""
    secret: str = ""
    bound: bool = False
    """Whether a DPoP proof goes with every request for and with a token."""


FLOWS = (
    Flow(
        "code",
        _("Authorization code with PKCE"),
        "OAuth 2.1, OpenID Connect Core",
        CODE,
        ("authorize", "token", *_AFTERWARDS),
    ),
    Flow(
        "par",
        _("Pushed authorization request"),
        "RFC 9126",
        CODE,
        ("push", "authorize", "token", "userinfo"),
    ),
    Flow(
        "dpop",
        _("Tokens bound to a key"),
        "RFC 9449",
        CODE,
        ("authorize", "token", *_AFTERWARDS),
        bound=True,
    ),
    Flow(
        "jarm",
        _("Signed authorization response"),
        "JARM",
        CODE,
        ("authorize", "token"),
        {"response_mode": "jwt"},
    ),
    Flow(
        "device", _("Device without a keyboard"), "RFC 8628", CODE, ("device", "poll", "userinfo")
    ),
    Flow(
        "hybrid",
        _("Hybrid, as older apps use it"),
        "OpenID Connect Core 3.3",
        OLDER,
        ("authorize", "token", "userinfo"),
        {"response_type": "code id_token", "response_mode": "form_post"},
    ),
    Flow(
        "implicit",
        _("Implicit, as older apps use it"),
        "OpenID Connect Core 3.2",
        OLDER,
        ("authorize", "userinfo"),
        {"response_type": "id_token token", "response_mode": "form_post"},
    ),
    Flow(
        "sign-out",
        _("Signing out from an app"),
        "OpenID Connect RP-Initiated Logout",
        CODE,
        ("authorize", "token", "sign_out"),
    ),
    Flow(
        "service",
        _("A service on its own"),
        "OAuth 2.1, RFC 7662, RFC 7009",
        SERVICE,
        ("service_token", "introspect", "revoke"),
        secret=SERVICE_SECRET,
    ),
    Flow(
        "exchange",
        _("A service in somebody's name"),
        "RFC 8693",
        CODE,
        ("authorize", "token", "exchange"),
    ),
    Flow(
        "ciba",
        _("Asking somebody who is elsewhere"),
        "OpenID Connect CIBA",
        SERVICE,
        ("ask", "poll_request", "userinfo"),
        secret=SERVICE_SECRET,
    ),
)
BY_NAME: Mapping[str, Flow] = {flow.name: flow for flow in FLOWS}
