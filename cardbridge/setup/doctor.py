"""Looking for what keeps a sign-in by card from working, and naming the remedy."""

import os
import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cardbridge import config, places
from cardbridge.card import modules
from cardbridge.card.process import CardProcess
from cardbridge.dialog.programs import NoDialog, choose
from cardbridge.front.instance import running
from cardbridge.front.messages import KINDS
from cardbridge.outcomes import Code, Failed
from cardbridge.setup.desktop import ENTRY

MOST_MEBIBYTES = 40
_READER_SERVICE = "/run/pcscd/pcscd.comm"
_FIRST_AID = {
    Code.NO_MODULE: "Install HiCOS from its maker, or OpenSC.",
    Code.NO_READER: "Plug the reader in. On macOS start the bridge again afterwards.",
    Code.NO_CARD: "Put the card into the reader, the chip first and facing up.",
    Code.WRONG_CARD: "Use a card of one of the four kinds that are signed in with here.",
    Code.NO_CREDENTIAL: "The card holds no certificate for signatures; ask its issuer.",
    Code.UNSUPPORTED: "The library does not know this card; try HiCOS instead of OpenSC.",
    Code.TIMEOUT: "Take the card out, clean its chip, put it back.",
    Code.MODULE_ERROR: "The library failed; update it, or name another one under `modules`.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    good: bool
    said: str
    remedy: str = ""


def examine() -> Iterator[Finding]:
    """Look at everything, in the order in which a sign-in needs it."""
    try:
        settings = config.load(places.config_file(), places.system_config_file())
    except config.ConfigError as error:
        yield Finding("configuration", False, str(error), "Correct the file; see the README.")
        return
    yield Finding("configuration", True, str(places.config_file()))
    yield _sites(settings)
    yield from _libraries(settings)
    yield from _reader_service(settings)
    yield _card(settings)
    yield _dialog(settings)
    yield from _bridge(settings)
    if sys.platform.startswith("linux"):
        yield _link()


def _sites(settings: config.Config) -> Finding:
    if settings.sites:
        return Finding("sites", True, ", ".join(settings.sites))
    return Finding("sites", False, "none may ask", "Run: cardbridge allow https://the.site")


def _libraries(settings: config.Config) -> Iterator[Finding]:
    found = [one for one in modules.candidates(settings.modules) if one.used]
    for one in found:
        said = one.trouble or str(one.path)
        yield Finding(f"library {one.name}", not one.trouble, said, "See the README, Libraries.")
    if not found:
        yield Finding("library", False, "none is here", _FIRST_AID[Code.NO_MODULE])


def _reader_service(settings: config.Config) -> Iterator[Finding]:
    """Look for pcscd: without it OpenSC reports no reader, and no error either."""
    used = [str(path) for path in modules.usable(settings.modules)]
    if not sys.platform.startswith("linux") or all("softhsm" in path for path in used):
        return
    place = Path(os.environ.get("PCSCLITE_CSOCK_NAME", _READER_SERVICE))
    yield Finding(
        "reader service",
        place.is_socket(),
        str(place),
        "Install pcscd, or run: sudo systemctl enable --now pcscd.socket",
    )


def _card(settings: config.Config) -> Finding:
    cards = CardProcess(settings.card_seconds)
    try:
        found = cards.look(modules.usable(settings.modules), KINDS)
    except Failed as failed:
        code = failed.failure.code
        return Finding("card", False, code.value, _FIRST_AID.get(code, "Try again."))
    finally:
        cards.end()
    return Finding("card", True, ", ".join(sorted({one.kind for one in found})))


def _dialog(settings: config.Config) -> Finding:
    try:
        program = choose(settings.pin_dialog, os.environ, None)
    except NoDialog as error:
        return Finding("dialog", False, str(error), "Install pinentry-qt, or name a program.")
    return Finding("dialog", True, " ".join(program.argv))


def _bridge(settings: config.Config) -> Iterator[Finding]:
    said = running(places.state_file())
    if said is None:
        free = _is_free(settings.port)
        remedy = "Run: cardbridge run"
        if not free:
            remedy = f"Another program has port {settings.port}; the next spare port is used."
        yield Finding("bridge", False, "does not run", remedy)
        return
    yield Finding("bridge", True, f"version {said['version']} on 127.0.0.1:{said['port']}")
    if sys.platform.startswith("linux"):
        yield _memory(said)


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) != 0


def _memory(said: dict[str, Any]) -> Finding:
    used = memory(int(said["pid"])) / 1024
    good = used <= MOST_MEBIBYTES
    text = f"{used:.0f} MiB for the bridge and its card process"
    return Finding("memory", good, text, "A card process that was just used goes in a minute.")


def memory(pid: int) -> int:
    """Add up the resident memory of a process and its children, in KiB (Linux)."""
    total = 0
    for one in (pid, *_children(pid)):
        try:
            status = Path(f"/proc/{one}/status").read_text("ascii", "replace")
        except OSError:
            continue
        if found := re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE):
            total += int(found[1])
    return total


def _children(pid: int) -> list[int]:
    listed = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            listed += [int(word) for word in task.read_text("ascii").split()]
        except OSError:
            continue
    return listed


def _link() -> Finding:
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local/share")
    there = (Path(home) / "applications" / ENTRY).exists()
    said = "starts the bridge" if there else "no page can start the bridge"
    return Finding("link cardbridge:", there, said, "Run: cardbridge install")
