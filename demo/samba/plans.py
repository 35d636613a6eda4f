"""What a domain is made of, as values. The program that makes it reads them as JSON."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

State = Literal[
    "",
    "disabled",
    "lasting",
    "must_change",
    "expired",
    "outside_hours",
    "other_workstation",
    "password_expired",
]


@dataclass(frozen=True, slots=True)
class Someone:
    """A person, or a service, with an account."""

    account: str
    """``sAMAccountName``."""
    name: str
    """``displayName``, and the CN."""
    unit: tuple[str, ...]
    """The OU, as a path from the top."""
    password: str
    principal: str = ""
    """``userPrincipalName``; empty: the account in the domain's own name."""
    state: State = ""
    lockable: bool = False
    """Two wrong passwords lock it; else nothing does."""
    services: tuple[str, ...] = ()
    """``servicePrincipalName``; their keys are AES alone."""
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """A group of accounts and of groups that stand before it."""

    name: str
    unit: tuple[str, ...]
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A domain."""

    units: tuple[tuple[str, ...], ...]
    people: tuple[Someone, ...]
    groups: tuple[Group, ...]
    upn_suffixes: tuple[str, ...] = ()
    realm: str = "COURT.TEST"
    domain: str = "COURT"
    host: str = "dc1"
    address: str = "127.0.0.11"
    administrator: str = "Passw0rd-Admin!"

    @property
    def dns_name(self) -> str:
        """The domain's name in lower case."""
        return self.realm.lower()

    @property
    def base(self) -> str:
        """The DN of its top."""
        return ",".join(f"DC={part}" for part in self.dns_name.split("."))

    def as_json(self) -> dict[str, Any]:
        """Give what the program reads."""
        return asdict(self)
