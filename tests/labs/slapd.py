"""A directory that is not Microsoft's: slapd, on a port of chance, with the traps of old ones.

It takes a name without a password for a sign-in as nobody, and names a stranger for whatever it
does not hold: what a real one may do, and Samba does not.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from demo.samba.authority import Authority
from idp.config import DirectorySection
from tests.labs.ports import free_port

BASE = "dc=lawyers,dc=test"
SERVICE = f"cn=reader,{BASE}"
SERVICE_PASSWORD = "Reader-Passw0rd"
PASSWORD = "Lawyer-Passw0rd"
MEMBERS = f"cn=members,{BASE}"
REFERRED = f"uid=gone,{BASE}"
"""Who is said to be at the stranger's."""
_SLAPD = shutil.which("slapd", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or "slapd"
_PATIENCE_SECONDS = 10.0

_CONFIGURATION = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
allow bind_anon_dn bind_anon_cred
TLSCACertificateFile {ca}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
referral ldap://127.0.0.1:{stranger}/
database mdb
suffix "{base}"
rootdn "cn=root,{base}"
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by * read
"""

_ENTRIES = f"""\
dn: {BASE}
objectClass: dcObject
objectClass: organization
o: 律師公會
dc: lawyers

dn: {SERVICE}
objectClass: person
objectClass: simpleSecurityObject
cn: reader
sn: reader
userPassword: {SERVICE_PASSWORD}

dn: uid=hsu,{BASE}
objectClass: inetOrgPerson
uid: hsu
cn: 許律師
sn: 許
displayName: 許律師
mail: hsu@lawyers.test
userPassword: {PASSWORD}

dn: uid=outsider,{BASE}
objectClass: inetOrgPerson
uid: outsider
cn: 外人
sn: 外
userPassword: {PASSWORD}

dn: {MEMBERS}
objectClass: groupOfNames
cn: members
member: uid=hsu,{BASE}

"""


@dataclass(frozen=True, slots=True)
class Slapd:
    """A directory that runs."""

    port: int
    ca_file: Path
    configuration: Path

    def section(self, **changes: Any) -> DirectorySection:
        """Give the configuration of this directory, ``lawyers``; changed as told."""
        fields = {
            "id": "lawyers",
            "kind": "ldap",
            "hosts": [f"localhost:{self.port}"],
            "ca_file": str(self.ca_file),
            "bind_dn": SERVICE,
            "bind_password": SERVICE_PASSWORD,
            "base": BASE,
            "domain": "LAWYERS",
            "people_group": MEMBERS,
            "account_attribute": "uid",
        }
        return msgspec.convert(fields | changes, DirectorySection)

    def replace(self, uid: str, entry: str) -> None:
        """Take an entry away and add another: what stays the same is its name."""
        for program, words in (("ldapdelete", [f"uid={uid},{BASE}"]), ("ldapadd", [])):
            _run(
                [program, "-x", "-H", f"ldaps://127.0.0.1:{self.port}", "-D", f"cn=root,{BASE}"],
                ["-w", SERVICE_PASSWORD, *words],
                entry,
                {"LDAPTLS_CACERT": str(self.ca_file)},
            )


@contextlib.contextmanager
def slapd(stranger: int = 9) -> Iterator[Slapd]:
    """Run one; ``stranger`` is the port on loopback that its referrals lead to."""
    folder = Path(tempfile.mkdtemp(prefix="portico-slapd-"))
    (folder / "data").mkdir()
    authority = Authority(folder / "ca")
    leaf = authority.issue("localhost", "127.0.0.1")
    configuration = folder / "slapd.conf"
    text = _CONFIGURATION.format(
        folder=folder,
        ca=authority.file,
        certificate=leaf.certificate,
        key=leaf.key,
        stranger=stranger,
        base=BASE,
    ).replace(f'rootdn "cn=root,{BASE}"', f'rootdn "cn=root,{BASE}"\nrootpw {SERVICE_PASSWORD}')
    configuration.write_text(text, "utf-8")
    referral = (
        f"dn: {REFERRED}\nobjectClass: referral\nobjectClass: extensibleObject\nuid: gone\n"
        f"ref: ldap://127.0.0.1:{stranger}/{REFERRED}\n"
    )
    _run([_SLAPD, "-T", "add", "-q"], ["-f", str(configuration)], _ENTRIES + referral, {})
    port = free_port()
    words = [_SLAPD, "-d", "0", "-f", str(configuration), "-h", f"ldaps://127.0.0.1:{port}"]
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        _await(port)
        yield Slapd(port, authority.file, configuration)
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _await(port: int) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    with socket.socket() as one:
        while one.connect_ex(("127.0.0.1", port)):
            assert time.monotonic() < until, "slapd does not start"
            time.sleep(0.02)


def _run(program: list[str], words: list[str], told: str, more: dict[str, str]) -> None:
    done = subprocess.run(
        [*program, *words],
        input=told.encode() if told else None,
        capture_output=True,
        env={**os.environ, **more},
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
