"""The judges of the demo: a directory that knows them, started with ``AD=1``. Starts nothing.

It is made anew at each start from what was kept of the first: whoever a judge is to the provider,
they stay.
"""

import hashlib
import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo import second_court
from demo.samba import controller
from demo.samba.court import JUDGES, PASSWORD, PLAN, SECTION
from demo.samba.plans import Someone
from demo.supervisor import Program
from idp.config import ConfigError

_HERE = ["127.0.0.0/8", "::1/128"]


@dataclass(frozen=True, slots=True)
class Judges:
    """The directory of one run."""

    address: str
    """Where it listens; empty: there is none."""
    folder: Path
    """Its files, in a short place: Samba puts sockets among them."""
    cache: Path
    tickets: bool
    """Whether the provider can take tickets here."""
    second_port: int = 0
    """Where a second directory listens, of another make; 0: slapd is not installed."""

    @property
    def krb5_conf(self) -> Path:
        """What ``kinit`` and a browser need."""
        return self.folder / "krb5.conf"


def decide(environ: Mapping[str, str], var: Path) -> Judges:
    """Read ``AD``.

    Raises:
        ConfigError: it is neither 0 nor 1, or a directory cannot be started here.
    """
    wanted = environ.get("AD", "")
    if wanted not in {"", "0", "1"}:
        raise ConfigError(f"AD: {wanted!r} is neither 1 (with a directory of judges) nor 0")
    mark = hashlib.sha256(str(var.resolve()).encode()).hexdigest()[:8]
    folder = Path(tempfile.gettempdir()) / f"portico-ad-{mark}"
    tickets = importlib.util.find_spec("gssapi") is not None
    try:
        address = controller.free_address() if wanted == "1" else ""
    except controller.NoSamba as wrong:
        raise ConfigError(f"AD=1: {wrong}") from wrong
    second = second_court.free_port() if address else 0
    return Judges(address, folder, var / "directory", tickets, second)


def lay_out(judges: Judges) -> None:
    """Make room for it.

    Raises:
        ConfigError: somebody else has taken its place.
    """
    if not judges.address:
        return
    clear_away(judges)
    try:
        judges.folder.mkdir(mode=0o700)
    except FileExistsError:
        raise ConfigError(f"{judges.folder} is not ours: remove it") from None


def clear_away(judges: Judges) -> None:
    """Remove what it left."""
    shutil.rmtree(judges.folder, ignore_errors=True)


def made(judges: Judges) -> tuple[Program, ...]:
    """Make its files: what the provider trusts is among them."""
    words = [str(judges.folder), str(judges.cache), judges.address]
    return (_program("directory-made", "make", *words),) if judges.address else ()


def services(judges: Judges) -> tuple[Program, ...]:
    """List the controller."""
    if not judges.address:
        return ()
    configuration = judges.folder / f"{PLAN.host}.conf"
    found = [Program("directory", controller.command(configuration))]
    if judges.second_port:
        words = second_court.command(judges.folder, judges.second_port)
        found.append(Program("second-directory", words))
    return tuple(found)


def awaited(judges: Judges) -> tuple[Program, ...]:
    """Wait for it."""
    if not judges.address:
        return ()
    return (_program("directory-answers", "await", str(judges.folder), judges.address),)


def told(judges: Judges) -> list[dict[str, Any]]:
    """Give the provider's configuration of it."""
    if not judges.address:
        return []
    section = SECTION | {"hosts": [judges.address], "ca_file": str(judges.folder / "ca" / "ca.pem")}
    if judges.tickets:
        section |= {"keytab_file": str(judges.folder / "http.keytab"), "ticket_networks": _HERE}
    if not judges.second_port:
        return [section]
    where = {"hosts": [f"localhost:{judges.second_port}"], "ca_file": section["ca_file"]}
    return [section, second_court.SECTION | where]


def described(judges: Judges) -> list[dict[str, str]]:
    """List the judges for people and tools."""
    if not judges.address:
        return []
    return [
        {
            "username": one.account,
            "password": PASSWORD,
            "name": one.name,
            "principal": f"{PLAN.domain}\\{one.account}",
            "state": _state(one),
        }
        for one in JUDGES
    ] + _of_second(judges)


def _state(one: Someone) -> str:
    """Say in words of ours what becomes of a sign-in."""
    if one.lockable:
        return "locked"
    return {"disabled": "disabled", "expired": "expired", "must_change": "must change"}.get(
        one.state, "good"
    )


def _of_second(judges: Judges) -> list[dict[str, str]]:
    """List the judges of the second directory; they sign in by its whole name."""
    if not judges.second_port:
        return []
    return [
        {
            "username": f"IPC\\{uid}",
            "password": second_court.PASSWORD,
            "name": name,
            "principal": f"IPC\\{uid}",
            "state": state,
        }
        for uid, name, state in second_court.JUDGES
    ]


def krb5_conf_of(judges: Judges) -> str:
    """Name the file that tickets need; empty: none can be had here."""
    return str(judges.krb5_conf) if judges.address and judges.tickets else ""


def _program(name: str, *words: str) -> Program:
    return Program(name, [sys.executable, "-m", "demo.samba", *words])
