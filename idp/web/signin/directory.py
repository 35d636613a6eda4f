"""Judges sign in with an account of their court's directory (P04): the form, and why there is none.

The password goes to the directory and nowhere else.
"""

from dataclasses import dataclass, field
from functools import partial

import msgspec
from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _

from idp.authenticators import Refusal
from idp.authenticators.directory.model import DirectoryPerson
from idp.config import DirectorySection
from idp.provider import Provider
from idp.secret import Secret
from idp.signin import store
from idp.signin.actions import Browser
from idp.signin.directory import Found, Means
from idp.web import errors
from idp.web.forms import FieldError
from idp.web.raising import user_agent
from idp.web.request import browser_hash, demand_csrf, device, origin, single_form, speaks
from idp.web.signin import concluding, negotiating
from idp.web.signin.journeys import App, Underway, underway
from idp.web.signin.negotiating import Pages
from idp.web.signin.ways import Way, ways
from idp.web.who import signed_in_as
from idp.web.wiring import provider
from ui import look

pages = Blueprint("directory", __name__)

LONGEST_LOGIN = 256


class DirectoryForm(msgspec.Struct, frozen=True):
    """The fields of ``signin/directory.html``."""

    journey: str = ""
    username: str = ""
    password: str = ""
    csrf_token: str = ""
    action: str = "continue"
    """``continue`` (also by the Enter key), or ``cancel``."""


@dataclass(frozen=True, slots=True)
class Realm:
    """A directory that people may be of."""

    name: str
    example: str
    """How a name of it is written whole; empty where it has no such form."""


@dataclass(frozen=True, slots=True)
class DirectoryPage:
    """What ``signin/directory.html`` shows."""

    action: str
    journey: str
    app: App | None
    username: str
    realms: list[Realm]
    """Empty: no directory is configured, and there is no form."""
    can_cancel: bool
    help_desk: str
    ways: list[Way] = field(default_factory=list)
    errors: list[FieldError] = field(default_factory=list)
    signed_in_as: str = ""

    @property
    def examples(self) -> str:
        """How names are written whole, a directory each; empty where none has such a form."""
        written = [f"{one.example} ({one.name})" for one in self.realms if one.example]
        return ", ".join(written)

    @property
    def focus(self) -> str:
        """Which field is typed into next; empty: the reasons are read first."""
        return "" if self.errors else ("password" if self.username else "username")


@pages.get("/signin/directory")
def show() -> ResponseReturnValue:
    """Show the form; ``login_hint`` fills in the account. A ticket makes it superfluous."""
    portico = provider()
    journey = underway(portico, request.args.get("journey", ""))
    if journey is None:
        return errors.journey_lost()
    plain = partial(form_page, journey, journey.login_hint[:64], [], 200)
    return negotiating.answer(portico, journey, Pages(plain, partial(form_page, journey, "")))


@pages.post("/signin/directory")
def submit() -> ResponseReturnValue:
    """Ask the directory and return to the journey, or show the form again with the reason."""
    form = msgspec.convert(single_form(), DirectoryForm)
    demand_csrf({"csrf_token": form.csrf_token})
    portico = provider()
    journey = underway(portico, form.journey)
    if journey is None:
        return errors.journey_lost()
    if form.action == "cancel":
        return _cancel(portico, journey)
    page = partial(form_page, journey, form.username[:LONGEST_LOGIN])
    missing = _missing(form)
    if missing or not portico.config.directories:
        return page(missing, 422)
    return _try(portico, journey, form, page)


def _try(
    portico: Provider, journey: Underway, form: DirectoryForm, page: concluding.Page
) -> ResponseReturnValue:
    """Count the try, ask, and write down what came of it: nothing is open while it is asked."""
    login = form.username.strip()[:LONGEST_LOGIN]
    browser = Browser(browser_hash(), device(), user_agent(), speaks())
    claimed = portico.directories.claims(login)
    with portico.database.write(origin()) as tx:
        admitted = portico.directory_signing_in.admit(tx, login, claimed, browser)
    if isinstance(admitted, Refusal):
        return concluding.refused(page, admitted)
    password = Secret(form.password)
    found = portico.directories.sign_in(login, password)
    means = _means(portico, found)
    return concluding.conclude(portico, journey, found, means, page=page, admitted=admitted)


def _means(portico: Provider, found: Found) -> Means:
    """Take the words of the directory that has answered; of none, the first one's."""
    sections = portico.config.directories
    if isinstance(found, DirectoryPerson):
        return concluding.by_password(section_of(portico, found))
    return concluding.by_password(sections[0])


def section_of(portico: Provider, person: DirectoryPerson) -> DirectorySection:
    """Give the configuration of a person's directory."""
    return next(one for one in portico.config.directories if one.id == person.directory)


def _missing(form: DirectoryForm) -> list[FieldError]:
    wanted = (
        ("username", form.username.strip(), _("Type your account.")),
        ("password", form.password, _("Type your password.")),
    )
    return [FieldError(name, sentence) for name, value, sentence in wanted if not value]


def _cancel(portico: Provider, journey: Underway) -> ResponseReturnValue:
    with portico.database.write(origin()) as tx:
        store.deny_journey(tx, journey.id_hash)
    return redirect(journey.next_url, code=303)


def form_page(
    journey: Underway, username: str, problems: list[FieldError], status: int
) -> Response:
    """Show the form, or that no directory is configured; also below a challenge for a ticket."""
    portico = provider()
    look.stands_for(url_for("directory.show"))
    page = DirectoryPage(
        action=url_for("directory.submit"),
        journey=journey.id,
        app=journey.app,
        username=username,
        realms=[_realm(one) for one in portico.config.directories],
        can_cancel=journey.client is not None,
        help_desk=portico.config.provider.help_desk,
        ways=ways(portico, "directory", journey.id),
        errors=problems,
        signed_in_as=signed_in_as(portico),
    )
    response = make_response(render_template("signin/directory.html", page=page), status)
    return journey.protect(response)


def _realm(section: DirectorySection) -> Realm:
    names = {str(locale): name for locale, name in section.names.items()}
    name = names.get(speaks()) or next(iter(names.values()), section.id)
    account = str(_("account"))  # somebody's name would be taken for what is to be typed
    if section.domain:
        return Realm(name, f"{section.domain}\\{account}")
    return Realm(name, f"{account}@{section.upn_suffixes[0]}" if section.upn_suffixes else "")
