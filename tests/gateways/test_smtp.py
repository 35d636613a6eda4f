"""The SMTP gateway against a real server: whose fault a refusal is, and what counts as sent."""

import socket
import threading
import time
from email.message import EmailMessage
from pathlib import Path
from typing import Literal

import pytest

from idp.config import SmtpSection
from idp.gateways.smtp import Refused, SmtpGateway, Unreachable
from tests.labs.smtp_sink import black_hole, sink
from tests.labs.tls import certify


def mail() -> EmailMessage:
    written = EmailMessage()
    written["From"] = "no-reply@portico.example"
    written["To"] = "ming@people.example"
    written["Subject"] = "新的瀏覽器"
    written.set_content("陳𠮷祥 您好\n")
    return written


def gateway(
    port: int,
    host: str = "127.0.0.1",
    *,
    security: Literal["none", "starttls", "tls"] = "none",
    patience: int = 10,
) -> SmtpGateway:
    return SmtpGateway(
        SmtpSection(host=host, port=port, security=security, timeout_seconds=patience)
    )


def test_a_mail_arrives_with_every_character() -> None:
    with sink() as server:
        gateway(server.port).send(mail())

    (letter,) = server.letters
    assert letter["Subject"] == "新的瀏覽器"
    assert "陳𠮷祥" in letter.get_content()
    assert server.recipients == ["ming@people.example"]


@pytest.mark.parametrize(
    ("place", "code", "permanent", "of_us"),
    [
        ("to_recipient", 550, True, False),
        ("to_recipient", 451, False, False),
        ("to_letter", 554, True, False),
        ("to_letter", 452, False, False),
        ("to_sender", 550, False, True),
        ("to_sender", 450, False, True),
    ],
)
def test_a_refusal_is_for_good_only_if_it_is_about_this_mail(
    place: str, code: int, permanent: bool, of_us: bool
) -> None:
    with sink() as server:
        setattr(server, place, f"{code} No")
        with pytest.raises(Refused) as refused:
            gateway(server.port).send(mail())

    assert (refused.value.permanent, refused.value.of_us) == (permanent, of_us)
    assert str(refused.value) == f"SMTP {code}"
    assert server.letters == []


def test_a_greeting_that_turns_us_away_is_not_this_mails_fault() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:

        def greet() -> None:
            connection, _ = busy.accept()
            with connection:
                connection.sendall(b"554 Not you\r\n")

        greeting = threading.Thread(target=greet)
        greeting.start()
        with pytest.raises(Refused) as refused:
            gateway(busy.getsockname()[1]).send(mail())
        greeting.join()

    assert (refused.value.permanent, refused.value.of_us) == (False, True)


@pytest.mark.parametrize("goodbye", ["421 Too late", "500 What?"])
def test_what_the_server_has_taken_is_sent_however_it_says_goodbye(goodbye: str) -> None:
    with sink() as server:
        server.to_goodbye = goodbye
        gateway(server.port).send(mail())

    assert len(server.letters) == 1


def test_a_server_that_breaks_off_before_it_answers_has_not_taken_it() -> None:
    with sink() as server:
        server.breaks_off = True
        with pytest.raises(Unreachable):
            gateway(server.port).send(mail())


def test_D7_a_black_hole_is_left_after_its_time() -> None:
    with black_hole() as port:
        began = time.monotonic()
        with pytest.raises(Unreachable):
            gateway(port, patience=1).send(mail())

        assert time.monotonic() - began < 2


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_over_tls_a_certificate_is_verified(
    security: Literal["starttls", "tls"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = certify(tmp_path, "localhost")
    at_once = tls.server if security == "tls" else None
    on_request = tls.server if security == "starttls" else None
    with sink(tls=at_once, starttls=on_request) as server:
        with pytest.raises(Unreachable):
            gateway(server.port, security=security).send(mail())

        monkeypatch.setenv("SSL_CERT_FILE", str(tls.ca_file))
        with pytest.raises(Unreachable):
            gateway(server.port, security=security).send(mail())  # it is no 127.0.0.1
        gateway(server.port, "localhost", security=security).send(mail())

    assert len(server.letters) == 1


def test_a_server_without_starttls_gets_no_mail_in_the_clear() -> None:
    with sink() as server, pytest.raises(Unreachable):
        gateway(server.port, security="starttls").send(mail())

    assert server.letters == []
