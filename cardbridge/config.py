"""The configuration: what the person, or the administrator of the machine, has decided.

Two TOML files: the administrator's and the person's own. Both may name sites; in the rest the
administrator's word stands. An unknown key stops the bridge rather than being passed over.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cardbridge.files import Insecure, ensure_private
from cardbridge.origins import is_origin


class ConfigError(Exception):
    """A configuration cannot be used; the message says which file, what and why."""


@dataclass(frozen=True, slots=True)
class Config:
    """All that can be configured."""

    port: int = 34961
    spare_ports: tuple[int, ...] = (34962, 34963)
    """Tried in this order when ``port`` is taken."""
    sites: Mapping[str, str] = field(default_factory=dict)
    """Origins that may ask, each with the name by which its site is known."""
    modules: tuple[Path, ...] = ()
    """PKCS#11 libraries to use; none means those that are found."""
    pin_dialog: tuple[str, ...] = ()
    """The program that shows the PIN dialog and its arguments; none means what is found."""
    dialog_seconds: int = 120
    card_seconds: int = 5
    """How long one step of a card may take before its process is killed."""
    dialogs_per_minute: int = 3
    """How many dialogs one site may open in a minute."""
    idle_minutes: int = 0
    """After how long without a request the bridge ends; 0 means never."""


def _whole(least: int, most: int) -> Callable[[object], int]:
    """Make a reader of whole numbers within bounds."""

    def read(value: object) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"a whole number from {least} to {most} is wanted")
        return value

    return read


def _list_of(value: object, kind: type) -> list[Any]:
    if not isinstance(value, list) or any(type(one) is not kind for one in value):
        raise ValueError(f"a list of {kind.__name__} is wanted")
    return value


def _ports(value: object) -> tuple[int, ...]:
    port = _whole(1024, 65535)
    return tuple(port(one) for one in _list_of(value, int))


def _words(value: object) -> tuple[str, ...]:
    return tuple(_list_of(value, str))


def _paths(value: object) -> tuple[Path, ...]:
    paths = tuple(Path(one) for one in _list_of(value, str))
    if not all(path.is_absolute() for path in paths):
        raise ValueError("absolute paths are wanted")
    return paths


def _site(entry: dict[str, object]) -> tuple[str, str]:
    if not set(entry) <= {"origin", "name"}:
        raise ValueError("a site has an origin and a name, nothing else")
    origin, name = entry.get("origin"), entry.get("name", "")
    if not isinstance(origin, str) or not is_origin(origin):
        raise ValueError(f"{origin!r} is no origin such as https://idp.example")
    if not isinstance(name, str) or len(name) > 80 or not (name.isprintable() or not name):
        raise ValueError(f"the name of {origin} is to be a text of at most 80 characters")
    return origin, name


def _sites(value: object) -> dict[str, str]:
    return dict(_site(entry) for entry in _list_of(value, dict))


_READERS: dict[str, Callable[[object], object]] = {
    "port": _whole(1024, 65535),
    "spare_ports": _ports,
    "sites": _sites,
    "modules": _paths,
    "pin_dialog": _words,
    "dialog_seconds": _whole(10, 600),
    "card_seconds": _whole(1, 60),
    "dialogs_per_minute": _whole(1, 600),
    "idle_minutes": _whole(0, 1440),
}


def parse(text: str, source: str) -> dict[str, Any]:
    """Read one file's text into the values it sets.

    Raises:
        ConfigError: with ``source`` and the key that is wrong.
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: {error}") from None
    values = {}
    for key, value in tree.items():
        if key not in _READERS:
            raise ConfigError(f"{source}: there is no key {key!r}; known are {', '.join(_READERS)}")
        try:
            values[key] = _READERS[key](value)
        except ValueError as error:
            raise ConfigError(f"{source}: {key}: {error}") from None
    return values


def load(own: Path, system: Path) -> Config:
    """Read both files; either may be missing.

    Raises:
        ConfigError: if one cannot be read, is wrong, or can be written by somebody else.
    """
    mine, theirs = _read(own, by_root=False), _read(system, by_root=True)
    sites = mine.get("sites", {}) | theirs.get("sites", {})
    return Config(**(mine | theirs | {"sites": sites}))


def _read(path: Path, *, by_root: bool) -> dict[str, Any]:
    try:
        ensure_private(path, by_root=by_root)
        return parse(path.read_text("utf-8"), str(path))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, Insecure) as error:
        raise ConfigError(f"{path}: {error}") from None


def site_entry(origin: str, name: str) -> str:
    """Write a site as the lines of TOML that :func:`parse` reads back."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    lines = ["", "[[sites]]", f'origin = "{origin}"', *([f'name = "{quoted}"'] if name else [])]
    return "\n".join(lines) + "\n"
