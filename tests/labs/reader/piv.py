"""A PIV card (NIST SP 800-73-4) in software: a counter that counts, a lock that locks.

``9A`` signs after one PIN, ``9C`` wants the PIN before every signature, ``9D`` deciphers.
"""

import base64
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from cryptography.hazmat.primitives.serialization import load_der_private_key

from tests.labs.reader import apdu
from tests.labs.reader.apdu import Answer, Command, tlv

_AID = bytes.fromhex("A000000308000010000100")
_PIN_REFERENCE = 0x80
_PUK_REFERENCE = 0x81
_PIN_ALWAYS = 0x9C
_OBJECTS = {0x9A: 0x5FC105, 0x9C: 0x5FC10A, 0x9D: 0x5FC10B}
_CHUID = 0x5FC102
_DISCOVERY = 0x7E
_ALGORITHMS = {2048: 0x07, 256: 0x11, 384: 0x14}
_FASC_N = bytes.fromhex("D4E739DA739CED39CE739D836858210842108421C84210C3EB")


@dataclass
class Pin:
    """A secret number with a counter of tries."""

    value: str
    most: int = 3
    left: int = 3

    def check(self, typed: bytes) -> Answer:
        """Compare, and count."""
        if not self.left:
            return Answer(apdu.BLOCKED)
        if typed.rstrip(b"\xff") == self.value.encode():
            self.left = self.most
            return Answer()
        self.left -= 1
        return Answer(apdu.TRIES_LEFT | self.left)


@dataclass
class _Session:
    """What a card forgets when it is reset."""

    selected: bool = False
    verified: bool = False
    fresh: bool = False
    """The PIN was verified by the command just before."""
    begun: bytes = b""
    """Data of a chain of commands, so far."""
    rest: bytes = b""
    """Data of an answer that is still to be fetched."""


@dataclass
class PivCard:
    """One card, from its description (:func:`tests.labs.reader.describe`)."""

    description: dict[str, Any]
    pin: Pin = field(init=False)
    puk: Pin = field(init=False)
    counts: Counter[int] = field(default_factory=Counter)
    """How often each instruction came; a chain counts once."""
    objects: dict[int, bytes] = field(default_factory=dict)
    keys: dict[int, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey] = field(default_factory=dict)
    session: _Session = field(default_factory=_Session)

    def __post_init__(self) -> None:
        tries = self.description["tries"]
        self.pin = Pin(self.description["pin"], tries, tries)
        self.puk = Pin(self.description["puk"])
        self.objects[_CHUID] = _chuid()
        self.objects[_DISCOVERY] = tlv(0x4F, _AID) + tlv(0x5F2F, b"\x40\x00")
        for slot in self.description["slots"]:
            reference = int(slot["reference"], 16)
            key = load_der_private_key(base64.b64decode(slot["key"]), None)
            assert isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey))
            self.keys[reference] = key
            certificate = tlv(0x70, base64.b64decode(slot["certificate"]))
            self.objects[_OBJECTS[reference]] = certificate + b"\x71\x01\x00\xfe\x00"

    def reset(self) -> None:
        """Forget what was selected and verified."""
        self.session = _Session()

    def answer(self, raw: bytes) -> bytes:
        """Answer one command."""
        try:
            command = apdu.parse(raw)
        except apdu.Malformed:
            return apdu.WRONG_LENGTH.to_bytes(2, "big")
        if command.chained:
            self.session.begun += command.data
            return apdu.OK.to_bytes(2, "big")
        self.counts[command.ins] += 1
        if command.ins == apdu.GET_RESPONSE:
            return self._send(self.session.rest, command.expected)
        whole, self.session.begun = self.session.begun + command.data, b""
        said = self._obey(command, whole)
        if said.status != apdu.OK:
            return said.data + said.status.to_bytes(2, "big")
        return self._send(said.data, command.expected)

    def _send(self, data: bytes, expected: int) -> bytes:
        now, self.session.rest = data[:expected], data[expected:]
        if not self.session.rest:
            return now + apdu.OK.to_bytes(2, "big")
        return now + bytes([0x61, min(len(self.session.rest), 0xFF)])

    def _obey(self, command: Command, data: bytes) -> Answer:
        if command.ins == apdu.SELECT:
            return self._select(command, data)
        if not self.session.selected:
            return Answer(apdu.NO_SUCH_INSTRUCTION)
        fresh, self.session.fresh = self.session.fresh, False
        if command.ins == apdu.AUTHENTICATE:
            return self._authenticate(command, data, fresh=fresh)
        known: dict[int, Callable[[Command, bytes], Answer]] = {
            apdu.GET_DATA: self._get_data,
            apdu.VERIFY: self._verify,
            apdu.CHANGE_PIN: self._change_pin,
            apdu.RESET_PIN: self._change_pin,
        }
        obey = known.get(command.ins)
        return obey(command, data) if obey else Answer(apdu.NO_SUCH_INSTRUCTION)

    def _select(self, command: Command, data: bytes) -> Answer:
        if command.p1 != 0x04 or len(data) < 5 or not _AID.startswith(data):
            return Answer(apdu.NOT_FOUND)
        self.session = _Session(selected=True)
        authority = tlv(0x79, tlv(0x4F, _AID[:5]))
        return Answer(data=tlv(0x61, tlv(0x4F, _AID[5:]), authority))

    def _get_data(self, _: Command, data: bytes) -> Answer:
        tag = int.from_bytes(apdu.read_tlvs(data).get(0x5C, b""), "big")
        if tag not in self.objects:
            return Answer(apdu.NOT_FOUND)
        return Answer(data=tlv(tag if tag == _DISCOVERY else 0x53, self.objects[tag]))

    def _verify(self, command: Command, data: bytes) -> Answer:
        if command.p2 != _PIN_REFERENCE:
            return Answer(apdu.NO_SUCH_REFERENCE)
        if command.p1 == 0xFF:
            self.session.verified = False
            return Answer()
        if not data:
            return self._how_many_left()
        said = self.pin.check(data)
        self.session.verified = self.session.fresh = said.status == apdu.OK
        return said

    def _how_many_left(self) -> Answer:
        if self.session.verified:
            return Answer()
        return Answer(apdu.TRIES_LEFT | self.pin.left if self.pin.left else apdu.BLOCKED)

    def _change_pin(self, command: Command, data: bytes) -> Answer:
        by_puk = command.ins == apdu.RESET_PIN or command.p2 == _PUK_REFERENCE
        said = (self.puk if by_puk else self.pin).check(data[:8])
        if said.status == apdu.OK:
            changed = self.puk if by_puk and command.ins == apdu.CHANGE_PIN else self.pin
            changed.value = data[8:16].rstrip(b"\xff").decode()
            changed.left = changed.most
        return said

    def _authenticate(self, command: Command, data: bytes, *, fresh: bool) -> Answer:
        key = self.keys.get(command.p2)
        if key is None:
            return Answer(apdu.NO_SUCH_REFERENCE)
        if command.p1 != _ALGORITHMS[key.key_size]:
            return Answer(apdu.WRONG_PARAMETERS)
        if not self.session.verified or (command.p2 == _PIN_ALWAYS and not fresh):
            return Answer(apdu.NOT_ALLOWED)
        asked = apdu.read_tlvs(apdu.read_tlvs(data).get(0x7C, b""))
        return Answer(data=tlv(0x7C, tlv(0x82, _use(key, asked))))


def _use(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, asked: dict[int, bytes]) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        number = pow(int.from_bytes(asked[0x81], "big"), numbers.d, numbers.public_numbers.n)
        return number.to_bytes(key.key_size // 8, "big")
    if 0x85 in asked:
        point = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, asked[0x85])
        return key.exchange(ec.ECDH(), point)
    digest = hashes.SHA256() if key.key_size == 256 else hashes.SHA384()
    hashed = asked[0x81][: digest.digest_size].rjust(digest.digest_size, b"\0")
    return key.sign(hashed, ec.ECDSA(utils.Prehashed(digest)))


def _chuid() -> bytes:
    """Write who the card is; a number of its own, so that two cards are two."""
    parts = (tlv(0x30, _FASC_N), tlv(0x34, os.urandom(16)), tlv(0x35, b"20401231"))
    return b"".join(parts) + b"\x3e\x00\xfe\x00"
