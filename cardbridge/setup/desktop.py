"""Putting the bridge on a desktop, and taking it off again. Everything belongs to one person."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cardbridge.setup import units

ENTRY = "cardbridge.desktop"


class NotHere(Exception):
    """What was asked for does not exist on this system."""


def command() -> tuple[str, ...]:
    """Name the program as it was started now, with the word that runs it."""
    if getattr(sys, "frozen", False):
        return (sys.executable, "run")
    started = Path(sys.argv[0])
    if started.name == "cardbridge" and started.exists():
        return (str(started.absolute()), "run")
    if found := shutil.which("cardbridge"):
        return (found, "run")
    return (sys.executable, "-m", "cardbridge", "run")


def put_in_place(*, systemd: bool) -> Iterator[str]:
    """Write what starts the bridge; a line for each thing done or left to do.

    Raises:
        NotHere: if the system has no such thing.
    """
    if systemd and not sys.platform.startswith("linux"):
        raise NotHere("systemd is for Linux")
    if sys.platform == "win32":
        yield from _windows()
    elif sys.platform == "darwin":
        yield from _macos()
    else:
        yield from _linux(systemd=systemd)


def take_away() -> Iterator[str]:
    """Remove what :func:`put_in_place` wrote."""
    if sys.platform == "win32":
        yield from _windows_away()
        return
    for file in (_autostart(), _handler(), _unit(), _agent()):
        if file.exists():
            file.unlink()
            yield f"removed {file}"


def _linux(*, systemd: bool) -> Iterator[str]:
    yield _written(_handler(), units.desktop_entry(command(), autostart=False))
    yield from _register_scheme()
    if systemd:
        yield _written(_unit(), units.systemd_unit(command()))
        yield "Now run: systemctl --user daemon-reload && systemctl --user enable --now cardbridge"
    else:
        yield _written(_autostart(), units.desktop_entry(command(), autostart=True))
        yield "The bridge starts with your next session. To start it now run: cardbridge run"


def _register_scheme() -> Iterator[str]:
    """Have the desktop read its entries again, by its own programs."""
    for words in (
        ("update-desktop-database", str(_handler().parent)),
        ("xdg-mime", "default", ENTRY, f"x-scheme-handler/{units.SCHEME}"),
    ):
        if program := shutil.which(words[0]):
            subprocess.run([program, *words[1:]], check=False, capture_output=True)  # noqa: S603
        else:
            yield f"{words[0]} is not installed; links of {units.SCHEME}: may not start the bridge"


def _macos() -> Iterator[str]:
    file = _agent()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(units.launch_agent(command()))
    yield f"wrote {file}"
    yield f"Now run: launchctl bootstrap gui/$(id -u) '{file}'"
    yield "macOS lets only an app bundle open links; the single-file build has one."


def _windows() -> Iterator[str]:
    import winreg  # noqa: PLC0415  # of one system

    line = subprocess.list2cmdline(command())
    for key, name, value in _windows_values(line):
        with winreg.CreateKey(winreg.HKEY_CURRENT_USER, key) as opened:  # type: ignore[attr-defined,unused-ignore]
            winreg.SetValueEx(opened, name, 0, winreg.REG_SZ, value)  # type: ignore[attr-defined,unused-ignore]
        yield f"wrote HKCU\\{key}"


def _windows_values(line: str) -> list[tuple[str, str, str]]:
    classes = f"Software\\Classes\\{units.SCHEME}"
    return [
        ("Software\\Microsoft\\Windows\\CurrentVersion\\Run", "cardbridge", line),
        (classes, "", "URL:Card bridge"),
        (classes, "URL Protocol", ""),
        (f"{classes}\\shell\\open\\command", "", line),
    ]


def _windows_away() -> Iterator[str]:
    import winreg  # noqa: PLC0415  # of one system

    for key, name, _ in _windows_values(""):
        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key, 0, winreg.KEY_SET_VALUE) as opened:  # type: ignore[attr-defined,unused-ignore]
                winreg.DeleteValue(opened, name)  # type: ignore[attr-defined,unused-ignore]
            yield f"removed HKCU\\{key}"
        except OSError:
            continue


def _written(file: Path, text: str) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return f"wrote {file}"


def _folder(variable: str, otherwise: str) -> Path:
    value = os.environ.get(variable, "")
    return Path(value) if os.path.isabs(value) else Path.home() / otherwise  # noqa: PTH117


def _autostart() -> Path:
    return _folder("XDG_CONFIG_HOME", ".config") / "autostart" / ENTRY


def _handler() -> Path:
    return _folder("XDG_DATA_HOME", ".local/share") / "applications" / ENTRY


def _unit() -> Path:
    return _folder("XDG_CONFIG_HOME", ".config") / "systemd/user/cardbridge.service"


def _agent() -> Path:
    return Path.home() / "Library/LaunchAgents/tw.cardbridge.plist"
