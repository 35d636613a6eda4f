"""填寫帳號, 基本資料: the form of a kind of account (P10 to P12)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta, timezone

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString

from idp.authenticators import Reason
from idp.provider import Provider
from idp.registration import contact, forms
from idp.registration.flows import FieldName, Step
from idp.registration.forms import Details
from idp.secret import Secret
from idp.signin.counters import Attempt
from idp.signin.throttle import Proceed
from idp.web.forms import FieldError
from idp.web.request import origin, speaks
from idp.web.signin.registering import flow
from idp.web.signin.registering.flow import At, Posted
from idp.web.signin.registering.proven import Fact, facts
from idp.web.wiring import provider
from idp.web.wording.details import details_errors
from idp.web.wording.passwords import password_errors, password_help
from idp.web.wording.ways import refusal_error

pages = Blueprint("register_details", __name__)

_TAIPEI = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True)
class DetailsPage:
    """What ``signin/register/details.html`` shows."""

    action: str
    facts: list[Fact]
    """What the card or the directory says; nobody can change it here."""
    is_of_directory: bool
    courts: dict[str, str]
    """What a court is chosen from, by their codes; empty where it is not asked for."""
    court_told: str
    """What the directory names as the court where that is none of ours."""
    asks: dict[str, bool]
    """Each field that the kind of account asks for, and whether it is required."""
    typed: Mapping[str, str]
    regions: tuple[str, ...]
    password_help: list[LazyString | str]
    has_password: bool
    """One was chosen before: left empty, it stays."""
    strength_url: str
    errors: list[FieldError] = field(default_factory=list)


@pages.get("/register-account/details")
def show() -> ResponseReturnValue:
    """Show the form with what was typed before."""
    place = flow.at(Step.DETAILS, flow.asked_flow())
    if not isinstance(place, At):
        return place
    return _page(place, place.under.answers.typed or _suggested(place), [], 200)


def _suggested(place: At) -> dict[str, str]:
    """Fill in the addresses that the directory has: to begin with, and never believed."""
    proof = place.under.answers.directory
    return {forms.EMAIL_LIST: "; ".join(proof.person.mails[:3])} if proof else {}


@pages.post("/register-account/details")
def answer() -> ResponseReturnValue:
    """Check every field; whatever is wrong, nothing typed is lost but the password."""
    posted = flow.posted(Step.DETAILS)
    if not isinstance(posted, Posted):
        return posted
    place, form = posted.place, posted.form
    portico = provider()
    today = portico.database.clock().astimezone(_TAIPEI).date()
    card, proof = place.under.answers.card, place.under.answers.directory
    details, problems = forms.read(
        place.under.track,
        form,
        today=today,
        card=card.holder if card else None,
        entry=proof.person if proof else None,
        courts=portico.registering.by_directory.courts(place.under),
    )
    found = details_errors(problems)
    found += _password_errors(portico, place, form, details)
    typed = {name: form.get(name, "")[: forms.LONGEST_INPUT] for name in forms.KEPT}
    if found:
        return _page(place, typed, _in_order(found), 422)
    chosen = Secret(form.get("password", ""))
    if not _may_go_on(portico, place, details, chosen):
        return _page(place, typed, [refusal_error(Reason.TOO_MANY_ATTEMPTS)], 429)
    phc_hash = portico.password.hash_in_turn(chosen) if chosen else ""
    if phc_hash is None:
        return _page(place, typed, [refusal_error(Reason.BUSY)], 503)
    with portico.database.write(origin()) as tx:
        portico.registering.describe(tx, place.under, details, typed=typed, phc_hash=phc_hash)
    return flow.again(place.flow_id)


def _may_go_on(portico: Provider, place: At, details: Details, chosen: Secret[str]) -> bool:
    """Count what a flow could be misused for: hashes made, names and numbers asked about."""
    wanted = [("new_password", bool(chosen))]
    before = place.under.answers
    asked_about = {
        "account_name": (before.account_name, details.account_name),
        "personal_number": (before.national_id, details.national_id),
        "uniform_number": (before.uniform_number, details.uniform_number),
    }
    wanted += [(gate, bool(old) and new != old) for gate, (old, new) in asked_about.items()]
    with portico.database.write(origin()) as tx:
        verdicts = [
            portico.gate.reserve(
                tx, Attempt(gate, place.flow_id, tx.origin.address), captcha=True
            ).verdict
            for gate, is_asked in wanted
            if is_asked
        ]
    return all(isinstance(verdict, Proceed) for verdict in verdicts)


def _password_errors(
    portico: Provider, place: At, form: Mapping[str, str], details: Details
) -> list[FieldError]:
    track = place.under.track
    chosen, repeated = Secret(form.get("password", "")), Secret(form.get("password_again", ""))
    kept = bool(place.under.answers.phc_hash) and not chosen and not repeated
    if kept or not track.asks(FieldName.PASSWORD):
        return []
    words = [
        details.account_name, details.name, details.representative, details.national_id,
        details.uniform_number, *details.emails,
    ]  # fmt: skip
    found = portico.passwords.judge(track.kind, chosen, repeated, filter(None, words))
    policy = portico.passwords.policy_for(track.kind)
    return password_errors(found, policy)


_ORDER = (
    "name", "representative", "representative_title", "username", "password", "password_again",
    "national_id", "uniform_number", "birth_date", "phone", "mobile",
    *forms.ADDRESS, forms.COURT, *forms.EMAILS, forms.EMAIL_LIST,
)  # fmt: skip


def _in_order(found: list[FieldError]) -> list[FieldError]:
    return sorted(found, key=lambda one: _ORDER.index(one.field))


def _page(
    place: At, typed: Mapping[str, str], problems: list[FieldError], status: int
) -> ResponseReturnValue:
    portico, track = provider(), place.under.track
    proven = facts(place.under)
    proof = place.under.answers.directory
    courts = portico.registering.by_directory.courts(place.under, speaks())
    asks_court = forms.asks_for_court(proof.person if proof else None, courts)
    page = DetailsPage(
        action=url_for("register_details.answer"),
        facts=proven,
        is_of_directory=proof is not None,
        courts=courts if asks_court else {},
        court_told=proof.person.court_told if proof else "",
        asks={
            one.name.value: one.required
            for one in track.fields
            if not one.proven and one.name not in {fact.id for fact in proven}
            if asks_court or one.name is not FieldName.COURT
        },
        typed=typed,
        regions=contact.REGIONS,
        password_help=password_help(portico.passwords.policy_for(track.kind)),
        has_password=bool(place.under.answers.phc_hash),
        strength_url=url_for("strength.estimate"),
        errors=problems,
    )
    return flow.show("details.html", place, Step.DETAILS, page, status)
