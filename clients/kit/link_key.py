"""The app's encryption key: what the provider sends to be linked is for nobody else to read."""

import json
import os
from pathlib import Path
from typing import Any

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

ALG, ENC = "ECDH-ES", "A256GCM"
_REGISTRY = jwe.JWERegistry(algorithms=[ALG, ENC])


class Unreadable(Exception):
    """It was not encrypted to this app, or in a way it does not take."""


class LinkKey:
    """A key pair for encryption (RFC 7518 section 4.6)."""

    def __init__(self, key: ECKey) -> None:
        self._key = key
        self._kid = key.thumbprint()

    def document(self) -> dict[str, Any]:
        """Give the JWK set that the provider reads at the app's ``jwks_uri``."""
        public = self._key.as_dict(private=False)
        return {"keys": [{**public, "kid": self._kid, "alg": ALG, "use": "enc"}]}

    def opened(self, token: str) -> str:
        """Decrypt a JWE; gives the JWS within, which proves itself or proves nothing.

        Raises:
            Unreadable: another key, another algorithm, or no JWE at all.
        """
        try:
            found = jwe.decrypt_compact(token, self._key, registry=_REGISTRY)
            return (found.plaintext or b"").decode("ascii")
        except (JoseError, ValueError, TypeError, KeyError) as wrong:
            raise Unreadable(type(wrong).__name__) from wrong


def load(path: Path) -> LinkKey:
    """Read the key of a file; makes it where there is none.

    A lost key loses nothing: the provider reads the new one when it next has something to send.
    """
    if not path.exists():
        _make(path)
    return LinkKey(ECKey.import_key(json.loads(path.read_text("ascii"))))


def _make(path: Path) -> None:
    """Write a new key that nobody else may read; of two that do, one is kept, whole."""
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
