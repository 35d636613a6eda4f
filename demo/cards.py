"""The cards of the demo: which programs stand between a page and them, and where. Starts nothing.

They are programs of their own licence; the demo speaks to them as anybody does, by commands,
files and HTTP.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.ports import Port, is_free
from demo.reader.known import PIN
from demo.supervisor import Program
from idp.config import ConfigError

_GET_SOFTHSM = "apt-get install softhsm2"
_GET_PYKCS11 = (
    "apt-get install swig g++ python3-dev softhsm2 && .venv/bin/pip install PyKCS11"  # on ARM
)
_SOFTHSM = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
_DIALOGS = ("pinentry-qt", "pinentry-qt5", "pinentry-qt6", "pinentry-gtk-2")
_NOTICES = Path(__file__).parent / "notices.toml"
_PINENTRY = Path(__file__).parent / "reader" / "pinentry.py"


@dataclass(frozen=True, slots=True)
class Cards:
    """The cards of one run."""

    origin: str
    """Of the pages that may ask for a card."""
    module: str
    """SoftHSM's library; empty: there are no cards, for something is not installed."""
    get: str
    """The command that installs what is missing."""
    bridge_port: int
    responder_port: int
    reader_port: int
    site: str
    """What the pages are called; the bridge's window says it."""
    on_a_page: bool
    """Whether the PIN is asked for on the reader's page, for want of a screen."""
    var: Path
    private: Path
    """A folder that nobody else can write to, all the way down: the bridge demands it."""

    @property
    def folder(self) -> Path:
        """Authorities and cards. Their certificates name the responder's port, so it is theirs."""
        return self.var / f"cards-{self.responder_port}"

    @property
    def reader_url(self) -> str:
        """Where cards are put in and taken out."""
        return f"http://localhost:{self.reader_port}"

    @property
    def responder_url(self) -> str:
        """Where the authorities say whether a card still holds."""
        return f"http://127.0.0.1:{self.responder_port}"

    @property
    def dialog(self) -> Path:
        """The socket between the bridge's dialog program and the reader's page."""
        return self.private / "dialog"


def decide(
    environ: Mapping[str, str],
    *,
    origin: str,
    site: str,
    bridge_ports: Sequence[int],
    var: Path,
    number: Callable[[Mapping[str, str], str, int], int],
) -> Cards:
    """Decide where everything stands. The bridge takes the first of its ports that is free.

    Raises:
        ConfigError: a variable says what cannot be.
    """
    free = next((port for port in bridge_ports if is_free(port)), bridge_ports[0])
    can_load = importlib.util.find_spec("PyKCS11") is not None
    return Cards(
        origin=origin,
        site=site,
        module=_module(environ) if can_load else "",
        get=_GET_SOFTHSM if can_load else _GET_PYKCS11,
        bridge_port=number(environ, "BRIDGE__PORT", free),
        responder_port=number(environ, "RESPONDER__PORT", 34970),
        reader_port=number(environ, "READER__PORT", 9027),
        on_a_page=_on_a_page(environ),
        var=var,
        private=_private(var),
    )


def _module(environ: Mapping[str, str]) -> str:
    """Find SoftHSM; ``READER__MODULE`` names another file."""
    named = environ.get("READER__MODULE")
    places = _SOFTHSM if named is None else (named,)
    return next((place for place in places if Path(place).is_file()), "")


def _on_a_page(environ: Mapping[str, str]) -> bool:
    """Tell whether the bridge's own window cannot be shown; ``READER__DIALOG`` decides instead."""
    match environ.get("READER__DIALOG", ""):
        case "page" | "window" as wanted:
            return wanted == "page"
        case "":
            has_screen = bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
            return not (has_screen and _has_window())
        case other:
            raise ConfigError(f"READER__DIALOG: {other!r} is neither page nor window")


def _has_window() -> bool:
    has_tkinter = importlib.util.find_spec("_tkinter") is not None
    return has_tkinter or any(map(shutil.which, _DIALOGS))


def _private(var: Path) -> Path:
    """Name a folder of this checkout and user: a checkout may lie where others can write."""
    name = hashlib.sha256(os.fsencode(var)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"portico-demo-{os.geteuid()}-{name}"


def lay_out(cards: Cards) -> None:
    """Write what the bridge is told.

    Raises:
        ConfigError: somebody else made the folder before us.
    """
    cards.private.mkdir(mode=0o700, exist_ok=True)
    found = cards.private.lstat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o7777077 != 0o40000:
        raise ConfigError(f"{cards.private} is not ours alone: remove it")
    (cards.private / "bridge.toml").write_text(_told(cards), "utf-8")


def _told(cards: Cards) -> str:
    values: dict[str, object] = {
        "port": cards.bridge_port,
        "spare_ports": [],
        "modules": [cards.module],
        "dialogs_per_minute": 30,  # a demonstration repeats itself
    }
    if cards.on_a_page:
        words = [sys.executable, "-I", "-S", str(_PINENTRY), str(cards.dialog)]
        values["pin_dialog"] = words
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    name = json.dumps(cards.site, ensure_ascii=False)
    return "\n".join([*lines, "[[sites]]", f'origin = "{cards.origin}"', f"name = {name}", ""])


def clear_away(cards: Cards) -> None:
    """Remove what :func:`lay_out` wrote."""
    shutil.rmtree(cards.private, ignore_errors=True)


def made(cards: Cards) -> Program:
    """Make authorities and cards, the first time; prints the cards as JSON."""
    words = ["-m", "demo.reader.made", str(cards.folder), str(cards.responder_port)]
    return Program("cards-made", [sys.executable, *words])


def services(cards: Cards) -> tuple[Program, ...]:
    """What runs for the cards; nothing where SoftHSM is missing."""
    return (_responder(cards), _bridge(cards), _reader(cards)) if cards.module else ()


def _responder(cards: Cards) -> Program:
    port = Port(cards.responder_port, "card authorities", "RESPONDER__PORT")
    return Program(
        "responder",
        [*_cardbridge("softcard", "--directory", str(cards.folder), "serve")],
        ports=[port],
        health_url=f"{cards.responder_url}/moica/issuer.cer",
        is_beside=True,
    )


def _bridge(cards: Cards) -> Program:
    port = Port(cards.bridge_port, "card bridge", "BRIDGE__PORT")
    told = {
        "CARDBRIDGE_CONFIG": str(cards.private / "bridge.toml"),
        "SOFTHSM2_CONF": str(cards.folder / "tokens" / "softhsm2.conf"),
        "XDG_RUNTIME_DIR": str(cards.private),
    } | _screen(os.environ)
    return Program(
        "bridge",
        [*_cardbridge("run")],
        told,
        ports=[port],
        health_url=f"http://127.0.0.1:{port.number}/popup",
        is_beside=True,
    )


def _screen(environ: Mapping[str, str]) -> dict[str, str]:
    """Name a Wayland screen by its whole path, which does not hang on the runtime folder."""
    screen, folder = environ.get("WAYLAND_DISPLAY"), environ.get("XDG_RUNTIME_DIR")
    return {"WAYLAND_DISPLAY": str(Path(folder) / screen)} if screen and folder else {}


def _reader(cards: Cards) -> Program:
    port = Port(cards.reader_port, "card reader", "READER__PORT")
    words = [str(cards.folder), "--port", str(port.number), "--dialog", str(cards.dialog)]
    return Program(
        "reader",
        [sys.executable, "-m", "demo.reader", *words],
        ports=[port],
        health_url=f"http://localhost:{port.number}/health/ready",
    )


def _cardbridge(*words: str) -> list[str]:
    return [sys.executable, "-m", "cardbridge", *words]


def notice(cards: Cards) -> dict[str, str]:
    """Say on the pages of the provider how a card is got hold of here, a locale each."""
    case = ("page" if cards.on_a_page else "window") if cards.module else "missing"
    said = tomllib.loads(_NOTICES.read_text("utf-8"))[case]
    words = {"url": cards.reader_url, "pin": PIN, "get": cards.get}
    return {locale: text.format(**words) for locale, text in said.items()}
