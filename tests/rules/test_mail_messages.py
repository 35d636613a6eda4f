"""What each mail says, in each language, and what can never get into one."""

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import get_args

import html5lib
import msgspec
import pytest

from idp.mail.messages import (
    AnyMessage,
    Change,
    EmailChange,
    EmailsChanged,
    JudgeAccountOpened,
    Letter,
    NewBrowser,
    PasswordChanged,
    PasswordSwitchedOff,
    Rendered,
    SecondFactorChanged,
    Stationery,
    TooManyFailures,
)
from idp.outbox.store import Leased
from idp.secret import Keychain, new_id, system_entropy

AT = datetime(2026, 11, 20, 6, 27, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0"
MESSAGES: tuple[AnyMessage, ...] = (
    NewBrowser(at=AT, address="203.0.113.7", browser=FIREFOX),
    TooManyFailures(at=AT, failures=10),
    JudgeAccountOpened(at=AT, ad_account="wang.dm", electronic_id="IC0123456789"),
    PasswordSwitchedOff(at=AT),
    SecondFactorChanged(at=AT, change="totp_added", address="203.0.113.7"),
    PasswordChanged(at=AT, address="203.0.113.7", token="pnl_x", days=7),
    EmailsChanged(at=AT, address="203.0.113.7", change="added", about="m•••", token="t", days=7),
)
LOCALES = ("zh-Hant", "zh-Hans", "en")
STATIONERY = Stationery(
    {"zh-Hant": "司法院𠮷入口網", "zh-Hans": "司法院𠮷入口网", "en": "Judicial Portal"},
    "https://sso.example",
    "Portico <no-reply@portico.example>",
    "help@portico.example",
)

of_each = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
in_each = pytest.mark.parametrize("locale", LOCALES)


def render(message: AnyMessage, locale: str = "en") -> Rendered:
    return STATIONERY.render(Letter("ming@people.example", locale, message))


def compose(keys: Keychain, message: AnyMessage, recipient: str = "ming@people.example") -> bytes:
    row_id, seal = new_id(AT, system_entropy), keys.seal("outbox")
    letter = msgspec.json.encode(Letter(recipient, "zh-Hant", message))
    sealed = seal.close(letter, place=f"outbox/payload/{row_id}")
    leased = Leased(row_id, sealed, 1, AT, AT + timedelta(minutes=1), seal)
    return STATIONERY.compose(leased).as_bytes()


def read(raw: bytes) -> EmailMessage:
    mail = message_from_bytes(raw, policy=SMTP)
    assert isinstance(mail, EmailMessage)
    return mail


@of_each
@in_each
def test_every_mail_is_whole_in_every_language(message: AnyMessage, locale: str) -> None:
    mail = render(message, locale)

    for part in (mail.subject, mail.text, mail.html):
        assert part.strip()
        assert "%(" not in part
        assert "{{" not in part
    assert "\n" not in mail.subject
    assert bool(re.search("[\u4e00-\u9fff]", mail.subject)) == (locale != "en")
    assert STATIONERY.names[locale] in mail.text
    assert STATIONERY.names[locale] in mail.html


def test_no_two_mails_share_a_subject() -> None:
    subjects = {render(message, locale).subject for message in MESSAGES for locale in LOCALES}

    assert len(subjects) == len(MESSAGES) * len(LOCALES)


@of_each
@in_each
def test_the_html_is_well_formed_says_its_language_and_fetches_nothing(
    message: AnyMessage, locale: str
) -> None:
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(
        render(message, locale).html
    )

    assert tree.get("lang") == locale
    assert not {element.tag for element in tree.iter()} & {
        "img",
        "script",
        "link",
        "iframe",
        "form",
    }


@of_each
@in_each
def test_plain_text_and_html_say_the_same(message: AnyMessage, locale: str) -> None:
    mail = render(message, locale)
    tree = html5lib.parse(mail.html, namespaceHTMLElements=False)

    said = re.sub(r"[\s-]", "", "".join(tree.itertext()))

    # Behind the words in the one, below them in the other.
    assert said == re.sub(r"https://\S+token=\S+|[\s-]", "", mail.text)


@of_each
@in_each
def test_every_address_in_a_mail_is_our_own(message: AnyMessage, locale: str) -> None:
    mail = render(message, locale)

    for part in (mail.text, mail.html):
        assert set(re.findall(r"https?://[\w.:-]+", part)) == {"https://sso.example"}
        assert set(re.findall(r"[\w.]+@[\w.]+", part)) == {"help@portico.example"}


@in_each
@pytest.mark.parametrize("change", get_args(Change))
def test_each_change_of_a_second_factor_has_a_sentence_of_its_own(
    change: Change, locale: str
) -> None:
    others = {one for one in get_args(Change) if one != change}

    def said(which: Change) -> str:
        return render(SecondFactorChanged(at=AT, change=which, address=""), locale).text

    assert all(said(change) != said(other) for other in others)


@in_each
@pytest.mark.parametrize("change", get_args(EmailChange))
def test_each_change_of_an_address_has_a_sentence_of_its_own(
    change: EmailChange, locale: str
) -> None:
    others = {one for one in get_args(EmailChange) if one != change}

    def said(which: EmailChange) -> str:
        return render(EmailsChanged(at=AT, change=which, address=""), locale).text

    assert all(said(change) != said(other) for other in others)


@in_each
def test_the_link_that_says_not_me_is_there_where_it_was_given(locale: str) -> None:
    for message in (
        NewBrowser(at=AT, address="203.0.113.7", browser=FIREFOX),
        PasswordChanged(at=AT, address="203.0.113.7"),
        EmailsChanged(at=AT, address="203.0.113.7"),
        SecondFactorChanged(at=AT, change="totp_added", address="203.0.113.7"),
    ):
        without = render(message, locale)
        with_one = render(msgspec.structs.replace(message, token="pnl_token", days=7), locale)

        link = "https://sso.example/not-me?token=pnl_token"
        assert link in with_one.text
        assert f'href="{link}"' in with_one.html
        assert "7" in with_one.text
        assert "not-me" not in without.text + without.html
        assert "help@portico.example" in without.text


def test_a_sign_in_is_told_with_its_time_place_and_browser() -> None:
    mail = render(MESSAGES[0])

    for part in (mail.text, mail.html):
        assert "2026-11-20 Fri 14:27 (UTC+8)" in part
        assert "203.0.113.7" in part
        assert "Firefox, Linux" in part


@pytest.mark.parametrize(
    "written_by_a_stranger",
    [
        "Your account is closed. Go to https://evil.example now",
        "<script>alert(1)</script>",
        "%(when)s {{ provider }}",
        "x\r\nBcc: all@people.example",
        "",
    ],
)
def test_what_a_browser_calls_itself_is_not_passed_on(written_by_a_stranger: str) -> None:
    mail = render(NewBrowser(at=AT, address="203.0.113.7", browser=written_by_a_stranger))

    for part in (mail.text, mail.html):
        assert "Browser: ?" in part
        assert not written_by_a_stranger or written_by_a_stranger not in part


def test_html_is_escaped() -> None:
    mail = render(NewBrowser(at=AT, address="<b>&amp;", browser=FIREFOX))

    assert "<b>&amp;" in mail.text
    assert "&lt;b&gt;&amp;amp;" in mail.html


def test_the_headers_are_those_of_a_machines_mail(keys: Keychain) -> None:
    mail = read(compose(keys, MESSAGES[2]))

    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "zh-Hant"
    assert mail["To"] == "ming@people.example"
    assert mail["Date"].datetime == AT
    assert re.fullmatch(r"<[0-9a-f-]{36}@sso\.example>", mail["Message-ID"])
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


@of_each
def test_a_mail_is_seven_bits_wide_and_loses_no_character(
    message: AnyMessage, keys: Keychain
) -> None:
    raw = compose(keys, message)

    text = read(raw).get_body(("plain",))
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998  # RFC 5322 section 2.1.1
    assert text is not None
    assert "司法院𠮷入口網" in text.get_content()


@pytest.mark.parametrize(
    "recipient",
    [
        "ming@people.example\r\nBcc: all@people.example",
        "ming@people.example\nX: y",
        "ming@people.example\n",
        "ming@people.example, all@people.example",
        "Ming <ming@people.example>",
        "ming",
    ],
)
def test_what_is_not_one_address_is_not_written_to(recipient: str, keys: Keychain) -> None:
    with pytest.raises(ValueError, match="addr"):
        compose(keys, MESSAGES[2], recipient)


@of_each
def test_a_letter_is_read_as_it_was_written(message: AnyMessage) -> None:
    letter = Letter("ming@people.example", "zh-Hant", message)

    assert msgspec.json.decode(msgspec.json.encode(letter), type=Letter) == letter
