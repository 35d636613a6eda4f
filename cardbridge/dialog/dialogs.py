"""The dialogs of an operation: choose a card, confirm the last try, type the PIN."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum

from cardbridge.dialog.assuan import (
    CANCELLED,
    NOT_CONFIRMED,
    TIMED_OUT,
    Assuan,
    AssuanError,
    Broken,
)
from cardbridge.dialog.consent import Consent
from cardbridge.dialog.programs import NoDialog, Program
from cardbridge.interruption import Interruption
from cardbridge.outcomes import Code, Failed, Failure


class Choice(Enum):
    """Which button was pressed."""

    YES = "yes"
    OTHER = "other"


class Dialogs:
    """The windows, by whatever program shows them here."""

    def __init__(
        self, choose: Callable[[], Program], environment: Mapping[str, str], seconds: int
    ) -> None:
        self._choose = choose
        self._environment = environment
        self._seconds = seconds

    def ask_pin(
        self, consent: Consent, interruption: Interruption, *, last_try: bool = False
    ) -> bytearray:
        """Show what is agreed to and ask for the PIN. Who takes it overwrites it.

        Raises:
            Failed: if the person cancels or does not come, or the window cannot be shown.
        """
        said = consent.words
        with self._window(consent, interruption) as window:
            window.ask("SETDESC", consent.text())
            window.ask("SETPROMPT", said.pin)
            if last_try:
                window.try_to("SETERROR", said.last_try)
            return window.ask("GETPIN")

    def confirm(
        self,
        consent: Consent,
        interruption: Interruption,
        *,
        question: str,
        yes: str,
        no: str,
        other: str = "",
    ) -> Choice:
        """Show what is agreed to with a question and two or three buttons.

        Raises:
            Failed: if the person says no or does not come, or the window cannot be shown.
        """
        with self._window(consent, interruption) as window:
            window.ask("SETDESC", consent.text(question))
            window.try_to("SETOK", yes)
            window.try_to("SETCANCEL", no)
            if other:
                window.try_to("SETNOTOK", other)
            try:
                window.ask("CONFIRM")
            except AssuanError as error:
                if error.code == NOT_CONFIRMED and other:
                    return Choice.OTHER
                raise
            return Choice.YES

    @contextmanager
    def notice(self, consent: Consent, interruption: Interruption) -> Iterator[None]:
        """Keep a window open that asks for nothing, while the reader's pad does."""
        window = self._open(interruption)
        try:
            with _explained(interruption):
                self._dress(window, consent)
                window.ask("SETDESC", consent.text(consent.words.pad_now))
                window.tell("MESSAGE")
            yield
        finally:
            window.close()

    @contextmanager
    def _window(self, consent: Consent, interruption: Interruption) -> Iterator[Assuan]:
        window = self._open(interruption)
        try:
            with _explained(interruption):
                self._dress(window, consent)
                yield window
        finally:
            window.close()

    def _open(self, interruption: Interruption) -> Assuan:
        try:
            self._program = self._choose()
            return Assuan(self._program.argv, self._environment, interruption)
        except (NoDialog, Broken):
            raise Failed(Failure(Code.UNSUPPORTED)) from None

    def _dress(self, window: Assuan, consent: Consent) -> None:
        said = consent.words
        window.greet()
        for option in self._program.options:
            window.try_to("OPTION", option)
        window.try_to("SETTIMEOUT", str(self._seconds))
        window.try_to("SETTITLE", said.title)
        window.try_to("SETOK", said.confirm)
        window.try_to("SETCANCEL", said.cancel)


@contextmanager
def _explained(interruption: Interruption) -> Iterator[None]:
    """Say why a window yielded nothing: it was closed from outside, or the person said no."""
    try:
        yield
    except AssuanError as error:
        raise Failed(Failure(_MEANT.get(error.code, Code.UNSUPPORTED))) from None
    except Broken:
        raise Failed(Failure(interruption.reason or Code.UNSUPPORTED)) from None


_MEANT = {CANCELLED: Code.CANCELLED, NOT_CONFIRMED: Code.CANCELLED, TIMED_OUT: Code.TIMEOUT}
