"""PyKCS11 behind the few calls that the bridge makes. The only place that imports it.

PyKCS11 is GPL-2.0-or-later, which is why this program is GPL-3.0-or-later.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import PyKCS11
from PyKCS11 import LowLevel

from cardbridge.card.faults import CKR_BUFFER_TOO_SMALL, is_gone
from cardbridge.card.module import (
    CannotLoad,
    CardFault,
    Login,
    Mechanism,
    Slot,
    StoredCertificate,
    Token,
)

T = TypeVar("T")

MOST_OBJECTS = 32
"""A card with more certificates than this is not one that people carry."""
MOST_SIGNATURE_BYTES = 1024
_MECHANISMS = {
    Mechanism.SHA256_RSA_PKCS: PyKCS11.CKM_SHA256_RSA_PKCS,
    Mechanism.RSA_PKCS: PyKCS11.CKM_RSA_PKCS,
    Mechanism.ECDSA: PyKCS11.CKM_ECDSA,
}


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except PyKCS11.PyKCS11Error as error:
        raise CardFault(int(error.value)) from None


def _checked(ckr: int) -> None:
    if ckr != PyKCS11.CKR_OK:
        raise CardFault(ckr)


def _twice(call: Callable[[], T]) -> T:
    """Ask for a list again if a card came between the question for its length and for itself."""
    try:
        return call()
    except PyKCS11.PyKCS11Error as error:
        if error.value != CKR_BUFFER_TOO_SMALL:
            raise
        return call()


def _pin_bytes(pin: bytearray | None) -> Any:
    """Copy a PIN byte by byte into memory of the library's own, which :func:`_wipe` clears."""
    copied = LowLevel.ckbytelist()
    copied.reserve(len(pin or b""))  # one that grows leaves copies behind
    for byte in pin or b"":
        copied.append(byte)
    return copied


def _wipe(copied: Any) -> None:
    for place in range(len(copied)):
        copied[place] = 0


class PyKCS11Module:
    """A library that PyKCS11 has loaded and initialised."""

    def __init__(self, path: Path) -> None:
        """Load a library.

        Raises:
            CannotLoad: if it does not load or does not initialise.
        """
        self._library = PyKCS11.PyKCS11Lib()
        try:
            self._library.load(str(path))
        except PyKCS11.PyKCS11Error as error:
            raise CannotLoad(str(path)) from error

    def slots(self) -> list[Slot]:
        with _faults():
            present = set(_twice(lambda: self._library.getSlotList(tokenPresent=True)))
            every = _twice(lambda: self._library.getSlotList(tokenPresent=False))
            return [Slot(number, number in present) for number in every]

    def token(self, slot: int) -> Token:
        with _faults():
            info = self._library.getTokenInfo(slot)
        return Token(
            serial=str(info.serialNumber),
            initialised=bool(info.flags & PyKCS11.CKF_TOKEN_INITIALIZED),
            pin_pad=bool(info.flags & PyKCS11.CKF_PROTECTED_AUTHENTICATION_PATH),
            last_try=bool(info.flags & PyKCS11.CKF_USER_PIN_FINAL_TRY),
            locked=bool(info.flags & PyKCS11.CKF_USER_PIN_LOCKED),
            shortest_pin=int(info.ulMinPinLen),
            longest_pin=int(info.ulMaxPinLen),
        )

    def certificates(self, slot: int) -> list[StoredCertificate]:
        template = [(PyKCS11.CKA_CLASS, PyKCS11.CKO_CERTIFICATE)]
        with _faults(), self._session(slot) as session:
            found = session.findObjects(template)[:MOST_OBJECTS]
            rows = [session.getAttributeValue(one, _CERTIFICATE) for one in found]
        return [StoredCertificate(bytes(key_id), bytes(der)) for key_id, der in rows if der]

    def public_keys(self, slot: int, key_id: bytes) -> list[bytes]:
        template = [(PyKCS11.CKA_CLASS, PyKCS11.CKO_PUBLIC_KEY), (PyKCS11.CKA_ID, key_id)]
        with _faults(), self._session(slot) as session:
            found = session.findObjects(template)[:MOST_OBJECTS]
            rows = [session.getAttributeValue(one, _PUBLIC_KEY) for one in found]
        return [bytes(part) for row in rows for part in row if part]

    def mechanisms(self, slot: int) -> frozenset[Mechanism]:
        with _faults():
            names = set(self._library.getMechanismList(slot))
        return frozenset(one for one, number in _MECHANISMS.items() if PyKCS11.CKM[number] in names)

    def login(self, slot: int, pin: bytearray | None) -> Login:
        with _faults():
            session = self._library.openSession(slot, PyKCS11.CKF_SERIAL_SESSION)
        login = PyKCS11Login(session, pin)
        try:
            login.open()
        except CardFault as fault:
            login.forget()
            if not is_gone(fault.ckr):
                login.close()
            raise
        return login

    def close(self) -> None:
        with _faults():
            self._library.unload()

    @contextmanager
    def _session(self, slot: int) -> Iterator[Any]:
        session = self._library.openSession(slot, PyKCS11.CKF_SERIAL_SESSION)
        try:
            yield session
        finally:
            session.closeSession()


_CERTIFICATE = [PyKCS11.CKA_ID, PyKCS11.CKA_VALUE]
_PUBLIC_KEY = [PyKCS11.CKA_MODULUS, PyKCS11.CKA_EC_POINT]


class PyKCS11Login:
    """A session that is logged in, and keeps the PIN only for keys that ask for it each time."""

    def __init__(self, session: Any, pin: bytearray | None) -> None:
        self._session = session
        self._pin = _pin_bytes(pin)

    def open(self) -> None:
        """Log in."""
        self._login(PyKCS11.CKU_USER)

    def sign(self, key_id: bytes, mechanism: Mechanism, data: bytes) -> bytes:
        with _faults():
            key, asks_each_time = self._find(key_id)
            native = PyKCS11.Mechanism(_MECHANISMS[mechanism]).to_native()
            _checked(self._session.lib.C_SignInit(self._session.session, native, key))
        if asks_each_time:
            self._login(PyKCS11.CKU_CONTEXT_SPECIFIC)
        signature = PyKCS11.ckbytelist([0] * MOST_SIGNATURE_BYTES)
        octets = PyKCS11.ckbytelist(data)
        _checked(self._session.lib.C_Sign(self._session.session, octets, signature))
        return bytes(signature)

    def forget(self) -> None:
        """Overwrite the PIN."""
        _wipe(self._pin)

    def close(self) -> None:
        self.forget()
        for end in (self._session.logout, self._session.closeSession):
            try:
                end()
            except PyKCS11.PyKCS11Error:
                continue  # a card that was pulled has logged itself out

    def _login(self, user: int) -> None:
        _checked(self._session.lib.C_Login(self._session.session, user, self._pin))

    def _find(self, key_id: bytes) -> tuple[Any, bool]:
        template = [(PyKCS11.CKA_CLASS, PyKCS11.CKO_PRIVATE_KEY), (PyKCS11.CKA_ID, key_id)]
        found = self._session.findObjects(template)
        if not found:
            raise LookupError("no private key with the id of the certificate")
        (asks,) = self._session.getAttributeValue(found[0], [PyKCS11.CKA_ALWAYS_AUTHENTICATE])
        return found[0], bool(asks)
