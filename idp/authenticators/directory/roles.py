"""What the roles of the configuration are called in which language. Pure."""

from collections.abc import Sequence

from idp.accounts.model import Office
from idp.authenticators.directory.courts import called
from idp.config import DirectorySection


def of_office(sections: Sequence[DirectorySection], office: Office, locale: str) -> list[str]:
    """Call somebody's roles as a language calls them; one that has no name by its value."""
    names = next((one.role_names for one in sections if one.id == office.directory), {})
    return [called(names.get(role, ""), locale) or role for role in office.roles]
