"""A pinentry without a screen: hands its questions to the reader's page, over a socket.

Started by the bridge in place of a window, by its file and without packages. Its one argument is
the socket.
"""

import json
import socket
import sys
from urllib.parse import quote, unquote

CANCELLED, NOT_CONFIRMED, TIMED_OUT = 99, 114, 62
_SETS = {
    "SETDESC": "text",
    "SETPROMPT": "prompt",
    "SETERROR": "error",
    "SETTITLE": "title",
    "SETOK": "ok",
    "SETCANCEL": "cancel",
    "SETNOTOK": "other",
    "SETTIMEOUT": "seconds",
}


def main() -> None:
    """Answer line by line, until the bridge closes the pipe."""
    say("OK the demo's reader is listening")
    told: dict[str, str] = {}
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        if command in _SETS:
            told[_SETS[command]] = unquote(rest)
        if command in {"GETPIN", "CONFIRM", "MESSAGE"}:
            say(answered(told | {"kind": command.lower()}))
        else:
            say("OK")


def answered(question: dict[str, str]) -> str:
    """Ask on the page and translate what came of it."""
    try:
        reply = ask(question)
    except TimeoutError:
        return f"ERR {TIMED_OUT} nobody came"
    except (OSError, ValueError):
        return f"ERR {CANCELLED} the page is gone"
    match reply.get("button"):
        case "ok" if question["kind"] == "getpin":
            return f"D {quote(reply['pin'], safe=' ')}\nOK"
        case "ok":
            return "OK"
        case "other":
            return f"ERR {NOT_CONFIRMED} another"
        case _:
            return f"ERR {CANCELLED} cancelled"


def ask(question: dict[str, str]) -> dict[str, str]:
    """Send a question and wait for its answer."""
    with socket.socket(socket.AF_UNIX) as page:
        page.settimeout(float(question.get("seconds", "120")))
        page.connect(sys.argv[1])
        page.sendall(json.dumps(question).encode() + b"\n")
        with page.makefile("rb") as answers:
            reply: dict[str, str] = json.loads(answers.readline())
        return reply


def say(line: str) -> None:
    """Write to the bridge."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
