"""Domain controllers as programs: made, kept for the next time, started and stopped.

LDAP and Kerberos have ports of their own (636, 88) that Samba cannot change, so each controller
has an address of its own in 127.0.0.0/8. To listen there takes root, or a network where nobody has
to be it; nothing else here does.
"""

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from demo.samba.authority import Authority
from demo.samba.plans import Plan
from idp.clock import system_clock

PROGRAMS = ("samba", "samba-tool", "ldbsearch")
_DEBIAN_PYTHON = "/usr/bin/python3"
_DOMAIN = Path(__file__).with_name("domain.py")
_PATIENCE_SECONDS = 30.0
_KEPT_SECONDS = 7 * 86400  # passwords of a domain expire after 42 days
_PORTS = (636, 389, 88, 464, 135, 3268, 3269)
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class NoSamba(Exception):
    """It cannot be started here; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where a controller keeps its things. Short: there are sockets among them."""

    folder: Path

    @property
    def configuration(self) -> Path:
        """Samba's configuration."""
        return self.folder.with_suffix(".conf")

    @property
    def log(self) -> Path:
        """What it writes, authentications among it."""
        return self.folder.with_suffix(".log")

    @property
    def database(self) -> Path:
        """The directory itself."""
        return self.folder / "private" / "sam.ldb"


class Controller:
    """A domain controller on an address."""

    def __init__(self, plan: Plan, name: str, address: str, files: Files) -> None:
        self.plan, self.name, self.address, self.files = plan, name, address, files
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """Its name, as its certificate has it (beside its address)."""
        return f"{self.name}.{self.plan.dns_name}"

    def configure(self, authority: Authority) -> None:
        """Write its configuration, with a certificate for its name and address."""
        # 127.0.0.1, too: a proxy in front of it is found there.
        leaf = authority.issue(self.host, self.plan.dns_name, self.address, "127.0.0.1")
        own = self.files.folder
        settings = {
            "netbios name": self.name.upper(),
            "workgroup": self.plan.domain,
            "realm": self.plan.realm,
            "server role": "active directory domain controller",
            "server services": "rpc, ldap, cldap, kdc",
            "interfaces": f"{self.address}/8",
            "bind interfaces only": "yes",
            "private dir": own / "private",
            "state directory": own / "state",
            "cache directory": own / "cache",
            "lock directory": own,
            "binddns dir": own / "bind-dns",
            "pid directory": own / "run",
            "ncalrpc dir": own / "run" / "ncalrpc",
            "winbindd socket directory": own / "run" / "winbindd",
            "ntp signd socket directory": own / "run" / "ntp_signd",
            "log level": "1 auth_audit:3",
            "idmap_ldb:use rfc2307": "yes",
            "tls keyfile": leaf.key,
            "tls certfile": leaf.certificate,
            "tls cafile": authority.file,
        }
        lines = [f"\t{name} = {value}" for name, value in settings.items()]
        (own / "run").mkdir(parents=True, exist_ok=True)
        self.files.configuration.write_text("\n".join(["[global]", *lines, ""]), "utf-8")

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            NoSamba: it ended, or says nothing; the text has the last of its log.
        """
        with self.files.log.open("ab") as log:
            self._process = process = subprocess.Popen(
                command(self.files.configuration),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            await_answers(self.address, lambda: process.poll() is None)
        except NoSamba as silent:
            self.stop()
            raise NoSamba(f"{self.name} does not start:\n{_tail(self.files.log)}") from silent

    def stop(self) -> None:
        """End it."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._process.kill()
        self._process.wait()
        self._process = None

    @contextlib.contextmanager
    def hung(self) -> Iterator[None]:
        """Let it take connections and say nothing, for a while."""
        if self._process is None:
            raise NoSamba(f"{self.name} does not run")
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


def missing_programs() -> list[str]:
    """List what is not installed."""
    return [one for one in PROGRAMS if shutil.which(one, path=_PATH) is None]


def free_address() -> str:
    """Find an address of loopback that no other domain listens on.

    Raises:
        NoSamba: this user may not listen there, or another program listens everywhere.
    """
    for _ in range(50):
        address = f"127.{random.randint(64, 250)}.{random.randint(1, 250)}.{random.randint(2, 250)}"
        try:
            for port in _PORTS:
                with socket.socket() as one:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    one.bind((address, port))
        except PermissionError:
            raise NoSamba("only root may listen on the ports of LDAP and Kerberos here") from None
        except OSError:
            continue
        return address
    raise NoSamba("another program listens on a port of LDAP or Kerberos, on every address")


def make(
    plan: Plan,
    folder: Path,
    cache: Path,
    authority: Authority,
    address: str,
    *,
    keep: bool = False,
) -> Controller:
    """Make the first controller of a domain, or take it from the cache.

    Args:
        keep: take it however old it is, so that everybody stays who they are.

    Raises:
        NoSamba: Samba is not installed, or will not.
    """
    if missing := missing_programs():
        raise NoSamba(f"{', '.join(missing)}: not installed; bin/set-up-tests installs Samba")
    controller = Controller(plan, plan.host, address, Files(folder / plan.host))
    kept = cache / f"{_fingerprint(plan)}.tar"
    if kept.is_file() and (keep or _age_seconds(kept) < _KEPT_SECONDS):
        _run("tar", "-x", "--no-same-owner", "-f", kept, "-C", folder)
        controller.configure(authority)
        return controller
    told = folder / "plan.json"
    told.write_text(json.dumps(plan.as_json(), ensure_ascii=False), "utf-8")
    _run(_DEBIAN_PYTHON, _DOMAIN, "provision", controller.files.folder, told)
    controller.configure(authority)
    _run(_DEBIAN_PYTHON, _DOMAIN, "populate", controller.files.configuration, told)
    _keep(controller.files.folder, kept)
    return controller


def export_keytab(controller: Controller, path: Path, *principals: str) -> None:
    """Write the keys of services into a file."""
    for principal in principals:
        tool(controller, "domain", "exportkeytab", str(path), f"--principal={principal}")


def tool(controller: Controller, *words: str) -> None:
    """Run ``samba-tool`` on the files of a controller, whether it runs or not."""
    _run("samba-tool", *words, "-s", controller.files.configuration)


def join(first: Controller, folder: Path, authority: Authority, address: str) -> Controller:
    """Make a second controller of the same domain: a copy of what the first holds now."""
    second = Controller(first.plan, "dc2", address, Files(folder / "dc2"))
    empty = folder / "join.conf"
    empty.write_text("[global]\n")
    _run(
        "samba-tool",
        *("domain", "join", first.plan.dns_name, "DC"),
        *("-U", f"{first.plan.domain}\\Administrator%{first.plan.administrator}"),
        *(f"--server={first.address}", "--dns-backend=NONE", "--use-kerberos=off"),
        *(f"--targetdir={second.files.folder}", "-s", str(empty)),
        *("--option=netbios name=DC2", f"--option=interfaces={address}/8"),
        "--option=bind interfaces only=yes",
    )
    second.configure(authority)
    return second


def command(configuration: Path) -> list[str]:
    """Give the words that run a controller in the foreground, in one process."""
    program = shutil.which("samba", path=_PATH) or "samba"
    words = ["-s", str(configuration), "-i", "-M", "single", "--no-process-group"]
    return [program, *words]


def await_answers(address: str, alive: Callable[[], bool] = lambda: True) -> None:
    """Wait until LDAP and Kerberos are there.

    Raises:
        NoSamba: it is not ``alive`` any more, or says nothing for half a minute.
    """
    until = time.monotonic() + _PATIENCE_SECONDS
    while not (_answers(address, 636) and _answers(address, 88)):
        if not alive() or time.monotonic() > until:
            raise NoSamba(f"{address}: no directory answers")
        time.sleep(0.03)


def _age_seconds(path: Path) -> float:
    return system_clock().timestamp() - path.stat().st_mtime


def _keep(folder: Path, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    half = kept.with_suffix(f".{os.getpid()}")
    _run("tar", "-c", "-f", half, "-C", folder.parent, folder.name)
    half.replace(kept)


def _fingerprint(plan: Plan) -> str:
    version = subprocess.run(
        ["samba", "--version"], capture_output=True, check=True, env={"PATH": _PATH}
    ).stdout
    text = json.dumps(plan.as_json(), sort_keys=True).encode()
    return hashlib.sha256(version + text + _DOMAIN.read_bytes()).hexdigest()[:24]


def _run(*words: str | Path) -> None:
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        env={**os.environ, "PATH": _PATH},
        check=False,
    )
    if done.returncode:
        told = (done.stdout + done.stderr).decode(errors="replace")
        raise NoSamba(f"{words[0]} {words[1]}: {told[-2000:]}")


def _answers(address: str, port: int) -> bool:
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex((address, port)) == 0


def _tail(log: Path) -> str:
    return log.read_text("utf-8", "replace")[-2000:]
