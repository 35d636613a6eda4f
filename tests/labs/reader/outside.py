"""A card reader for tests, without hardware, root or a daemon that others share.

:func:`card_reader` starts pcscd with two virtual readers in a namespace of its own, puts PIV
cards into them, and tells in ``environment`` what a program needs to use them: any program
that speaks PC/SC, in the test's own network.
"""

import base64
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization

from cardbridge.lab.pki import CardFiles, IssuedLeaf

HOUSE = Path(__file__).resolve().parents[3]
ANY = -1
"""Stands for every instruction."""
PIN = "123456"
PUK = "12345678"
_PATIENCE_SECONDS = 20
# OpenSC would show one test the certificates of another.
_OPENSC = "app default {\n  framework pkcs15 {\n    use_file_caching = no;\n  }\n}\n"


@dataclass(frozen=True, slots=True)
class Status:
    """What is true of a card, whatever a program believes."""

    inserted: bool
    tries_left: int
    verified: bool
    counts: dict[str, int]
    """How often each instruction came, in hexadecimal: ``20`` is VERIFY, ``87`` a signature."""


def opensc_module() -> Path:
    """Find OpenSC's PKCS#11 module."""
    for folder in (*sorted(Path("/usr/lib").glob("*")), Path("/usr/lib"), Path("/usr/local/lib")):
        if (folder / "opensc-pkcs11.so").is_file():
            return folder / "opensc-pkcs11.so"
    raise FileNotFoundError("OpenSC is not installed; bin/set-up-tests installs it")


def describe(
    files: CardFiles,
    *,
    pin: str = PIN,
    tries: int = 3,
    pin_always: bool = False,
    inserted: bool = True,
) -> dict[str, Any]:
    """Describe a card that holds these certificates; ``pin_always``: one PIN a signature."""
    slots = [_slot("9c" if pin_always else "9a", files.sign)]
    if files.encryption:
        slots.append(_slot("9d", files.encryption))
    return {"pin": pin, "puk": PUK, "tries": tries, "inserted": inserted, "slots": slots}


def _slot(reference: str, leaf: IssuedLeaf) -> dict[str, str]:
    key = leaf.key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "reference": reference,
        "certificate": base64.b64encode(leaf.certificate).decode(),
        "key": base64.b64encode(key).decode(),
    }


@dataclass(frozen=True, slots=True)
class Reader:
    """Two readers, ``0`` and ``1``, and the cards that belong into them."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs in its environment to see these readers, and no others."""
        return {
            "PCSCLITE_CSOCK_NAME": str(self.folder / "pcscd.comm"),
            "OPENSC_CONF": str(self.folder / "opensc.conf"),
        }

    def tell(self, do: str, reader: int = 0, **details: Any) -> Status:
        """Give an order, and hear how the card is afterwards."""
        order = {"do": do, "reader": reader, **details}
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(_PATIENCE_SECONDS)
            wire.connect(str(self.folder / "orders"))
            wire.sendall(json.dumps(order).encode() + b"\n")
            with wire.makefile("r", encoding="utf-8") as lines:
                told = json.loads(lines.readline())
        if "error" in told:
            raise LookupError(told["error"])
        return Status(**told)

    def status(self, reader: int = 0) -> Status:
        """Look at a card without touching it."""
        return self.tell("status", reader)

    def insert(self, reader: int = 0) -> Status:
        """Put the card in; programs notice within half a second (:meth:`wait_until`)."""
        return self.tell("insert", reader)

    def remove(self, reader: int = 0) -> Status:
        """Pull the card out."""
        return self.tell("remove", reader)

    def unblock(self, reader: int = 0) -> Status:
        """Give all tries back, as the counter of the authority does."""
        return self.tell("tries", reader)

    def set_tries(self, left: int, reader: int = 0) -> Status:
        """Leave so many tries, as somebody else's wrong ones would."""
        return self.tell("tries", reader, left=left)

    def behave(self, reader: int = 0) -> Status:
        """End all tricks."""
        return self.tell("behave", reader)

    def delay(self, ins: int, seconds: float, reader: int = 0) -> Status:
        """Wait before each answer to an instruction, or to any (:data:`ANY`)."""
        return self.tell("delay", reader, ins=ins, seconds=seconds)

    def vanish_on(self, ins: int, reader: int = 0) -> Status:
        """Be pulled while that instruction is at work, the next time it comes."""
        return self.tell("vanish", reader, ins=ins)

    def hang_on(self, ins: int, reader: int = 0) -> Status:
        """Never answer that instruction; pulling the card ends it."""
        return self.tell("hang", reader, ins=ins)

    def endless_on(self, ins: int, reader: int = 0) -> Status:
        """Answer that instruction, and every GET RESPONSE, with "and there is more"."""
        self.tell("endless", reader, ins=0xC0)
        return self.tell("endless", reader, ins=ins)

    def instead(self, ins: int, octets: bytes, reader: int = 0) -> Status:
        """Answer that instruction with these octets, of which the last two are the status."""
        return self.tell("instead", reader, ins=ins, octets=octets.hex())

    def replace_object(self, tag: int, octets: bytes, reader: int = 0) -> Status:
        """Put other octets into a data object; ``0x5FC105`` is the first certificate."""
        return self.tell("object", reader, tag=tag, octets=octets.hex())

    def seen(self) -> list[bool]:
        """Ask pcscd, by a program of its own, in which readers there is a card."""
        done = subprocess.run(
            ["opensc-tool", "--list-readers"],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
        rows = [line.split() for line in done.stdout.splitlines() if "Virtual PCD" in line]
        return [row[1] == "Yes" for row in rows]

    def wait_until(self, *cards: bool) -> None:
        """Wait until pcscd has noticed in which readers there is a card."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while (seen := self.seen())[: len(cards)] != list(cards):
            if time.monotonic() > end:
                raise TimeoutError(f"pcscd sees {seen}, not {list(cards)}")
            time.sleep(0.05)


@contextlib.contextmanager
def card_reader(cards: Sequence[dict[str, Any]]) -> Iterator[Reader]:
    """Run pcscd with these cards (one or two, from :func:`describe`) until the block ends."""
    # The address of a socket has room for 107 octets, which a test's own folder may use up.
    folder = Path(tempfile.mkdtemp(prefix="reader-"))
    folder.joinpath("opensc.conf").write_text(_OPENSC)
    running = subprocess.Popen(
        [
            *("unshare", "--user", "--map-root-user", "--mount", "--net", "--pid", "--fork"),
            *("--kill-child", sys.executable, "-m", "tests.labs.reader.inside", str(folder)),
        ],
        cwd=HOUSE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(errors := folder.joinpath("errors").open("w+b")),
    )
    try:
        _begin(running, cards, errors)
        one = Reader(folder)
        one.wait_until(*(card["inserted"] for card in cards))
        yield one
    finally:
        # The first process of a namespace takes all others with it.
        running.kill()
        running.communicate()
        errors.close()
        shutil.rmtree(folder, ignore_errors=True)


def _begin(running: subprocess.Popen[bytes], cards: Sequence[dict[str, Any]], errors: Any) -> None:
    assert running.stdin
    assert running.stdout
    with contextlib.suppress(BrokenPipeError):
        running.stdin.write(json.dumps(list(cards)).encode() + b"\n")
        running.stdin.flush()
    if running.stdout.readline() != b"ready\n":
        errors.seek(0)
        raise RuntimeError(f"the virtual readers did not start:\n{errors.read().decode()}")
