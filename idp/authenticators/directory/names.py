r"""What people type as their name: which directory it means, and which account there. Pure.

``account``, ``DOMAIN\account`` and ``account@suffix`` are the three forms. A directory compares
more loosely than we do (AD takes no notice of case, width and accents), so what it finds is
compared again: one account must not have names that nobody counts together.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from idp.authenticators.directory.distinguished import parse
from idp.config import DirectorySection

LONGEST = 256
# Controls, format characters, lone surrogates, line and paragraph separators. Private use stays:
# names have characters that no standard has.
_NEVER = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@dataclass(frozen=True, slots=True)
class LoginName:
    """A sign-in name, taken apart."""

    directory: str
    """The id of the directory that it means."""
    account: str
    suffix: str = ""
    """What followed the ``@``, if anything did."""

    @property
    def principal(self) -> str:
        """The name as a ``userPrincipalName``; empty for the other forms."""
        return f"{self.account}@{self.suffix}" if self.suffix else ""

    @property
    def claim(self) -> str:
        """What attempts are counted under before anybody is asked."""
        return f"{self.directory}:{self.account.casefold()}"


def read(login: str, sections: Sequence[DirectorySection]) -> LoginName | None:
    """Take a sign-in name apart; ``None`` if it is none, or of no directory of ours.

    A bare account is one of the first directory.
    """
    name = login.strip()
    if not name or len(name) > LONGEST or any(map(_is_unfit, name)):
        return None
    if "\\" in name:
        domain, _, account = name.partition("\\")
        return _in_domain(domain, account, sections)
    if "@" in name:
        account, _, suffix = name.rpartition("@")
        return _with_suffix(account, suffix, sections)
    return LoginName(sections[0].id, name) if sections else None


def implicit_suffix(section: DirectorySection) -> str:
    """Give the domain's DNS name: every account has a principal name with it, stored or not."""
    parts = [value for name, value in parse(section.base) if name.casefold() == "dc"]
    return ".".join(parts).casefold()


def is_realm_of(section: DirectorySection, realm: str) -> bool:
    """Tell whether tickets of a realm may be of a directory's people."""
    suffixes = implicit_suffix(section), *section.upn_suffixes
    return bool(realm) and any(same_account(realm, one) for one in suffixes)


def same_account(typed: str, found: str) -> bool:
    """Tell whether two names are the same but for case."""
    return typed.casefold() == found.casefold()


def _in_domain(domain: str, account: str, sections: Sequence[DirectorySection]) -> LoginName | None:
    if not account or "@" in account:
        return None
    meant = (one for one in sections if one.domain and same_account(domain, one.domain))
    return next((LoginName(one.id, account) for one in meant), None)


def _with_suffix(
    account: str, suffix: str, sections: Sequence[DirectorySection]
) -> LoginName | None:
    if not account or not suffix:
        return None
    for section in sections:
        if any(same_account(suffix, one) for one in section.upn_suffixes):
            return LoginName(section.id, account, suffix)
    return None


def _is_unfit(character: str) -> bool:
    return unicodedata.category(character) in _NEVER
