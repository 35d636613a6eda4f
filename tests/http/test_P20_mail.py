"""A judge's first mail: the account is open."""

from collections.abc import Iterator

import msgspec
import pytest

from idp import worker
from idp.config import Config, SmtpSection
from idp.provider import Provider
from tests import people
from tests.http.test_P04_P20_judges import MAIL, register, sign_in
from tests.labs.smtp_sink import Sink, sink
from tests.people import Browser


@pytest.fixture
def server() -> Iterator[Sink]:
    with sink() as one:
        yield one


@pytest.fixture
def config(server: Sink) -> Config:
    smtp = SmtpSection(host="127.0.0.1", port=server.port, timeout_seconds=5)
    return msgspec.structs.replace(people.CONFIG, smtp=smtp)


@pytest.mark.parametrize(
    ("lang", "subject", "says"),
    [
        ("zh-Hant", "您的帳號已開通", "AD帳號：wang.dm"),
        ("zh-Hans", "您的账号已开通", "AD账号：wang.dm"),
        ("en", "Your account is open", "AD account: wang.dm"),
    ],
)
def test_P20_a_judge_is_told_that_the_account_is_open_in_the_language_of_the_registration(
    court: Provider, server: Sink, lang: str, subject: str, says: str
) -> None:
    judge = Browser.on(court)
    judge.get("/signin/directory", lang=lang)
    sign_in(judge)
    register(judge, court, f"{MAIL}; second@judges.example")

    rounds = [one for one in worker.rounds(court) if one.name == "mail"]
    worker.Loop(rounds, court.database.clock).run_due()

    (letter,) = [one for one in server.letters if one["Subject"] == subject]
    assert (letter["To"], letter["Content-Language"]) == (MAIL, lang)
    text = letter.get_body(("plain",))
    assert text is not None
    assert says in text.get_content()
    assert not any("second@" in one for one in server.recipients), "nobody has proven that one"
