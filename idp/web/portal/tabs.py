"""The list of a person's own pages, on top of each of them."""

from dataclasses import dataclass

from flask import url_for
from flask_babel import LazyString

from idp.accounts.model import Kind
from idp.web.wiring import provider
from idp.web.wording.account import ACCOUNT_PAGES, CARDS_PAGE


@dataclass(frozen=True, slots=True)
class Tab:
    """One entry of the list."""

    id: str
    label: LazyString | str
    url: str
    is_current: bool


def may_have_cards(kind: str) -> bool:
    """Tell whether an account may be opened by a card: a judge's is by the directory alone."""
    return provider().config.cards.enabled and kind != Kind.JUDGE


def tabs(current: str, kind: str) -> list[Tab]:
    """List the pages of ``ACCOUNT_PAGES``; ``current`` is the one at hand.

    Args:
        kind: of the account whose pages they are.
    """
    absent = set() if may_have_cards(kind) else {CARDS_PAGE}
    return [
        Tab(page, label, url_for(endpoint), page == current)
        for page, (endpoint, label) in ACCOUNT_PAGES.items()
        if page not in absent
    ]
