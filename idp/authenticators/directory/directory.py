"""The directories of an installation: who someone is, and whether they may come in.

Slow, and called with no transaction open. What the world does is an answer, never an exception;
what only the operator can mend is in the log. Not more than a few threads are with one directory at
any time: however slow it is, everybody else signs in as ever.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from idp.authenticators.directory import distinguished, filters, names, people
from idp.authenticators.directory import standing as standings
from idp.authenticators.directory.model import DirectoryPerson, Standing
from idp.clock import Clock
from idp.config import DirectorySection
from idp.gateways.fetch import Resolve, resolve
from idp.secret import Secret

if TYPE_CHECKING:
    from idp.gateways.ldap import Entry, Ldap, Session

TOTAL_SECONDS = 4.5
"""What a sign-in may take, whatever controllers do."""
_TURN_SECONDS = 0.25  # how long to wait for those who are before us
_LONGEST_PASSWORD = 1024
_NOBODY = "CN=nobody-signs-in-as-this"

_logger = logging.getLogger(__name__)


class _OneBind:
    """Tries a password with one bind, however often and to whom a question is put."""

    def __init__(self, ldap: "Ldap", password: bytes, until: float) -> None:
        self._ldap = ldap
        self._password = password
        self._until = until
        self._tried = ""
        self._came_to: Standing | Exception | None = None

    def of(self, dn: str) -> Standing:
        """Tell what the bind came to; also where it came to nothing, it was the only one."""
        from idp.gateways.ldap import Unreachable

        if self._came_to is None:
            self._tried, self._came_to = dn, self._bind(dn)
        if self._tried != dn:
            raise Unreachable("two controllers name one person differently")
        if isinstance(self._came_to, Exception):
            raise self._came_to
        return self._came_to

    def _bind(self, dn: str) -> Standing | Exception:
        from idp.gateways.ldap import Misconfigured, Unreachable

        try:
            return standings.of_sub_code(self._ldap.bind(dn, self._password, self._until))
        except (Misconfigured, Unreachable) as nothing:
            return nothing


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of everybody in a directory: as the configuration has it, made out once."""

    attributes: tuple[str, ...]
    groups: Mapping[str, distinguished.Key]
    """DN of the groups that matter, and what is the same for every way to write it."""
    above: str
    """Where all of them are found with one question; empty: they are asked for one by one."""

    @classmethod
    def by(cls, section: DirectorySection) -> "_Asked":
        groups = people.groups_asked_for(section)
        at_once = people.is_ad(section) and len(groups) > 1
        return cls(
            tuple(people.wanted(section)),
            {group: distinguished.key(group) for group in groups},
            distinguished.shared_by(groups) if at_once else "",
        )


class Directories:
    """Asks the directories of the configuration. Thread-safe."""

    def __init__(
        self,
        sections: Sequence[DirectorySection],
        clock: Clock,
        *,
        at_once: int = 4,
        resolver: Resolve = resolve,
    ) -> None:
        """Make the gateways; connects to nothing.

        Args:
            at_once: how many threads may be with one directory; more are refused.

        Raises:
            OSError: ``ca_file`` of one cannot be used.
        """
        self._sections = tuple(sections)
        self._clock = clock
        self._rooms = {one.id: threading.BoundedSemaphore(at_once) for one in sections}
        self._of = {one.id: (one, _gateway(one, resolver)) for one in sections}
        self._asked = {one.id: _Asked.by(one) for one in sections}

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._sections)

    def claims(self, login: str) -> str | None:
        """Name what attempts under this name are counted as: ``court:wang.dm``.

        ``None``: it is no name of a directory of ours, and :meth:`sign_in` will ask nobody. An
        account has at most two such names: its own, and its principal name's.
        """
        name = names.read(login, self._sections)
        return name.claim if name else None

    def sign_in(self, login: str, password: Secret[str] | str) -> DirectoryPerson | Standing:
        """Find who is meant, and try the password: with one bind at most, whatever happens."""
        name = names.read(login, self._sections)
        octets = _octets(password.reveal() if isinstance(password, Secret) else password)
        if name is None:
            return Standing.NOBODY
        if not octets:
            return Standing.WRONG_CREDENTIALS
        section, ldap = self._of[name.directory]

        def attempt(until: float) -> DirectoryPerson | Standing:
            bind = _OneBind(ldap, octets, until)
            return ldap.ask(lambda session: self._tried(session, section, name, bind), until)

        return self._ask(section, attempt)

    def by_login(self, login: str) -> DirectoryPerson | Standing:
        """Find who is meant by a name, and judge them: nothing is proven by it.

        For an operator who looks for a fault.
        """
        name = names.read(login, self._sections)
        if name is None:
            return Standing.NOBODY
        section, ldap = self._of[name.directory]

        def attempt(until: float) -> DirectoryPerson | Standing:
            def question(session: "Session") -> DirectoryPerson | Standing:
                entry = self._named(session, section, name)
                return self._judged(session, section, entry) if entry else Standing.NOBODY

            return ldap.ask(question, until)

        return self._ask(section, attempt)

    def by_sid(self, directory: str, sid: bytes) -> DirectoryPerson | Standing:
        """Find who has a security identifier (``objectSid`` as its octets), and judge them."""
        if directory not in self._of:
            return Standing.WRONG_CREDENTIALS
        section, _ = self._of[directory]
        return self._look_up(section, people.by_sid(section, sid))

    def by_guid(self, identity_key: str) -> DirectoryPerson | Standing:
        """Find who has an identity (``court:<guid>``) today, and judge them as a bind would.

        ``WRONG_CREDENTIALS``: there is no such person any more. ``MISCONFIGURED``: there is no
        such directory; that says nothing of anybody.
        """
        directory, _, guid = identity_key.partition(":")
        if directory not in self._of:
            return _misconfigured(directory, "no [[directories]] has this id")
        section, _ = self._of[directory]
        try:
            filter_ = people.by_guid(section, guid)
        except ValueError:
            return _misconfigured(directory, "an identity on record is no GUID")
        return self._look_up(section, filter_)

    def _look_up(self, section: DirectorySection, filter_: str) -> DirectoryPerson | Standing:
        _, ldap = self._of[section.id]

        def attempt(until: float) -> DirectoryPerson | Standing:
            def question(session: "Session") -> DirectoryPerson | Standing:
                entries = session.find(filter_, self._asked[section.id].attributes)
                only = entries[0] if len(entries) == 1 else None
                return self._judged(session, section, only)

            return ldap.ask(question, until)

        return self._ask(section, attempt)

    def _ask(
        self,
        section: DirectorySection,
        attempt: Callable[[float], DirectoryPerson | Standing],
    ) -> DirectoryPerson | Standing:
        from idp.gateways.ldap import Misconfigured, Unanswered, Unreachable

        with _entered(self._rooms[section.id]) as entered:
            if not entered:
                return Standing.BUSY
            try:
                return attempt(time.monotonic() + TOTAL_SECONDS)
            except Unanswered:
                return Standing.UNANSWERED
            except Unreachable:  # the gateway has said who is silent
                return Standing.UNREACHABLE
            except Misconfigured as wrong:
                return _misconfigured(section.id, str(wrong))

    def _tried(
        self, session: "Session", section: DirectorySection, name: names.LoginName, bind: _OneBind
    ) -> DirectoryPerson | Standing:
        """Search once and bind once, whether there is such a person or not.

        What only they have to be asked about comes after a good bind: no time tells of them.
        """
        entry = self._named(session, section, name)
        standing = bind.of(entry.dn if entry else f"{_NOBODY},{section.base}")
        if entry is None:
            return Standing.NOBODY
        return self._judged(session, section, entry) if standing is Standing.GOOD else standing

    def _named(
        self, session: "Session", section: DirectorySection, name: names.LoginName
    ) -> "Entry | None":
        entries = session.find(people.by_name(section, name), self._asked[section.id].attributes)
        chosen = people.the_one(section, name, [one.values for one in entries])
        return next((one for one in entries if one.values is chosen), None)

    def _judged(
        self, session: "Session", section: DirectorySection, entry: "Entry | None"
    ) -> DirectoryPerson | Standing:
        """Say who comes in by an entry; of the door as well as of the account."""
        from idp.gateways.ldap import Misconfigured

        if entry is None:
            return Standing.WRONG_CREDENTIALS
        groups = _groups_of(session, section, self._asked[section.id], entry.dn)
        person = people.person(section, entry.dn, entry.values, groups)
        standing = self._standing(section, entry, person, groups)
        if standing is Standing.MISCONFIGURED:
            raise Misconfigured("the service account may not read a person's state or identity")
        if standing is Standing.NOT_ALLOWED:
            # Of a group that is not there nobody is a member: that says nothing of the person.
            _demand(session, "people_group", section.people_group)
        return person if standing is Standing.GOOD else standing

    def _standing(
        self,
        section: DirectorySection,
        entry: "Entry",
        person: DirectoryPerson,
        groups: set[str],
    ) -> Standing:
        if not person.guid or not person.account:
            return Standing.MISCONFIGURED  # nothing to know them by again
        if people.is_ad(section):
            state = standings.of_entry(entry.values, self._clock())
            if state is not Standing.GOOD:
                return state
        if section.people_group and section.people_group not in groups:
            return Standing.NOT_ALLOWED
        return Standing.GOOD


@contextmanager
def _entered(room: threading.BoundedSemaphore) -> Iterator[bool]:
    entered = room.acquire(timeout=_TURN_SECONDS)
    try:
        yield entered
    finally:
        if entered:
            room.release()


def _groups_of(session: "Session", section: DirectorySection, asked: _Asked, dn: str) -> set[str]:
    """Tell which of the groups that matter someone is in: with one question where AD can."""
    if not asked.above:
        return {group for group in asked.groups if _is_in(session, section, dn, group)}
    wanted = filters.groups_holding(dn, list(asked.groups))
    found = session.below(asked.above, wanted, len(asked.groups))
    named = {distinguished.key(one.dn) for one in found}
    return {group for group, key in asked.groups.items() if key in named}


def _is_in(session: "Session", section: DirectorySection, dn: str, group: str) -> bool:
    if people.is_ad(section):
        return bool(session.look(dn, filters.member_of(group), ["1.1"]))
    return bool(session.look(group, filters.has_member(dn), ["1.1"]))


def _demand(session: "Session", key: str, dn: str) -> None:
    """Go on only where an entry of the configuration can be seen."""
    from idp.gateways.ldap import Misconfigured

    if not session.look(dn, "(objectClass=*)", ["1.1"]):
        raise Misconfigured(f"{key}: {dn} is not there, or the service account may not see it")


def _misconfigured(directory: str, why: str) -> Standing:
    told = {"kind": directory, "error": "misconfigured", "why": why}
    _logger.error("a directory cannot be asked", extra=told)
    return Standing.MISCONFIGURED


def _octets(password: str) -> bytes:
    """Give what is sent; empty where nothing may be: that would be a bind as nobody."""
    if not password.strip() or "\0" in password or len(password) > _LONGEST_PASSWORD:
        return b""
    try:
        return password.encode()
    except UnicodeEncodeError:
        return b""


def _gateway(section: DirectorySection, resolver: Resolve) -> "Ldap":
    """Load LDAP where there is a directory: it takes 0.2 s, and most installations have none."""
    from idp.gateways.ldap import Ldap

    return Ldap(section, resolver=resolver)
