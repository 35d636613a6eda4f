"""Where the files of the bridge live on each system."""

import os
import sys
from pathlib import Path


def _environment(name: str, otherwise: Path) -> Path:
    """Take a folder from the environment; a relative one counts as none (XDG Base Directory)."""
    value = os.environ.get(name, "")
    return Path(value) if os.path.isabs(value) else otherwise  # noqa: PTH117


def config_file() -> Path:
    """Name the person's own configuration; ``CARDBRIDGE_CONFIG`` names another."""
    if chosen := os.environ.get("CARDBRIDGE_CONFIG"):
        return Path(chosen).absolute()
    home = Path.home()
    if sys.platform == "win32":
        return _environment("APPDATA", home / "AppData/Roaming") / "cardbridge/config.toml"
    if sys.platform == "darwin":
        return home / "Library/Application Support/cardbridge/config.toml"
    return _environment("XDG_CONFIG_HOME", home / ".config") / "cardbridge/config.toml"


def system_config_file() -> Path:
    """Name the configuration that the administrator of the machine writes."""
    if sys.platform == "win32":
        return _environment("PROGRAMDATA", Path("C:/ProgramData")) / "cardbridge/config.toml"
    if sys.platform == "darwin":
        return Path("/Library/Application Support/cardbridge/config.toml")
    return Path("/etc/cardbridge/config.toml")


def state_file() -> Path:
    """Name the file that says where a running bridge listens; it goes with the session."""
    beside = config_file().parent
    if sys.platform in {"win32", "darwin"}:
        return beside / "running.json"
    return _environment("XDG_RUNTIME_DIR", beside) / "cardbridge-running.json"
