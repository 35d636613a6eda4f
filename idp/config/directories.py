"""Directories that judges sign in with (P04, P20)."""

from typing import Annotated, Literal

import msgspec

from idp.config.values import Names, Positive, Section, Texts


class DirectorySection(Section, frozen=True, kw_only=True):
    """A directory whose people sign in by its passwords, and by its tickets with a keytab."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
    """Part of the identities on record: never changed."""
    kind: Literal["active_directory", "ldap"] = "active_directory"
    names: Texts = {}
    hosts: Annotated[list[str], msgspec.Meta(min_length=1)]
    """Domain controllers as ``host`` or ``host:port``, in the order they are asked."""
    ca_file: str = ""
    bind_dn: str
    bind_password: str = ""
    bind_password_file: str = ""
    base: str
    domain: str = ""
    upn_suffixes: list[str] = []
    people_group: str = ""
    roles: dict[str, str] = {}
    role_names: dict[str, Names] = {}
    account_attribute: str = "sAMAccountName"
    name_attribute: str = "displayName"
    mail_attribute: str = "mail"
    department_attribute: str = "department"
    title_attribute: str = "title"
    employee_number_attribute: str = "employeeID"
    court_from: Literal["attribute", "ou", "group"] = "attribute"
    court_attribute: str = "company"
    court_ou_level: Positive = 1
    court_groups: dict[str, str] = {}
    courts: dict[str, Names] = {}
    employee_numbers: bool = False
    connect_seconds: Annotated[float, msgspec.Meta(gt=0, le=3)] = 1.0
    answer_seconds: Annotated[float, msgspec.Meta(gt=0, le=5)] = 3.0
    down_seconds: Positive = 30
    recheck_minutes: Positive = 15
    lockout_minutes: Annotated[int, msgspec.Meta(ge=1, le=240)] = 30
    withdraw_at_once: Positive = 3
    withdraw_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 10
    keytab_file: str = ""
    ticket_networks: list[str] = []
    ticket_hosts: list[str] = []
    replay_file: str = ""
    acr: str = "urn:portico:acr:directory"
    ticket_acr: str = "urn:portico:acr:kerberos"
