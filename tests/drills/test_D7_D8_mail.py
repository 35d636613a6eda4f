"""D7 and D8: the mail server is down, and the sender dies with a mail in its hand."""

import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from idp import assembly, worker
from idp.clock import system_clock
from idp.config import Config, SmtpSection
from idp.database.transaction import Database, open_database
from idp.mail.messages import PasswordSwitchedOff, Post
from idp.outbox.store import OutboxRow
from idp.provider import Provider
from idp.secret import Keychain
from tests import people
from tests.clock import MovableClock
from tests.conftest import ROOT_KEY
from tests.http import test_B_registration as registration
from tests.labs.ports import free_port
from tests.labs.smtp_sink import Sink, black_hole, sink

HOUSE = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.timeout(120)


def config_of(port: int, patience: int = 10) -> Config:
    smtp = SmtpSection(host="127.0.0.1", port=port, timeout_seconds=patience)
    return msgspec.structs.replace(people.CONFIG, smtp=smtp)


def write(portico: Provider, mails: int) -> set[str]:
    """Put that many mails in, and give the Message-ID each must bear."""
    with portico.database.write() as tx:
        for number in range(mails):
            message = PasswordSwitchedOff(at=tx.now)
            recipient = f"{number}@people.example"
            Post(portico.outbox).put(tx, recipient, "zh-Hant", message, unique=recipient)
        ids = tx.execute(select(OutboxRow.id)).scalars()
        return {f"<{row_id}@sso.example>" for row_id in ids}


def work(portico: Provider) -> None:
    rounds = [one for one in worker.rounds(portico) if one.name == "mail"]
    worker.Loop(rounds, portico.database.clock).run_due()


def attempts(portico: Provider) -> list[int]:
    with portico.database.read() as tx:
        return list(tx.execute(select(OutboxRow.attempts)).scalars())


def unsent(portico: Provider) -> int:
    with portico.database.read() as tx:
        return len(tx.execute(select(OutboxRow.id).where(OutboxRow.sent_at.is_(None))).all())


def test_D7_an_hour_without_a_mail_server_loses_nothing_and_is_made_up_in_five_minutes(
    database: Database, keys: Keychain, clock: MovableClock
) -> None:
    port = free_port()
    portico = assembly.assemble(config_of(port), database, keys)
    written = write(portico, 5)
    for _ in range(360):
        work(portico)
        clock.advance(timedelta(seconds=10))
    assert unsent(portico) == 5

    with sink(port) as server:
        for _ in range(30):
            work(portico)
            clock.advance(timedelta(seconds=10))

    assert Counter(server.message_ids()) == Counter(written)
    assert unsent(portico) == 0


def test_D7_the_tries_thin_out_while_the_server_is_down(
    database: Database, keys: Keychain, clock: MovableClock
) -> None:
    portico = assembly.assemble(config_of(free_port()), database, keys)
    write(portico, 1)
    waits: list[timedelta] = []

    for _ in range(8):
        work(portico)
        with database.read() as tx:
            due = tx.execute(select(OutboxRow.not_before)).scalar_one()
        waits.append(due - clock())
        clock.advance(due - clock())

    assert waits[:6] == sorted(waits[:6])
    assert waits[0] >= timedelta(seconds=5)
    assert timedelta(seconds=160) <= waits[-1] <= timedelta(seconds=200)


def test_D7_a_black_hole_loses_nothing(
    database: Database, keys: Keychain, clock: MovableClock
) -> None:
    with black_hole() as port:
        portico = assembly.assemble(config_of(port, patience=1), database, keys)
        written = write(portico, 2)
        work(portico)
        assert attempts(portico) == [1, 1]
        assert unsent(portico) == 2

    clock.advance(timedelta(minutes=5))
    with sink() as server:
        work(assembly.assemble(config_of(server.port), database, keys))

    assert Counter(server.message_ids()) == Counter(written)


def test_D7_whoever_registers_never_waits_for_the_mail_server(
    database: Database, keys: Keychain
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mail_server:
        mail_server.setblocking(False)
        portico = assembly.assemble(config_of(mail_server.getsockname()[1]), database, keys)
        browser = people.Browser.on(portico)
        registration.begin(browser)
        registration.accept(browser)
        registration.describe(browser)
        registration.send(browser)

        assert unsent(portico) == 1
        with pytest.raises(BlockingIOError):  # nobody has called
            mail_server.accept()


@pytest.fixture
def now() -> MovableClock:
    """The machine's time, which the sender processes go by; the test may move on from it."""
    return MovableClock(system_clock())


@pytest.fixture
def live(database_url: str, now: MovableClock) -> Iterator[Database]:
    opened = open_database(database_url, now, connections=4)
    yield opened
    opened.dispose()


def sender(database_url: str, server: Sink) -> "subprocess.Popen[bytes]":
    """Start the worker of the product, as an operator does."""
    environment = os.environ | {
        "PORTICO_KEK": ROOT_KEY.hex(),
        "PORTICO__PROVIDER__ISSUER": "https://sso.example",
        "PORTICO__DATABASE__URL": database_url,
        "PORTICO__SMTP__HOST": "127.0.0.1",
        "PORTICO__SMTP__PORT": str(server.port),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "idp", "worker", "--once"],
        cwd=HOUSE,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(process: "subprocess.Popen[bytes]") -> tuple[int, str]:
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr.decode(errors="replace")


def test_D8_a_sender_killed_after_the_servers_yes_repeats_one_mail_under_its_own_id(
    live: Database, database_url: str, keys: Keychain, now: MovableClock
) -> None:
    crashes, mails = 3, 6
    with sink() as server:
        portico = assembly.assemble(config_of(server.port), live, keys)
        written = write(portico, mails)
        for crash in range(1, crashes + 1):
            process = sender(database_url, server)
            # The client says goodbye after it heard 250 and before it marks the row.
            server.at_goodbye = lambda pid=process.pid: os.kill(pid, signal.SIGKILL)  # type: ignore[misc]
            status, log = finish(process)
            assert status == -signal.SIGKILL, log
            assert len(server.letters) == crash
        server.at_goodbye = lambda: None

        now.advance(timedelta(minutes=2))  # past the leases of the dead
        work(portico)

    arrived = Counter(server.message_ids())
    assert set(arrived) == written
    assert arrived.total() - mails <= crashes
    assert max(arrived.values()) <= 2
    assert unsent(portico) == 0


def test_D8_a_server_that_takes_a_mail_and_breaks_off_gets_it_again_under_its_own_id(
    database: Database, keys: Keychain, clock: MovableClock
) -> None:
    with sink() as server:
        portico = assembly.assemble(config_of(server.port), database, keys)
        written = write(portico, 1)
        server.breaks_off = True
        work(portico)
        assert unsent(portico) == 1

        server.breaks_off = False
        clock.advance(timedelta(seconds=10))
        work(portico)

    assert server.message_ids() == [*written, *written]


def test_two_sender_processes_share_two_hundred_mails_and_send_each_once(
    live: Database, database_url: str, keys: Keychain
) -> None:
    with sink() as one, sink() as other:
        portico = assembly.assemble(config_of(one.port), live, keys)
        written = write(portico, 200)
        senders = [sender(database_url, server) for server in (one, other)]
        ends = [finish(process) for process in senders]

    assert [status for status, _ in ends] == [0, 0], ends
    assert min(len(one.letters), len(other.letters)) > 20  # they did work side by side
    assert Counter(one.message_ids() + other.message_ids()) == Counter(written)
    assert unsent(portico) == 0
