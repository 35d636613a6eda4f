"""The inside of a private namespace: pcscd with two virtual readers, and the cards for them.

The network is private because vpcd listens on every address; the mounts are, because pcscd
has one place for its socket. That place is a folder outside, so programs there can use it.

    unshare ... python -m tests.labs.reader.inside FOLDER   (descriptions of cards on stdin)
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.labs.reader.piv import PivCard
from tests.labs.reader.plug import FIRST_PORT, Plug, Tricks

_PATIENCE_SECONDS = 10
Order = dict[str, Any]


def main(folder: Path) -> None:
    """Set everything up, then obey orders until one says ``quit`` or the parent is gone."""
    cards = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    _furnish(folder)
    words = ["pcscd", "--foreground", "--error", *_without_polkit()]
    pcscd = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    _await((folder / "pcscd.comm").is_socket)
    plugs = [Plug(PivCard(one), FIRST_PORT + number) for number, one in enumerate(cards)]
    _await(lambda: all(_listens(plug.port) for plug in plugs))
    for plug, card in zip(plugs, cards, strict=True):
        if card["inserted"]:
            plug.insert()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "orders"))
        listening.listen(16)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        _serve(listening, plugs)
    pcscd.terminate()


def _end_with_the_parent() -> None:
    """Wait until nobody holds the other end of stdin, not even a parent that was killed."""
    sys.stdin.read()
    # As the first process of its namespace this one takes pcscd along.
    os._exit(0)


def _furnish(folder: Path) -> None:
    for words in (
        ["ip", "link", "set", "lo", "up"],
        ["mount", "-t", "tmpfs", "none", "/run"],
    ):
        subprocess.run(words, check=True)
    Path("/run/pcscd").mkdir()
    subprocess.run(["mount", "--bind", str(folder), "/run/pcscd"], check=True)


def _without_polkit() -> list[str]:
    """Give the option that later versions want where no polkit runs."""
    help_text = subprocess.run(
        ["pcscd", "--help"], capture_output=True, text=True, check=False
    ).stdout
    return ["--disable-polkit"] if "--disable-polkit" in help_text else []


def _listens(port: int) -> bool:
    """Look whether vpcd listens, without becoming a card that is pulled at once."""
    wanted = f":{port:04X} "
    rows = Path("/proc/net/tcp").read_text("ascii").splitlines()
    return any(wanted in row and row.split()[3] == "0A" for row in rows)


def _await(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError("the virtual readers did not come up")
        time.sleep(0.01)


def _serve(listening: socket.socket, plugs: list[Plug]) -> None:
    while True:
        caller, _ = listening.accept()
        with caller, caller.makefile("r", encoding="utf-8") as lines:
            order = json.loads(lines.readline() or '{"do": "quit"}')
            if order["do"] == "quit":
                return
            told = _obey(plugs[order["reader"]], order)
            with contextlib.suppress(BrokenPipeError):
                caller.sendall(json.dumps(told).encode() + b"\n")


def _obey(plug: Plug, order: Order) -> Order:
    if order["do"] not in _ORDERS:
        return {"error": f"no such order: {order['do']}"}
    _ORDERS[order["do"]](plug, order)
    return _status(plug)


def _behave(plug: Plug, _: Order) -> None:
    plug.tricks = Tricks()


def _set_tries(plug: Plug, order: Order) -> None:
    plug.card.pin.left = order.get("left", plug.card.pin.most)


def _set_object(plug: Plug, order: Order) -> None:
    plug.card.objects[order["tag"]] = bytes.fromhex(order["octets"])


def _delay(plug: Plug, order: Order) -> None:
    plug.tricks.delays[order["ins"]] = order["seconds"]


def _instead(plug: Plug, order: Order) -> None:
    plug.tricks.instead[order["ins"]] = bytes.fromhex(order["octets"])


_ORDERS: dict[str, Callable[[Plug, Order], None]] = {
    "status": lambda _plug, _order: None,
    "insert": lambda plug, _: plug.insert(),
    "remove": lambda plug, _: plug.remove(),
    "behave": _behave,
    "tries": _set_tries,
    "object": _set_object,
    "delay": _delay,
    "instead": _instead,
    "vanish": lambda plug, order: plug.tricks.vanish_on.add(order["ins"]),
    "hang": lambda plug, order: plug.tricks.hang_on.add(order["ins"]),
    "endless": lambda plug, order: plug.tricks.endless.add(order["ins"]),
}


def _status(plug: Plug) -> Order:
    card = plug.card
    return {
        "inserted": plug.is_in,
        "tries_left": card.pin.left,
        "verified": card.session.verified,
        "counts": {f"{ins:02x}": count for ins, count in card.counts.items()},
    }


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for program in ("pcscd", "ip", "mount"):
        if shutil.which(program) is None:
            raise SystemExit(f"{program} is not installed; bin/set-up-tests installs it")
    main(Path(sys.argv[1]))
