"""The command ``cardbridge``. What runs all day is reached without loading what does not."""

import sys


def main() -> None:
    """Take the role that the first word names; the command line proper is for people."""
    match sys.argv[1:]:
        case ["worker"]:
            from cardbridge.card.worker import main as role

            role()
        case ["dialog"]:
            from cardbridge.dialog.window import main as window

            window()
        case ["run"]:
            from cardbridge.front.main import main as front

            sys.exit(front())
        case _:
            from cardbridge.cli import main as command_line

            command_line()


if __name__ == "__main__":
    main()
