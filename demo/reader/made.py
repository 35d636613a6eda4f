"""``python -m demo.reader.made FOLDER PORT``: the demo's authorities and cards, made once."""

import subprocess
import sys
from pathlib import Path

from demo.reader.known import OWNED


def softcard(folder: Path, *words: str) -> str:
    """Run a command of the soft cards; gives what it printed."""
    told = [sys.executable, "-m", "cardbridge", "softcard", "--directory", str(folder), *words]
    return subprocess.run(  # noqa: S603 - the stack's own program
        told, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def main() -> None:
    """Make what is missing; the list is written last and says that all was done."""
    folder, port = Path(sys.argv[1]), sys.argv[2]
    known = folder / "cards.json"
    if not known.exists():
        softcard(folder, "new", "--demo", "--drawer", "--port", port)
        softcard(folder, "insert", OWNED)
        draft = known.with_suffix(".new")
        draft.write_text(softcard(folder, "list", "--json"), "utf-8")
        draft.replace(known)
    print(known.read_text("utf-8"))


if __name__ == "__main__":
    main()
