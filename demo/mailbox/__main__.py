"""``python -m demo.mailbox``: receives on one port, shows on another, until it is stopped."""

import argparse
from pathlib import Path

from werkzeug.serving import make_server

from demo.mailbox.pages import create_app
from demo.mailbox.pile import Pile
from demo.mailbox.receiver import receiver


def main() -> None:
    """Serve until a signal ends the process: every letter is on the disk already."""
    arguments = _parser().parse_args()
    pile = Pile(arguments.folder)
    receiver(pile, arguments.smtp_port).start()
    make_server("127.0.0.1", arguments.port, create_app(pile), threaded=True).serve_forever()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.mailbox", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where letters are kept")
    parser.add_argument("--port", type=int, default=9025, help="of the page (default: 9025)")
    parser.add_argument("--smtp-port", type=int, default=9026, help="for mail (default: 9026)")
    return parser


if __name__ == "__main__":
    main()
