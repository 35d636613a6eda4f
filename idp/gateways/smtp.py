"""Mail to the outside world, over SMTP."""

import smtplib
import ssl
from email.message import EmailMessage

from idp.config import SmtpSection


class Unreachable(Exception):
    """The server does not answer, or broke off; trying again is right."""


class Refused(Exception):
    """The server will not take this mail. ``permanent``: nor will it later (5xx)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"SMTP {code}")
        self.permanent = 500 <= code < 600


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
            with self._connect() as server:
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as refused:
            raise Refused(min(code for code, _ in refused.recipients.values())) from refused
        except smtplib.SMTPResponseException as refused:
            raise Refused(refused.smtp_code) from refused
        except (smtplib.SMTPException, OSError) as broken:
            raise Unreachable(type(broken).__name__) from broken

    def _connect(self) -> smtplib.SMTP:
        section = self._section
        if section.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                section.host, section.port, timeout=section.timeout_seconds, context=self._tls
            )
        else:
            server = smtplib.SMTP(section.host, section.port, timeout=section.timeout_seconds)
        if section.security == "starttls":
            server.starttls(context=self._tls)
        if section.username:
            server.login(section.username, section.password)
        return server
