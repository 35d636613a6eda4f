"""Mail to the outside world, over SMTP."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage

from idp.config import SmtpSection


class Unreachable(Exception):
    """The server does not answer, or broke off; trying again is right."""


class Refused(Exception):
    """The server said no: to this mail (``permanent``: for good), or ``of_us`` as a sender."""

    def __init__(self, code: int, *, of_us: bool = False) -> None:
        super().__init__(f"SMTP {code}")
        self.permanent = code >= 500 and not of_us
        self.of_us = of_us


class SmtpGateway:
    """Sends one mail a connection; never logs what is in it."""

    def __init__(self, section: SmtpSection) -> None:
        self._section = section
        self._tls = ssl.create_default_context()

    def send(self, mail: EmailMessage) -> None:
        """Hand a mail over; returns once the server has taken responsibility for it.

        Raises:
            Unreachable: try again later.
            Refused: the server said no.
        """
        try:
            with self._connection() as server:
                self._introduce(server)
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as refused:
            raise Refused(min(code for code, _ in refused.recipients.values())) from refused
        except smtplib.SMTPDataError as refused:
            raise Refused(refused.smtp_code) from refused
        except smtplib.SMTPResponseException as refused:
            # The greeting, our credentials or our sender: an operator puts that right.
            raise Refused(refused.smtp_code, of_us=True) from refused
        except (smtplib.SMTPException, OSError) as broken:
            raise Unreachable(type(broken).__name__) from broken

    @contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        section = self._section
        if section.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                section.host, section.port, timeout=section.timeout_seconds, context=self._tls
            )
        else:
            server = smtplib.SMTP(section.host, section.port, timeout=section.timeout_seconds)
        try:
            yield server
        finally:
            with suppress(smtplib.SMTPException, OSError):  # a rude goodbye undoes no acceptance
                server.quit()
            server.close()

    def _introduce(self, server: smtplib.SMTP) -> None:
        if self._section.security == "starttls":
            server.starttls(context=self._tls)
        if self._section.username:
            server.login(self._section.username, self._section.password)
