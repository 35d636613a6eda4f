"""``python -m demo.stack``: prepares, starts and watches the demo until it is asked to stop."""

import os
import sys
from typing import Any

import msgspec

from demo import cards, introduced, judges, notice, plan
from demo.plan import KNOWN_PEOPLE, ROOT, VAR, Plan
from demo.ports import obstacles
from demo.running import AlreadyRunning, alone
from demo.signals import Signals
from demo.supervisor import ProgramFailed, StopAsked, Supervisor
from idp.config import ConfigError

DOCUMENT = VAR / "demo.json"
RUNNING = VAR / "stack.pid"
DIRECTORIES = VAR / "directories.json"
_HEALTHY_WITHIN_SECONDS = 60


def main() -> int:
    """Run the demo; the status is zero when it was asked to stop."""
    os.umask(0o077)  # keys, databases, mails and logs are nobody else's business
    try:
        run = plan.make()
        VAR.mkdir(mode=0o700, exist_ok=True)
        with alone(RUNNING):
            return _run(run)
    except (ConfigError, AlreadyRunning) as wrong:
        return _complain(str(wrong))


def _run(run: Plan) -> int:
    ports = (port for service in plan.services(run) for port in service.ports)
    if found := obstacles(ports):
        return _complain("\n".join(found))
    DOCUMENT.unlink(missing_ok=True)  # of a stack that was killed
    cards.lay_out(run.cards)
    judges.lay_out(run.judges)
    notice.write_private(DIRECTORIES, judges.told(run.judges))  # for `idp directory test`
    try:
        with Signals() as signals, Supervisor(signals, logs=VAR / "log", folder=ROOT) as stack:
            return _supervise(stack, run)
    finally:
        DOCUMENT.unlink(missing_ok=True)  # it says what runs, and nothing does any more
        DIRECTORIES.unlink(missing_ok=True)
        cards.clear_away(run.cards)
        judges.clear_away(run.judges)


def _supervise(stack: Supervisor, run: Plan) -> int:
    try:
        _bring_up(stack, run)
        stack.watch()
    except StopAsked:
        pass
    except ProgramFailed as failed:
        return _complain(str(failed))
    print("Stopping.", flush=True)
    return 0


def _bring_up(stack: Supervisor, run: Plan) -> None:
    stack.finish(*plan.before_all(run))
    stack.start(*plan.at_once(run))
    made = stack.finish(*plan.preparations(run)).get("cards-made", "[]")
    stack.start(*plan.on_cards(run))
    # The introduction needs a database of this version, and the authorities: a card is checked
    # when it is added.
    stack.await_health(_HEALTHY_WITHIN_SECONDS)
    known = _introduced(stack, run)
    subjects = {one["username"]: one["sub"] for one in known}
    document = notice.describe(run, subjects, msgspec.json.decode(made))
    notice.write_private(KNOWN_PEOPLE, _without_passwords(document["accounts"]))
    if not introduced.is_done(run):
        stack.finish(plan.seed(run))
        introduced.note(run)
    stack.finish(*plan.at_last(run))
    notice.write_private(DOCUMENT, document)
    print(notice.table(document))
    print("ready", flush=True)


def _introduced(stack: Supervisor, run: Plan) -> list[dict[str, Any]]:
    """Introduce the people and the cards, unless they are known; tell who is who."""
    if introduced.is_done(run):
        found = msgspec.json.decode(KNOWN_PEOPLE.read_bytes())
    else:
        introduction = plan.introduction(run)
        found = msgspec.json.decode(stack.finish(introduction)[introduction.name])
    return list(found)


def _without_passwords(accounts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: one[key] for key in one if key != "password"} for one in accounts]


def _complain(message: str) -> int:
    print(message, file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
