"""The course of one operation: find the card, show who asks, take the PIN, have it signed.

One consent buys one signature. A PIN that is wrong ends the operation; no try is made that the
person did not just type a PIN for.
"""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cardbridge import VERSION
from cardbridge.card import presence
from cardbridge.card.pipe import wipe
from cardbridge.card.process import Card, CardProcess
from cardbridge.dialog.consent import Consent
from cardbridge.dialog.dialogs import Choice, Dialogs
from cardbridge.front.messages import Asked
from cardbridge.interruption import Interruption
from cardbridge.outcomes import Code, Failed, Failure

FORMAT = "twcard:1"
WATCH_SECONDS = 0.7
"""How often a card is looked for while a window is open, or while it works."""
GRACE_SECONDS = 0.5
"""How long a library may take to see for itself that its card is gone."""
SYSTEMS = {"win32": "windows", "darwin": "macos"}


class Operation:
    """One request for a sign-in, on its way through card and person."""

    def __init__(
        self,
        cards: CardProcess,
        dialogs: Dialogs,
        interruption: Interruption,
        *,
        modules: Sequence[Path],
        site: str,
    ) -> None:
        self._cards = cards
        self._dialogs = dialogs
        self._interruption = interruption
        self._modules = modules
        self._site = site

    def run(self, asked: Asked, before_dialog: Callable[[], None]) -> dict[str, Any]:
        """Take it to its end: the token as the page hands it on.

        The worker ends with it: what a library kept of the PIN goes with its memory.

        Args:
            before_dialog: Called once, when a first window is about to open.

        Raises:
            Failed: at whatever step it ends.
        """
        try:
            found = self._cards.look(self._modules, asked.kinds)
            self._demand_going_on()
            before_dialog()
            card = self._choose(asked, found)
            signature = self._have_signed(asked, card)
            self._release()
        finally:
            self._cards.end()
        self._demand_going_on()
        return _token(asked, card, signature)

    def _choose(self, asked: Asked, found: Sequence[Card]) -> Card:
        """Ask which card, if there are several; the question goes round until it is answered."""
        if len(found) == 1:
            return found[0]
        while True:
            for place, card in enumerate(found, 1):
                consent = self._consent(asked, card)
                said = consent.words
                choice = self._dialogs.confirm(
                    consent,
                    self._interruption,
                    question=f"{said.choose} ({place}/{len(found)})",
                    yes=said.use,
                    no=said.cancel,
                    other=said.next_card,
                )
                if choice is Choice.YES:
                    return card

    def _have_signed(self, asked: Asked, card: Card) -> bytes:
        if card.locked:
            raise Failed(Failure(Code.PIN_LOCKED, tries_left=0))
        consent = self._consent(asked, card)
        with self._watched(card):
            if card.last_try:
                self._confirm_last_try(consent)
            if card.pin_pad:
                return self._sign_by_pad(asked, card, consent)
            pin = self._dialogs.ask_pin(consent, self._interruption, last_try=card.last_try)
        try:
            self._demand_going_on()
            _demand_length(pin, card)
            return self._sign(asked, card, pin)
        finally:
            wipe(pin)

    def _confirm_last_try(self, consent: Consent) -> None:
        said = consent.words
        try:
            self._dialogs.confirm(
                consent,
                self._interruption,
                question=said.last_try_question,
                yes=said.spend,
                no=said.stop,
            )
        except Failed as failed:
            if failed.failure.code is Code.CANCELLED and self._interruption.reason is None:
                raise Failed(Failure(Code.PIN_LAST_TRY, tries_left=1)) from None
            raise

    def _sign_by_pad(self, asked: Asked, card: Card, consent: Consent) -> bytes:
        said = consent.words
        self._dialogs.confirm(
            consent, self._interruption, question=said.pad, yes=said.confirm, no=said.cancel
        )
        with self._dialogs.notice(consent, self._interruption):
            return self._sign(asked, card, bytearray())

    def _sign(self, asked: Asked, card: Card, pin: bytearray) -> bytes:
        with self._glanced_at() as gone:
            try:
                return self._cards.sign(
                    card, pin, origin=asked.origin, nonce=asked.nonce, purpose=asked.purpose
                )
            except Failed as failed:
                late = failed.failure.code is Code.TIMEOUT
                if gone.is_set() or (late and self._cards.has_no_card(self._modules)):
                    raise Failed(Failure(Code.CARD_REMOVED)) from None
                raise

    def _consent(self, asked: Asked, card: Card) -> Consent:
        return Consent(
            origin=asked.origin,
            site=self._site,
            purpose=asked.purpose,
            nonce=asked.nonce,
            lang=asked.lang,
            kind=card.kind,
            holder=card.holder,
        )

    def _demand_going_on(self) -> None:
        if self._interruption.reason is not None:
            raise Failed(Failure(self._interruption.reason))

    def _release(self) -> None:
        try:
            self._cards.release()
        except Failed:
            return  # it did not take leave; the card has signed all the same

    @contextmanager
    def _watched(self, card: Card) -> Iterator[None]:
        """Close the window when the card is pulled while it is open."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(WATCH_SECONDS):
                try:
                    if self._cards.is_there(card):
                        continue
                    self._interruption.stop(Code.CARD_REMOVED)
                except Failed as failed:
                    self._interruption.stop(failed.failure.code)
                return

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    @contextmanager
    def _glanced_at(self) -> Iterator[threading.Event]:
        """Give a card up that is pulled at work: OpenSC 0.23 may never return from it.

        The reader service is asked, as the worker cannot be; sets the event when it came to that.
        """
        over, gone = threading.Event(), threading.Event()
        before = presence.cards()

        def glance() -> None:
            while before and not over.wait(WATCH_SECONDS):
                now = presence.cards()
                if now is not None and now < before and not over.wait(GRACE_SECONDS):
                    gone.set()
                    self._cards.abandon()
                    return

        watcher = threading.Thread(target=glance, daemon=True)
        watcher.start()
        try:
            yield gone
        finally:
            over.set()
            watcher.join()


def _demand_length(pin: bytearray, card: Card) -> None:
    """Turn away what cannot be the PIN, before the card counts it."""
    longest = card.longest_pin or len(pin)
    if not pin or not card.shortest_pin <= len(pin) <= longest:
        raise Failed(Failure(Code.PIN_LENGTH))


def _token(asked: Asked, card: Card, signature: bytes) -> dict[str, Any]:
    from base64 import b64encode  # noqa: PLC0415

    system = SYSTEMS.get(sys.platform, "linux")
    return {
        "format": FORMAT,
        "alg": card.alg,
        "certificate": card.certificate,
        "signature": b64encode(signature).decode("ascii"),
        "context": {"purpose": asked.purpose},
        "bridge": f"cardbridge/{VERSION.rpartition('.')[0]} {system}",
    }
