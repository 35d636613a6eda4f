"""The steps of a demonstration: each sends one real request and writes down both messages."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from flask import request
from joserfc import jwt

from idp.clock import seconds
from idp.provider import Provider
from idp.secret import base64url
from idp.web.current import signed_in
from idp.web.developers.flows import SERVICE, SERVICE_SECRET
from idp.web.developers.runs import Run
from idp.web.wiring import own_door

_SCOPE = "openid profile email offline_access"
_NOT_YET = {"authorization_pending", "slow_down"}
_CIBA_GRANT = "urn:openid:params:grant-type:ciba"
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def authorization_address(portico: Provider, run: Run) -> str:
    """Write the address that the browser goes to, and note the request."""
    asked = _request(portico, run)
    if "request_uri" in run.holds:
        asked = {"client_id": run.flow.client_id, "request_uri": run.holds["request_uri"]}
    run.note("GET /authorize", asked)
    return f"{portico.config.provider.issuer}/authorize?{urlencode(asked)}"


def hear(run: Run, answer: Mapping[str, str]) -> None:
    """Take the authorization response that the browser has brought back."""
    run.note(f"{request.method} {request.path}", answer)
    run.holds |= answer
    if "response" in answer:
        run.holds |= {name: str(value) for name, value in claims_of(answer["response"]).items()}
    run.waits = False
    run.failed = "error" in run.holds
    run.done += 1


def take(portico: Provider, run: Run) -> None:
    """Take the next step, unless it is the browser's; an error ends the demonstration.

    Without the code or the token that did not come, every further message would be nonsense.
    """
    run.holds.pop("error", None)
    step = _STEPS[run.next_step]
    if step(portico, run):
        run.done += 1
    else:
        run.failed = run.holds.get("error", "") not in _NOT_YET


def _request(portico: Provider, run: Run) -> dict[str, str]:
    usual = {
        "client_id": run.flow.client_id,
        "redirect_uri": f"{portico.config.provider.issuer}/developers/callback",
        "response_type": "code",
        "scope": _SCOPE,
        "state": run.state,
        "nonce": run.nonce,
        "code_challenge": run.challenge,
        "code_challenge_method": "S256",
    }
    return usual | dict(run.flow.request)


def _push(portico: Provider, run: Run) -> bool:
    return _keep(run, _post(portico, run, "/par", _request(portico, run)), "request_uri")


def _token(portico: Provider, run: Run) -> bool:
    form = {
        "grant_type": "authorization_code",
        "code": run.holds.get("code", ""),
        "redirect_uri": f"{portico.config.provider.issuer}/developers/callback",
        "code_verifier": run.verifier,
    }
    return _keep(run, _post(portico, run, "/token", form))


def _refresh(portico: Provider, run: Run) -> bool:
    token = run.holds.get("refresh_token", "")
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return _keep(run, _post(portico, run, "/token", form))


def _revoke(portico: Provider, run: Run) -> bool:
    token = run.holds.get("refresh_token") or run.holds.get("access_token", "")
    _post(portico, run, "/revoke", {"token": token})
    return True


def _userinfo(portico: Provider, run: Run) -> bool:
    token = run.holds.get("access_token", "")
    scheme = "DPoP" if run.flow.bound else "Bearer"
    headers = {"Authorization": f"{scheme} {token}"}
    if run.flow.bound:
        headers["DPoP"] = _proof(portico, run, "GET", "/userinfo", token)
    return "sub" in _send(portico, run, "GET", "/userinfo", headers=headers)


def _service_token(portico: Provider, run: Run) -> bool:
    form = {"grant_type": "client_credentials"}
    return _keep(run, _post(portico, run, "/token", form))


def _introspect(portico: Provider, run: Run) -> bool:
    form = {"token": run.holds.get("access_token", "")}
    return "active" in _post(portico, run, "/introspect", form)


def _exchange(portico: Provider, run: Run) -> bool:
    """Send as a service that was handed the token of the app."""
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": run.holds.get("access_token", ""),
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "client_id": SERVICE,
        "client_secret": SERVICE_SECRET,
    }
    return _keep(run, _post(portico, run, "/token", form))


def _ask(portico: Provider, run: Run) -> bool:
    """Ask whoever is signed in here; they answer on another page."""
    person = signed_in(portico)
    form = {
        "scope": "openid profile",
        "login_hint": person.account_name if person else "",
        "binding_message": "DEMO-42",
    }
    return _keep(run, _post(portico, run, "/bc-authorize", form), "auth_req_id")


def _poll_request(portico: Provider, run: Run) -> bool:
    form = {"grant_type": _CIBA_GRANT, "auth_req_id": run.holds.get("auth_req_id", "")}
    run.polled_at = portico.database.clock()
    return _keep(run, _post(portico, run, "/token", form))


def sign_out_address(portico: Provider, run: Run) -> str:
    """Write the address that an app signs a person out at, and note the request."""
    asked = {
        "id_token_hint": run.holds.get("id_token", ""),
        "post_logout_redirect_uri": f"{portico.config.provider.issuer}/developers/callback",
        "state": run.state,
    }
    run.note("GET /logout", asked)
    return f"{portico.config.provider.issuer}/logout?{urlencode(asked)}"


def _device(portico: Provider, run: Run) -> bool:
    answer = _post(portico, run, "/device_authorization", {"scope": _SCOPE})
    return _keep(run, answer, "device_code")


def _poll(portico: Provider, run: Run) -> bool:
    form = {"grant_type": _DEVICE_GRANT, "device_code": run.holds.get("device_code", "")}
    run.polled_at = portico.database.clock()
    return _keep(run, _post(portico, run, "/token", form))


_STEPS: Mapping[str, Callable[[Provider, Run], bool]] = {
    "push": _push,
    "token": _token,
    "refresh": _refresh,
    "revoke": _revoke,
    "userinfo": _userinfo,
    "device": _device,
    "poll": _poll,
    "service_token": _service_token,
    "introspect": _introspect,
    "exchange": _exchange,
    "ask": _ask,
    "poll_request": _poll_request,
}


def _keep(run: Run, answer: Mapping[str, Any], needed: str = "access_token") -> bool:
    run.holds |= {name: str(value) for name, value in answer.items()}
    return needed in answer


def _post(portico: Provider, run: Run, path: str, form: dict[str, str]) -> dict[str, Any]:
    headers = {}
    if run.flow.bound and path == "/token":
        headers["DPoP"] = _proof(portico, run, "POST", path)
    known_as = {"client_id": run.flow.client_id}
    if run.flow.secret:
        known_as["client_secret"] = run.flow.secret
    form = known_as | form
    return _send(portico, run, "POST", path, form=form, headers=headers)


def _send(
    portico: Provider,
    run: Run,
    method: str,
    path: str,
    *,
    form: dict[str, str] | None = None,
    headers: dict[str, str],
) -> dict[str, Any]:
    """Send a request to this provider, through the same door as everybody's."""
    run.note(f"{method} {path}", headers | (form or {}))
    answer = own_door().open(
        path,
        method=method,
        data=form,
        headers=headers,
        base_url=portico.config.provider.issuer,
        environ_base={"REMOTE_ADDR": request.remote_addr or ""},
    )
    found = answer.get_json(silent=True)
    document: dict[str, Any] = found if isinstance(found, dict) else {}
    run.note(answer.status, document or answer.get_data(as_text=True))
    return document


def _proof(portico: Provider, run: Run, method: str, path: str, token: str = "") -> str:
    """Sign a DPoP proof as the demonstration's app (RFC 9449 section 4.2)."""
    claims: dict[str, Any] = {
        "jti": base64url(portico.entropy(16)),
        "htm": method,
        "htu": f"{portico.config.provider.issuer}{path}",
        "iat": seconds(portico.database.clock()),
    }
    if token:
        claims["ath"] = base64url(hashlib.sha256(token.encode()).digest())
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": run.key.as_dict(private=False)}
    return jwt.encode(header, claims, run.key)


def claims_of(token: str) -> dict[str, Any]:
    """Read the claims of an answer of our own, for the next step; an app verifies them first."""
    _, _, rest = token.partition(".")
    part = rest.partition(".")[0]
    try:
        return msgspec.json.decode(
            base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)), type=dict[str, Any]
        )
    except (ValueError, msgspec.MsgspecError):
        return {}
