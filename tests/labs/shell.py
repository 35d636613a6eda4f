"""The command line, run in this process."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from idp.__main__ import main


class Shell:
    """Runs ``idp`` on a configuration of its own."""

    def __init__(self, config: Path) -> None:
        self.config = config

    def run(self, *words: str, stdin: str | None = None) -> Result:
        """Run a command, whatever comes of it."""
        return CliRunner().invoke(main, ["--config", str(self.config), *words], input=stdin)

    def ok(self, *words: str, stdin: str | None = None) -> Any:
        """Run a command that must succeed and read its JSON."""
        done = self.run(*words, "--json", stdin=stdin)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)
