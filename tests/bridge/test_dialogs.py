"""The dialogs: what they say, the lines they are asked with, and real programs that show them."""

import io
import os
import pty
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardbridge.card.certificates import MOST_SHOWN, shown
from cardbridge.dialog import programs, wording
from cardbridge.dialog.assuan import Assuan, AssuanError, Broken, escaped, unescaped
from cardbridge.dialog.consent import Consent, control_code
from cardbridge.dialog.dialogs import Dialogs
from cardbridge.dialog.programs import NoDialog, Program, choose
from cardbridge.dialog.window import Said, serve
from cardbridge.interruption import Interruption
from cardbridge.outcomes import Code, Failed
from tests.bridge.callers import SITE
from tests.bridge.person import Person
from tests.bridge.running import is_alive
from tests.bridge.screen import Screen, screen

CONSENT = Consent(SITE, "Portico", "login", "A" * 43, "zh-TW", "moica", "王小明")


@pytest.mark.parametrize("lang", ["zh-TW", "zh-CN", "en"])
@pytest.mark.parametrize("purpose", ["login", "register", "add"])
@pytest.mark.parametrize("kind", ["moica", "moeaca", "gca", "xca"])
def test_every_dialog_names_origin_holder_and_check_number(
    lang: str, purpose: str, kind: str
) -> None:
    consent = Consent(SITE, "", purpose, "A" * 43, lang, kind, "王小明")

    lines = consent.text().splitlines()

    assert SITE in lines
    assert any("王小明" in line for line in lines)
    assert any("7813" in line for line in lines)


@pytest.mark.parametrize(
    ("lang", "title"),
    [
        ("zh-TW", "憑證卡登入"),
        ("zh-Hant-HK", "憑證卡登入"),
        ("zh", "憑證卡登入"),
        ("zh-CN", "证书卡登录"),
        ("zh-Hans-SG", "证书卡登录"),
        ("en-GB", "Sign in with a card"),
        ("de", "Sign in with a card"),
    ],
)
def test_the_nearest_language_is_spoken(lang: str, title: str) -> None:
    assert wording.words(lang).title == title


def test_every_language_has_every_sentence() -> None:
    purposes = {"login", "register", "add"}
    kinds = {"moica", "moeaca", "gca", "xca"}

    for lang in ("zh-TW", "zh-CN", "en"):
        said = wording.words(lang)
        assert set(said.purpose) == purposes
        assert set(said.kinds) == kinds


def test_the_check_number_has_four_digits_always() -> None:
    assert control_code("A" * 43) == "7813"
    assert {len(control_code(f"{number:043}")) for number in range(300)} == {4}


@given(st.text(max_size=300))
def test_a_name_on_a_strange_card_stays_on_its_line(name: str) -> None:
    cleaned = shown(name)

    assert len(cleaned) <= MOST_SHOWN
    assert len(f"x{cleaned}x".splitlines()) == 1
    assert not {"\u202e", "\u2066", "\x1b", "\0"} & set(cleaned)


@given(st.text(max_size=200))
def test_what_is_escaped_is_one_line_and_reads_back(text: str) -> None:
    written = escaped(text).encode("utf-8", "surrogatepass")

    assert b"\n" not in written
    assert b"\r" not in written
    assert unescaped(written).decode("utf-8", "surrogatepass") == text


@given(st.binary(max_size=60))
def test_any_answer_is_read_or_refused(data: bytes) -> None:
    try:
        assert len(unescaped(data)) <= len(data)
    except Broken:
        assert b"%" in data


def _asked(script: str) -> bytearray:
    """Ask a program that answers as the script says."""
    program = Assuan([sys.executable, "-c", script], dict(os.environ), Interruption())
    try:
        program.greet()
        return program.ask("GETPIN")
    finally:
        program.close()


def test_an_answer_in_pieces_is_put_together() -> None:
    script = "print('OK');input();print('# 1');print('S 2');print('D 12%33');print('D 4\\nOK x')"

    assert _asked(script) == b"1234"


@pytest.mark.parametrize(
    "script",
    [
        "",
        "print('OK')",
        "print('OK');input();print('D 1')",
        "print('OK');input();print('x' * 10000)",
        "print('OK');input();print('ERR')",
        "print('OK');input();print('ERR x')",
        "print('OK');input();print('D %\\nOK')",
        "print('OK');input();print('D %zz\\nOK')",
    ],
)
def test_a_program_that_is_no_pinentry_is_broken(script: str) -> None:
    with pytest.raises(Broken):
        _asked(script)


def test_an_error_tells_its_number() -> None:
    with pytest.raises(AssuanError) as error:
        _asked("print('OK');input();print('ERR 83886179 cancelled <Pinentry>')")

    assert error.value.code == 99


def test_a_program_that_does_not_exist_is_told() -> None:
    dialogs = Dialogs(lambda: Program(("/no/such/program",)), {}, 5)

    with pytest.raises(Failed) as failed:
        dialogs.ask_pin(CONSENT, Interruption())

    assert failed.value.failure.code is Code.UNSUPPORTED


def test_a_stop_from_outside_closes_the_window(person: Person) -> None:
    person.answers("wait")
    dialogs = Dialogs(lambda: Program((sys.executable, *person.argv)), dict(os.environ), 20)
    interruption = Interruption()
    threading.Timer(0.7, lambda: interruption.stop(Code.CARD_REMOVED)).start()

    with pytest.raises(Failed) as failed:
        dialogs.ask_pin(CONSENT, interruption)

    assert failed.value.failure.code is Code.CARD_REMOVED
    assert not is_alive(person.window)


def test_a_stop_that_came_before_opens_no_question(person: Person) -> None:
    dialogs = Dialogs(lambda: Program((sys.executable, *person.argv)), dict(os.environ), 20)
    interruption = Interruption()
    interruption.stop(Code.CANCELLED)

    with pytest.raises(Failed):
        dialogs.ask_pin(CONSENT, interruption)

    assert person.questions() == []


class Installed:
    """Programs that are there, in a test's own folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        monkeypatch.setenv("PATH", str(folder))

    def add(self, name: str) -> str:
        file = self._folder / name
        file.touch(0o755)
        return str(file)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    return Installed(tmp_path, monkeypatch)


@pytest.mark.usefixtures("installed")
def test_the_alternative_by_the_name_of_pinentry_is_never_taken(installed: Installed) -> None:
    for name in ("pinentry", "pinentry-gnome3", "pinentry-fltk", "pinentry-x11"):
        installed.add(name)

    with pytest.raises(NoDialog):
        programs._first(programs._graphical())  # noqa: SLF001


def test_qt_goes_before_gtk(installed: Installed) -> None:
    installed.add("pinentry-gtk-2")
    qt = installed.add("pinentry-qt")

    assert choose((), {"DISPLAY": ":0"}, None).argv == (qt,)


def test_the_configuration_goes_before_all(installed: Installed) -> None:
    installed.add("pinentry-qt")
    own = installed.add("mine")

    assert choose(("mine", "--grab"), {}, None).argv == (own, "--grab")


def test_in_a_terminal_the_terminal_is_named(installed: Installed) -> None:
    tty = installed.add("pinentry-tty")

    chosen = choose((), {"TERM": "xterm"}, "/dev/pts/7")

    assert chosen.argv == (tty,)
    assert "ttyname=/dev/pts/7" in chosen.options


@pytest.mark.usefixtures("installed")
def test_without_a_screen_it_says_what_to_do() -> None:
    with pytest.raises(NoDialog, match="--terminal"):
        choose((), {}, None)


@pytest.fixture(scope="module")
def display() -> Iterator[Screen]:
    # Two servers that choose a display at one moment can choose the same: this file is one lot.
    with screen() as one:
        yield one


def _gtk(display: Screen, seconds: int = 20) -> Dialogs:
    program = Program(("/usr/bin/pinentry-gtk-2",))
    return Dialogs(lambda: program, dict(os.environ) | display.environment, seconds)


def _typing(display: Screen, *keys: str) -> threading.Thread:
    words = CONSENT.words
    typing = threading.Thread(target=lambda: display.type(words.title, *keys))
    typing.start()
    return typing


def test_P03_a_real_pinentry_takes_the_pin(display: Screen) -> None:
    typing = _typing(display, "2468%0", "<Return>")

    pin = _gtk(display).ask_pin(CONSENT, Interruption(), last_try=True)
    typing.join()

    assert pin == b"2468%0"


@pytest.mark.parametrize("key", ["<Escape>", "<Return>"])
def test_P03_a_real_pinentry_is_cancelled_and_has_no_default_to_yes(
    display: Screen, key: str
) -> None:
    said = CONSENT.words
    typing = _typing(display, key)

    with pytest.raises(Failed) as failed:
        _gtk(display).confirm(
            CONSENT, Interruption(), question="?", yes=said.use, no=said.cancel, other="x"
        )
    typing.join()

    assert failed.value.failure.code is Code.CANCELLED


def test_a_real_pinentry_gives_up_when_nobody_comes(display: Screen) -> None:
    began = time.monotonic()

    with pytest.raises(Failed) as failed:
        _gtk(display, 1).ask_pin(CONSENT, Interruption())

    assert failed.value.failure.code is Code.TIMEOUT
    assert time.monotonic() - began < 5


def test_over_ssh_the_terminal_asks() -> None:
    ours, theirs = pty.openpty()
    name = os.ttyname(theirs)
    dialogs = Dialogs(
        lambda: choose(("pinentry-tty",), {"TERM": "xterm"}, name), dict(os.environ), 20
    )
    shown_there = bytearray()

    def person() -> None:
        while CONSENT.words.pin not in shown_there.decode("utf-8", "replace"):
            shown_there.extend(os.read(ours, 1000))
        os.write(ours, b"135790\n")

    typing = threading.Thread(target=person, daemon=True)
    typing.start()
    pin = dialogs.ask_pin(CONSENT, Interruption())
    typing.join(5)
    os.close(theirs)
    os.close(ours)

    assert pin == b"135790"
    assert SITE in shown_there.decode("utf-8", "replace")


class Played:
    """A screen of our own pinentry, played."""

    def __init__(self, answer: str | int) -> None:
        self.answer = answer
        self.shown: dict[str, str] = {}

    def pin(self, texts: Mapping[str, str]) -> str:
        self.shown = dict(texts)
        if isinstance(self.answer, int):
            raise Said(self.answer)
        return self.answer

    def confirm(self, texts: Mapping[str, str], *, alone: bool) -> None:
        self.shown = dict(texts) | {"alone": str(alone)}
        if isinstance(self.answer, int):
            raise Said(self.answer)


def _served(played: Played, *commands: str) -> list[str]:
    answers = io.BytesIO()
    serve(io.BytesIO("\n".join([*commands, ""]).encode()), answers, played)
    return answers.getvalue().decode().splitlines()


def test_our_own_pinentry_speaks_as_the_others_do() -> None:
    played = Played("12%34")

    said = _served(played, "OPTION x=y", "SETDESC a%0Ab", "SETERROR last", "GETPIN", "BYE")

    assert said == ["OK cardbridge", "OK", "OK", "OK", "D 12%2534", "OK", "OK"]
    assert played.shown["description"] == "a\nb"
    assert played.shown["error"] == "last"


@pytest.mark.parametrize(("command", "alone"), [("CONFIRM", "False"), ("MESSAGE", "True")])
def test_our_own_pinentry_asks_questions(command: str, alone: str) -> None:
    yes, no = Played("yes"), Played(99)

    assert _served(yes, command)[1:] == ["OK"]
    assert _served(no, command)[1:] == ["ERR 99"]
    assert yes.shown["alone"] == alone
