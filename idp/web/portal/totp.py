"""``/account/totp``: the authenticator app, the recovery codes, and when they are asked for."""

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from markupsafe import Markup

from idp.accounts.model import SecondFactor
from idp.authenticators import Reason, Refusal
from idp.authenticators import totp as authenticator
from idp.authenticators.totp import Enrolment, InUse
from idp.provider import Provider
from idp.sessions.store import Session
from idp.signin.second_factor import TOTP
from idp.web import recent, returning
from idp.web.portal import recovery_codes, second_factors
from idp.web.request import demand_csrf, origin, single_form, speaks
from idp.web.wiring import provider
from idp.web.wording.ways import FIELD_OF, REFUSED

pages = Blueprint("totp", __name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence about the field."""

    message: LazyString
    field: str = "code"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the app has to be told: the picture, and the same as text."""

    picture: Markup
    secret: str


@dataclass(frozen=True, slots=True)
class TotpPage:
    """What ``portal/totp.html`` shows."""

    action: str
    journey: str
    in_use: InUse | None
    waiting: Waiting | None
    has_factor: bool
    codes_left: int
    always: bool
    is_last: bool
    demanding: list[str]
    """The apps that will refuse the person once the last factor is gone."""
    passkeys_url: str
    errors: list[Problem] = field(default_factory=list)


@pages.get("/account/totp")
def show() -> ResponseReturnValue:
    """Show how things stand; the secret only to who has just signed in."""
    journey = request.args.get("journey", "")
    session = second_factors.enter(returning.TOTP, journey)
    return _page(session, journey) if isinstance(session, Session) else session


@pages.post("/account/totp")
def change() -> ResponseReturnValue:
    """Carry out one change, for who has proven recently who they are."""
    form = single_form()
    demand_csrf(form)
    journey = form.get("journey", "")
    session = second_factors.enter(returning.TOTP, journey)
    if not isinstance(session, Session):
        return session
    portico = provider()
    if not recent.is_sure(portico, session):
        return recent.make_sure(portico, session, journey or returning.TOTP)
    act = _ACTIONS.get(form.get("action", ""))
    return act(portico, session, form) if act else _back(form)


def _begin(portico: Provider, session: Session, form: dict[str, str]) -> ResponseReturnValue:
    with portico.database.write(origin()) as tx:
        portico.factors.begin_totp(tx, session)
    return _back(form)


def _confirm(portico: Provider, session: Session, form: dict[str, str]) -> ResponseReturnValue:
    with portico.database.write(origin()) as tx:
        found = portico.factors.confirm_totp(tx, session, form.get("code", ""))
        opened = None
        if not isinstance(found, Refusal):
            opened = second_factors.raised(tx, portico, session, authenticator.AMR, TOTP)
    journey = form.get("journey", "")
    if isinstance(found, Refusal):
        status = 429 if found.reason is Reason.TOO_MANY_ATTEMPTS else 422
        problem = Problem(REFUSED[found.reason], FIELD_OF[found.reason])
        return _page(session, journey, [problem], status)
    return second_factors.enrolled(session, found, opened, returning.TOTP, journey)


def _remove(portico: Provider, session: Session, form: dict[str, str]) -> ResponseReturnValue:
    with portico.database.write(origin()) as tx:
        portico.factors.remove_totp(tx, session)
    return _back(form, saved=True)


def _renew(portico: Provider, session: Session, form: dict[str, str]) -> ResponseReturnValue:
    with portico.database.write(origin()) as tx:
        made = portico.factors.renew_codes(tx, session)
    if made is None:
        return _back(form)
    return recovery_codes.show(session, made.codes, url_for("totp.show"))


def _always(portico: Provider, session: Session, form: dict[str, str]) -> ResponseReturnValue:
    with portico.database.write(origin()) as tx:
        portico.factors.ask(tx, session, always=form.get("action") == "always")
    return _back(form, saved=True)


def _back(form: dict[str, str], *, saved: bool = False) -> ResponseReturnValue:
    """Go back to the page, which says that it is done where it is."""
    journey, flag = form.get("journey") or None, 1 if saved else None
    return redirect(url_for("totp.show", journey=journey, saved=flag), code=303)


_ACTIONS: dict[str, Callable[[Provider, Session, dict[str, str]], ResponseReturnValue]] = {
    "begin": _begin,
    "confirm": _confirm,
    "remove": _remove,
    "renew": _renew,
    "always": _always,
    "on_demand": _always,
}


def _page(
    session: Session, journey: str, problems: list[Problem] | None = None, status: int = 200
) -> ResponseReturnValue:
    portico, owner = provider(), session.account_id
    with portico.database.read() as tx:
        waiting = None
        if recent.is_sure(portico, session):
            waiting = portico.totp.waiting(tx, owner, session.id)
        is_last = second_factors.is_last(tx, portico, session)
        page = TotpPage(
            action=url_for("totp.change"),
            journey=journey,
            in_use=portico.totp.in_use(tx, owner),
            waiting=_drawn(authenticator.enrolment(waiting, _site(portico), session.account_name))
            if waiting
            else None,
            has_factor=second_factors.has_factor(session),
            codes_left=portico.recovery_codes.left(tx, owner),
            always=session.second_factor is SecondFactor.ALWAYS,
            is_last=is_last,
            demanding=second_factors.demanding(tx, portico, session) if is_last else [],
            passkeys_url=url_for("passkeys.show", journey=journey or None),
            errors=problems or [],
        )
    return second_factors.shown("portal/totp.html", session, page, status)


def _drawn(enrolment: Enrolment) -> Waiting:
    # Ours alone: a library's drawing of an address that holds no markup of anybody's.
    return Waiting(Markup(enrolment.picture()), enrolment.secret)  # noqa: S704


def _site(portico: Provider) -> str:
    """Name the portal as the app will list it, in the language of the page."""
    names = {str(locale): name for locale, name in portico.config.provider.names.items()}
    return names.get(speaks()) or next(iter(names.values()))
