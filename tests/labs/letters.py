"""The mails that wait in the outbox, opened; for tests that need no mail server."""

import msgspec

from idp import worker
from idp.mail.messages import AnyMessage, Letter
from idp.provider import Provider


def waiting(portico: Provider) -> list[Letter]:
    """Take every mail that is due out of the outbox, in the order it was put there."""
    found: list[Letter] = []
    worker.deliver(portico, "recovery", worker.answer_recovery, 20)
    while True:
        with portico.database.write() as tx:
            leased = portico.outbox.lease(tx, "mail", 50)
            for row in leased:
                portico.outbox.mark_sent(tx, row.id)
        if not leased:
            return found
        found += [msgspec.json.decode(row.payload, type=Letter) for row in leased]


def messages(portico: Provider, recipient: str) -> list[AnyMessage]:
    """Open what was sent to one address."""
    return [letter.message for letter in waiting(portico) if letter.recipient == recipient]
