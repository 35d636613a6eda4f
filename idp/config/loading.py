"""From a file and the environment to the record."""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

import msgspec

from idp.config.values import Section
from idp.config.whole import Config

PREFIX = "PORTICO__"
CONFIG_PATH = "PORTICO_CONFIG"
"""The variable that names the file; so the workers of a server learn which one they read."""
_SAFE_MAXIMUM = 64


class ConfigError(Exception):
    """The file cannot be used; the message says where and what to write instead."""


def load(path: Path | None, environ: Mapping[str, str] = os.environ) -> Config:
    """Read ``path`` (``None``: defaults alone), lay the environment over it, check every key.

    Raises:
        ConfigError: unknown key, wrong type, value out of range or no such file.
    """
    tree: dict[str, Any] = {}
    if path is not None:
        try:
            tree = tomllib.loads(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as broken:
            raise ConfigError(f"{path}: {broken}") from broken
    place = str(path) if path else "defaults"
    for name, value in environ.items():
        if name.startswith(PREFIX):
            _lay_over(tree, name, value)
    try:
        config = msgspec.convert(tree, Config, strict=False)
    except msgspec.ValidationError as wrong:
        raise ConfigError(f"{place}: {_advise(str(wrong))}") from wrong
    _refuse_unsafe(config, place)
    return config


def _lay_over(tree: dict[str, Any], name: str, value: str) -> None:
    *sections, key = name.removeprefix(PREFIX).lower().split("__")
    for section in sections:
        tree = tree.setdefault(section, {})
        if not isinstance(tree, dict):
            raise ConfigError(f"{name}: {section!r} is not a table that holds keys")
    tree[key] = _structured(name, value) if value[:1] in {"[", "{"} else value


def _structured(name: str, value: str) -> Any:
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError as broken:
        raise ConfigError(f"{name}: starts like JSON but is not ({broken})") from broken


def _refuse_unsafe(config: Config, place: str) -> None:
    issuer = urlsplit(config.provider.issuer)
    local = issuer.scheme == "http" and issuer.hostname in {"localhost", "127.0.0.1", "::1"}
    if not local and issuer.scheme != "https":
        raise ConfigError(f"{place}: [provider] issuer must be https (http only on localhost)")
    if issuer.query or issuer.fragment or issuer.path.endswith("/"):
        raise ConfigError(f"{place}: [provider] issuer has a query, a fragment or a final slash")
    longest = config.password.maximum_length
    if 0 < longest < _SAFE_MAXIMUM and not config.password.accept_unsafe_policy:
        raise ConfigError(
            f"{place}: [password] maximum_length below {_SAFE_MAXIMUM} keeps people from good "
            "passwords (NIST SP 800-63B-4); accept_unsafe_policy = true allows it all the same"
        )
    for key, networks in (
        ("[server] trusted_proxies", config.server.trusted_proxies),
        ("[throttle] exempt_networks", config.throttle.exempt_networks),
        ("[fetch] allowed_networks", config.fetch.allowed_networks),
        ("[accounts] places", list(config.accounts.places)),
        *(
            (f"[[directories]] {one.id}: ticket_networks", one.ticket_networks)
            for one in config.directories
        ),
    ):
        for network in networks:
            try:
                ip_network(network)
            except ValueError as wrong:
                raise ConfigError(f"{place}: {key}: {wrong}") from wrong


def _advise(message: str) -> str:
    """Add the nearest right name to msgspec's "unknown field" message."""
    unknown = re.search(r"unknown field `(.+?)`(?: - at `\$\.?(.*?)`)?$", message)
    if unknown is None:
        return message
    key, dotted = unknown[1], unknown[2] or ""
    known = [field.name for field in msgspec.structs.fields(_section_at(dotted))]
    nearest = difflib.get_close_matches(key, known, n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else f"; known: {', '.join(known)}"
    return f"unknown key {key!r} in [{dotted or 'top level'}]{hint}"


def _section_at(dotted: str) -> type[Section]:
    section: type[Section] = Config
    for name in re.sub(r"\[.*?\]", "", dotted).split(".") if dotted else ():
        found = next(f.type for f in msgspec.structs.fields(section) if f.name == name)
        section = get_args(found)[0] if get_args(found) else found
    return section
