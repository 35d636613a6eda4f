"""The page between the password and the app: a code, a passkey or a recovery code.

It works for half a sign-in, and for a whole one that an app wants to be stronger (RFC 9470).
"""

from dataclasses import dataclass, field

import msgspec
from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from idp.accounts.model import SecondFactor
from idp.authenticators import Proof, Reason, Refusal
from idp.authenticators import passkey as passkeys
from idp.provider import Provider
from idp.sessions.actions import Opened
from idp.sessions.store import Session
from idp.signin import store
from idp.signin.second_factor import PASSKEY, RECOVERY_CODE, TOTP
from idp.web import errors, metrics
from idp.web.current import half_signed_in
from idp.web.forms import FieldError
from idp.web.raising import raise_session, user_agent
from idp.web.request import (
    browser_hash,
    demand_csrf,
    device,
    give_session,
    origin,
    single_form,
)
from idp.web.signin.journeys import App, Underway, underway
from idp.web.signin.password import PasskeyView
from idp.web.wiring import provider
from idp.web.wording.ways import RECOVERY_CODE_WRONG, REFUSED, heading_of

pages = Blueprint("second_factor", __name__)

_FIELD = {TOTP: "code", RECOVERY_CODE: "recovery_code", PASSKEY: ""}


class SecondFactorForm(msgspec.Struct, frozen=True):
    """The fields of the forms of ``signin/second_factor.html``; each sends its own."""

    journey: str = ""
    code: str = ""
    recovery_code: str = ""
    credential: str = ""
    csrf_token: str = ""
    action: str = "totp"
    """``totp``, ``recovery_code``, ``passkey`` or ``cancel``."""


@dataclass(frozen=True, slots=True)
class SecondFactorPage:
    """What ``signin/second_factor.html`` shows."""

    action: str
    journey: str
    app: App | None
    account_name: str
    takes_totp: bool
    takes_recovery: bool
    passkey: PasskeyView | None
    can_cancel: bool
    again_url: str
    errors: list[FieldError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Here:
    """Who is to show a factor, and what for."""

    journey: Underway
    session: Session


@pages.get("/signin/second-factor")
def show() -> ResponseReturnValue:
    """Ask for what the account can show."""
    here = _here(request.args.get("journey", ""))
    return _page(here, [], 200) if isinstance(here, _Here) else here


@pages.post("/signin/second-factor")
def submit() -> ResponseReturnValue:
    """Take one factor and go on with a session of its own, or say why not."""
    form = msgspec.convert(single_form(), SecondFactorForm)
    demand_csrf({"csrf_token": form.csrf_token})
    here = _here(form.journey)
    if not isinstance(here, _Here):
        return here
    portico = provider()
    if form.action == "cancel":
        with portico.database.write(origin()) as tx:
            store.deny_journey(tx, here.journey.id_hash)
        return redirect(here.journey.next_url, code=303)
    method = form.action if form.action in _FIELD else TOTP
    outcome = _try(portico, here.session, form, method)
    if isinstance(outcome, Refusal):
        return _refused(here, method, outcome.reason)
    metrics.signin(method, "ok")
    response = make_response(redirect(here.journey.next_url, code=303))
    return give_session(response, outcome.cookie, device())


def _here(journey_id: str) -> _Here | ResponseReturnValue:
    """Find who is to show a factor; sends away who has nothing to do here."""
    portico = provider()
    journey = underway(portico, journey_id)
    if journey is None:
        return errors.journey_lost()
    session = half_signed_in(portico)
    if session is None:
        return redirect(url_for("password.show", journey=journey.id or None), code=303)
    if session.two_factors or session.second_factor is SecondFactor.NONE:
        return redirect(journey.next_url, code=303)
    return _Here(journey, session)


def _try(
    portico: Provider, session: Session, form: SecondFactorForm, method: str
) -> Opened | Refusal:
    if method == PASSKEY:
        return _try_passkey(portico, session, form.credential)
    with portico.database.write(origin()) as tx:
        if method == RECOVERY_CODE:
            proof = portico.second_factor.prove_recovery_code(
                tx, session, form.recovery_code, user_agent()
            )
        else:
            proof = portico.second_factor.prove_totp(tx, session, form.code, user_agent())
        if isinstance(proof, Proof):
            return raise_session(tx, portico, session, proof, method)
    return proof


def _try_passkey(portico: Provider, session: Session, credential: str) -> Opened | Refusal:
    """Use the challenge up, verify outside any transaction, write down what came of it."""
    presented = passkeys.read(credential)
    if presented is None:
        return Refusal(Reason.PASSKEY_REFUSED)
    showing = portico.second_factor
    with portico.database.write(origin()) as tx:
        on_record = showing.admit_passkey(tx, session, presented, browser_hash())
    if isinstance(on_record, Refusal):
        return on_record
    shown = portico.passkeys.verify(presented, on_record)
    with portico.database.write(origin()) as tx:
        proof = showing.prove_passkey(tx, session, shown, user_agent())
        if isinstance(proof, Proof):
            return raise_session(tx, portico, session, proof, PASSKEY)
    return proof


def _refused(here: _Here, method: str, reason: Reason) -> Response:
    metrics.signin(method, reason)
    waits = reason is Reason.TOO_MANY_ATTEMPTS
    is_recovery = method == RECOVERY_CODE and reason is Reason.CODE_WRONG
    said = RECOVERY_CODE_WRONG if is_recovery else REFUSED[reason]
    error = FieldError("" if waits else _FIELD[method], said, heading=heading_of(reason))
    response = _page(here, [error], 429 if waits else 422)
    if waits:
        response.headers["Retry-After"] = "60"
    return response


def _page(here: _Here, problems: list[FieldError], status: int) -> Response:
    portico, journey, owner = provider(), here.journey, here.session.account_id
    with portico.database.write(origin()) as tx:
        has_passkeys = bool(passkeys.of_account(tx, owner))
        page = SecondFactorPage(
            action=url_for("second_factor.submit"),
            journey=journey.id,
            app=journey.app,
            account_name=here.session.account_name,
            takes_totp=portico.totp.in_use(tx, owner) is not None,
            takes_recovery=portico.recovery_codes.left(tx, owner) > 0,
            passkey=PasskeyView(
                url_for("second_factor.submit"),
                portico.passkeys.offer_authentication(tx, browser_hash(), owner),
            )
            if has_passkeys
            else None,
            can_cancel=journey.client is not None,
            again_url=url_for("password.show", journey=journey.id or None),
            errors=problems,
        )
    response = make_response(render_template("signin/second_factor.html", page=page), status)
    return journey.protect(response)
