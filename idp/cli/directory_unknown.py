"""Why nobody is found by a sign-in name. The page says no more than that it is not right."""

from collections.abc import Sequence

from idp.authenticators.directory import names, people
from idp.authenticators.directory.model import Standing
from idp.authenticators.directory.names import LoginName
from idp.cli import directory_words as words
from idp.cli.directory_asking import Broken, answer, until
from idp.cli.directory_words import Fault
from idp.config import DirectorySection
from idp.gateways.ldap import Entry, Ldap


def unknown(sections: Sequence[DirectorySection], login: str) -> Fault:
    """Say what is wrong with a name that nobody has; asks its directory once more."""
    name = names.read(login, sections)
    if name is None:
        key = "upn_suffixes" if "@" in login else "domain"
        found = "no [[directories]] has such names, so nobody is asked"
        return Fault(found, f"compare what stands before or after the account with `{key}`")
    section = next(one for one in sections if one.id == name.directory)
    generic = Fault(*words.STANDINGS[Standing.NOBODY])
    try:
        entries = _entries(section, people.by_name(section, name))
        if len(entries) > 1:
            both = " and ".join(one.dn for one in entries)
            return Fault(f"{both} have it: nobody signs in by it", "let one of them have it")
        if people.may_be_account(section, name):
            return generic
        return _of_suffix(section, name)
    except Broken:
        return generic


def _of_suffix(section: DirectorySection, name: LoginName) -> Fault:
    """Tell of a suffix that is ours, and a principal name that is not stored."""
    found = f"nobody has the principal name {name.principal}"
    alike = _entries(section, people.by_account(section, name))
    if len(alike) != 1:
        return Fault(found, "compare it with the account in the directory, and `upn_suffixes`")
    stored = people.principal_of(alike[0].values) or "nothing"
    return Fault(
        f"{found}; {alike[0].dn} has this account name, and is stored as {stored}",
        f"if that is who is meant: type {section.domain or 'DOMAIN'}\\{name.account}, or store "
        "this principal name there",
    )


def _entries(section: DirectorySection, filter_: str) -> list[Entry]:
    wanted = people.wanted(section)
    return answer(lambda: Ldap(section).ask(lambda session: session.find(filter_, wanted), until()))
