"""Static files under names that change with their content, so that browsers keep them for ever."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import flask_bootstrap

_OURS = Path(__file__).parent / "static"
_BOOTSTRAP = Path(flask_bootstrap.__file__).parent / "static" / "bootstrap5"
_SCRIPTS = (
    "portico.js",
    "passkey.js",
    "component.js",
    "card.js",
    "language.js",
)  # one file for every page: one request, kept for ever
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is served."""

    name: str
    version: str
    body: bytes
    content_type: str

    @property
    def path(self) -> str:
        """Where it is served: the hash of its content is part of the address."""
        return f"/assets/{self.version}/{self.name}"


def collect() -> dict[str, Asset]:
    """Read all assets: Bootstrap below our sheet in one file, our scripts in another."""
    bootstrap = (_BOOTSTRAP / "css" / "bootstrap.min.css").read_text("utf-8")
    # The map is for Bootstrap's own developers; a browser would ask for it in vain.
    bootstrap = re.sub(r"/\*# sourceMappingURL=.*?\*/", "", bootstrap)
    sheet = bootstrap + (_OURS / "portico.css").read_text("utf-8")
    assets = [
        _asset("portico.css", sheet.encode()),
        _asset("portico.js", b"".join((_OURS / one).read_bytes() for one in _SCRIPTS)),
        _asset("hipki.js", (_OURS / "hipki.js").read_bytes()),
        _asset("check-session.js", (_OURS / "check-session.js").read_bytes()),
    ]
    return {asset.name: asset for asset in assets}


def _asset(name: str, body: bytes) -> Asset:
    version = hashlib.sha256(body).hexdigest()[:12]
    return Asset(name, version, body, _TYPES[Path(name).suffix])
