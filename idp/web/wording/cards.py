"""What a card is called, and why one is not taken."""

from collections.abc import Mapping

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.authenticators.card.ownership import Mismatch
from idp.authenticators.card.reasons import Flaw
from idp.signin.account_cards import Bar

CARD_NOT_ASKED: LazyString = _(
    "This page was open for too long, or its answer was used already. Try again."
)
CARD_REFUSED: Mapping[Flaw, LazyString] = {
    Flaw.MALFORMED: _("This card's certificate cannot be read."),
    Flaw.WEAK_KEY: _("This card's key is too short to be safe. Ask for a new card."),
    Flaw.WEAK_SIGNATURE: _("This card's certificate is signed in a way that is no longer safe."),
    Flaw.WRONG_PURPOSE: _("This certificate is not for signing in. Use the card's other one."),
    Flaw.UNKNOWN_CRITICAL: _("This card's certificate holds something that is not known here."),
    Flaw.UNKNOWN_ISSUER: _("Cards of this authority are not taken here."),
    Flaw.WRONG_HOLDER_TYPE: _("This card is for another kind of holder."),
    Flaw.WRONG_ATTRIBUTES: _(
        "This card's certificate does not say who its holder is, in the way it should."
    ),
    Flaw.WRONG_POLICY: _("This card is not of the level of assurance that is needed here."),
    Flaw.NOT_YET_VALID: _("This card is not valid yet."),
    Flaw.EXPIRED: _("This card has expired. Its authority renews it."),
    Flaw.WRONG_PATH: _("This card's certificate was not issued by the authority it names."),
    Flaw.REVOKED: _(
        "This card has been revoked and cannot be used any more. Ask its authority for a new one. "
        "To sign in meanwhile, take another way."
    ),
    # Translators: 停用, cards of the authorities
    Flaw.SUSPENDED: _(
        "This card is suspended. Its authority resumes it when you ask for it; your account stays."
    ),
    Flaw.COULD_NOT_CHECK: _(
        "Whether this card is revoked cannot be checked at the moment. Try again in some minutes, "
        "or take another way."
    ),
}
CARD_NOT_ADDED: Mapping[Mismatch | Bar, LazyString] = {
    Bar.OF_DIRECTORY: _(
        "This account opens by your court's directory alone: no card is added to it."
    ),
    Mismatch.KIND: _(
        "This card is of another kind of holder than this account: persons and organisations have "
        "accounts of their own."
    ),
    Mismatch.NAME: _(
        "The name on this card is not the name of this account. Only your own card can be added."
    ),
    Mismatch.HOLDER: _(
        "The authority of this card knows its holder by another number than that of this account's "
        "other card. If the card is yours, remove the other card first."
    ),
    Mismatch.NATIONAL_ID: _(
        "The national id on this card is not that of this account. Only your own card can be added."
    ),
    Mismatch.UNIFORM_NUMBER: _(
        "The uniform number on this card is not that of this account. Only a card of the same "
        "organisation can be added."
    ),
    Mismatch.ORGANISATION: _(
        "This card is of another organisation than this account's other card."
    ),
    Bar.TAKEN: _("This card cannot be added: it was added before."),
    Bar.UNREACHED: _(
        "The first card of this account takes more than the password: a code to a verified e-mail "
        "address, or a second factor. Set up one of them first."
    ),
    Bar.NOT_NOW: _("That took too long, or was done already. Try again."),
}
CARD_IS_LAST: LazyString = _(
    "This card is the last way into your account. Set a password or add another card first."
)
CARD_KINDS: Mapping[str, LazyString] = {
    # Translators: 自然人憑證, a kind of card
    "moica": _("Citizen certificate"),
    # Translators: 工商憑證, a kind of card
    "moeaca": _("Business certificate"),
    # Translators: 組織及團體憑證, a kind of card
    "xca": _("Organisation certificate"),
    # Translators: 政府機關憑證, a kind of card
    "gca": _("Agency certificate"),
    "": _("Certificate card"),
}
"""By the id of the profile."""
CARD_RANKS: Mapping[str, LazyString] = {
    # Translators: 正卡, of an organisation
    "primary": _("Primary card"),
    # Translators: 附卡, of an organisation
    "secondary": _("Secondary card"),
    # Translators: 行動自然人憑證, a kind of card
    "mobile": _("In a telephone"),
}
