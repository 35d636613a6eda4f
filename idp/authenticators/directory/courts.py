"""The courts of the configuration: their codes, and what each is called in which language. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from idp.accounts.model import Office
from idp.config import DirectorySection, Names


@dataclass(frozen=True, slots=True)
class Courts:
    """The courts of all directories."""

    sections: Sequence[DirectorySection]

    def listed(self, directory: str, locale: str) -> dict[str, str]:
        """Give a directory's courts by their codes, called as a language calls them."""
        return {code: called(names, locale) for code, names in self._of(directory).items()}

    def of_office(self, office: Office, locale: str) -> str:
        """Call somebody's court by its name; one that is no longer listed by the last it had."""
        names = self._of(office.directory).get(office.court)
        return called(names, locale) if names else office.court_name or office.court

    def tagged(self, office: Office) -> dict[str, str]:
        """Give the names of somebody's court by language; empty where it has one name for all."""
        names = self._of(office.directory).get(office.court, "")
        return {} if isinstance(names, str) else {str(one): name for one, name in names.items()}

    def _of(self, directory: str) -> Mapping[str, Names]:
        found = (one.courts for one in self.sections if one.id == directory)
        return next(found, {})


def called(names: Names, locale: str = "") -> str:
    """Give the name of a court or a role in a language.

    Where it has none in that, Chinese stands for Chinese, and else the first that is written:
    it goes on record, too.
    """
    if isinstance(names, str):
        return names
    written = {str(one): name for one, name in names.items()}
    alike = (name for one, name in written.items() if locale and one[:2] == locale[:2])
    return written.get(locale) or next(alike, "") or next(iter(written.values()), "")


def code_of(courts: Mapping[str, Names], code_or_name: str) -> str:
    """Find a court by its code or by any of its names; empty: it is none of these."""
    if code_or_name in courts or not code_or_name:
        return code_or_name  # an empty one must not meet a name that was left empty
    return next((one for one, names in courts.items() if code_or_name in _all(names)), "")


def _all(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names.values())
