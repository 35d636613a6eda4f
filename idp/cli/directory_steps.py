"""Whether directories can be asked, step by step: what a sign-in takes, one thing at a time.

A step that needs one that has failed is told all the same, as not tried, with the reason.
"""

import ssl
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec

from idp.authenticators.directory import people
from idp.authenticators.directory.directory import Directories
from idp.authenticators.directory.model import DirectoryPerson, Standing
from idp.cli import directory_words as words
from idp.cli.directory_asking import (
    ANYTHING,
    FAILED,
    LOOK,
    NOT_TRIED,
    OK,
    Asking,
    Broken,
    Step,
    answer,
    until,
)
from idp.cli.directory_ticket_steps import ticket_steps
from idp.cli.directory_unknown import unknown
from idp.cli.directory_words import Fault
from idp.clock import Clock
from idp.config import Config, DirectorySection
from idp.gateways.ldap import Entry, Ldap, Session

_RENEW = timedelta(days=30)
_SKEW, _KERBEROS_SKEW = timedelta(seconds=60), timedelta(minutes=5)
_OF_CONTROLLER = ("name resolution", "TLS", "bind", "search", "clock")


@dataclass(frozen=True, slots=True)
class Examiner:
    """Tries the directories of a configuration."""

    config: Config
    clock: Clock

    def steps(self, user: str = "") -> Iterator[Step]:
        """Try everything; one failure spares nothing that can be tried without it."""
        silent = []
        for section in self.config.directories:
            asking = yield from self._controllers(section)
            if asking.ldap is None:
                silent.append(section.id)
            yield from self._groups(asking)
            yield from ticket_steps(asking, self.config.provider.issuer)
        yield self._user(user, silent)

    def _controllers(self, section: DirectorySection) -> Generator[Step, None, Asking]:
        """Try each controller; gives the first that a sign-in could ask."""
        asked: Ldap | None = None
        because = "because no controller of it can be asked"
        for host in section.hosts:
            alone = msgspec.structs.replace(section, hosts=[host])
            for one in _Controller(alone, host, self.clock).steps():
                yield one
                if one.step == "search" and one.result == FAILED:
                    because = "because of search, above"
                if one.step == "search" and one.result == OK and asked is None:
                    asked = Ldap(alone)
        return Asking(section, asked, "" if asked else because)

    def _groups(self, asking: Asking) -> Iterator[Step]:
        section = asking.section
        for group in people.groups_asked_for(section):
            yield asking.step("group", partial(_group, group), say=group)
        if not section.people_group:
            fix = "set `people_group`, or everybody in the directory may sign in"
            yield Step(section.id, "", "group", LOOK, "none is demanded of people", fix)
        if not section.courts:
            fix = "list the courts in `courts`, or nobody's court is believed"
            yield Step(section.id, "", "courts", LOOK, "none is known", fix)

    def _user(self, login: str, silent: list[str]) -> Step:
        if not login:
            return Step("", "", "user", NOT_TRIED, "because no --user NAME was given")
        because = f"because no controller of {', '.join(silent)} can be asked"
        if len(silent) == len(self.config.directories):
            return Step("", "", "user", NOT_TRIED, f"{login}: {because}")
        try:
            directories = Directories(self.config.directories, self.clock)
        except OSError:  # a `ca_file`: told above
            return Step("", "", "user", NOT_TRIED, f"{login}: {because}")
        claim = directories.claims(login)
        where = claim.partition(":")[0] if claim else ""
        if where in silent:
            return Step(where, "", "user", NOT_TRIED, f"{login}: {because}")
        return self._found(login, where, directories.by_login(login))

    def _found(self, login: str, where: str, found: DirectoryPerson | Standing) -> Step:
        if isinstance(found, DirectoryPerson):
            return _person(found)
        if found is Standing.NOBODY:
            wrong = unknown(self.config.directories, login)
        else:
            wrong = Fault(*words.STANDINGS[found])
        return Step(where, "", "user", FAILED, f"{login}: {wrong.found}", wrong.fix, found.value)


@dataclass(frozen=True, slots=True)
class _Controller:
    """Tries one controller, each step on a connection of its own."""

    section: DirectorySection
    """With this host alone."""
    host: str
    clock: Clock

    def steps(self) -> Iterator[Step]:
        """Try until something fails; what needs it is told as not tried."""
        tries: list[Callable[[], Step]] = [
            self._name, self._tls, self._bind, self._search, self._clock
        ]  # fmt: skip
        for number, one in enumerate(tries):
            try:
                step = one()
            except Broken as broken:
                step = self._failed(_OF_CONTROLLER[number], broken.fault)
            yield step
            if step.result == FAILED and step.step in {"name resolution", "TLS", "bind"}:
                because = f"because of {step.step}, above"
                for left in _OF_CONTROLLER[number + 1 :]:
                    yield self._said(left, NOT_TRIED, because)
                return

    def _name(self) -> Step:
        # Whom to trust is not asked here: a file that is missing is a fault of TLS.
        untrusting = Ldap(msgspec.structs.replace(self.section, ca_file=""))
        found = answer(lambda: untrusting.addresses_of(self.host, until()))
        return self._said("name resolution", OK, ", ".join(dict.fromkeys(found)))

    def _tls(self) -> Step:
        try:
            ldap = Ldap(self.section)
        except OSError as wrong:
            fix = "write the authority of the domain into that file (PEM), readable for the service"
            found = f"`ca_file` {self.section.ca_file} cannot be used: {_why(wrong)}"
            raise Broken(Fault(found, fix, str(wrong))) from wrong
        ends = answer(lambda: ldap.certificate_ends(self.host, until()))
        ends_at = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)
        soon = ends_at - self.clock() < _RENEW
        fix = "renew the certificate before it ends" if soon else ""
        found = f"the certificate names this host and is good until {ends_at:%Y-%m-%d}"
        return self._said("TLS", LOOK if soon else OK, found, fix)

    def _bind(self) -> Step:
        answer(lambda: Ldap(self.section).ask(lambda _: None, until()))
        return self._said("bind", OK, self.section.bind_dn)

    def _search(self) -> Step:
        base = self.section.base
        if not self._look(base, "1.1"):
            fault = Fault(f"no entry that the service account may read: {base}", "compare `base`")
            raise Broken(fault)
        return self._said("search", OK, base)

    def _clock(self) -> Step:
        server = self._look("", "currentTime")
        told = server[0].values.get("currenttime", (b"",))[0] if server else b""
        try:
            text = told[:14].decode("ascii", "replace")
            theirs = datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            return self._said("clock", OK, "it does not tell the time: nothing to compare")
        apart = abs(self.clock() - theirs)
        found = f"{apart.total_seconds():.0f} s apart"
        if apart <= _SKEW:
            return self._said("clock", OK, found)
        fix = "set both by one time server: Kerberos takes no ticket that is 5 minutes off"
        return self._said("clock", FAILED if apart > _KERBEROS_SKEW else LOOK, found, fix)

    def _look(self, dn: str, attribute: str) -> list[Entry]:
        ldap = Ldap(self.section)
        return answer(lambda: ldap.ask(lambda it: it.look(dn, ANYTHING, [attribute]), until()))

    def _failed(self, step: str, fault: Fault) -> Step:
        return self._said(step, FAILED, fault.found, fault.fix, fault.detail)

    def _said(self, step: str, result: str, found: str, fix: str = "", detail: str = "") -> Step:
        return Step(self.section.id, self.host, step, result, found, fix, detail)


def _group(dn: str, session: Session) -> Fault | str:
    if session.look(dn, ANYTHING, ["1.1"]):
        return dn
    return Fault("there is no such entry", "write the DN of the group as the directory has it")


def _person(person: DirectoryPerson) -> Step:
    if not person.court_told:
        return Step(person.directory, "", "user", OK, _described(person))
    fix = f"list “{person.court_told}” in `courts`, as a code or a name, or correct the entry"
    return Step(person.directory, "", "user", LOOK, _described(person), fix)


def _described(person: DirectoryPerson) -> str:
    told = f"“{person.court_told}”, which is none of `courts`"
    none = told if person.court_told else "no court of `courts`"
    court = f"{person.court} {person.court_name}" if person.court else none
    parts = [person.account, person.name, person.title, court, *person.roles]
    return ", ".join(one for one in parts if one)


def _why(wrong: OSError) -> str:
    inner = wrong.__cause__
    if isinstance(inner, ssl.SSLError):
        return "it holds no certificate"
    return str(getattr(inner, "strerror", "") or wrong)
