"""A private key of the app's, in a file that nobody else may read."""

import json
import os
from pathlib import Path

from joserfc.jwk import ECKey


def load(path: Path) -> ECKey:
    """Read the key of a file; makes it where there is none (P-256, as a JWK)."""
    if not path.exists():
        _make(path)
    return ECKey.import_key(json.loads(path.read_text("ascii")))


def _make(path: Path) -> None:
    """Write a new key; of two that do, one is kept, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        json.dump(ECKey.generate_key("P-256").as_dict(private=True), file)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
