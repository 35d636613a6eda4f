"""What a page says that stands alone because something cannot go on."""

from collections.abc import Mapping

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

ERRORS: Mapping[int, tuple[LazyString, LazyString, LazyString]] = {
    400: (
        _("This request cannot be used"),
        _("Something in the address or the form is missing or not right. Nothing was changed."),
        _("Go back to the app you came from and begin again."),
    ),
    403: (
        _("This form is no longer valid"),
        _("It was open too long, or sent from another page. Nothing was changed."),
        _(
            "Go back, reload the page and send it again. If somebody has signed in in another "
            "window meanwhile, open the application again instead."
        ),
    ),
    404: (
        _("There is no such page"),
        _("The address may be mistyped, or the page has moved."),
        _("Begin at the portal's front page."),
    ),
    405: (
        _("This page cannot be used that way"),
        _("The browser asked in a way that this address does not answer."),
        _("Begin at the portal's front page."),
    ),
    413: (
        _("That was too much"),
        _("What was sent is larger than this page takes. Nothing was changed."),
        _("Go back and send less."),
    ),
    429: (
        _("Too many requests"),
        _("From your network, too many requests came in a short time."),
        _("Wait a minute and try again."),
    ),
    500: (
        _("Something went wrong on our side"),
        _("Nothing was changed. The operators can find out more by the reference number."),
        _("Try again in a few minutes. If it happens again, tell the help desk the number."),
    ),
    503: (
        _("The portal is busy or being repaired"),
        _("Nothing was changed."),
        _("Try again in a minute."),
    ),
}
JOURNEY_LOST = (
    _("This sign-in is no longer open"),
    _("It took too long, was finished already, or was begun in another browser."),
    _("Go back to the app you came from and sign in again."),
)
REGISTRATION_LOST = (
    _("This registration is no longer open"),
    _("It took too long, was cancelled, or was begun in another browser. Nothing was kept."),
    _("Begin again on the sign-in page."),
)
CODES_LOST = (
    _("These recovery codes are shown no longer"),
    _(
        "They were shown for a quarter of an hour, or newer ones have replaced them. Nothing was "
        "changed."
    ),
    _("If you have not kept them, make new ones on the page of your authenticator app."),
)
APP_REFUSED = (
    _("The app's request cannot be used"),
    _("The app that sent you here made a mistake, so you were not sent back to it."),
    _("Tell the people who run the app; they will need the text below."),
)
