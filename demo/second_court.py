"""The other court of the demo, whose directory is not Microsoft's: slapd, where it is installed."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

from demo.samba.authority import Authority

BASE = "dc=ipc,dc=test"
PASSWORD = "Judge-Passw0rd!"
_SERVICE, _SERVICE_PASSWORD = f"cn=reader,{BASE}", "Reader-Passw0rd!"
_NAME = "智慧財產及商業法院"
JUDGES = (("shih.hy", "施慧瑜", "good"), ("ho.gone", "何離職", "not a judge"))
SECTION = {
    "id": "ipc",
    "kind": "ldap",
    "names": {
        "zh-Hant": "智慧財產及商業法院目錄",
        "zh-Hans": "知识产权及商业法院目录",
        "en": "Directory of the Intellectual Property and Commercial Court",
    },
    "bind_dn": _SERVICE,
    "bind_password": _SERVICE_PASSWORD,
    "base": BASE,
    "domain": "IPC",
    "upn_suffixes": ["ipc.test"],
    "people_group": f"cn=judges,{BASE}",
    "account_attribute": "uid",
    "department_attribute": "departmentNumber",
    "court_attribute": "o",
    "courts": {
        "IPC": {
            "zh-Hant": _NAME,
            "zh-Hans": "知识产权及商业法院",
            "en": "Intellectual Property and Commercial Court",
        }
    },
}
"""Its configuration; where it listens and what is trusted for it is added by whoever starts it."""

_CONFIGURATION = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile {ca}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
database mdb
suffix "{base}"
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
"""
_TOP = f"""\
dn: {BASE}
objectClass: dcObject
objectClass: organization
o: {_NAME}
dc: ipc

dn: {_SERVICE}
objectClass: person
objectClass: simpleSecurityObject
cn: reader
sn: reader
userPassword: {_SERVICE_PASSWORD}

dn: cn=judges,{BASE}
objectClass: groupOfNames
cn: judges
member: uid={JUDGES[0][0]},{BASE}

"""
_PERSON = """\
dn: uid={uid},{base}
objectClass: inetOrgPerson
uid: {uid}
cn: {name}
sn: {name}
displayName: {name}
title: 法官
o: {court}
departmentNumber: 第一庭
mail: {uid}@ipc.test
userPassword: {password}
entryUUID: 5e6d7c8b-0000-4000-8000-00000000000{number}

"""


def free_port() -> int:
    """Find a port for it; 0: it is not installed."""
    if not _program():
        return 0
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def make(folder: Path, authority: Authority) -> None:
    """Write its configuration and its people, each known again at the next start."""
    place = folder / "slapd"
    (place / "data").mkdir(parents=True)
    leaf = authority.issue("localhost", "127.0.0.1")
    text = _CONFIGURATION.format(
        ca=authority.file,
        certificate=leaf.certificate,
        key=leaf.key,
        base=BASE,
        folder=place,
    )
    configuration(folder).write_text(text, "utf-8")
    people = "".join(
        _PERSON.format(uid=uid, name=name, base=BASE, court=_NAME, password=PASSWORD, number=number)
        for number, (uid, name, _) in enumerate(JUDGES, 1)
    )
    words = [_program(), "-T", "add", "-q", "-f", str(configuration(folder))]
    subprocess.run(  # noqa: S603 - slapd, found on the path
        words, input=(_TOP + people).encode(), check=True, env=dict(os.environ)
    )


def configuration(folder: Path) -> Path:
    """Name its configuration."""
    return folder / "slapd" / "slapd.conf"


def command(folder: Path, port: int) -> list[str]:
    """Give the words that run it in the foreground."""
    where = f"ldaps://127.0.0.1:{port}"
    return [_program(), "-d", "0", "-f", str(configuration(folder)), "-h", where]


def _program() -> str:
    return shutil.which("slapd", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""
