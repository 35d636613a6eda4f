"""The signing keys on record, their private parts sealed, and the parsed set in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from joserfc.jwk import ECKey, OKPKey, RSAKey
from sqlalchemy import bindparam, func, insert, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.database.columns import Table
from idp.database.transaction import Transaction
from idp.keys import ring
from idp.keys.ring import Life, State
from idp.secret import Seal

Key = RSAKey | ECKey | OKPKey

RSA_BITS = 2048  # 0.29 ms a signature; NIST SP 800-57 allows it until 2030
_FRESH_FOR = timedelta(seconds=5)


class SigningKey(Table):
    """A key pair. The private part is sealed for its kid and alg and is shown nowhere."""

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(primary_key=True)
    alg: Mapped[str]
    public_jwk: Mapped[dict[str, Any]]
    private_sealed: Mapped[bytes]
    created_at: Mapped[datetime]
    activates_at: Mapped[datetime]
    retires_at: Mapped[datetime | None] = mapped_column(default=None)
    gone_at: Mapped[datetime | None] = mapped_column(default=None)


@dataclass(frozen=True, slots=True, eq=False)
class KeyPair:
    """A key pair, parsed once, and what to write into the JOSE header. One object a key."""

    kid: str
    alg: str
    key: Key


class NoSigningKey(Exception):
    """No key of the wanted algorithm is active: nothing is signed with another instead."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """Every key that is not retired, parsed once."""

    read_at: datetime
    lives: tuple[Life, ...]
    document: bytes
    """The public keys as a JWK set (RFC 7517 section 5), ready to send."""
    _pairs: Mapping[str, KeyPair]
    _signers: Mapping[str, KeyPair] = field(default_factory=dict)
    """The one that signs, by algorithm, as it was when the keys were read: moments ago."""

    def signer(self, alg: str) -> KeyPair:
        """Give the key that signs with ``alg``.

        Raises:
            NoSigningKey: the operator has to run ``idp keys rotate``.
        """
        found = self._signers.get(alg)
        if found is None:
            raise NoSigningKey(alg)
        return found

    def verifier(self, kid: str, alg: str) -> KeyPair | None:
        """Find the key that ``kid`` names, if it is one for ``alg``."""
        found = self._pairs.get(kid)
        return found if found is not None and found.alg == alg else None


class SigningKeys:
    """The keys of this process: read again when older than five seconds. Thread-safe."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal
        self._set: KeySet | None = None
        self._parsed: dict[str, KeyPair] = {}

    def current(self, tx: Transaction) -> KeySet:
        """Give the keys; costs a round trip only when what is in memory has grown old."""
        held = self._set
        if held is None or not held.read_at <= tx.now < held.read_at + _FRESH_FOR:
            held = self._set = self._read(tx)
        return held

    def held(self, now: datetime) -> KeySet | None:
        """Give the keys without asking the database, or ``None`` when they have grown old."""
        held = self._set
        return held if held and held.read_at <= now < held.read_at + _FRESH_FOR else None

    def forget(self) -> None:
        """Read again at the next use: what is on record has just changed."""
        self._set = None

    def _read(self, tx: Transaction) -> KeySet:
        rows = tx.execute(_NOT_GONE, {"instant": tx.now}).all()
        lives = tuple(
            Life(row.kid, row.alg, row.activates_at, row.retires_at, row.gone_at) for row in rows
        )
        for row in rows:
            if row.kid not in self._parsed:
                self._parsed[row.kid] = self._open(row.kid, row.alg, row.private_sealed)
        held = {life.kid: self._parsed[life.kid] for life in lives}
        signing = (ring.signer(lives, alg, tx.now) for alg in {life.alg for life in lives})
        signers = {life.alg: held[life.kid] for life in signing if life is not None}
        return KeySet(tx.now, lives, _jwks(lives, held), held, signers)

    def _open(self, kid: str, alg: str, sealed: bytes) -> KeyPair:
        private = msgspec.json.decode(self._seal.open(sealed, place=_place(kid, alg)))
        return KeyPair(kid, alg, _KINDS[alg].import_key(private))

    def add(self, tx: Transaction, alg: str, *, publish: timedelta, longest: timedelta) -> str:
        """Make a key of ``alg``, retire the ones before it in their time, and give its kid."""
        earlier = tx.scalar(_COUNT_OF, {"wanted": alg, "instant": tx.now})
        plan = ring.succession(
            alg, first=not earlier, now=tx.now, publish=publish, longest_token=longest
        )
        kid = self._insert(tx, plan)
        tx.execute(
            _SUCCEED,
            {
                "wanted": alg,
                "new_kid": kid,
                "from_then": plan.activates_at,
                "from_then_gone": plan.gone_at,
            },
        )
        self.forget()
        return kid

    def retire(self, tx: Transaction, kid: str) -> bool:
        """Take a key out of use and out of the JWKS at once: an emergency. ``False``: unknown."""
        taken = tx.execute(_WITHDRAW, {"unwanted": kid, "instant": tx.now}).rowcount == 1
        self.forget()
        return taken

    def _insert(self, tx: Transaction, plan: ring.Succession) -> str:
        key = _generate(plan.alg)
        kid = key.thumbprint()
        private = msgspec.json.encode(key.as_dict(private=True))
        tx.execute(
            _INSERT,
            {
                "kid": kid,
                "alg": plan.alg,
                "public_jwk": key.as_dict(private=False),
                "private_sealed": self._seal.close(private, place=_place(kid, plan.alg)),
                "created_at": tx.now,
                "activates_at": plan.activates_at,
            },
        )
        return kid


def _jwks(lives: tuple[Life, ...], held: Mapping[str, KeyPair]) -> bytes:
    public = [
        held[life.kid].key.as_dict(private=False)
        | {"kid": life.kid, "alg": life.alg, "use": _use(life.alg)}
        for life in lives
    ]
    return msgspec.json.encode({"keys": public})


def lives(tx: Transaction) -> list[tuple[Life, State]]:
    """List every key ever made, newest first, with where it stands."""
    rows = tx.execute(select(SigningKey).order_by(SigningKey.created_at.desc())).all()
    found = [Life(r.kid, r.alg, r.activates_at, r.retires_at, r.gone_at) for r in rows]
    return [(life, ring.state(life, tx.now)) for life in found]


def _place(kid: str, alg: str) -> str:
    return f"signing_keys/{kid}/{alg}"


def _generate(alg: str) -> Key:
    if _KINDS[alg] is RSAKey:
        return RSAKey.generate_key(RSA_BITS)
    return ECKey.generate_key("P-256") if _KINDS[alg] is ECKey else OKPKey.generate_key("Ed25519")


def _use(alg: str) -> str:
    """Tell signing keys from those that others encrypt to (RFC 7517 section 4.2)."""
    return "enc" if alg.startswith(("RSA-OAEP", "ECDH-ES")) else "sig"


_KINDS: Mapping[str, type[RSAKey | ECKey | OKPKey]] = {
    "RS256": RSAKey,
    "PS256": RSAKey,
    "ES256": ECKey,
    "EdDSA": OKPKey,
    "RSA-OAEP-256": RSAKey,
    "ECDH-ES": ECKey,
}
_INSERT = insert(SigningKey)
_NOT_GONE = select(SigningKey).where(
    or_(SigningKey.gone_at.is_(None), SigningKey.gone_at > bindparam("instant"))
)
_COUNT_OF = (
    select(func.count())
    .select_from(SigningKey)
    .where(
        SigningKey.alg == bindparam("wanted"),
        or_(SigningKey.retires_at.is_(None), SigningKey.retires_at > bindparam("instant")),
    )
)
_SUCCEED = (
    update(SigningKey)
    .where(
        SigningKey.alg == bindparam("wanted"),
        SigningKey.kid != bindparam("new_kid"),
        SigningKey.retires_at.is_(None),
    )
    .values(retires_at=bindparam("from_then"), gone_at=bindparam("from_then_gone"))
)
_WITHDRAW = (
    update(SigningKey)
    .where(SigningKey.kid == bindparam("unwanted"))
    .values(retires_at=bindparam("instant"), gone_at=bindparam("instant"))
)
