"""An app's configuration: one TOML file, overlaid by environment, checked key by key."""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file."""


class ServerSection(Section, frozen=True):
    """Where the app listens, and what it is called from outside."""

    host: str = "127.0.0.1"
    port: Port = 9001
    threads: Positive = 8
    base_url: str = "http://localhost:9001"


class ProviderSection(Section, frozen=True):
    """The one provider this app believes, and who the app is to it."""

    issuer: str = "http://localhost:9000"
    client_id: str = "casequery"
    client_secret: str = ""
    key_file: str = ""
    """In place of the secret: the app's private signing key, made where there is none."""
    scope: str = "openid profile"

    def __post_init__(self) -> None:
        """Refuse two ways of proving who the app is: it has registered one."""
        if self.client_secret and self.key_file:
            raise ValueError("client_secret and key_file exclude each other")


class DatabaseSection(Section, frozen=True):
    """Where the app keeps its record."""

    url: str = "sqlite:///var/casequery.sqlite"


class SessionsSection(Section, frozen=True):
    """How long the app's own session lasts."""

    idle_minutes: Positive = 30
    absolute_hours: Positive = 12


class LinkingSection(Section, frozen=True):
    """Whether people come with an account of the app's own, and how they link it."""

    required: bool = False
    """Lead somebody without a link to the provider's page, to link at the first visit."""
    key_file: str = ""
    """The app's private encryption key, made where there is none; empty: linking is off."""


class KitConfig(Section, frozen=True):
    """The tables that every app has."""

    server: ServerSection = ServerSection()
    provider: ProviderSection = ProviderSection()
    database: DatabaseSection = DatabaseSection()
    sessions: SessionsSection = SessionsSection()
    linking: LinkingSection = LinkingSection()


Record = TypeVar("Record", bound=KitConfig)


class ConfigError(Exception):
    """The file cannot be used; the message says where and what to write instead."""


def load(
    record: type[Record],
    path: Path | None,
    prefix: str,
    environ: Mapping[str, str] = os.environ,
) -> Record:
    """Read ``path``, lay ``PREFIX__SECTION__KEY`` over it and check every key.

    Raises:
        ConfigError: unknown key, wrong type, value out of range or no such file.
    """
    tree: dict[str, Any] = {}
    try:
        if path is not None:
            tree = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as broken:
        raise ConfigError(f"{path}: {broken}") from broken
    for name, value in environ.items():
        if name.startswith(f"{prefix}__"):
            *sections, key = name.removeprefix(f"{prefix}__").lower().split("__")
            table = tree
            for section in sections:
                table = table.setdefault(section, {})
            table[key] = value
    try:
        return msgspec.convert(tree, record, strict=False)
    except msgspec.ValidationError as wrong:
        raise ConfigError(f"{path or 'defaults'}: {_advise(str(wrong), record)}") from wrong


def _advise(message: str, record: type[KitConfig]) -> str:
    unknown = re.search(r"unknown field `(.+?)`(?: - at `\$\.?(.*?)`)?$", message)
    if unknown is None:
        return message
    section: Any = record
    if unknown[2]:
        section = next(f.type for f in msgspec.structs.fields(record) if f.name == unknown[2])
    known = [field.name for field in msgspec.structs.fields(section)]
    nearest = difflib.get_close_matches(unknown[1], known, n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(known)}"
    return f"unknown key {unknown[1]!r} in [{unknown[2] or 'top level'}]; {hint}"
