"""The mailbox, by real SMTP from one side and by its pages from the other."""

import html
import re
import smtplib
import socket
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from demo.mailbox.letters import read_letter
from demo.mailbox.links import linked
from demo.mailbox.pages import create_app
from demo.mailbox.pile import Pile
from demo.mailbox.receiver import receiver
from tests.clock import MovableClock

NAME = "陳𠮷祥"  # the second character lies beyond the BMP


@pytest.fixture
def pile(tmp_path: Path) -> Pile:
    return Pile(tmp_path)


@pytest.fixture
def smtp(pile: Pile) -> Iterator[smtplib.SMTP]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = receiver(pile, port)
    server.start()
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as connection:
        yield connection
    server.stop()


@pytest.fixture
def visitor(pile: Pile) -> FlaskClient:
    return create_app(pile).test_client()


def mail(subject: str = "啟用帳號", to: str = "citizen1@portico.example") -> EmailMessage:
    written = EmailMessage()
    written["From"] = "no-reply@portico.example"
    written["To"] = to
    written["Subject"] = subject
    written.set_content(f"{NAME} 您好:\nhttp://localhost:9000/activate?code=1\n")
    return written


def test_a_mail_is_on_the_page_and_in_the_json_as_it_was_written(
    smtp: smtplib.SMTP, visitor: FlaskClient
) -> None:
    smtp.send_message(mail())

    inbox = visitor.get("/").text
    (letter,) = visitor.get("/api/messages").json or []

    assert "啟用帳號" in inbox
    assert letter["subject"] == "啟用帳號"
    assert letter["sender"] == "no-reply@portico.example"
    assert letter["recipients"] == "citizen1@portico.example"
    assert letter["text"].startswith(f"{NAME} 您好")
    assert ["Return-Path", "<no-reply@portico.example>"] in letter["headers"]
    assert visitor.get(f"/api/messages/{letter['id']}").json == letter


def test_the_newest_letter_comes_first_and_one_recipient_can_be_asked_for(
    smtp: smtplib.SMTP, visitor: FlaskClient
) -> None:
    smtp.send_message(mail("first"))
    smtp.send_message(mail("second", to="lawyer1@portico.example"))

    everybody = visitor.get("/api/messages").json or []
    lawyer = visitor.get("/api/messages?to=Lawyer1@").json or []

    assert [each["subject"] for each in everybody] == ["second", "first"]
    assert [each["subject"] for each in lawyer] == ["second"]


def test_links_of_the_plain_text_can_be_followed(smtp: smtplib.SMTP, visitor: FlaskClient) -> None:
    smtp.send_message(mail())
    (letter,) = visitor.get("/api/messages").json or []

    page = visitor.get(f"/letters/{letter['id']}").text

    assert '<a href="http://localhost:9000/activate?code=1"' in page
    assert NAME in page


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("請洽服務台：help@portico.example。", ["mailto:help@portico.example"]),
        ("請至http://localhost:9000/a?b=1&c=2啟用帳號", ["http://localhost:9000/a?b=1&c=2"]),
        ("See (https://a.example/b), or write.", ["https://a.example/b"]),
        ("https://a.example/activate?code=a_B-1.\nThen", ["https://a.example/activate?code=a_B-1"]),
        ('<a href="javascript:alert(1)">x</a>', []),
        ('http://a.example/"onmouseover="alert(1)', ["http://a.example/"]),
        ("若不是您本人，請立即通知服務台", []),
    ],
)
def test_a_link_ends_where_the_sentence_around_it_begins(text: str, links: list[str]) -> None:
    written = linked(text)

    assert [html.unescape(one) for one in re.findall(r'href="([^"]*)"', written)] == links
    assert html.unescape(re.sub(r"<[^>]*>", "", written)) == text


def test_html_is_shown_on_demand_in_a_frame_that_runs_nothing(
    smtp: smtplib.SMTP, visitor: FlaskClient
) -> None:
    attack = '<p>Hello</p><script>alert(1)</script></iframe><b id="out">'
    written = mail()
    written.add_alternative(attack, subtype="html")
    smtp.send_message(written)
    (letter,) = visitor.get("/api/messages").json or []

    plain = visitor.get(f"/letters/{letter['id']}")
    shown = visitor.get(f"/letters/{letter['id']}?part=html")

    assert "<iframe" not in plain.text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in shown.text
    assert "&lt;script&gt;alert(1)" in shown.text
    assert '<b id="out">' not in shown.text
    assert "script-src 'self'" in shown.headers["Content-Security-Policy"]


def test_markup_in_headers_and_text_is_only_text(smtp: smtplib.SMTP, visitor: FlaskClient) -> None:
    written = mail("<script>alert(1)</script>")
    written.set_content("<img src=x onerror=alert(1)>")
    smtp.send_message(written)
    (letter,) = visitor.get("/api/messages").json or []

    pages = visitor.get("/").text + visitor.get(f"/letters/{letter['id']}").text

    assert "<script>alert" not in pages
    assert "<img" not in pages


def test_letters_outlive_a_restart(smtp: smtplib.SMTP, pile: Pile, tmp_path: Path) -> None:
    smtp.send_message(mail("first"))
    smtp.send_message(mail("second"))

    after_restart = Pile(tmp_path)

    assert after_restart.newest_first() == pile.newest_first()
    assert len(after_restart.newest_first()) == 2


def test_only_the_newest_letters_are_kept_in_memory_and_on_the_disk(
    tmp_path: Path, clock: MovableClock
) -> None:
    pile = Pile(tmp_path, kept=3, clock=clock)

    for number in range(5):
        clock.advance(timedelta(seconds=1))
        pile.put(f"Subject: {number}\r\n\r\n".encode(), sender="", recipients=[])

    assert [each.subject for each in pile.newest_first()] == ["4", "3", "2"]
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("address", ["/clear", "/api/clear"])
def test_clearing_leaves_nothing(
    pile: Pile, visitor: FlaskClient, tmp_path: Path, address: str
) -> None:
    pile.put(b"Subject: old\r\n\r\n", sender="", recipients=[])

    visitor.post(address)

    assert visitor.get("/api/messages").json == []
    assert list(tmp_path.iterdir()) == []


def test_a_mail_larger_than_the_limit_is_refused(smtp: smtplib.SMTP, pile: Pile) -> None:
    written = mail()
    written.set_content("x" * 70 + "\n" + ("y" * 70 + "\n") * 160_000)

    with pytest.raises(smtplib.SMTPException):
        smtp.send_message(written)

    assert pile.newest_first() == []


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing at all"),
        pytest.param(b"To: =?utf-8?q?=\r\nFrom: <\r\n\r\nx", id="headers cut short"),
        pytest.param(b"Content-Type: multipart/mixed\r\n\r\n--x", id="no boundary"),
        pytest.param(
            b"Content-Type: text/plain; charset=martian\r\n\r\n\xff", id="unknown charset"
        ),
        pytest.param(b"Content-Type: text/plain; charset=\xff\r\n\r\nx", id="charset not ASCII"),
        pytest.param(b"Subject: \xff\xfe\r\n\r\n\x00\xff", id="no encoding"),
        pytest.param(b"From: @[\r\nTo: :;:;\r\nDate: x\r\n\r\n", id="no addresses"),
        pytest.param(b"Content-Transfer-Encoding: base64\r\n\r\n!!", id="not base64"),
    ],
)
def test_a_broken_mail_breaks_neither_page_nor_restart(
    pile: Pile, visitor: FlaskClient, tmp_path: Path, raw: bytes
) -> None:
    letter = pile.put(raw, sender="", recipients=[])

    pages = [visitor.get(address) for address in ("/", f"/letters/{letter.id}", "/api/messages")]

    assert [page.status_code for page in pages] == [200, 200, 200]
    assert Pile(tmp_path).newest_first() == [letter]


def test_what_the_parser_cannot_read_is_shown_as_it_came(clock: MovableClock) -> None:
    deep = b"Content-Type: message/rfc822\r\n\r\n" * 2000 + b"Subject: inmost\r\n\r\n"

    letter = read_letter("deep", clock(), deep)

    assert "cannot be read" in letter.subject
    assert "inmost" in letter.text


@pytest.mark.parametrize("host", ["evil.example:9025", "localhost.evil.example:9025"])
def test_a_name_that_was_rebound_to_loopback_gets_nothing(visitor: FlaskClient, host: str) -> None:
    assert visitor.get("/api/messages", headers={"Host": host}).status_code == 421


def test_a_form_of_another_site_clears_nothing(pile: Pile, visitor: FlaskClient) -> None:
    pile.put(b"Subject: kept\r\n\r\n", sender="", recipients=[])

    answer = visitor.post("/api/clear", headers={"Origin": "http://localhost:9000"})

    assert answer.status_code == 403
    assert len(pile.newest_first()) == 1
