"""A real SMTP receiver on loopback that keeps what it is given, and can be difficult."""

import contextlib
import email
import socket
import ssl
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.labs.ports import free_port


@dataclass
class Sink:
    """What arrived, in order, and how the server answers; the hooks' names are aiosmtpd's."""

    port: int
    letters: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    to_sender: str = "250 OK"
    to_recipient: str = "250 OK"
    to_letter: str = "250 Kept"
    to_goodbye: str = "221 Bye"
    breaks_off: bool = False
    """Keep the letter and drop the connection instead of saying so."""
    at_goodbye: Callable[[], None] = lambda: None
    """Called when a client that was told 250 takes its leave."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def message_ids(self) -> list[str]:
        """List the Message-ID of each letter that arrived."""
        return [str(letter["Message-ID"]) for letter in self.letters]

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.to_sender.startswith("2"):
            envelope.mail_from = address
        return self.to_sender

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.to_recipient.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.to_recipient

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.to_letter.startswith("2"):
            self._keep(envelope)
        if self.breaks_off and server.transport is not None:
            server.transport.close()
        return self.to_letter

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.at_goodbye()
        return self.to_goodbye

    def _keep(self, envelope: Envelope) -> None:
        raw = envelope.original_content or b""
        letter = email.message_from_bytes(raw, policy=WIRE)
        assert isinstance(letter, EmailMessage)
        with self._lock:
            self.raw.append(raw)
            self.letters.append(letter)
            self.recipients.extend(envelope.rcpt_tos)


@contextlib.contextmanager
def sink(
    port: int = 0, *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None
) -> Generator[Sink]:
    """Receive mail until the block ends."""
    receiving = Sink(port or free_port())
    more: dict[str, Any] = {"ssl_context": tls, "tls_context": starttls}
    more["require_starttls"] = starttls is not None
    server = Controller(receiving, "127.0.0.1", receiving.port, ready_timeout=10, **more)
    server.start()
    try:
        yield receiving
    finally:
        server.stop()


@contextlib.contextmanager
def black_hole() -> Generator[int]:
    """Give a port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield int(listening.getsockname()[1])
