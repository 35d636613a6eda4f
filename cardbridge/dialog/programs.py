"""Which program shows the dialog here."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from cardbridge.programs import own_program

# Never by the name `pinentry`: that may lead to pinentry-gnome3, which hangs without a session
# bus, or to pinentry-fltk, which has no Chinese.
_GRAPHICAL = ("pinentry-qt", "pinentry-qt5", "pinentry-qt6", "pinentry-gtk-2")
_TERMINAL = ("pinentry-curses", "pinentry-tty")
_MAC = (
    "/opt/homebrew/bin/pinentry-mac",
    "/usr/local/bin/pinentry-mac",
    "/usr/local/MacGPG2/libexec/pinentry-mac.app/Contents/MacOS/pinentry-mac",
)
_WINDOWS = (
    "C:/Program Files/Gpg4win/bin/pinentry.exe",
    "C:/Program Files (x86)/Gpg4win/bin/pinentry.exe",
    "C:/Program Files (x86)/GnuPG/bin/pinentry-basic.exe",
)


class NoDialog(Exception):
    """There is no program to show a dialog with."""


@dataclass(frozen=True, slots=True)
class Program:
    """A pinentry and what it is to be told first."""

    argv: tuple[str, ...]
    options: tuple[str, ...] = ()


def choose(
    configured: Sequence[str], environment: Mapping[str, str], terminal: str | None
) -> Program:
    """Choose a program.

    Args:
        configured: The command of the configuration; it wins.
        environment: To see whether there is a screen.
        terminal: A terminal to ask on, where the bridge was started with one.

    Raises:
        NoDialog: if none fits.
    """
    if configured:
        return Program((_found(configured[0]), *configured[1:]), _on(terminal, environment))
    if terminal is not None:
        return Program((_first(_TERMINAL),), _on(terminal, environment))
    if not _has_screen(environment):
        raise NoDialog("there is no screen; run the bridge in a terminal with --terminal")
    try:
        return Program((_first(_graphical()),))
    except NoDialog:
        return Program(_our_own())


def _graphical() -> Sequence[str]:
    return {"win32": _WINDOWS, "darwin": _MAC}.get(sys.platform, _GRAPHICAL)


def _has_screen(environment: Mapping[str, str]) -> bool:
    if sys.platform in {"win32", "darwin"}:
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def _which(name: str) -> str | None:
    from shutil import which  # noqa: PLC0415  # with all its archive formats

    return which(name)


def _first(names: Sequence[str]) -> str:
    for name in names:
        if found := _which(name):
            return found
    raise NoDialog(f"none of these is installed: {', '.join(names)}")


def _found(name: str) -> str:
    if found := _which(name):
        return found
    raise NoDialog(f"there is no program {name}, which the configuration names")


def _on(terminal: str | None, environment: Mapping[str, str]) -> tuple[str, ...]:
    if terminal is None:
        return ()
    kind = environment.get("TERM", "vt100")
    return (f"ttyname={terminal}", f"ttytype={kind}", "lc-ctype=C.UTF-8")


def _our_own() -> tuple[str, ...]:
    if find_spec("tkinter") is None:
        raise NoDialog("neither a pinentry nor tkinter is installed; install pinentry-qt")
    return own_program("dialog")
