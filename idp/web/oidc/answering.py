"""The way back to an app: as a redirect, a form, or a page where no way is known to be safe."""

from flask import make_response, redirect, render_template
from flask.typing import ResponseReturnValue

from idp.oidc import jarm
from idp.oidc.checks import AuthorizationRequest
from idp.oidc.errors import OAuthError
from idp.oidc.response import Response, is_signed, mode_of
from idp.oidc.vocabulary import ResponseMode
from idp.provider import Provider
from idp.web import errors
from idp.web.headers import posting_to
from idp.web.wiring import provider


def refuse(asked: AuthorizationRequest, error: OAuthError) -> ResponseReturnValue:
    """Tell the app what is wrong, or whoever looks where no app may be told."""
    if not error.redirect:
        return errors.oauth_page(error)
    answer = {"error": error.error}
    if error.detail:
        answer["error_description"] = error.detail
    return back(asked, answer)


def back(asked: AuthorizationRequest, answer: dict[str, str]) -> ResponseReturnValue:
    """Send the browser back to the app with an answer."""
    going = addressed(provider(), asked, answer)
    if going.mode is not ResponseMode.FORM_POST:
        return redirect(going.location, code=303)
    page = make_response(render_template("oidc/form_post.html", going=going))
    return posting_to(going.redirect_uri).apply(page)


def addressed(portico: Provider, asked: AuthorizationRequest, answer: dict[str, str]) -> Response:
    """Address the answer, with the client's ``state`` and our ``iss`` (RFC 9207)."""
    state = {"state": asked.state} if asked.state else {}
    mode = mode_of(asked.response_type, asked.response_mode)
    issuer = portico.oidc.parts.issuer
    if not is_signed(asked.response_mode):
        return Response(mode, asked.redirect_uri, answer | state | {"iss": issuer})
    with portico.database.read() as tx:
        client = portico.clients.find(tx, asked.client_id)
        if client is None:
            raise RuntimeError("an answer for nobody")
        answer = jarm.signed(tx, portico.keys, issuer, client, answer | state)
    return Response(mode, asked.redirect_uri, answer)
