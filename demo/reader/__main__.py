"""``python -m demo.reader``: the page, and the socket of the dialogs, until it is stopped."""

import argparse
import threading
from pathlib import Path

from werkzeug.serving import make_server

from demo.reader.made import softcard
from demo.reader.pages import create_app
from demo.reader.window import Listener, Window


def main() -> None:
    """Serve until a signal ends the process."""
    arguments = _parser().parse_args()
    window = Window()
    dialogs = Listener(arguments.dialog, window)
    threading.Thread(target=dialogs.serve_forever, daemon=True).start()
    app = create_app(arguments.folder, window, softcard)
    make_server("127.0.0.1", arguments.port, app, threaded=True).serve_forever()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.reader", description=__doc__)
    parser.add_argument("folder", type=Path, help="of the soft cards")
    parser.add_argument("--port", type=int, default=9027, help="of the page (default: 9027)")
    parser.add_argument("--dialog", type=Path, required=True, help="the socket of the dialogs")
    return parser


if __name__ == "__main__":
    main()
