"""How an operation can end badly. These words go to the page; the page has their sentences."""

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """What went wrong, as the page is told."""

    NO_MODULE = "no_module"
    """No library for cards could be loaded."""
    NO_READER = "no_reader"
    NO_CARD = "no_card"
    WRONG_CARD = "wrong_card"
    """A card, but of none of the kinds that were asked for."""
    NO_CREDENTIAL = "no_credential"
    """A card without a certificate and key to sign in with."""
    CARD_REMOVED = "card_removed"
    PIN_INCORRECT = "pin_incorrect"
    PIN_LAST_TRY = "pin_last_try"
    """One try is left and the person would not spend it."""
    PIN_LOCKED = "pin_locked"
    PIN_LENGTH = "pin_length"
    """The PIN cannot be one by its length; the card was not asked, no try is lost."""
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    BUSY = "busy"
    ORIGIN_DENIED = "origin_denied"
    UNSUPPORTED = "unsupported"
    MODULE_ERROR = "module_error"
    TICKET_INVALID = "ticket_invalid"
    BAD_REQUEST = "bad_request"
    TOO_MANY = "too_many"


_WORTH_ANOTHER_TRY = frozenset(
    {
        Code.NO_READER,
        Code.NO_CARD,
        Code.WRONG_CARD,
        Code.CARD_REMOVED,
        Code.PIN_INCORRECT,
        Code.PIN_LAST_TRY,
        Code.PIN_LENGTH,
        Code.CANCELLED,
        Code.TIMEOUT,
        Code.BUSY,
        Code.MODULE_ERROR,
        Code.TICKET_INVALID,
        Code.TOO_MANY,
    }
)


@dataclass(frozen=True, slots=True)
class Failure:
    """An operation that came to nothing."""

    code: Code
    tries_left: int | None = None
    """PIN tries, where the card says; most say no more than "the last one"."""

    @property
    def retry(self) -> bool:
        """Whether the same request may succeed when it is made again."""
        return self.code in _WORTH_ANOTHER_TRY

    def message(self) -> dict[str, str | int | bool | None]:
        """Write it as the page reads it."""
        return {"error": self.code.value, "tries_left": self.tries_left, "retry": self.retry}


class Failed(Exception):
    """An operation ends here, with this outcome."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code.value)
        self.failure = failure
