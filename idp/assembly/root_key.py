"""The key-encryption key, from which all the others come: where it lies, and the first one."""

import os
import secrets
import stat
from pathlib import Path

from idp.config import Config, ConfigError
from idp.secret import KEY_BYTES, Entropy, Keychain, keychain, system_entropy

KEK_ENVIRONMENT = "PORTICO_KEK"


def load_keychain(config: Config, entropy: Entropy = system_entropy) -> Keychain:
    """Read the key-encryption key from ``PORTICO_KEK`` (64 hex digits) or its file.

    Raises:
        ConfigError: there is none, it is malformed, or others may read the file. None is
            ever made on the way: a lost key must not be papered over with a new one.
    """
    given = os.environ.get(KEK_ENVIRONMENT)
    path = Path(config.keys.kek_file)
    try:
        text = given if given is not None else _read_private(path)
        return keychain(bytes.fromhex(text.strip()), entropy)
    except ValueError as wrong:
        raise ConfigError(f"key-encryption key: {wrong}") from wrong


def _read_private(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        text = path.read_text("ascii")
    except OSError as missing:
        hint = "`idp keys init` makes one"
        raise ConfigError(f"[keys] kek_file {path}: {missing.strerror}; {hint}") from missing
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"[keys] kek_file {path}: others may read it; chmod 0400 it")
    return text


def make_key_encryption_key(path: Path) -> bool:
    """Make a key-encryption key for a new installation; ``False`` when there is one already."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
    return True
