"""Mails as they came in, and what of them can be shown. Nothing in a mail is trusted."""

from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail that was received, for people and for tests."""

    id: str
    received_at: datetime
    sender: str
    recipients: str
    subject: str
    text: str
    """The plain text part; empty when there is none."""
    html: str
    headers: tuple[tuple[str, str], ...]
    """In their order, decoded, the envelope's own first."""


def read_letter(letter_id: str, received_at: datetime, raw: bytes) -> Letter:
    """Take a mail apart. One that cannot be read is shown as it came."""
    try:
        return _taken_apart(letter_id, received_at, raw)
    except Exception as broken:  # noqa: BLE001 - the parser raises whatever its bugs make it raise
        as_it_came = raw.decode("utf-8", "replace")
        subject = f"(cannot be read: {type(broken).__name__})"
        return Letter(letter_id, received_at, "", "", subject, as_it_came, "", ())


def _taken_apart(letter_id: str, received_at: datetime, raw: bytes) -> Letter:
    mail = message_from_bytes(raw, _class=EmailMessage, policy=default)
    headers = tuple((name, _one_line(value)) for name, value in mail.items())
    return Letter(
        id=letter_id,
        received_at=received_at,
        sender=_header(headers, "from"),
        recipients=_header(headers, "to"),
        subject=_header(headers, "subject"),
        text=_part(mail, "plain"),
        html=_part(mail, "html"),
        headers=headers,
    )


def _one_line(value: object) -> str:
    return " ".join(str(value).encode("utf-8", "replace").decode("utf-8").split())


def _header(headers: tuple[tuple[str, str], ...], wanted: str) -> str:
    return next((value for name, value in headers if name.lower() == wanted), "")


def _part(mail: EmailMessage, subtype: str) -> str:
    part = mail.get_body(preferencelist=(subtype,))
    if part is None:
        return ""
    octets = part.get_payload(decode=True)
    if not isinstance(octets, bytes):
        return ""
    try:
        return octets.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:  # a charset nobody knows
        return octets.decode("utf-8", "replace")
