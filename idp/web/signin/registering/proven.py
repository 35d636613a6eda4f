"""What the card of a registration says, as its pages show it: read-only, and from the card."""

from dataclasses import dataclass

from flask_babel import LazyString

from idp.authenticators.card.profiles import CardHolder
from idp.registration.store import Under
from idp.web import wording


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a certificate says."""

    id: str
    label: LazyString | str
    value: LazyString | str


def facts(under: Under) -> list[Fact]:
    """List what the card says, in the order of the form; nothing where there is none."""
    return _said(under.answers.card.holder) if under.answers.card else []


def _said(holder: CardHolder) -> list[Fact]:
    said: dict[str, LazyString | str] = {
        "card": wording.CARD_KINDS[holder.profile_id],
        "name": holder.name,
        "id_tail": holder.id_tail,
        "uniform_number": holder.uniform_number,
        "organisation_oid": holder.organisation_oid,
        "rank": wording.CARD_RANKS.get(holder.rank, ""),
    }
    labels = wording.PROVEN if holder.id_tail else wording.PROVEN | wording.PROVEN_OF_ORGANISATION
    return [Fact(name, labels[name], value) for name, value in said.items() if value]
