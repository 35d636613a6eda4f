"""Sentences of the operator's own, in the language of the page."""

from idp.provider import Provider
from idp.web.request import speaks


def card_notice(portico: Provider) -> str:
    """Give what the operator says about cards; empty: nothing."""
    notices = {str(locale): text for locale, text in portico.config.cards.notices.items()}
    return notices.get(speaks()) or next(iter(notices.values()), "")
