"""帳號資訊: what a person sees and changes of their own account, a page a matter (P31, P06)."""

from idp.web.portal.account import (
    apps,
    cards,
    court,
    data,
    details,
    emails,
    history,
    password,
    sessions,
)

BLUEPRINTS = (
    details.pages,
    court.pages,
    emails.pages,
    password.pages,
    sessions.pages,
    apps.pages,
    cards.pages,
    history.pages,
    data.pages,
)
