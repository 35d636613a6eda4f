"""The real card worker around a card that exists as a file.

Its one argument is a folder: ``card.json`` there says what the card is like and where it fails,
``calls`` gets the name of every call that reaches it.
"""

import base64
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

from cardbridge.card.module import (
    CannotLoad,
    CardFault,
    CardModule,
    Login,
    Mechanism,
    Slot,
    StoredCertificate,
    Token,
)
from cardbridge.card.worker import serve

folder = Path(sys.argv[1])


def card() -> dict[str, Any]:
    """Read what the card is like now."""
    plan: dict[str, Any] = json.loads((folder / "card.json").read_text())
    return plan


def reached(step: str) -> dict[str, Any]:
    """Write a call down, and fail in it if that is the plan."""
    with (folder / "calls").open("a") as calls:
        calls.write(f"{step}\n")
    plan = card()
    if plan.get("crash_at") == step:
        os._exit(139)
    if plan.get("hang_at") == step:
        time.sleep(60)
    if step in plan.get("faults", {}):
        raise CardFault(plan["faults"][step])
    return plan


class FileCard:
    """A card module that is a file."""

    def slots(self) -> list[Slot]:
        plan = reached("slots")
        return [Slot(0, plan.get("inserted", True))] if plan.get("reader", True) else []

    def token(self, slot: int) -> Token:
        plan = reached("token")
        if not plan.get("inserted", True):
            raise CardFault(0xE0)
        flags = plan.get("flags", {})
        return Token(
            serial="1",
            initialised=True,
            pin_pad=flags.get("pin_pad", False),
            last_try=flags.get("last_try", False),
            locked=flags.get("locked", False),
            shortest_pin=6,
            longest_pin=8,
        )

    def certificates(self, slot: int) -> list[StoredCertificate]:
        plan = reached("certificates")
        return [StoredCertificate(b"SIGN", base64.b64decode(one)) for one in plan["certificates"]]

    def public_keys(self, slot: int, key_id: bytes) -> list[bytes]:
        return [base64.b64decode(one) for one in reached("public_keys").get("public_keys", [])]

    def mechanisms(self, slot: int) -> frozenset[Mechanism]:
        reached("mechanisms")
        return frozenset(Mechanism)

    def login(self, slot: int, pin: bytearray | None) -> Login:
        plan = reached("login")
        if pin is not None and pin.decode() != plan["pin"]:
            plan["flags"] = plan.get("flags", {}) | plan.get("flags_after_wrong_pin", {})
            (folder / "card.json").write_text(json.dumps(plan))
            raise CardFault(plan.get("wrong_pin_ckr", 0xA0))
        return FileLogin()

    def close(self) -> None:
        reached("close")


class FileLogin:
    """A session that is logged in."""

    def sign(self, key_id: bytes, mechanism: Mechanism, data: bytes) -> bytes:
        plan = reached("sign")
        key = serialization.load_pem_private_key(plan["key"].encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(Prehashed(hashes.SHA256()))))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def close(self) -> None:
        reached("logout")


def load(path: Path) -> CardModule:
    """Load the file, or fail to."""
    if not card().get("loads", True):
        raise CannotLoad(str(path))
    return FileCard()


serve(os.fdopen(0, "rb", buffering=0), os.fdopen(1, "wb", buffering=0), load)
