"""Who is signed in, for the head of every page after the sign-in."""

from dataclasses import dataclass

from flask_babel import LazyString

from idp.web.wording import KINDS


@dataclass(frozen=True, slots=True)
class Who:
    """What the head of the page shows."""

    name: str
    kind_label: LazyString | str
    on_behalf_of: str = ""


def who(name: str, kind: str) -> Who:
    """Name a person and the kind of account they act as."""
    return Who(name, KINDS[kind])
