"""修改基本資料: what is known of a person, masked; changed after proving who one is (P31, B05)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta, timezone

import msgspec
from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString

from idp.accounts import offices, proofs, status
from idp.accounts.model import Account, Kind, Office
from idp.accounts.particulars import Field as Particular
from idp.accounts.particulars import masked
from idp.accounts.proofs import Attribute
from idp.audit.events.accounts import AccountChanged
from idp.authenticators.card import cards
from idp.authenticators.directory import roles
from idp.authenticators.directory.courts import Courts
from idp.database.transaction import Transaction
from idp.registration import contact, flows, forms
from idp.registration.fields import Problem
from idp.registration.flows import Field, FieldName, ProofKind, Track
from idp.registration.forms import Details
from idp.web.forms import FieldError
from idp.web.portal.account import place
from idp.web.portal.account.court import may_choose
from idp.web.portal.account.place import Here, Posted
from idp.web.request import origin, speaks
from idp.web.wiring import provider
from idp.web.wording.account import KIND_OF_ACCOUNT, KINDS, NAME_HERE
from idp.web.wording.details import FIELDS, details_errors
from idp.web.wording.proven import BETWEEN, COURT_CHOSEN, OFFICE
from ui import roc_calendar

pages = Blueprint("account", __name__)

_TAIPEI = timezone(timedelta(hours=8))
_ANY = tuple(
    Field(name, required=False)
    for name in (FieldName.BIRTH_DATE, FieldName.PHONE, FieldName.MOBILE, FieldName.ADDRESS)
)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is known."""

    label: LazyString | str
    value: str


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """What ``portal/account/overview.html`` shows."""

    lines: list[Line]
    electronic_id: str
    change_url: str
    """Empty where there is nothing that could be changed here."""
    office: list[Line]
    """What the court's directory says; read-only. Empty for who is of none."""
    court_url: str = ""
    """Where the court is chosen; empty where the directory names it."""
    court_told: str = ""
    """What the directory names as the court where that is none of ours."""


@dataclass(frozen=True, slots=True)
class DetailsPage:
    """What ``portal/account/details.html`` shows."""

    action: str
    asks: dict[str, bool]
    typed: Mapping[str, str]
    fixed_name: str
    """The name that the owner could change if no card opened the account; empty: there is none."""
    regions: tuple[str, ...]
    errors: list[FieldError] = field(default_factory=list)


@pages.get("/account")
def show() -> ResponseReturnValue:
    """Show what is known; numbers and addresses in part only."""
    found = place.here("account")
    if not isinstance(found, Here):
        return found
    account = found.account
    told, held = _told(account), _held(account)
    office = _office(held) if held else []
    label = FIELDS
    chosen = Courts(provider().config.directories).of_office(held, speaks()) if held else ""
    lines = [
        Line(label["name"], account.profile.name),
        Line(NAME_HERE if held else label["username"], account.account_name),
        Line(KIND_OF_ACCOUNT, str(KINDS[account.kind])),
        Line(COURT_CHOSEN, chosen if held and may_choose(held) else ""),
        Line(label["birth_date"], masked(told["birth_date"])),
        Line(label["phone"], masked(told["phone"])),
        Line(label["mobile"], masked(told["mobile"])),
        Line(label["address"], _blurred(account)),
    ]
    page = OverviewPage(
        [line for line in lines if line.value],
        account.electronic_id,
        "" if office else url_for("account.change"),
        office,
        url_for("own_court.show") if held and may_choose(held) else "",
        held.court_told if held else "",
    )
    return place.show("overview.html", found, "account", page)


def _held(account: Account) -> Office | None:
    if account.kind is not Kind.JUDGE:
        return None
    with provider().database.read() as tx:
        return offices.of(tx, account.id)


def _office(held: Office) -> list[Line]:
    sections = provider().config.directories
    courts = Courts(sections)
    said = {
        "ad_account": held.ad_account,
        "court": "" if may_choose(held) else courts.of_office(held, speaks()),
        "department": held.department,
        "title": held.title,
        "employee_number": held.employee_number,
        "roles": str(BETWEEN).join(roles.of_office(sections, held, speaks())),
    }
    return [Line(OFFICE[name], value) for name, value in said.items() if value]


@pages.get("/account/details")
def change() -> ResponseReturnValue:
    """Show the form, whole values in it: only to who has just signed in."""
    found = place.here("details", sensitive=True)
    if not isinstance(found, Here):
        return found
    return _page(found, _told(found.account), [], 200)


@pages.post("/account/details")
def keep() -> ResponseReturnValue:
    """Check and keep the details."""
    posted = place.posted("details")
    if not isinstance(posted, Posted):
        return posted
    found, form = posted.here, posted.form
    portico = provider()
    today = portico.database.clock().astimezone(_TAIPEI).date()
    with portico.database.read() as tx:
        track = _track(found.account, has_cards=_has_cards(tx, found.account))
    details, problems = forms.read(track, form, today=today)
    if problems:
        wrong = details_errors(problems)
        typed = {name: form.get(name, "")[: forms.LONGEST_INPUT] for name in forms.KEPT}
        return _page(found, typed, wrong, 422)
    _keep(found.account, details)
    return place.saved("account.show")


def _keep(account: Account, details: Details) -> None:
    portico, before = provider(), account.profile
    after = msgspec.structs.replace(
        before,
        name=details.name or before.name,
        birthdate=details.birth_date.isoformat() if details.birth_date else "",
        phone_number=details.mobile or details.phone,
        phone_number_verified=before.phone_number_verified
        and before.phone_number == (details.mobile or details.phone),
        address=details.address,
    )
    with portico.database.write(origin()) as tx:
        status.hold(tx, account.id)  # a card may be added at the same moment
        if _has_cards(tx, account):
            after = msgspec.structs.replace(after, name=before.name)
        names = [
            one for one in before.__struct_fields__ if getattr(before, one) != getattr(after, one)
        ]
        if "name" in names:
            proofs.forget(tx, account.id, [Attribute.NAME])
        portico.accounts.describe(tx, account.id, after)
        numbers = {Particular.PHONE: details.phone, Particular.MOBILE: details.mobile}
        portico.particulars.put(tx, account.id, account.kind, numbers)
        portico.trail.append(tx, AccountChanged(subject=account.subject, fields=names))


def _has_cards(tx: Transaction, account: Account) -> bool:
    """Tell whether a card opens an account: its name is how the next one is compared."""
    return bool(cards.of_account(tx, account.id))


def _track(account: Account, *, has_cards: bool) -> Track:
    """Give the form of a kind of account, without what only a new proof could change."""
    own = next((one for one in flows.TRACKS.values() if one.kind is account.kind), None)
    if own is None:
        return Track("other", account.kind, ProofKind.NOTHING, _ANY)
    proven = own.proof is not ProofKind.NOTHING
    return forms.changeable(own, has_proven_name=proven or has_cards)


def _told(account: Account) -> dict[str, str]:
    """Fill the form from the record."""
    portico, profile = provider(), account.profile
    with portico.database.read() as tx:
        held = portico.particulars.of(tx, account.id)
    mobile = held.get(Particular.MOBILE, "")
    phone = held.get(Particular.PHONE, "")
    if not mobile and not phone and profile.phone_number:
        is_mobile = not isinstance(contact.read_mobile(profile.phone_number), Problem)
        mobile, phone = (profile.phone_number, "") if is_mobile else ("", profile.phone_number)
    address = profile.address
    return {
        "name": profile.name,
        "birth_date": _day(profile.birthdate),
        "phone": contact.as_dialled(phone),
        "mobile": contact.as_dialled(mobile),
        "postal_code": address.postal_code if address else "",
        "region": address.region if address else "",
        "street": (address.locality + address.street_address) if address else "",
    }


def _day(birthdate: str) -> str:
    """Write a birth date as it is typed here; an app may have told less than a whole one."""
    try:
        return roc_calendar.typed(date.fromisoformat(birthdate), speaks())
    except ValueError:
        return birthdate


def _blurred(account: Account) -> str:
    """Show county and city of an address, and that there is more."""
    address = account.profile.address
    return f"{address.region}{'•' * 6}" if address else ""


def _page(
    found: Here, typed: Mapping[str, str], problems: list[FieldError], status: int
) -> ResponseReturnValue:
    with provider().database.read() as tx:
        has_cards = _has_cards(tx, found.account)
    asked = _track(found.account, has_cards=has_cards).fields
    without = _track(found.account, has_cards=False).fields
    is_fixed = any(one.name is FieldName.NAME for one in set(without) - set(asked))
    page = DetailsPage(
        action=url_for("account.keep"),
        asks={one.name.value: one.required for one in asked},
        typed=typed,
        fixed_name=found.account.profile.name if is_fixed else "",
        regions=contact.REGIONS,
        errors=problems,
    )
    return place.show("details.html", found, "account", page, status)
