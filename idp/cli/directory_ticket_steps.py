"""Whether tickets can be taken: the library, the keys, and the account that they are of."""

from collections.abc import Iterator

from idp.authenticators.directory import filters, names
from idp.authenticators.directory.distinguished import parse
from idp.cli.directory_asking import FAILED, LOOK, NOT_TRIED, OK, Asking, Step
from idp.cli.directory_words import Fault
from idp.gateways import keytab
from idp.gateways.kerberos import Tickets
from idp.gateways.ldap import Entry, Session

_RC4 = 23
_AES = {17: "AES128-SHA1", 18: "AES256-SHA1", 19: "AES128-SHA256", 20: "AES256-SHA384"}
_KVNO = "msDS-KeyVersionNumber"
_SPN, _VERSION = "SPN", "key version"


def ticket_steps(asking: Asking, issuer: str) -> Iterator[Step]:
    """Try what a ticket takes, for each host that it may be for; without a keytab nothing is."""
    section = asking.section
    if not section.keytab_file:
        because = "because `keytab_file` is not set: no tickets are taken"
        yield from _not_tried(section.id, because, "library", "keytab", _SPN, _VERSION)
        return
    yield _library(section.id)
    services = [_service(issuer), *map(_of_host, section.ticket_hosts)]
    try:
        keys = keytab.read(section.keytab_file)
    except keytab.Unusable as wrong:
        fix = "export it anew, and let the user of the service alone read it (0400)"
        yield Step(section.id, "", "keytab", FAILED, str(wrong), fix)
        for service in services:
            yield _spn(asking, service)
        yield from _not_tried(section.id, "because of the keytab, above", _VERSION)
        return
    for service in services:
        yield from _host_steps(asking, service, keys)


def _host_steps(asking: Asking, service: str, all_: list[keytab.Key]) -> Iterator[Step]:
    directory = asking.section.id
    ours = [one for one in all_ if _is_ours(asking, service, one)]
    yield _keys(asking, service, all_, ours)
    yield (spn := _spn(asking, service))
    if not ours:
        yield from _not_tried(directory, f"{service}: because of the keytab, above", _VERSION)
        return
    if spn.result == FAILED:
        yield from _not_tried(directory, f"{service}: because of the SPN, above", _VERSION)
        return
    held = sorted({one.version for one in ours})
    base = asking.section.base
    yield asking.step(_VERSION, lambda session: _version(session, base, service, held), say=service)


def _spn(asking: Asking, service: str) -> Step:
    base = asking.section.base
    return asking.step(_SPN, lambda session: _holder(session, base, service)[0], say=service)


def _library(directory: str) -> Step:
    if Tickets.available():
        return Step(directory, "", "library", OK, "gssapi is installed")
    fix = "install the extra: bin/set-up-kerberos, or portico[kerberos] and MIT krb5"
    return Step(
        directory, "", "library", FAILED, "gssapi is not installed: no ticket is taken", fix
    )


def _service(issuer: str) -> str:
    host = issuer.partition("://")[2].split("/")[0]
    name, colon, port = host.rpartition(":")
    return _of_host(name if colon and port.isdecimal() else host)


def _of_host(host: str) -> str:
    return f"HTTP/{host}"


def _keys(asking: Asking, service: str, all_: list[keytab.Key], ours: list[keytab.Key]) -> Step:
    directory, file = asking.section.id, asking.section.keytab_file
    if not ours:
        held = ", ".join(sorted({one.principal for one in all_})) or "nothing"
        found = f"{service}: {file} has no key for it in a realm of this directory, but for {held}"
        fix = "export a key for the name that stands in the address of the browser"
        if service in map(_of_host, asking.section.ticket_hosts):
            fix = f"export one for {service} into it, or take the host out of `ticket_hosts`"
        return Step(directory, "", "keytab", FAILED, found, fix)
    kinds = sorted({f"{_AES.get(one.kind, _other(one))} ({one.version})" for one in ours})
    shown = f"{service}: {', '.join(kinds)}"
    if not any(one.kind in _AES for one in ours):
        fix = "switch AES on for the account, set its password again, and export"
        return Step(directory, "", "keytab", FAILED, f"{shown}: no AES key", fix)
    if any(one.kind == _RC4 for one in ours):
        return Step(directory, "", "keytab", LOOK, shown, "export AES alone: RC4 is switched off")
    return Step(directory, "", "keytab", OK, shown)


def _is_ours(asking: Asking, service: str, key: keytab.Key) -> bool:
    """Tell a key of the service's in this directory's realm: one file may hold several realms'."""
    name, _, realm = key.principal.rpartition("@")
    return names.same_account(name, service) and names.is_realm_of(asking.section, realm)


def _other(key: keytab.Key) -> str:
    return "RC4" if key.kind == _RC4 else f"kind {key.kind}"


def _holder(session: Session, base: str, service: str) -> tuple[Fault | str, Entry | None]:
    """Find who has the name, in the whole domain: accounts of services stand beside people."""
    named = filters.equals("servicePrincipalName", service)
    top = ",".join(f"{name}={value}" for name, value in parse(base) if name.casefold() == "dc")
    found = session.below(top or base, named, 2)
    if not found:
        fix = f"setspn -S {service} ACCOUNT, of the account that the keytab is of"
        return Fault("no account has it", fix), None
    if len(found) > 1:
        both = " and ".join(one.dn for one in found)
        fix = f"take it from one of them, or nobody gets a ticket: setspn -D {service} ACCOUNT"
        return Fault(f"{both} have it", fix), None
    return f"{service} is of {found[0].dn}", found[0]


def _version(session: Session, base: str, service: str, held: list[int]) -> Fault | str:
    _, holder = _holder(session, base, service)
    looked = session.look(holder.dn, "(objectClass=*)", [_KVNO]) if holder else []
    told = looked[0].values.get(_KVNO.lower(), (b"",))[0].decode() if looked else ""
    here = ", ".join(map(str, held))
    if not told.isdecimal():
        return f"{service}: {here} in the keytab; the directory does not tell its own"
    if int(told) in held:  # a newer one beside it: its password is about to be changed
        return f"{service}: {here} in the keytab, {told} in the directory"
    return Fault(
        f"{here} in the keytab, {told} in the directory",
        "its password was changed there: put the new keys beside the old ones in the keytab",
    )


def _not_tried(directory: str, because: str, *steps: str) -> Iterator[Step]:
    for one in steps:
        yield Step(directory, "", one, NOT_TRIED, because)
