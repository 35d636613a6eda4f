"""Which PKCS#11 libraries are used: those of the configuration, or the known ones that are here.

A library is code that runs with the person's rights. Only an absolute path is taken, and only
where nobody else can have put the file.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from cardbridge.files import Insecure, ensure_private


@dataclass(frozen=True, slots=True)
class Known:
    """A library by the places where its installers put it."""

    name: str
    patterns: tuple[str, ...]
    by_itself: bool = True
    """Used without being configured. Soft tokens are not: they would look like a reader."""


_LINUX = (
    Known(
        "HiCOS",
        (
            "/usr/lib/libHicos_p11v1.so",
            "/usr/lib64/libHicos_p11v1.so",
            "/usr/lib/*/libHicos_p11v1.so",
            "/usr/local/lib/libHicos_p11v1.so",
            "/usr/local/HiPKILocalSignServerApp/libHicos_p11v1.so",
            "/opt/HiCOS/lib/libHicos_p11v1.so",
        ),
    ),
    Known(
        "OpenSC",
        ("/usr/lib/*/opensc-pkcs11.so", "/usr/lib64/opensc-pkcs11.so", "/usr/lib/opensc-pkcs11.so"),
    ),
    Known("YubiKey", ("/usr/lib/*/libykcs11.so*", "/usr/local/lib/libykcs11.so*")),
    Known(
        "SoftHSM",
        (
            "/usr/lib/softhsm/libsofthsm2.so",
            "/usr/lib/*/softhsm/libsofthsm2.so",
            "/usr/lib64/softhsm/libsofthsm2.so",
            "/usr/lib64/pkcs11/libsofthsm2.so",
        ),
        by_itself=False,
    ),
)
_MACOS = (
    Known(
        "HiCOS",
        (
            "/Library/HiCOS/libHicos_p11v1.dylib",
            "/usr/local/lib/libHicos_p11v1.dylib",
            "/Applications/HiPKILocalSignServer.app/Contents/*/libHicos_p11v1.dylib",
        ),
    ),
    Known("OpenSC", ("/Library/OpenSC/lib/opensc-pkcs11.so", "/opt/homebrew/lib/opensc-pkcs11.so")),
    Known("YubiKey", ("/usr/local/lib/libykcs11.dylib", "/opt/homebrew/lib/libykcs11.dylib")),
    Known(
        "SoftHSM",
        ("/opt/homebrew/lib/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so"),
        by_itself=False,
    ),
)
_WINDOWS = (
    Known("HiCOS", ("C:/Windows/System32/HicosPKCS11.dll", "C:/Windows/System32/Hicos_p11v1.dll")),
    Known("OpenSC", ("C:/Program Files/OpenSC Project/OpenSC/pkcs11/opensc-pkcs11.dll",)),
    Known("YubiKey", ("C:/Program Files/Yubico/Yubico PIV Tool/bin/libykcs11.dll",)),
    Known("SoftHSM", ("C:/SoftHSM2/lib/softhsm2-x64.dll",), by_itself=False),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A library that is here."""

    name: str
    path: Path
    used: bool
    trouble: str = ""
    """Why it may not be loaded; empty when it may."""


def known() -> tuple[Known, ...]:
    """List the libraries that are looked for on this system, the preferred ones first."""
    return {"win32": _WINDOWS, "darwin": _MACOS}.get(sys.platform, _LINUX)


def candidates(configured: Sequence[Path]) -> list[Candidate]:
    """List the libraries of the configuration, or else those that are found."""
    if configured:
        return [_judged("configured", path, used=True) for path in configured]
    found = []
    for library in known():
        paths = [Path(path) for pattern in library.patterns for path in sorted(glob(pattern))]  # noqa: PTH207
        found += [_judged(library.name, path, used=library.by_itself) for path in paths[:1]]
    return found


def usable(configured: Sequence[Path]) -> tuple[Path, ...]:
    """List the paths that are loaded."""
    every = candidates(configured)
    return tuple(one.path for one in every if one.used and not one.trouble)


def _judged(name: str, path: Path, *, used: bool) -> Candidate:
    try:
        ensure_private(path)
    except FileNotFoundError:
        return Candidate(name, path, used, "there is no such file")
    except (Insecure, OSError) as error:
        return Candidate(name, path, used, str(error))
    return Candidate(name, path, used)
