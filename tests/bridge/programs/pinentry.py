"""A pinentry without a window: it writes down what it is told and answers as planned.

Its one argument is a folder: ``answers`` there holds a line for each question to come (a PIN,
``slowly`` and a PIN, ``ERR 99`` or ``wait``), ``told`` gets every line it was sent, ``open`` its
process while it lives.
"""

import os
import sys
import time
from pathlib import Path

folder = Path(sys.argv[1])
(folder / "open").write_text(str(os.getpid()))
told = (folder / "told").open("a", encoding="utf-8")


def answered(command: str) -> str:
    """Take the next planned answer."""
    plan = (folder / "answers").read_text().splitlines()
    (folder / "answers").write_text("\n".join(plan[1:]))
    answer = plan[0] if plan else "ERR 99"
    if answer == "wait":
        time.sleep(60)
    if answer.startswith("slowly "):
        time.sleep(1)
        answer = answer.removeprefix("slowly ")
    if answer.startswith("ERR"):
        return answer
    answer = answer.replace("empty", "")
    return f"D {answer}\nOK" if command == "GETPIN" else "OK"


def say(line: str) -> None:
    """Answer a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


say("OK a test is pleased to meet you")
for line in sys.stdin:
    told.write(line)
    told.flush()
    question = line.split()[0] in {"GETPIN", "CONFIRM", "MESSAGE"}
    say(answered(line.split()[0]) if question else "OK")
