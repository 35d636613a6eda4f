"""A directory on paper: for pages and rules. What a real one does is shown against a real one."""

from dataclasses import dataclass, field, replace
from typing import Any, cast
from uuid import uuid4

import msgspec

from idp import assembly
from idp.authenticators.directory.model import DirectoryPerson, Standing
from idp.config import DirectorySection
from idp.provider import Provider
from idp.secret import Secret

COURTS = {"TPD": "臺灣臺北地方法院", "TPH": "臺灣高等法院"}
SECTION = msgspec.convert(
    {
        "id": "court",
        "names": {"zh-Hant": "司法院網域", "en": "Court domain"},
        "hosts": ["dc1.court.test"],
        "bind_dn": "CN=svc-idp,DC=court,DC=test",
        "bind_password": "no-such-thing",
        "base": "DC=court,DC=test",
        "domain": "COURT",
        "upn_suffixes": ["court.test"],
        "courts": COURTS,
    },
    DirectorySection,
)
WANG = DirectoryPerson(
    directory="court",
    guid="5e6d7c8b-0000-4000-8000-000000000001",
    account="wang.dm",
    name="王大明𠮷",
    title="法官",
    court="TPD",
    court_name=COURTS["TPD"],
    department="民事庭",
    mails=("wang.dm@court.test",),
    employee_number="",
    roles=("president",),
)
PASSWORD = "Ｐａｓｓ-of-the-judge"
LOCKS_AT = 5


@dataclass
class PaperDirectory:
    """Knows who is written on it, and counts wrong passwords as AD does."""

    people: dict[str, DirectoryPerson] = field(default_factory=dict)
    """By account name in lower case."""
    sids: dict[bytes, str] = field(default_factory=dict)
    """Whose account a ticket is for."""
    standings: dict[str, Standing] = field(default_factory=dict)
    wrong: dict[str, int] = field(default_factory=dict)
    is_down: bool = False
    asked: list[str] = field(default_factory=list)
    """Every name that came with a password."""

    def write(self, person: DirectoryPerson) -> DirectoryPerson:
        self.people = {
            name: one for name, one in self.people.items() if one.guid != person.guid
        } | {person.account.casefold(): person}
        return person

    def recreate(self, account: str) -> DirectoryPerson:
        """Delete somebody's entry, and make another of the same name."""
        return self.write(replace(self.people.pop(account), guid=str(uuid4())))

    def claims(self, login: str) -> str | None:
        name = login.casefold()
        domain, backslash, account = name.rpartition("\\")
        if backslash and domain != "court":
            return None
        account, _, suffix = account.partition("@")
        return f"court:{account}" if suffix in {"", "court.test"} else None

    def sign_in(self, login: str, password: Secret[str]) -> DirectoryPerson | Standing:
        self.asked.append(login)
        if self.is_down:
            return Standing.UNREACHABLE
        account = (self.claims(login) or ":").partition(":")[2]
        person = self.people.get(account)
        if person is None:
            return Standing.NOBODY
        if self.wrong.get(account, 0) >= LOCKS_AT:
            return Standing.LOCKED
        if password.reveal() != PASSWORD:
            self.wrong[account] = self.wrong.get(account, 0) + 1
            return Standing.WRONG_CREDENTIALS
        self.wrong[account] = 0
        return self.standings.get(account, person)

    def by_sid(self, directory: str, sid: bytes) -> DirectoryPerson | Standing:
        if self.is_down:
            return Standing.UNREACHABLE
        account = self.sids.get(sid, "")
        person = self.people.get(account)
        return self.standings.get(account, person) if person else Standing.WRONG_CREDENTIALS

    def by_guid(self, identity_key: str) -> DirectoryPerson | Standing:
        if self.is_down:
            return Standing.UNREACHABLE
        for account, person in self.people.items():
            if person.identity.key == identity_key:
                return self.standings.get(account, person)
        return Standing.WRONG_CREDENTIALS


def with_directory(
    portico: Provider, paper: PaperDirectory, section: DirectorySection = SECTION
) -> Provider:
    """Give the same provider with a directory."""
    config = msgspec.structs.replace(portico.config, directories=[section])
    whole = assembly.assemble(config, portico.database, portico.keychain, portico.entropy)
    return replace(whole, directories=cast("Any", paper))
