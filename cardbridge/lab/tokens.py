"""Cards in software: SoftHSM tokens with the objects that a card of the four kinds shows.

A directory holds the configuration that the PKCS#11 module reads, a reader with the cards that
are in it, and a drawer with those that are not. A card is a folder; putting it into the reader
is a rename. A module that is loaded already sees the change after it is loaded again.
"""

import base64
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from cardbridge.lab.pki import CardFiles, IssuedLeaf
from cardbridge.lab.profiles import PROFILES

PIN = "123456"
SIGN_ID = b"SIGN".hex()
ENCRYPTION_ID = b"KEYX".hex()
_LABEL_OCTETS = 32
_MEMORY = Path("/dev/shm")  # noqa: S108  used through tempfile
_PATIENCE_SECONDS = 120
_MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
# Without the last line a forked child goes on in its parent's logged-in sessions.
_CONFIGURATION = """\
directories.tokendir = {reader}
objectstore.backend = file
log.level = ERROR
slots.removable = true
library.reset_on_fork = true
"""


class NoModule(Exception):
    """SoftHSM is not installed."""


@dataclass(frozen=True, slots=True)
class Blank:
    """A card to be made; see :meth:`Tokens.add` for the fields."""

    files: CardFiles
    name: str = ""
    label: str = ""
    pin: str = PIN


@dataclass(frozen=True, slots=True)
class SoftCard:
    """A card that was made, as its folder's note says."""

    name: str
    label: str
    """Of the token, as PKCS#11 shows it."""
    profile: str
    holder: str
    identity: str
    """The holder's number, as he would type it: a whole national id, 統一編號 or OID."""
    variant: str
    serials: tuple[int, ...]
    """Of its certificates, the one that signs first."""
    key: str
    """``RSA-2048``, ``P-256``, …."""


def find_module() -> Path:
    """Find SoftHSM's PKCS#11 module.

    Raises:
        NoModule: it is in none of the places where packages put it.
    """
    for place in _MODULES:
        if Path(place).is_file():
            return Path(place)
    raise NoModule("SoftHSM 2 is not installed. On Debian and Ubuntu: apt install softhsm2")


class Tokens:
    """The cards of one directory, in the reader and in the drawer."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self._reader = self.directory / "reader"
        self._drawer = self.directory / "drawer"
        self._notes = self.directory / "cards"
        for folder in (self._reader, self._drawer, self._notes):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        wanted = _CONFIGURATION.format(reader=self._reader)
        # A directory that was copied still names the place it came from.
        if not self.configuration.exists() or self.configuration.read_text("utf-8") != wanted:
            self.configuration.write_text(wanted, "utf-8")

    @property
    def configuration(self) -> Path:
        """What ``SOFTHSM2_CONF`` must name for a program that is to see these cards."""
        return self.directory / "softhsm2.conf"

    @property
    def environment(self) -> dict[str, str]:
        """What to add to the environment of a program that is to see these cards."""
        return {"SOFTHSM2_CONF": str(self.configuration)}

    def add(self, files: CardFiles, *, name: str = "", label: str = "", pin: str = PIN) -> SoftCard:
        """Make a card and put it into the reader.

        Args:
            name: of the folder; ``moica-1``, ``moica-2``, … if not said.
            label: of the token, up to 32 octets; the card's Chinese name and number if not said.

        Raises:
            FileExistsError: a card of that name exists.
            ValueError: the name or the label cannot be.
            NoModule: SoftHSM is not installed.
        """
        [made] = self.add_all([Blank(files, name, label, pin)])
        return made

    def add_all(self, blanks: Iterable[Blank]) -> list[SoftCard]:
        """Make several cards as :meth:`add` makes one; no slower than one, and all or none."""
        taken = {card.name for card in self.cards()}
        named = []
        for blank in blanks:
            named.append(_named(blank, taken))
            taken.add(named[-1].name)
        with (
            tempfile.TemporaryDirectory(dir=_in_memory(), prefix="cards-") as folder,
            tempfile.TemporaryDirectory(dir=self.directory, prefix="cards-") as near,
        ):
            _burn(Path(folder), named)
            return [self._take(Path(folder) / one.name, Path(near), one) for one in named]

    def _take(self, burnt: Path, near: Path, blank: Blank) -> SoftCard:
        """Copy a token beside the reader first, so that it appears there whole or not at all."""
        [made] = (path for path in burnt.iterdir() if path.is_dir())
        shutil.copytree(made, near / blank.name).rename(self._reader / blank.name)
        card = _noted(blank)
        text = json.dumps(asdict(card), ensure_ascii=False) + "\n"
        self.certificate(card.name).write_bytes(blank.files.sign.certificate)
        self._note(card.name).write_text(text, "utf-8")
        return card

    def cards(self) -> list[SoftCard]:
        """List all cards, by name."""
        read = (json.loads(path.read_text("utf-8")) for path in self._notes.glob("*.json"))
        made = (SoftCard(**one | {"serials": tuple(one["serials"])}) for one in read)
        return sorted(made, key=lambda card: card.name)

    def card(self, name: str) -> SoftCard:
        """Give one card.

        Raises:
            LookupError: there is none of that name.
        """
        for card in self.cards():
            if card.name == name:
                return card
        known = ", ".join(card.name for card in self.cards()) or "none yet"
        raise LookupError(f"no card is called {name!r}; there are: {known}")

    def certificate(self, name: str) -> Path:
        """Name the file with a card's signature certificate, as DER."""
        return self._notes / f"{name}.cer"

    def is_inserted(self, name: str) -> bool:
        """Tell whether a card is in the reader."""
        return (self._reader / name).is_dir()

    def insert(self, name: str) -> None:
        """Put a card into the reader; one that is there already stays there."""
        self._move(name, self._drawer, self._reader)

    def remove(self, name: str) -> None:
        """Take a card out of the reader."""
        self._move(name, self._reader, self._drawer)

    def destroy(self, name: str) -> None:
        """Break a card for good; its certificates stay what they are."""
        self.card(name)
        for folder in (self._reader, self._drawer):
            shutil.rmtree(folder / name, ignore_errors=True)
        self.certificate(name).unlink(missing_ok=True)
        self._note(name).unlink()

    def _move(self, name: str, here: Path, there: Path) -> None:
        self.card(name)
        if (here / name).is_dir():
            (here / name).rename(there / name)

    def _note(self, name: str) -> Path:
        return self._notes / f"{name}.json"


def _in_memory() -> Path | None:
    """Give a place without a disk below: SoftHSM waits for it four hundred times a card."""
    return _MEMORY if os.access(_MEMORY, os.W_OK) else None


def _named(blank: Blank, taken: Collection[str]) -> Blank:
    """Fill in the name and the label, and refuse those that cannot be."""
    name = blank.name or _next_name(blank.files.profile, taken)
    label = blank.label or _label(blank.files.profile, name)
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of a card: small letters, digits, - and _")
    if not label.isprintable() or not 0 < len(label.encode()) <= _LABEL_OCTETS:
        raise ValueError(f"{label!r} is no label: 1 to 32 octets in UTF-8, nothing invisible")
    if name in taken:
        raise FileExistsError(f"a card called {name} exists already")
    return replace(blank, name=name, label=label)


def _next_name(profile: str, taken: Collection[str]) -> str:
    numbers = itertools.count(1)
    return next(name for number in numbers if (name := f"{profile}-{number}") not in taken)


def _label(profile: str, name: str) -> str:
    number = name.rpartition("-")[2]
    title = PROFILES[profile].title
    return f"{title}-{number}" if number.isdecimal() else name[:_LABEL_OCTETS]


def _description(blank: Blank, configuration: Path) -> dict[str, Any]:
    files = blank.files
    leaves = [files.sign, *([files.encryption] if files.encryption else [])]
    issuing, root = (base64.b64encode(one).decode() for one in (files.chain[0], files.chain[-1]))
    return {
        "configuration": str(configuration),
        "label": blank.label,
        "pin": blank.pin,
        "pairs": [_pair(leaf) for leaf in leaves],
        "authorities": [
            {"id": b"CACert".hex(), "label": "CACert", "certificate": issuing},
            {"id": b"ROOTCACert".hex(), "label": "ROOTCACert", "certificate": root},
        ],
    }


def _pair(leaf: IssuedLeaf) -> dict[str, str]:
    usage = leaf.x509.extensions.get_extension_for_class(x509.KeyUsage).value
    signs = usage.digital_signature or usage.content_commitment
    key = leaf.key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "id": SIGN_ID if signs else ENCRYPTION_ID,
        "label": "cert1" if signs else "cert2",
        "certificate": base64.b64encode(leaf.certificate).decode(),
        "key": base64.b64encode(key).decode(),
    }


def _burn(folder: Path, blanks: list[Blank]) -> None:
    """Write each card into a folder of its own below this one."""
    cards = []
    for blank in blanks:
        place = folder / blank.name
        place.mkdir()
        configuration = place / "softhsm2.conf"
        configuration.write_text(_CONFIGURATION.format(reader=place), "utf-8")
        cards.append(_description(blank, configuration))
    done = subprocess.run(
        [sys.executable, "-m", "cardbridge.lab.burning"],
        input=json.dumps({"module": str(find_module()), "cards": cards}),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=_PATIENCE_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the card could not be written:\n{done.stderr}")


def _noted(blank: Blank) -> SoftCard:
    files = blank.files
    serials = [files.sign.serial, *([files.encryption.serial] if files.encryption else [])]
    size = files.sign.key.key_size
    return SoftCard(
        blank.name,
        blank.label,
        files.profile,
        files.holder.name,
        files.holder.identity,
        files.variant,
        tuple(serials),
        f"RSA-{size}" if size >= 1024 else f"P-{size}",
    )
