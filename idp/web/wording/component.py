"""How the programs that reach the card stand, and how a try with one ends."""

from collections.abc import Mapping

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

CARD_STATES: Mapping[str, LazyString] = {
    "looking": _("Looking for the card component …"),
    "not_running": _(
        "The card component does not answer. Start it, or install it first. This page then goes "
        "on by itself. If it is running already, open its window."
    ),
    "bridge_lost": _(
        "The card component has stopped. Nothing was signed. Start it again. This page then goes "
        "on by itself."
    ),
    "asking": _(
        "The card component has not answered yet. If your browser asks whether this site may "
        "reach other programs on this computer, choose Allow. If it does not ask, the component "
        "may hang: start it again, or open its window."
    ),
    "blocked": _(
        "Your browser does not let this site reach the card component. Open the component's window "
        "instead, or allow it in the settings of this site."
    ),
    "too_old": _("The card component on this computer is too old. Install the current one."),
    "origin_denied": _(
        "The card component does not know this site yet. Let it know once, with this line in a "
        "terminal; then try again."
    ),
    "no_module": _(
        "The driver of your card was not found. Install it, then start the component again."
    ),
    "no_reader": _("No card reader is connected. Plug it in."),
    "no_card": _("Put your card into the reader."),
    "wrong_card": _("This card is of a kind that is not taken here. Put another one in."),
    "ready": _("Your card is ready. Press the button."),
    "refused": _(
        "The card in the reader is the one that was not accepted. Put another one in, or try again."
    ),
    "busy": _("The card is in use in another window. End that first, then try again."),
    "waiting": _("Go to the component's window: compare the digits and type your PIN there."),
    "sending": _("Your card has signed. One moment …"),
    "cancelled": _("You have cancelled it. Nothing was signed."),
    "window_closed": _("The component's window was closed. Nothing was signed. Try again."),
    "timeout": _("That took too long. Nothing was signed. Try again."),
    "card_removed": _("The card was taken out. Nothing was signed. Put it in and try again."),
    "no_credential": _("No certificate to sign in with was found on this card."),
    "pin_incorrect": _("The PIN was wrong. Wrong ones in a row lock the card."),
    "pin_incorrect_last": _(
        "The PIN was wrong, and one more wrong one locks the card. If you are not sure of it, ask "
        "the authority that issued your card first."
    ),
    "pin_last_try": _(
        "One try is left, and you did not spend it. If you are not sure of the PIN, ask the "
        "authority that issued your card."
    ),
    "pin_locked": _(
        "The PIN is locked after too many wrong tries. The authority that issued your card "
        "unlocks it, at its site or at a counter."
    ),
    "pin_length": _("A PIN of this length cannot be right. No try was spent."),
    "too_many": _("Too many requests in a short time. Wait a minute, then try again."),
    "popup_blocked": _(
        "The browser has blocked the component's window. Allow windows of this site, mostly at the "
        "end of the address bar, then try again."
    ),
    "unsupported": _("The card component cannot do this. Install the current one."),
    "bad_request": _("The card component did not understand this page. Install the current one."),
    "ticket_invalid": _("The card component has let go of this page. Try again."),
    "module_error": _(
        "The card or its driver has failed. Take the card out, put it in, try again."
    ),
}
"""What the script may say, by the bridge's own codes; it shows one at a time."""
CARD_FAILURES = frozenset(
    {
        "bridge_lost",
        "timeout",
        "card_removed",
        "no_credential",
        "pin_incorrect",
        "pin_incorrect_last",
        "pin_last_try",
        "pin_locked",
        "pin_length",
        "too_many",
        "popup_blocked",
        "unsupported",
        "bad_request",
        "ticket_invalid",
        "module_error",
        "cert_expired",
    }
)
"""Those that say how a try has failed; the others say how things stand, or what was chosen."""
HIPKI_STATES: Mapping[str, LazyString] = {
    code: CARD_STATES[code]
    for code in (
        "sending",
        "cancelled",
        "timeout",
        "no_reader",
        "no_card",
        "wrong_card",
        "no_credential",
        "pin_incorrect",
        "pin_incorrect_last",
        "pin_locked",
        "module_error",
    )
} | {
    "ready": _("Put your card into the reader and type its PIN."),
    "waiting": _("The component's window is at work. Leave the card in the reader."),
    "not_installed": _(
        "The component does not answer. Start it, or install it first, then try again."
    ),
    "origin_denied": _("The component does not know this site yet. Let it know, then try again."),
    "no_module": _("The component cannot load the driver of your card. Install HiCOS anew."),
    "unsupported": _("The component is too old for this. Install the current one."),
    "cert_expired": _("This card is not valid yet, or not any more. Its authority renews it."),
    "pin_length": _("The PIN has six to eight digits. No try was spent."),
    "window_closed": _("The component's window was closed. Nothing was signed. Try again."),
    "popup_blocked": _(
        "The browser has blocked the component's window. Allow windows of this site, mostly at "
        "the end of the address bar, then try again."
    ),
}
"""How the other component stands, and how a try with it ends; its codes are in ``hipki.js``."""
