"""Kerberos tickets that browsers bring (SPNEGO, RFC 4559), by the system's GSSAPI.

Kerberos alone: NTLM is in no list of ours. Whoever a ticket names is told by the part of it that
the domain controller has signed (the PAC), never by the name in it, which is written in several
ways for one person and anew for another.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import ModuleType
from typing import Any

from idp.gateways.keytab import Unusable, read

LONGEST = 48 * 1024
"""Bytes of a token: what Windows makes at most (``MaxTokenSize``)."""
_KRB5, _SPNEGO = "1.2.840.113554.1.2.2", "1.3.6.1.5.5.2"
_NTLM = b"NTLMSSP\0"
_UPN_DNS_INFO = b"urn:mspac:upn-dns-info"


class Why(StrEnum):
    """Why a token was not taken."""

    NO_LIBRARY = "no_library"
    KEYTAB = "keytab"
    """Cannot be read, or is empty: an operator mends that."""
    MALFORMED = "malformed"
    OTHER_MECHANISM = "other_mechanism"
    """NTLM, as it is or wrapped; or Kerberos that would need another round."""
    NOT_TAKEN = "not_taken"
    """Expired, shown before, for a service or a clock not ours: ``detail`` says which."""
    NO_PAC = "no_pac"
    """Nothing in it names the account so that it could be believed."""
    OTHER_REALM = "other_realm"
    """Of a realm that the domain trusts, and that is no directory of ours."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A good ticket. Whether its account may still sign in is the directory's to say."""

    realm: str
    upn_dns_info: bytes
    """[MS-PAC] section 2.10, as the domain controller signed it."""
    reply: bytes
    """What proves us to the browser (mutual authentication); empty: it did not ask."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The token proves nothing."""

    why: Why
    detail: str = ""
    """In the library's words, for the log."""


class Tickets:
    """Accepts tickets for ``HTTP/<host>``; safe in threads, holds nothing between two calls."""

    def __init__(self, host: str) -> None:
        self._host = host

    @staticmethod
    def available() -> bool:
        """Tell whether the library is here: the extra ``kerberos``, and the system's MIT krb5."""
        return _library() is not None

    def accept(
        self, token: bytes, keytab: str, replay_file: str = "", hosts: Sequence[str] = ()
    ) -> Accepted | Refused:
        """Judge a token; a millisecond for each realm or host, and nothing goes over the network.

        Args:
            keytab: its path; read anew each time, so that keys are changed without a restart.
                Of several realms each has a key for us there, and any of them will do.
            replay_file: where authenticators are noted until they expire, by all processes;
                empty: where the library does it. Nothing is taken where none can be written.
            hosts: other names that browsers may ask for a ticket for.
        """
        library = _library()
        if library is None:
            return Refused(Why.NO_LIBRARY)
        if not token or len(token) > LONGEST:
            return Refused(Why.MALFORMED, f"{len(token)} bytes")
        if token.startswith(_NTLM):
            return Refused(Why.OTHER_MECHANISM, "NTLM")
        try:
            ours = self._principals(keytab, hosts)
        except Unusable as wrong:
            return Refused(Why.KEYTAB, str(wrong))
        refused = []
        for principal in ours:
            found = _judge(library, token, principal, keytab, replay_file)
            if isinstance(found, Accepted):
                return found
            refused.append(found)
        details = dict.fromkeys(one.detail for one in refused)
        return Refused(refused[0].why, "; ".join(details))

    def _principals(self, keytab: str, hosts: Sequence[str]) -> list[str]:
        """List what the keytab calls us: a name for each realm and host.

        As a service of a host instead the library would look for our name in the DNS each time;
        without a name a ticket for any key in the file would do. Which name a ticket is for cannot
        be asked afterwards: an account with several of them has one key for them all.
        """
        services = tuple(f"http/{host}@".casefold() for host in (self._host, *hosts))
        keys = dict.fromkeys(one.principal for one in read(keytab))
        ours = [one for one in keys if one.casefold().startswith(services)]
        if not ours:
            raise Unusable(f"{keytab}: holds no key for {services[0]}")
        return ours


@cache
def _library() -> ModuleType | None:
    """Load the library where somebody uses it: it is an extra, and not small."""
    try:
        library = importlib.import_module("gssapi")
    except ImportError:
        return None
    # Otherwise a refused token is an answer like any other, and the error comes later, or never.
    # Set here: its metaclass sets it back in a class derived from it.
    library.SecurityContext.__DEFER_STEP_ERRORS__ = False
    return library


def _judge(
    library: ModuleType, token: bytes, principal: str, keytab: str, replay_file: str
) -> Accepted | Refused:
    try:
        context = _context(library, principal, keytab, replay_file)
        reply = context.step(token)
        return _read(library, context, reply or b"")
    except library.exceptions.GSSError as wrong:
        return Refused(_why(library, wrong), str(wrong).rpartition("): ")[2])


def _context(library: ModuleType, principal: str, keytab: str, replay_file: str) -> Any:
    mechanisms = [library.OID.from_int_seq(one) for one in (_KRB5, _SPNEGO)]
    store = {"keytab": f"FILE:{keytab}"}
    if replay_file:
        store["rcache"] = f"file2:{replay_file}"
    name = library.Name(principal, library.NameType.kerberos_principal)
    ours = library.Credentials(name=name, usage="accept", mechs=mechanisms, store=store)
    # No channel bindings: behind a proxy the browser's connection is not ours.
    return library.SecurityContext(usage="accept", creds=ours)


def _read(library: ModuleType, context: Any, reply: bytes) -> Accepted | Refused:
    if not context.complete or context.mech.dotted_form != _KRB5:
        return Refused(Why.OTHER_MECHANISM)
    name = context.initiator_name
    found = _signed(library, name)
    if found is None:
        return Refused(Why.NO_PAC)
    return Accepted(str(name).rpartition("@")[2], found, reply)


def _signed(library: ModuleType, name: Any) -> bytes | None:
    try:
        found = name.attributes[_UPN_DNS_INFO]
    except (KeyError, library.exceptions.GSSError):
        return None
    return bytes(next(iter(found.values), b"")) if found.authenticated else None


def _why(library: ModuleType, wrong: Exception) -> Why:
    known = library.exceptions
    found = {
        known.MissingCredentialsError: Why.KEYTAB,
        known.BadMechanismError: Why.OTHER_MECHANISM,
        known.InvalidTokenError: Why.MALFORMED,
    }
    return found.get(type(wrong), Why.NOT_TAKEN)
