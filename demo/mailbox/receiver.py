"""The SMTP side: takes mail for anybody, on loopback alone."""

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from demo.mailbox.pile import Pile

LARGEST_BYTES = 10 * 1024 * 1024


class _Receiver:
    """What aiosmtpd calls; the names are its own."""

    def __init__(self, pile: Pile) -> None:
        self._pile = pile

    async def handle_DATA(  # noqa: N802 - named after the SMTP command
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        raw = envelope.original_content or b""
        self._pile.put(raw, sender=envelope.mail_from or "", recipients=envelope.rcpt_tos)
        return "250 Kept"


def receiver(pile: Pile, port: int) -> Controller:
    """Make a server that puts what it receives on ``pile``; start and stop it yourself."""
    return Controller(
        _Receiver(pile),
        hostname="127.0.0.1",
        port=port,
        data_size_limit=LARGEST_BYTES,
        enable_SMTPUTF8=True,
        ident="Portico demo mailbox",
    )
