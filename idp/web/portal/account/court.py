"""The court of who chose it, because the directory names none: changed by its holder."""

from dataclasses import dataclass, field

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from idp.accounts import offices
from idp.accounts.model import Account, Office
from idp.authenticators.directory.courts import Courts
from idp.registration import forms
from idp.registration.fields import Problem
from idp.signin import court_choice
from idp.web.forms import FieldError
from idp.web.portal.account import place
from idp.web.portal.account.place import Here, Posted
from idp.web.request import origin, speaks
from idp.web.wiring import provider
from idp.web.wording.details import details_errors

pages = Blueprint("own_court", __name__)


@dataclass(frozen=True, slots=True)
class CourtPage:
    """What ``portal/account/court.html`` shows."""

    action: str
    courts: dict[str, str]
    """What it is chosen from, by their codes."""
    chosen: str
    told: str
    """What the directory has in the place of a court where that is none; mostly nothing."""
    errors: list[FieldError] = field(default_factory=list)


@pages.get("/account/court")
def show() -> ResponseReturnValue:
    """Show the list, to who has just signed in; whose court the directory names has none."""
    found = place.here("court", sensitive=True)
    if not isinstance(found, Here):
        return found
    held = _own(found.account)
    return _page(found, held, []) if held else redirect(url_for("account.show"), code=303)


@pages.post("/account/court")
def choose() -> ResponseReturnValue:
    """Keep the court that was chosen."""
    posted = place.posted("court")
    if not isinstance(posted, Posted):
        return posted
    found, chosen = posted.here, posted.form.get(forms.COURT, "")
    held = _own(found.account)
    if held is None:
        return redirect(url_for("account.show"), code=303)
    portico = provider()
    names = Courts(portico.config.directories).listed(held.directory, "")
    if chosen not in names:
        problems = details_errors({forms.COURT: Problem.EMPTY})
        return _page(found, held, problems, 422)
    with portico.database.write(origin()) as tx:
        court_choice.choose(tx, portico.trail, found.account, held, (chosen, names[chosen]))
    return place.saved("account.show")


def _own(account: Account) -> Office | None:
    """Give the office of who may choose; ``None`` where the directory names the court."""
    portico = provider()
    with portico.database.read() as tx:
        held = offices.of(tx, account.id)
    return held if held and may_choose(held) else None


def may_choose(held: Office) -> bool:
    """Tell whether the court is its holder's to choose, and there is something to choose from."""
    courts = Courts(provider().config.directories).listed(held.directory, "")
    return bool(courts) and court_choice.is_own(held)


def _page(
    found: Here, held: Office, problems: list[FieldError], status: int = 200
) -> ResponseReturnValue:
    page = CourtPage(
        action=url_for("own_court.choose"),
        courts=Courts(provider().config.directories).listed(held.directory, speaks()),
        chosen=held.court,
        told=held.court_told,
        errors=problems,
    )
    return place.show("court.html", found, "account", page, status)
