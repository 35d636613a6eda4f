"""Adding sites to the person's own configuration, and taking them out of it."""

import os
from pathlib import Path

from cardbridge import config, places
from cardbridge.origins import is_origin


class NoOrigin(Exception):
    """What was given is no origin that can be added or taken out."""


def allow(text: str, name: str) -> str:
    """Add a site; one that is there gets the new name.

    Returns:
        The origin as browsers write it: an international name in its ASCII form.

    Raises:
        NoOrigin: if it is none.
        ConfigError: if the file would not be readable with it.
    """
    origin = _as_browsers_write(text)
    before = _without(_read(), origin)
    _write(before.rstrip("\n") + "\n" * bool(before.strip()) + config.site_entry(origin, name))
    return origin


def disallow(text: str) -> None:
    """Take a site out.

    Raises:
        NoOrigin: if it is not in the person's own file.
    """
    origin = _as_browsers_write(text)
    before = _read()
    after = _without(before, origin)
    if after == before:
        raise NoOrigin(f"{origin} is not in {places.config_file()}")
    _write(after)


def _as_browsers_write(text: str) -> str:
    scheme, mark, rest = text.strip().rstrip("/").partition("://")
    host, colon, port = rest.partition(":") if not rest.startswith("[") else (rest, "", "")
    try:
        ascii_host = host.lower().encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        ascii_host = host
    origin = f"{scheme.lower()}{mark}{ascii_host.lower()}{colon}{port}"
    if not is_origin(origin):
        raise NoOrigin(
            f"{text!r} is no origin such as https://idp.example; http is for localhost alone"
        )
    return origin


def _read() -> str:
    try:
        return places.config_file().read_text("utf-8")
    except FileNotFoundError:
        return ""


def _without(text: str, origin: str) -> str:
    """Leave out the tables of a site, and keep every other line as it stands."""
    tables: list[list[str]] = [[]]
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith("["):
            tables.append([])
        tables[-1].append(line)
    return "".join("".join(table) for table in tables if origin not in _sites_of("".join(table)))


def _sites_of(table: str) -> set[str]:
    if not table.lstrip().startswith("[[sites]]"):
        return set()
    return set(config.parse(table, "this part").get("sites", {}))


def _write(text: str) -> None:
    """Replace the file as a whole, after seeing that it can be read."""
    config.parse(text, str(places.config_file()))
    file = places.config_file()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    _create(beside, text)
    beside.replace(file)


def _create(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
