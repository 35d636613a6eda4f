"""憑證安裝設定 (P40): what signing in by card needs, how it is installed, and what is here of it.

The check is the browser's: its script asks the bridge, and nothing of it comes to us.
"""

from dataclasses import dataclass

from flask import Blueprint, make_response, render_template
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.clock import system_clock
from idp.mail.messages import known_as
from idp.provider import Provider
from idp.web.cards import own_origin, taking_cards
from idp.web.headers import PAGES
from idp.web.notices import card_notice
from idp.web.raising import user_agent
from idp.web.request import speaks
from idp.web.wording.component import CARD_STATES

pages = Blueprint("component", __name__)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the check: what is expected, and what to do where it is missing."""

    id: str
    title: LazyString
    expected: LazyString
    remedy: LazyString
    codes: tuple[str, ...] = ()
    """The states of the sign-in page (``CARD_STATES``) that say that this is what is missing."""
    anchor: str = ""
    """The step of the installation that mends it."""


@dataclass(frozen=True, slots=True)
class ComponentPage:
    """What ``portal/component.html`` shows."""

    checks: tuple[Check, ...]
    chain: tuple[Check, ...]
    """In the order in which a sign-in needs them: where one is missing, the next are not known."""
    states: dict[str, LazyString]
    browser: str
    now_ms: int
    ports: list[int]
    origin: str
    site_name: str
    component_url: str
    driver_url: str
    notice: str
    help_desk: str


CHECKS = (
    Check(
        "script",
        _("JavaScript"),
        _("switched on"),
        _("Allow JavaScript for this site in the settings of the browser."),
    ),
    Check(
        "clock",
        _("Clock of this computer"),
        _("correct to two minutes"),
        _("Let the clock set itself, in the settings of the system."),
    ),
    Check(
        "popup",
        _("Pop-up windows"),
        _("allowed for this site"),
        _("Allow them where the browser keeps this page from the component."),
    ),
)
CHAIN = (
    Check(
        "permission",
        _("Permission of the browser"),
        _("this site may reach programs of this computer"),
        _("Choose Allow when the browser asks, or allow it in the settings of this site."),
        ("blocked",),
    ),
    Check(
        "bridge",
        _("Card component"),
        _("runs on this computer and knows this site"),
        _("Install it and start it: cardbridge run. If it runs, let it know this site: step 4."),
        ("not_running", "origin_denied"),  # it says nothing that a site it does not know can read
        "bridge",
    ),
    Check(
        "version",
        _("Its version"),
        _("speaks as this site does"),
        _("Install the current one."),
        ("too_old",),
        "bridge",
    ),
    Check(
        "module",
        _("Driver of the card"),
        _("found by the component"),
        _("Install it, then start the component again."),
        ("no_module", "module_error"),
        "driver",
    ),
    Check(
        "reader",
        _("Card reader"),
        _("connected"),
        _("Plug it in; install the driver of its maker if the system does not know it."),
        ("no_reader",),
        "reader",
    ),
    Check(
        "card",
        _("Certificate card"),
        _("in the reader, of a kind that is taken here"),
        _("Put it in, the chip first and facing up."),
        ("no_card", "wrong_card"),
    ),
)
_STATES = {
    "not_running": _(
        "The card component does not answer this page. It is asked again every moment."
    ),
    "ready": _("Your card is ready: everything that signing in by card needs is here."),
}
"""Where the sign-in page offers more than this one has."""
_SEEN = {"looking", "asking", "ready", *(code for check in CHAIN for code in check.codes)}


@pages.get("/component")
def show() -> ResponseReturnValue:
    """Show the page; open to everybody, where cards are taken."""
    portico = taking_cards()
    cards = portico.config.cards
    page = ComponentPage(
        checks=CHECKS,
        chain=CHAIN,
        states={code: said for code, said in CARD_STATES.items() if code in _SEEN} | _STATES,
        browser=known_as(user_agent()),
        now_ms=round(system_clock().timestamp() * 1000),
        ports=cards.bridge_ports,
        origin=own_origin(portico),
        site_name=_site_name(portico),
        component_url=cards.component_url,
        driver_url=cards.driver_url,
        notice=card_notice(portico),
        help_desk=portico.config.provider.help_desk,
    )
    response = make_response(render_template("portal/component.html", page=page))
    return PAGES.calling_loopback(page.ports).apply(response)


def _site_name(portico: Provider) -> str:
    names = {str(locale): name for locale, name in portico.config.provider.names.items()}
    return names.get(speaks()) or next(iter(names.values()))
