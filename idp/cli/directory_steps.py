"""Whether directories can be asked, step by step: what a sign-in takes, one thing at a time."""

import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec

from idp.authenticators.directory import filters, people
from idp.authenticators.directory.directory import Directories
from idp.authenticators.directory.model import DirectoryPerson, Standing
from idp.clock import Clock
from idp.config import Config, DirectorySection
from idp.gateways import keytab
from idp.gateways.kerberos import Tickets
from idp.gateways.ldap import Entry, Ldap, Misconfigured, Session, Unreachable

GOOD, LOOK, BAD = "good", "look", "bad"
_PATIENCE_SECONDS = 5.0
_RENEW = timedelta(days=30)
_SKEW, _KERBEROS_SKEW = timedelta(seconds=60), timedelta(minutes=5)
_RC4 = 23
_AES = {17: "AES128-SHA1", 18: "AES256-SHA1", 19: "AES128-SHA256", 20: "AES256-SHA384"}
_ANYTHING = "(objectClass=*)"

# What OpenSSL and the system say, and what mends it.
_REMEDIES = (
    ("mismatch", "the certificate names another host: write that name in `hosts`, or renew it"),
    ("has expired", "the controller's certificate has ended: renew it there"),
    ("not yet valid", "the certificate begins in the future: compare the clocks"),
    ("CERTIFICATE_VERIFY_FAILED", "another authority: put the domain's own into `ca_file` (PEM)"),
    ("refused", "nothing listens: LDAPS needs a certificate on the controller; the port is 636"),
    ("timed out", "a firewall, or a controller that hangs: open 636/tcp from here"),
    ("address", "no such name: is the domain's name server asked on this machine?"),
)
_STANDINGS = {
    Standing.WRONG_CREDENTIALS: "no such account, or a name of none of the directories",
    Standing.MISCONFIGURED: "the service account may not read it, or may not sign in: see above",
    Standing.UNREACHABLE: "no controller answers: see above",
    Standing.UNANSWERED: "a controller took the password and did not answer: see above",
    Standing.NOT_ALLOWED: "the account is good, and not in `people_group`",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried."""

    directory: str
    where: str
    step: str
    result: str
    found: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Examiner:
    """Tries the directories of a configuration."""

    config: Config
    clock: Clock

    def steps(self, user: str = "") -> Iterator[Step]:
        """Try everything; one failure spares nothing that can be tried without it."""
        for section in self.config.directories:
            yield from self._directory(section)
        if user:
            yield self._user(user)

    def _directory(self, section: DirectorySection) -> Iterator[Step]:
        answering: Ldap | None = None
        for host in section.hosts:
            alone = Ldap(msgspec.structs.replace(section, hosts=[host]))
            failed = False
            for one in self._controller(section, host, alone):
                failed = failed or one.result == BAD
                yield one
            answering = answering or (None if failed else alone)
        if answering is not None:
            yield from self._groups(section, answering)
        if section.keytab_file:
            yield from self._tickets(section, answering)

    def _controller(self, section: DirectorySection, host: str, ldap: Ldap) -> Iterator[Step]:
        name, step = section.id, Step
        try:
            found = ldap.addresses_of(host, _until())
            yield step(name, host, "name", GOOD, ", ".join(dict.fromkeys(found)))
            yield self._certificate(section, host, ldap.certificate_ends(host, _until()))
        except Unreachable as broken:
            yield step(name, host, "connection", BAD, str(broken), _remedy(str(broken)))
            return
        try:
            looked = ldap.ask(lambda session: _first_look(session, section.base), _until())
        except (Misconfigured, Unreachable) as wrong:
            fix = "compare `bind_dn` and its password; is the service account enabled?"
            yield step(name, host, "service account", BAD, str(wrong), fix)
            return
        yield step(name, host, "service account", GOOD, section.bind_dn)
        if not looked.base:
            fix = "`base` is no entry that the service account may read"
            yield step(name, host, "search", BAD, section.base, fix)
        else:
            yield step(name, host, "search", GOOD, section.base)
        yield self._clock(section, host, looked.time)

    def _certificate(self, section: DirectorySection, host: str, ends: str) -> Step:
        until = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)
        soon = until - self.clock() < _RENEW
        fix = "renew it before it ends" if soon else ""
        found = f"names this host, until {until:%Y-%m-%d}"
        return Step(section.id, host, "certificate", LOOK if soon else GOOD, found, fix)

    def _clock(self, section: DirectorySection, host: str, told: str) -> Step:
        try:
            theirs = datetime.strptime(told[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            return Step(section.id, host, "clock", GOOD, "the directory does not tell its own")
        apart = abs(self.clock() - theirs)
        found = f"{apart.total_seconds():.0f} s apart"
        if apart <= _SKEW:
            return Step(section.id, host, "clock", GOOD, found)
        result = BAD if apart > _KERBEROS_SKEW else LOOK
        fix = "set both by one time server: Kerberos takes no ticket that is 5 minutes off"
        return Step(section.id, host, "clock", result, found, fix)

    def _groups(self, section: DirectorySection, ldap: Ldap) -> Iterator[Step]:
        for group in people.groups_asked_for(section):
            there = _asked(ldap, partial(_look_at, group))
            fix = "" if there else "no such entry: write the group's DN as the directory has it"
            yield Step(section.id, group, "group", GOOD if there else BAD, "", fix)
        if not section.people_group:
            fix = "`people_group` is empty: everybody in the directory may sign in"
            yield Step(section.id, "", "group", LOOK, "none is demanded", fix)
        if not section.courts:
            fix = "`courts` is empty: nobody's court is believed"
            yield Step(section.id, "", "courts", LOOK, "", fix)

    def _tickets(self, section: DirectorySection, ldap: Ldap | None) -> Iterator[Step]:
        name, file = section.id, section.keytab_file
        if not Tickets.available():
            fix = "install the extra: portico[kerberos], and the system's MIT krb5"
            yield Step(name, "", "gssapi", BAD, "is not installed: no ticket is taken", fix)
        try:
            keys = keytab.read(file)
        except keytab.Unusable as wrong:
            fix = "export it anew and let the service's user alone read it (0400)"
            yield Step(name, file, "keytab", BAD, str(wrong), fix)
            return
        service = f"HTTP/{self.config.provider.issuer.partition('://')[2].split('/')[0]}"
        service = service.rpartition(":")[0] or service
        ours = [
            one for one in keys if one.principal.casefold().startswith(f"{service}@".casefold())
        ]
        yield _keys(section, service, ours)
        if ldap is not None and ours:
            yield from _service_account(section, ldap, service, ours)

    def _user(self, login: str) -> Step:
        directories = Directories(self.config.directories, self.clock)
        claim = directories.claims(login)
        where = claim.partition(":")[0] if claim else ""
        found = directories.by_login(login)
        if isinstance(found, DirectoryPerson):
            return Step(where, login, "user", GOOD, _described(found))
        return Step(where, login, "user", BAD, found.value, _STANDINGS.get(found, "mend it in AD"))


@dataclass(frozen=True, slots=True)
class _Looked:
    base: bool
    time: str


def _first_look(session: Session, base: str) -> _Looked:
    server = session.look("", _ANYTHING, ["currentTime"])
    told = server[0].values.get("currenttime", (b"",))[0] if server else b""
    try:
        there = bool(session.look(base, _ANYTHING, ["1.1"]))
    except Misconfigured:
        there = False
    return _Looked(there, told.decode("ascii", "replace"))


def _keys(section: DirectorySection, service: str, ours: list[keytab.Key]) -> Step:
    step = ("keytab", section.keytab_file)
    if not ours:
        fix = f"it has no key for {service}: the name must be the one in the browser's address"
        return Step(section.id, step[1], step[0], BAD, "", fix)
    shown = ", ".join(
        sorted({f"{_AES.get(one.kind, f'kind {one.kind}')} (kvno {one.version})" for one in ours})
    )
    if not any(one.kind in _AES for one in ours):
        fix = "no AES key: switch AES on for the account, then export again"
        return Step(section.id, step[1], step[0], BAD, shown, fix)
    old = any(one.kind == _RC4 for one in ours)
    fix = "RC4 is in it: export AES alone" if old else ""
    return Step(section.id, step[1], step[0], LOOK if old else GOOD, f"{service}: {shown}", fix)


def _service_account(
    section: DirectorySection, ldap: Ldap, service: str, ours: list[keytab.Key]
) -> Iterator[Step]:
    spn = filters.equals("servicePrincipalName", service)
    found = _asked(ldap, lambda session: session.find(spn, ["msDS-KeyVersionNumber"]))
    if not found:
        fix = f"setspn -S {service} <the account that the keytab is of>"
        yield Step(section.id, service, "SPN", BAD, "no account has it", fix)
        return
    if len(found) > 1:
        fix = "two accounts have it, so nobody gets a ticket: setspn -X lists them"
        yield Step(section.id, service, "SPN", BAD, "", fix)
        return
    yield Step(section.id, service, "SPN", GOOD, found[0].dn)
    told = found[0].values.get("msds-keyversionnumber", (b"",))[0].decode()
    newest = max(one.version for one in ours)
    if told and int(told) != newest:
        fix = "the account's password was changed: export the keytab again, old keys beside new"
        yield Step(section.id, service, "kvno", BAD, f"{newest} here, {told} there", fix)
    elif told:
        yield Step(section.id, service, "kvno", GOOD, told)


def _look_at(dn: str, session: Session) -> list[Entry]:
    return session.look(dn, _ANYTHING, ["1.1"])


def _asked(ldap: Ldap, question: Callable[[Session], list[Entry]]) -> list[Entry]:
    try:
        return ldap.ask(question, _until())
    except (Misconfigured, Unreachable):
        return []


def _described(person: DirectoryPerson) -> str:
    court = f"{person.court} {person.court_name}" if person.court else "no court of `courts`"
    parts = [person.account, person.name, person.title, court, *person.roles]
    return ", ".join(one for one in parts if one)


def _remedy(broken: str) -> str:
    return next((fix for sign, fix in _REMEDIES if sign.casefold() in broken.casefold()), "")


def _until() -> float:
    return time.monotonic() + _PATIENCE_SECONDS
