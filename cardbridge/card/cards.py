"""The cards at hand: which reader has one, which certificate fits, and a signature of it.

It works on any :class:`~cardbridge.card.module.CardModule` and turns every fault into the one
word that the person is told. What it found it holds until the operation ends.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cardbridge.card import certificates, faults
from cardbridge.card.certificates import Credential, Unfit
from cardbridge.card.libraries import Libraries
from cardbridge.card.module import CardFault, CardModule, Login, Token
from cardbridge.card.signing import for_the_card, signed_bytes, verifies
from cardbridge.outcomes import Code, Failed, Failure


@dataclass(frozen=True, slots=True)
class Found:
    """A card that can sign somebody in."""

    module: CardModule
    slot: int
    token: Token
    key_id: bytes
    credential: Credential


class Cards:
    """The libraries, and what they showed last."""

    def __init__(self, libraries: Libraries) -> None:
        self._libraries = libraries
        self._found: list[Found] = []

    def look(self, kinds: Iterable[str]) -> list[Found]:
        """Find the cards of these kinds.

        Raises:
            Failed: if there is none, with what is there instead.
        """
        modules = self._libraries.open()
        if not modules:
            raise Failed(Failure(Code.NO_MODULE))
        every = [found for module in modules for found in _credentials(module)]
        wanted = set(kinds)
        self._found = _one_each(found for found in every if found.credential.kind in wanted)
        if not self._found:
            raise Failed(Failure(self._why_none(any_credential=bool(every))))
        return self._found

    def is_there(self, number: int) -> bool:
        """Tell whether a card that was found is still in its reader.

        Only the list of slots makes OpenSC look; asked about a token it tells what it knew.
        """
        found = self._found[number]
        try:
            present = {slot.number for slot in found.module.slots() if slot.has_token}
            if found.slot not in present:
                return False
            return found.module.token(found.slot).serial == found.token.serial
        except CardFault:
            return False

    def sign(
        self, number: int, pin: bytearray | None, *, origin: str, nonce: str, purpose: str
    ) -> bytes:
        """Have a card that was found sign one sign-in: log in, sign, log out.

        Raises:
            Failed: if it does not come to that.
        """
        found = self._found[number]
        octets = signed_bytes(origin, nonce, purpose)
        with self._explained(found):
            how = for_the_card(found.credential.alg, octets, found.module.mechanisms(found.slot))
            with _logged_in(found, pin) as login:
                signature = login.sign(found.key_id, *how)
        if not verifies(found.credential.public_key, found.credential.alg, signature, octets):
            raise Failed(Failure(Code.NO_CREDENTIAL))
        return signature

    def release(self) -> None:
        """Close the libraries; nothing of a card is kept."""
        self._found = []
        self._libraries.close()

    def _why_none(self, *, any_credential: bool) -> Code:
        if any_credential:
            return Code.WRONG_CARD
        status = self._libraries.status()
        if status.readers == 0:
            return Code.NO_READER
        return {
            "absent": Code.NO_CARD,
            "unsupported": Code.UNSUPPORTED,
            "present": Code.NO_CREDENTIAL,
        }[status.card]

    @contextmanager
    def _explained(self, found: Found) -> Iterator[None]:
        try:
            yield
        except LookupError:
            raise Failed(Failure(Code.NO_CREDENTIAL)) from None
        except CardFault as fault:
            raise Failed(self._meaning(fault, found)) from None

    def _meaning(self, fault: CardFault, found: Found) -> Failure:
        """Ask the card how it stands: some errors say less than its state does."""
        failure = faults.meaning(fault.ckr)
        if failure.code not in {Code.PIN_INCORRECT, Code.MODULE_ERROR}:
            return failure
        try:
            token = found.module.token(found.slot)
        except CardFault:
            return Failure(Code.CARD_REMOVED)
        if failure.code is Code.MODULE_ERROR:
            return failure
        if token.locked:
            return Failure(Code.PIN_LOCKED, tries_left=0)
        return Failure(failure.code, tries_left=1 if token.last_try else failure.tries_left)


def _credentials(module: CardModule) -> Iterator[Found]:
    for slot in module.slots():
        if slot.has_token:
            try:
                yield from _credentials_of(module, slot.number)
            except CardFault:
                continue  # pulled meanwhile, or not a card for us


def _credentials_of(module: CardModule, slot: int) -> Iterator[Found]:
    token = module.token(slot)
    if not token.initialised:
        return
    for stored in module.certificates(slot):
        try:
            credential = certificates.read(stored.der)
        except Unfit:
            continue
        if stored.key_id and _key_fits(module, slot, stored.key_id, credential):
            yield Found(module, slot, token, stored.key_id, credential)


def _key_fits(module: CardModule, slot: int, key_id: bytes, credential: Credential) -> bool:
    """Compare the certificate's key with the public key stored under its id, if one is."""
    wanted = certificates.public_numbers(credential.public_key)
    stored = module.public_keys(slot, key_id)
    return not stored or any(one.lstrip(b"\0").endswith(wanted) for one in stored)


def _one_each(every: Iterable[Found]) -> list[Found]:
    """Keep one of each certificate (two libraries may show it) and the youngest of each card."""
    best: dict[tuple[str, str | None], Found] = {}
    seen: set[bytes] = set()
    for found in every:
        if found.credential.fingerprint in seen:
            continue
        seen.add(found.credential.fingerprint)
        place = (found.token.serial, found.credential.kind)
        if place not in best or best[place].credential.since < found.credential.since:
            best[place] = found
    return list(best.values())


@contextmanager
def _logged_in(found: Found, pin: bytearray | None) -> Iterator[Login]:
    """Log in for a while. Whatever happens the card is logged out of, unless it is gone."""
    login = found.module.login(found.slot, pin)
    try:
        yield login
    except CardFault as fault:
        if not faults.is_gone(fault.ckr):
            login.close()
        raise
    except BaseException:
        login.close()
        raise
    login.close()
