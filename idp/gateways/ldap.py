"""A directory over LDAPS: which of its controllers to ask, for how long, and as whom.

It knows nothing of what entries mean. An answer is taken from the first controller that gives
one, whatever it is: a wrong password repeated at the next would count twice. What a controller
says of another place (a referral) is never followed.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from idp.config import DirectorySection
from idp.gateways import ldap_wire as wire
from idp.gateways.fetch import Resolve, resolve
from idp.gateways.ldap_kept import Held, Kept
from idp.gateways.turns import Turns

LDAPS_PORT = 636
_ADDRESSES = 3  # of one name; a domain's name stands for all of its controllers
_MOST_ENTRIES = 2  # one is wanted; more than one is as good as none
_MOST_KEPT = 4
_SIGN_OF_LIFE_SECONDS = 0.5  # of a controller that answered a moment ago
_SUB_CODE = re.compile(r"\bdata ([0-9a-fA-F]+)")  # all that AD's texts have in common
_CHANNEL_BINDING = "80090346"  # SEC_E_BAD_BINDINGS: a policy of the controller, nobody's password
_SUCCESS, _SIZE_LIMIT, _REFERRAL, _NO_SUCH_OBJECT, _INVALID_CREDENTIALS = 0, 4, 10, 32, 49
_NOT_NOW = {3, 11, 51, 52, 80}  # time or other limit, busy, unavailable, other: the next may do
_TO_BE_MENDED = {7, 8, 13, 34, _REFERRAL}  # method, strength, confidentiality, DN, elsewhere

Wanted = TypeVar("Wanted")
_logger = logging.getLogger(__name__)


class Unreachable(Exception):
    """No controller answered in time. The text is for the operator."""


class Unanswered(Unreachable):
    """A controller took a password and said nothing: it may have counted it."""


class Misconfigured(Exception):
    """An answer that only an operator can mend. The text is for him, and says which."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the directory shows of something."""

    dn: str
    values: Mapping[str, tuple[bytes, ...]]
    """By the attribute's name in lower case; what is empty or may not be read is missing."""


class Session:
    """Questions to one controller, asked as the service account."""

    def __init__(self, conversation: wire.Conversation, base: str) -> None:
        self._conversation = conversation
        self._base = base

    def find(self, filter_: str, attributes: Sequence[str]) -> list[Entry]:
        """Find at most two entries under the configured base."""
        return self._search(self._base, filter_, attributes, whole=True)

    def below(self, dn: str, filter_: str, most: int) -> list[Entry]:
        """Name the entries below another, at most so many; none where that is not there."""
        return self._search(dn, filter_, ["1.1"], whole=True, most=most, may_be_missing=True)

    def look(self, dn: str, filter_: str, attributes: Sequence[str]) -> list[Entry]:
        """Look at one entry, if it is there and is what the filter says. ``""``: the server's."""
        return self._search(dn, filter_, attributes, whole=False, may_be_missing=True)

    def _search(
        self,
        base: str,
        filter_: str,
        attributes: Sequence[str],
        *,
        whole: bool,
        most: int = _MOST_ENTRIES,
        may_be_missing: bool = False,
    ) -> list[Entry]:
        answer, found = self._conversation.search(
            base, filter_, attributes, whole=whole, limit=most
        )
        if answer.code == _NO_SUCH_OBJECT and may_be_missing:
            return []
        if answer.code in _NOT_NOW:
            raise wire.Broken(f"search: {answer.name}: {answer.text}")
        if answer.code not in {_SUCCESS, _SIZE_LIMIT}:
            raise Misconfigured(f"searching {base}: {answer.name}: {answer.text}")
        return [
            Entry(dn, {name.lower(): tuple(values) for name, values in attributes_.items()})
            for dn, attributes_ in found
        ]


class Ldap:
    """The controllers of one directory. Thread-safe: no two calls have one connection.

    A connection that was bound as the service account is kept for the next question
    (:mod:`idp.gateways.ldap_kept`); a password of somebody's goes over a new one, and that is all
    that ever goes over it.
    """

    def __init__(
        self,
        section: DirectorySection,
        *,
        resolver: Resolve = resolve,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read whom to trust.

        Raises:
            OSError: ``ca_file`` cannot be used.
        """
        try:
            self._trust = wire.trust(section.ca_file)
        except OSError as wrong:
            raise OSError(f"{section.id}: ca_file {section.ca_file}: {wrong}") from wrong
        self._section = section
        self._resolve = resolver
        self._turns = Turns(section.hosts, section.down_seconds, stopwatch)
        self._kept = Kept(_MOST_KEPT, stopwatch)
        # A name server may keep a thread long after we have given up on it.
        self._resolving = ThreadPoolExecutor(4, thread_name_prefix=f"resolve-{section.id}")

    def ask(self, question: Callable[[Session], Wanted], until: float) -> Wanted:
        """Ask as the service account; a controller that breaks off is asked no more.

        What is asked may be asked twice: what is known of a controller from before need not hold.

        Args:
            until: when it has to be over, on the clock of ``time.monotonic``.

        Raises:
            Unreachable: no controller gave an answer.
            Misconfigured: the service account may not, or the answer is none to rely on.
        """
        password = self._service_password()
        if (held := self._kept.take(password)) is not None:
            held.conversation.go_on(
                until, min(self._section.connect_seconds, _SIGN_OF_LIFE_SECONDS)
            )
            try:
                return self._asked(held, question)
            except (wire.Broken, Misconfigured):
                self._kept.forget(held.host)
        broken = "all are being left in peace"
        for host in self._turns:
            try:
                return self._asked(self._bound(host, password, until), question)
            except wire.Broken as gone:
                broken = self._note(host, gone)
        raise Unreachable(broken)

    def _bound(self, host: str, password: bytes, until: float) -> Held:
        """Begin to talk with a controller as the service account."""
        conversation = self._open(host, until)
        try:
            _insist(conversation.bind(self._section.bind_dn, password))
        except BaseException:
            conversation.close()
            raise
        self._turns.answered(host)  # the question may have to go there as well
        return self._kept.hold(conversation, host, password)

    def _asked(self, held: Held, question: Callable[[Session], Wanted]) -> Wanted:
        """Put a question; only what was answered to its end is fit for another."""
        try:
            found = question(Session(held.conversation, self._section.base))
        except BaseException:
            held.conversation.close()
            raise
        self._kept.give_back(held)
        return found

    def bind(self, dn: str, password: bytes, until: float) -> str:
        """Try a password: sent once, to one controller, whatever comes of it.

        Returns:
            ``""`` if it is theirs; else AD's sub-code (``52e``) or LDAP's name of the result.

        Raises:
            Unreachable: no controller took it.
            Unanswered: one did, and gave no answer.
            Misconfigured: it was refused for another reason than the person's.
        """
        broken = "all are being left in peace"
        for host in self._turns:
            sent = False
            try:
                with self._talking(host, until) as conversation:
                    sent = True
                    answer = conversation.bind(dn, password)
            except wire.Broken as gone:
                broken = self._note(host, gone)
                if sent:
                    raise Unanswered(broken) from gone
            else:
                self._turns.answered(host)
                return _verdict(answer)
        raise Unreachable(broken)

    def addresses_of(self, host: str, until: float) -> list[str]:
        """Resolve the name of a controller, for an operator who looks for a fault.

        Raises:
            Unreachable: it has none, or the name server is slow.
        """
        try:
            return self._addresses(*host_and_port(host), until)
        except wire.Broken as broken:
            raise Unreachable(str(broken)) from broken

    def certificate_ends(self, host: str, until: float) -> str:
        """Shake hands with a controller and tell when its certificate ends, as TLS writes it.

        Raises:
            Unreachable: it is not there, or not who it should be; the text is TLS's own.
        """
        try:
            with self._talking(host, until) as conversation:
                return str(conversation.certificate()["notAfter"])
        except wire.Broken as broken:
            raise Unreachable(str(broken)) from broken

    @contextmanager
    def _talking(self, host: str, until: float) -> Iterator[wire.Conversation]:
        conversation = self._open(host, until)
        try:
            yield conversation
        finally:
            conversation.close()

    def _open(self, host: str, until: float) -> wire.Conversation:
        """Open a conversation with the first of a host's addresses that takes it."""
        name, port = host_and_port(host)
        broken: wire.Broken = wire.Broken("its name has no address")
        for address in self._addresses(name, port, until)[:_ADDRESSES]:
            conversation = wire.Conversation(self._peer(name, address, port, until), self._trust)
            try:
                conversation.open()
            except wire.Broken as gone:
                conversation.close()
                broken = gone
            else:
                return conversation
        raise broken

    def _addresses(self, name: str, port: int, until: float) -> list[str]:
        patience = max(0.0, min(self._section.connect_seconds, until - time.monotonic()))
        try:
            return self._resolving.submit(self._resolve, name, port).result(patience)
        except (OSError, UnicodeError, Late) as unknown:
            raise wire.Broken(f"its name has no address: {unknown}") from unknown

    def _peer(self, name: str, address: str, port: int, until: float) -> wire.Peer:
        section = self._section
        return wire.Peer(
            name, address, port, section.connect_seconds, section.answer_seconds, until
        )

    def _service_password(self) -> bytes:
        """Read it anew for each question: it is changed without a restart."""
        path = self._section.bind_password_file
        try:
            found = Path(path).read_bytes().rstrip(b"\r\n") if path else None
        except OSError as missing:
            raise Misconfigured(f"bind_password_file {path}: {missing.strerror}") from missing
        password = self._section.bind_password.encode() if found is None else found
        if not password:
            raise Misconfigured("bind_password: the service account has none")
        return password

    def _note(self, host: str, gone: wire.Broken) -> str:
        self._turns.failed(host)
        self._kept.forget(host)
        why = f"{host}: {gone}"
        told = {"kind": self._section.id, "address": host, "why": str(gone)}
        _logger.warning("a directory's controller does not answer", extra=told)
        return why


def host_and_port(host: str) -> tuple[str, int]:
    """Split ``host``, ``host:port``, ``[v6]:port``."""
    name, colon, port = host.rpartition(":")
    if colon and port.isdecimal() and (":" not in name or name.endswith("]")):
        return name.strip("[]"), int(port)
    return host.strip("[]"), LDAPS_PORT


def _insist(answer: wire.Answer) -> None:
    """Go on only as the service account."""
    if answer.code == _SUCCESS:
        return
    if answer.code in _NOT_NOW:
        raise wire.Broken(f"bind: {answer.name}: {answer.text}")
    raise Misconfigured(f"the service account is refused: {answer.name}: {answer.text}")


def _verdict(answer: wire.Answer) -> str:
    if answer.code == _SUCCESS:
        return ""
    if answer.code in _NOT_NOW:
        raise Unreachable(f"bind: {answer.name}: {answer.text}")
    if answer.code in _TO_BE_MENDED or answer.text.startswith(_CHANNEL_BINDING):
        raise Misconfigured(f"sign-in is refused: {answer.name}: {answer.text}")
    if answer.code == _INVALID_CREDENTIALS and (sub_code := _SUB_CODE.search(answer.text)):
        return sub_code[1].lower()
    return answer.name
