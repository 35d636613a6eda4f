"""``python -m demo.introduce CONFIG PEOPLE [CARDS URL]``: who and what the demo's provider knows.

By the provider's own commands, in one process; each of them may be given again.
"""

import sys
from contextlib import redirect_stdout
from pathlib import Path

from demo.reader.known import KINDS, OWNED, OWNER
from idp.__main__ import main as idp


def main() -> None:
    """Make the accounts that are missing, and print who is who; have the cards taken."""
    config, people, *cards = sys.argv[1:]
    _run(config, "account", "add", "--from-file", people, "--if-missing", "--json")
    if cards:
        with redirect_stdout(sys.stderr):
            _take(config, Path(cards[0]), cards[1])


def _take(config: str, folder: Path, base_url: str) -> None:
    """Install root and authorities, switched on, and let the citizen's card open an account."""
    for kind in ("root", *KINDS):
        certificate = folder / "pki" / "authorities" / f"{kind}.cer"
        url = f"{base_url}/{kind}/crl/complete.crl"
        known = ("--provenance", "made by this demo, for itself", "--crl-url", url)
        _run(config, "pki", "install", str(certificate), "--kind", kind, *known, "--on")
    card = folder / "tokens" / "cards" / f"{OWNED}.cer"
    _run(config, "account", "add-card", "--username", OWNER, "--if-missing", str(card))


def _run(config: str, *words: str) -> None:
    idp.main(["--config", config, *words], standalone_mode=False)


if __name__ == "__main__":
    main()
