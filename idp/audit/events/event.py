"""What every event of the audit log has."""

from typing import ClassVar

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened. Who set it in motion comes with the transaction."""

    name: ClassVar[str]
    for_owner: ClassVar[bool] = False
    """Whether the account's owner finds it in the account's own history (``history.py``)."""

    subject: str = ""
    client_id: str = ""
