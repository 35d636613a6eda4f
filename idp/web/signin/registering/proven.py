"""What the proof of a registration says, as its pages show it: read-only."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import LazyString

from idp.authenticators.card.profiles import CardHolder
from idp.authenticators.directory.model import DirectoryPerson
from idp.registration.store import Under
from idp.web.request import speaks
from idp.web.wiring import provider
from idp.web.wording.cards import CARD_KINDS, CARD_RANKS
from idp.web.wording.proven import PROVEN, PROVEN_OF_ORGANISATION


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a certificate or a directory says."""

    id: str
    label: LazyString | str
    value: LazyString | str


def facts(under: Under) -> list[Fact]:
    """List what is proven, in the order of the form; nothing where there is none."""
    answers = under.answers
    if answers.directory is not None:
        courts = provider().registering.by_directory.courts(under, speaks())
        return _listed(_entry(answers.directory.person, courts), PROVEN)
    if answers.card is None:
        return []
    holder = answers.card.holder
    labels = PROVEN if holder.id_tail else PROVEN | PROVEN_OF_ORGANISATION
    return _listed(_said(holder), labels)


def titled(person: DirectoryPerson) -> str:
    """Write a name as courts do, its title behind it: 王大明 法官."""
    has_title = not person.title or person.name.endswith(person.title)
    return person.name if has_title else f"{person.name} {person.title}"


def _entry(person: DirectoryPerson, courts: Mapping[str, str]) -> dict[str, LazyString | str]:
    return {
        "name": titled(person),
        "ad_account": person.account,
        "court": courts.get(person.court, person.court_name) if person.court else "",
    }


def _said(holder: CardHolder) -> dict[str, LazyString | str]:
    return {
        "card": CARD_KINDS[holder.profile_id],
        "name": holder.name,
        "id_tail": holder.id_tail,
        "uniform_number": holder.uniform_number,
        "organisation_oid": holder.organisation_oid,
        "rank": CARD_RANKS.get(holder.rank, ""),
    }


def _listed(said: dict[str, LazyString | str], labels: Mapping[str, LazyString]) -> list[Fact]:
    return [Fact(name, labels[name], value) for name, value in said.items() if value]
