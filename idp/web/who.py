"""Who is signed in, for the head of every page after the sign-in."""

from dataclasses import dataclass

from flask_babel import LazyString

from idp.provider import Provider
from idp.sessions.store import Session
from idp.web.current import signed_in
from idp.web.wiring import provider
from idp.web.wording.account import KINDS


@dataclass(frozen=True, slots=True)
class Who:
    """What the head of the page shows."""

    name: str
    kind_label: LazyString | str
    on_behalf_of: str = ""


def who(name: str, kind: str) -> Who:
    """Name a person and the kind of account they act as."""
    return Who(name, KINDS[kind])


def who_of(session: Session) -> Who:
    """Name the person of a session as the front page does, without asking the database again."""
    profile = provider().accounts.open_profile(session.account_id, session.profile_sealed)
    return who(profile.name or session.account_name, session.kind)


def signed_in_as(portico: Provider) -> str:
    """Name who is there already, for a page that signs in; empty: nobody."""
    session = signed_in(portico)
    return who_of(session).name if session else ""
