"""The ways to sign in that an operator has switched on, equal beside one another."""

from dataclasses import dataclass

from flask import url_for
from flask_babel import LazyString
from flask_babel import lazy_pgettext as pgettext

from idp.provider import Provider


@dataclass(frozen=True, slots=True)
class Way:
    """One entry above the form."""

    id: str
    label: LazyString
    url: str
    is_current: bool


def ways(portico: Provider, current: str, journey_id: str) -> list[Way]:
    """List the ways; the judges' is there even where it can only say why it is not open."""
    # Translators: 帳號密碼, manual P01; short, three of these stand beside one another
    found = [("password", pgettext("way", "Password"), "password.show")]
    if portico.config.cards.enabled:
        # Translators: 憑證卡, manual P03
        found.append(("card", pgettext("way", "Card"), "card.show"))
    # Translators: 法官 (AD), manual P04
    found.append(("directory", pgettext("way", "Judges (AD)"), "directory.show"))
    return [
        Way(name, label, url_for(endpoint, journey=journey_id or None), name == current)
        for name, label, endpoint in found
    ]
