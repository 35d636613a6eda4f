"""The details form: every field read by its rule, or its problem. Pure.

Nothing that was typed is lost: what cannot be read is shown again as it stands.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import TypeVar

from idp.accounts.model import Address
from idp.authenticators.card.profiles import CardHolder
from idp.authenticators.directory.model import DirectoryPerson
from idp.registration import contact, fields, taiwan_ids
from idp.registration.fields import Problem
from idp.registration.flows import FieldName, Track

Value = TypeVar("Value")

EMAILS = ("email_1", "email_2", "email_3")
EMAIL_LIST, COURT = "email_list", "court"
ADDRESS = ("postal_code", "region", "street")
KEPT = (
    "name", "representative", "representative_title", "username", "national_id", "uniform_number",
    "birth_date", "phone", "mobile", *ADDRESS, *EMAILS,
    EMAIL_LIST, COURT,
)  # fmt: skip
"""The inputs that are filled in again; the password never is."""
LONGEST_INPUT = 400


@dataclass(frozen=True, slots=True)
class Details:
    """What the form says, each value in its normal form; empty where nothing was asked for."""

    name: str = ""
    representative: str = ""
    representative_title: str = ""
    account_name: str = ""
    national_id: str = ""
    uniform_number: str = ""
    birth_date: date | None = None
    phone: str = ""
    mobile: str = ""
    address: Address | None = None
    emails: tuple[str, ...] = ()
    court: str = ""


Problems = dict[str, Problem]
"""By the name of the input that each is about."""


@dataclass(frozen=True, slots=True)
class _Form:
    """What is asked for (and whether it must be given), what was typed, what is wrong with it."""

    wanted: Mapping[FieldName, bool]
    typed: Mapping[str, str]
    problems: Problems


def read(
    track: Track,
    typed: Mapping[str, str],
    *,
    today: date,
    card: CardHolder | None = None,
    entry: DirectoryPerson | None = None,
    courts: Collection[str] = (),
) -> tuple[Details, Problems]:
    """Read the form of a track; the details are whole when there are no problems.

    Args:
        card: whom the card of this registration names; what it proves is never taken as typed.
        entry: likewise, whom a directory names.
        courts: the codes that a court may be chosen from, where the entry names none.
    """
    wanted = {field.name: field.required for field in track.fields if not field.proven}
    form = _Form(wanted, typed, {})
    name = _read(form, FieldName.NAME, "name", fields.read_person_name)
    representative = _read(
        form, FieldName.REPRESENTATIVE, "representative", fields.read_person_name
    )
    title = _read(
        form,
        FieldName.REPRESENTATIVE_TITLE,
        "representative_title",
        fields.read_organisation_name,
    )
    account_name = _read(form, FieldName.ACCOUNT_NAME, "username", fields.read_account_name)
    phone = _read(form, FieldName.PHONE, "phone", contact.read_phone)
    mobile = _read(form, FieldName.MOBILE, "mobile", contact.read_mobile)
    details = Details(
        name=_proven_name(card, entry) or name or "",
        representative=representative or "",
        representative_title=title or "",
        account_name=account_name or "",
        national_id=_read(
            form, FieldName.NATIONAL_ID, "national_id", partial(_read_national_id, card=card)
        )
        or "",
        uniform_number=_uniform_number(form, card),
        birth_date=_read(
            form, FieldName.BIRTH_DATE, "birth_date", partial(fields.read_date, today=today)
        ),
        phone=phone.text if phone else "",
        mobile=mobile.text if mobile else "",
        address=_address(form),
        emails=_emails(form) or _email_list(form),
        court=_court(form, entry, courts),
    )
    return details, form.problems


def _proven_name(card: CardHolder | None, entry: DirectoryPerson | None) -> str:
    if card is not None:
        return card.name
    return entry.name if entry is not None else ""


def changeable(track: Track, *, has_proven_name: bool) -> Track:
    """Reduce a track to what its person may change later without a new proof."""
    later = {FieldName.BIRTH_DATE, FieldName.PHONE, FieldName.MOBILE, FieldName.ADDRESS}
    if not has_proven_name:
        later.add(FieldName.NAME)
    return replace(track, fields=tuple(field for field in track.fields if field.name in later))


def _read(
    form: _Form, field: FieldName, name: str, reader: Callable[[str], Value | Problem]
) -> Value | None:
    if field not in form.wanted:
        return None
    text = form.typed.get(name, "")[: LONGEST_INPUT + 1]
    if not text.strip() and not form.wanted[field]:
        return None
    outcome = reader(text)
    if isinstance(outcome, Problem):
        form.problems[name] = outcome
        return None
    return outcome


def _read_national_id(typed: str, *, card: CardHolder | None) -> str | Problem:
    number = taiwan_ids.read_personal_number(typed)
    if isinstance(number, Problem):
        return number
    if card is not None and card.id_tail and not number.text.endswith(card.id_tail):
        return Problem.NOT_THE_CARDS
    return number.text


def _uniform_number(form: _Form, card: CardHolder | None) -> str:
    """Give the number of the card where it has one; else what was typed."""
    if card is None or not card.uniform_number:
        reader = taiwan_ids.read_business_number
        return _read(form, FieldName.UNIFORM_NUMBER, "uniform_number", reader) or ""
    typed = fields.clean(form.typed.get("uniform_number", ""), LONGEST_INPUT, form="NFKC")
    if typed not in {Problem.EMPTY, card.uniform_number}:
        form.problems["uniform_number"] = Problem.NOT_THE_CARDS
    return card.uniform_number


def _address(form: _Form) -> Address | None:
    if FieldName.ADDRESS not in form.wanted:
        return None
    given = any(form.typed.get(name, "").strip() for name in ADDRESS)
    if not given and not form.wanted[FieldName.ADDRESS]:
        return None
    # Half an address is of no use: once something is typed, everything is asked for.
    whole = replace(form, wanted={FieldName.ADDRESS: True})
    readers = (contact.read_postal_code, contact.read_region, contact.read_street)
    parts = [
        _read(whole, FieldName.ADDRESS, name, reader)
        for name, reader in zip(ADDRESS, readers, strict=True)
    ]
    if not all(parts):
        return None
    found = contact.read_address(*(part or "" for part in parts))
    return None if isinstance(found, Problem) else found


def _emails(form: _Form) -> tuple[str, ...]:
    if FieldName.EMAILS not in form.wanted:
        return ()
    found: list[str] = []
    for name in EMAILS:
        text = form.typed.get(name, "").strip()
        if not text and name != EMAILS[0]:
            continue
        address = contact.read_email(text[: LONGEST_INPUT + 1])
        if isinstance(address, Problem):
            form.problems[name] = address
        elif address.casefold() in {one.casefold() for one in found}:
            form.problems[name] = Problem.DUPLICATE
        else:
            found.append(address)
    return tuple(found)


def _email_list(form: _Form) -> tuple[str, ...]:
    """Read up to three addresses in one line, the first of which is proven (P20)."""
    if FieldName.EMAIL_LIST not in form.wanted:
        return ()
    found = contact.read_emails(contact.parted(form.typed.get(EMAIL_LIST, "")))
    if isinstance(found, Problem):
        form.problems[EMAIL_LIST] = found
        return ()
    return found


def _court(form: _Form, entry: DirectoryPerson | None, courts: Collection[str]) -> str:
    if FieldName.COURT not in form.wanted or not asks_for_court(entry, courts):
        return ""
    chosen = form.typed.get(COURT, "")
    if chosen not in courts:
        form.problems[COURT] = Problem.EMPTY
        return ""
    return chosen


def asks_for_court(entry: DirectoryPerson | None, courts: Collection[str]) -> bool:
    """Tell whether a court has to be chosen: the directory names none, and there is a list."""
    return entry is not None and not entry.court and bool(courts)
