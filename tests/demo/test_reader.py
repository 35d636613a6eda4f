"""The stand-in for the bridge's window: the real dialogs of the bridge, answered on the page."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cardbridge.dialog.consent import Consent
from cardbridge.dialog.dialogs import Choice, Dialogs
from cardbridge.dialog.programs import Program
from cardbridge.interruption import Interruption
from cardbridge.outcomes import Code, Failed
from demo.plan import ROOT
from demo.reader.pages import create_app
from demo.reader.window import Listener, Question, Window

CONSENT = Consent(
    origin="http://localhost:9000",
    site="Portico",
    purpose="login",
    nonce="A" * 43,
    lang="zh-TW",
    kind="moica",
    holder="陳𠮷祥",
)


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Window]:
    one = Window()
    with Listener(tmp_path / "dialog", one) as listener:
        thread = threading.Thread(target=listener.serve_forever, args=[0.02])
        thread.start()
        yield one
        listener.shutdown()
        thread.join()


@pytest.fixture
def page(window: Window, tmp_path: Path) -> FlaskClient:
    (tmp_path / "cards.json").write_text("[]")
    client = create_app(tmp_path, window, lambda *_: None).test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


@pytest.fixture
def interruption() -> Interruption:
    return Interruption()


@pytest.fixture
def dialogs(tmp_path: Path) -> Dialogs:
    script = str(ROOT / "demo" / "reader" / "pinentry.py")
    program = Program((sys.executable, "-I", "-S", script, str(tmp_path / "dialog")))
    return Dialogs(lambda: program, dict(os.environ), 20)


@pytest.fixture
def hand() -> Iterator[ThreadPoolExecutor]:
    """Runs what the bridge does meanwhile."""
    with ThreadPoolExecutor(1) as one:
        yield one


def until(true: Callable[[], object]) -> None:
    last = time.monotonic() + 10
    while not true():
        assert time.monotonic() < last
        time.sleep(0.01)


def asked(window: Window) -> Question:
    until(lambda: window.question)
    assert window.question is not None
    return window.question


def test_the_page_shows_what_the_window_would_and_hands_the_pin_over(
    window: Window,
    page: FlaskClient,
    dialogs: Dialogs,
    hand: ThreadPoolExecutor,
    interruption: Interruption,
) -> None:
    typed: Future[bytearray] = hand.submit(dialogs.ask_pin, CONSENT, interruption)
    question = asked(window)
    shown = page.get("/").text

    assert "http://localhost:9000" in shown
    assert "陳𠮷祥" in shown
    assert "stand-in" in shown
    assert page.get("/asked").json == {"question": question.number}
    page.post("/answer", data={"question": question.number, "button": "ok", "pin": "123 456%"})
    assert typed.result(10) == b"123 456%"
    assert window.question is None


@pytest.mark.parametrize("button", ["cancel", ""])
def test_whatever_is_not_a_yes_is_a_no(
    window: Window, page: FlaskClient, dialogs: Dialogs, hand: ThreadPoolExecutor, button: str
) -> None:
    typed = hand.submit(dialogs.ask_pin, CONSENT, Interruption())
    number = asked(window).number

    page.post("/answer", data={"question": number, "button": button, "pin": "123456"})

    with pytest.raises(Failed) as failed:
        typed.result(10)
    assert failed.value.failure.code is Code.CANCELLED


def test_a_question_with_three_buttons_goes_round(
    window: Window,
    page: FlaskClient,
    dialogs: Dialogs,
    hand: ThreadPoolExecutor,
    interruption: Interruption,
) -> None:
    words = {"question": "哪一張?", "yes": "用這張", "no": "取消", "other": "下一張"}
    chosen = hand.submit(dialogs.confirm, CONSENT, interruption, **words)
    number = asked(window).number

    assert "下一張" in page.get("/").text
    page.post("/answer", data={"question": number, "button": "other"})
    assert chosen.result(10) is Choice.OTHER


def test_a_question_that_the_bridge_takes_back_goes_from_the_page(
    window: Window, dialogs: Dialogs, hand: ThreadPoolExecutor, interruption: Interruption
) -> None:
    typed = hand.submit(dialogs.ask_pin, CONSENT, interruption)
    number = asked(window).number

    interruption.stop(Code.CARD_REMOVED)

    with pytest.raises(Failed):
        typed.result(10)
    until(lambda: window.question is None)
    assert not window.answer(number, "ok", "123456")


def test_without_the_page_nothing_is_signed(dialogs: Dialogs, interruption: Interruption) -> None:
    with pytest.raises(Failed) as failed:
        dialogs.ask_pin(CONSENT, interruption)

    assert failed.value.failure.code is Code.CANCELLED


@pytest.mark.parametrize(
    ("wanted", "title"), [("zh-TW", "讀卡機"), ("zh-CN,en;q=0.5", "读卡器"), ("en", "Card reader")]
)
def test_it_speaks_as_the_browser_asks(page: FlaskClient, wanted: str, title: str) -> None:
    shown = page.get("/", headers={"Accept-Language": wanted}).text

    assert f"<h1>{title}</h1>" in shown
