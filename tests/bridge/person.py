"""The person before the dialogs, played by a pinentry without a window."""

from pathlib import Path
from urllib.parse import unquote

from tests.bridge.cards import PIN

PINENTRY = Path(__file__).parent / "programs" / "pinentry.py"


class Person:
    """Answers the questions of the dialogs in the order planned."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        (folder / "told").touch()
        self.answers(*[PIN] * 9)

    @property
    def argv(self) -> tuple[str, str]:
        """The script of the dialog program, and its folder."""
        return str(PINENTRY), str(self._folder)

    def answers(self, *answers: str) -> None:
        """Plan answers: a PIN, ``empty``, ``yes``, ``ERR 99``, ``wait``, ``slowly PIN``."""
        (self._folder / "answers").write_text("\n".join(answers))

    def was_told(self) -> list[str]:
        """List the lines that the dialogs were sent."""
        return unquote((self._folder / "told").read_text("utf-8")).splitlines()

    def questions(self) -> list[str]:
        """List the questions that were asked."""
        asked = {"GETPIN", "CONFIRM", "MESSAGE"}
        return [line for line in self.was_told() if line in asked]

    @property
    def window(self) -> int | None:
        """The process of the last dialog that was opened."""
        file = self._folder / "open"
        return int(file.read_text() or 0) if file.exists() else None
