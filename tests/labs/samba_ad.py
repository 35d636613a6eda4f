"""The judges' domain: a real Active Directory, one a test process.

``samba_ad`` is the domain with one controller, ``second_controller`` joins another. Tests that
use them share one process (``lots.py``). Nothing is put back between
tests: whoever changes someone, changes someone of his own, or changes them back.
"""

import contextlib
import os
import re
import shutil
import ssl
import struct
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from demo.samba import controller as controllers
from demo.samba.authority import Authority
from demo.samba.controller import Controller
from demo.samba.kerberos import write_krb5_conf
from demo.samba.plans import Group, Plan, Someone
from idp.config import DirectorySection

HOUSE = Path(__file__).resolve().parents[2]
PASSWORD = "Judge-Passw0rd!"
SERVICE_PASSWORD = "Svc-Idp-Passw0rd!"
IDP_HOST = "idp.court.test"
"""The name that browsers ask for a ticket for; ``localhost`` is another."""

TAIPEI, HIGH = "臺灣臺北地方法院", "臺灣高等法院"
_PEOPLE = "使用者"
_SERVICES = ("Services",)
_JUDGE = {"title": "法官", "company": TAIPEI, "department": "刑事第一庭"}

COURTS = {"TPD": TAIPEI, "TPH": HIGH, "KSD": "臺灣高雄地方法院"}
BASE = "DC=court,DC=test"
JUDGES = f"CN=Judges,OU=法院,{BASE}"
PRESIDENTS = f"CN=院長,OU=法院,{BASE}"
TAIPEI_JUDGES = f"CN=臺北地院法官,OU={TAIPEI},OU=法院,{BASE}"
HIGH_JUDGES = f"CN=高院法官,OU={HIGH},OU=法院,{BASE}"
SERVICE = f"CN=svc-idp,OU=Services,{BASE}"


def _judge(account: str, name: str, *, court: str = TAIPEI, **more: Any) -> Someone:
    attributes = _JUDGE | {"company": court} | more.pop("attributes", {})
    unit = ("法院", court, _PEOPLE)
    return Someone(account, name, unit, PASSWORD, attributes=attributes, **more)


def _service(account: str, password: str, *services: str) -> Someone:
    return Someone(account, account, _SERVICES, password, state="lasting", services=services)


_TAIPEI_JUDGES = (
    _judge(
        "wang.dm",
        "王大明",
        attributes={
            "sn": "王",
            "givenName": "大明",
            "mail": "wang.dm@judicial.test",
            "employeeID": "A12345",
        },
    ),
    _judge("nomail", "無信箱"),
    _judge("weird", "趙(小)明*, \\甲", attributes={"mail": "weird@judicial.test"}),
    _judge("林法官", "林法官", attributes={"mail": "lin@judicial.test"}),
    _judge("zaozi", "\ue000\ue001明", attributes={"mail": "zaozi@judicial.test"}),
    _judge("disabled", "停用者", state="disabled"),
    _judge("mustchange", "須改密碼", state="must_change"),
    _judge("accexp", "帳號到期", state="expired"),
    _judge("hours", "時段限制", state="outside_hours"),
    _judge("wks", "工作站限制", state="other_workstation"),
    _judge("pwexp", "密碼過期", state="password_expired"),
    _judge("locked", "鎖定者", lockable=True),
    _judge("changeme", "改名者", attributes={"mail": "changeme@judicial.test"}),
    _judge("elsewhere", "他院者", attributes={"company": "臺灣臺東地方法院"}),
)
_HIGH_JUDGES = (
    _judge(
        "lee.ys",
        "李雅淑",
        court=HIGH,
        principal="lee.ys@judicial.test",
        attributes={"mail": "lee.ys@judicial.test", "department": "民事第二庭"},
    ),
    _judge("chen.yz", "陳院長", court=HIGH, principal="yuanzhang@judicial.test"),
)
_CLERK = Someone(
    "clerk01",
    "陳書記",
    ("法院", TAIPEI, _PEOPLE),
    PASSWORD,
    attributes={"title": "書記官", "company": TAIPEI, "mail": "clerk01@judicial.test"},
)

PLAN = Plan(
    units=(
        ("法院",),
        *((("法院", court)) for court in (TAIPEI, HIGH)),
        *((("法院", court, _PEOPLE)) for court in (TAIPEI, HIGH)),
        _SERVICES,
    ),
    people=(
        *_TAIPEI_JUDGES,
        *_HIGH_JUDGES,
        _CLERK,
        _service("svc-idp", SERVICE_PASSWORD),
        _service(
            "svc-http", "Svc-Http-Passw0rd!-long-random", f"HTTP/{IDP_HOST}", "HTTP/localhost"
        ),
    ),
    groups=(
        Group("臺北地院法官", ("法院", TAIPEI), tuple(one.account for one in _TAIPEI_JUDGES)),
        Group("高院法官", ("法院", HIGH), tuple(one.account for one in _HIGH_JUDGES)),
        Group("Judges", ("法院",), ("臺北地院法官", "高院法官")),  # nobody is in it directly
        Group("院長", ("法院",), ("chen.yz",)),
    ),
    upn_suffixes=("judicial.test",),
)

_BIND = re.compile(
    r"Auth: \[LDAP,simple bind/TLS\] user \[[^\]]*\]\\\[(?P<name>.*?)\] "
    r".*?status \[(?P<status>\w+)\]"
)


@dataclass(frozen=True, slots=True)
class Bind:
    """A password that was tried at a controller."""

    name: str
    """As it was sent: a DN, or the name of the service account."""
    good: bool


class Domain:
    """The domain, as tests use it."""

    def __init__(self, folder: Path, first: Controller, authority: Authority) -> None:
        self.folder, self.first, self.authority = folder, first, authority
        self.keytab = folder / "idp.keytab"
        self._read_up_to: dict[str, int] = {}

    @property
    def host(self) -> str:
        """Where its first controller is, as ``hosts`` has it."""
        return self.first.address

    def section(self, **changes: Any) -> DirectorySection:
        """Give the configuration of this directory, ``court``; changed as told."""
        fields = {
            "id": "court",
            "names": {"zh-Hant": "司法院網域"},
            "hosts": [self.host],
            "ca_file": str(self.authority.file),
            "bind_dn": SERVICE,
            "bind_password": SERVICE_PASSWORD,
            "base": BASE,
            "domain": "COURT",
            "upn_suffixes": ["court.test", "judicial.test"],
            "people_group": JUDGES,
            "roles": {PRESIDENTS: "president"},
            "courts": COURTS,
            "keytab_file": str(self.keytab),
        }
        return msgspec.convert(fields | changes, DirectorySection)

    def binds(self, of: Controller | None = None) -> list[Bind]:
        """List the passwords tried since the last call: at the first controller, or at another."""
        asked = of or self.first
        log = asked.files.log.read_bytes()
        new = log[self._read_up_to.get(asked.name, 0) :]
        self._read_up_to[asked.name] = len(log)
        return [
            Bind(found["name"], found["status"] == "NT_STATUS_OK")
            for line in new.decode("utf-8", "replace").splitlines()
            if (found := _BIND.search(line))
        ]

    def tool(self, *words: str) -> None:
        """Run ``samba-tool`` (0.4 s): ``tool("user", "disable", "wang.dm")``."""
        controllers.tool(self.first, *words, "-H", str(self.first.files.database))

    def modify(self, ldif: str) -> None:
        """Change entries of the domain below what would refuse it: other versions did not."""
        folder = self.first.files.database.with_suffix(".ldb.d")
        words = ["ldbmodify", "-H", str(folder / f"{BASE.upper()}.ldb")]
        subprocess.run(words, input=ldif, text=True, capture_output=True, check=True)

    def ids_of(self, account: str) -> tuple[bytes, uuid.UUID]:
        """Read somebody's ``objectSid`` (octets) and ``objectGUID``, as an administrator would."""
        words = ["-H", str(self.first.files.database), f"(sAMAccountName={account})"]
        shown = subprocess.run(
            ["ldbsearch", "--show-binary", *words, "objectSid", "objectGUID"],
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        guid = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", shown)
        parts = re.search(r"S-1-5-([0-9-]+)", shown)
        assert guid is not None
        assert parts is not None
        subs = [int(one) for one in parts[1].split("-")]
        sid = bytes([1, len(subs), 0, 0, 0, 0, 0, 5])
        return sid + struct.pack(f"<{len(subs)}I", *subs), uuid.UUID(guid[0])

    @contextlib.contextmanager
    def disabled(self, account: str) -> Iterator[None]:
        """Disable somebody for a while."""
        self.tool("user", "disable", account)
        try:
            yield
        finally:
            self.tool("user", "enable", account)

    def set_password(self, account: str, password: str) -> None:
        """Give somebody another password. Over LDAP the old one holds for an hour as well."""
        self.tool("user", "setpassword", account, f"--newpassword={password}")

    @property
    def krb5_conf(self) -> Path:
        """What Kerberos' programs and libraries need (``KRB5_CONFIG``)."""
        return self.folder / "krb5.conf"

    def kinit(self, name: str, cache: Path, *options: str, password: str = PASSWORD) -> Path:
        """Get somebody a ticket; gives the cache (``KRB5CCNAME=FILE:…``)."""
        done = subprocess.run(
            ["kinit", "-c", f"FILE:{cache}", *options, name],
            input=password.encode() + b"\n",
            env={**os.environ, "KRB5_CONFIG": str(self.krb5_conf)},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return cache

    def believed(self) -> ssl.SSLContext:
        """Give the terms of TLS under which its controllers are believed."""
        return ssl.create_default_context(cafile=str(self.authority.file))


@pytest.fixture(scope="session")
def samba_ad(pytestconfig: pytest.Config) -> Iterator[Domain]:
    """Start the domain: 6 s the first time, 2 s after that; for root, and for everybody else."""
    with domain(pytestconfig.cache.mkdir("samba")) as running:
        yield running


@pytest.fixture(scope="session")
def second_controller(samba_ad: Domain) -> Iterator[Controller]:
    """Join a second controller (5 s): a copy of the first as it is now."""
    second = controllers.join(
        samba_ad.first, samba_ad.folder, samba_ad.authority, controllers.free_address()
    )
    second.start()
    try:
        yield second
    finally:
        second.stop()


@contextlib.contextmanager
def domain(cache: Path, plan: Plan = PLAN) -> Iterator[Domain]:
    """Run a domain with one controller.

    Raises:
        NoSamba: it cannot be started here; the text says what to do.
    """
    folder = Path(tempfile.mkdtemp(prefix="adl."))  # short: Samba puts sockets into it
    try:
        authority = Authority(folder / "ca")
        address = controllers.free_address()
        first = controllers.make(plan, folder, cache, authority, address)
        running = Domain(folder, first, authority)
        controllers.export_keytab(first, running.keytab, f"HTTP/{IDP_HOST}", "HTTP/localhost")
        write_krb5_conf(running.krb5_conf, plan, address)
        first.start()
        try:
            yield running
        finally:
            first.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
