"""Delivery: what is wrong with one row is that row's trouble, and nobody else's."""

import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import select, update

from idp import assembly, worker
from idp.audit.store import AuditRow
from idp.config import Config, FetchSection, OutboxSection, SmtpSection
from idp.database import sweeping
from idp.database.transaction import Database
from idp.mail.messages import PasswordSwitchedOff, Post
from idp.outbox import store
from idp.outbox.store import OutboxRow
from idp.provider import Provider
from idp.secret import Keychain
from idp.sessions.actions import LogoutNotice
from tests import people
from tests.clock import MovableClock
from tests.labs.listener import listener, says
from tests.labs.smtp_sink import Sink, black_hole, sink

LOOPBACK = FetchSection(allowed_networks=["127.0.0.0/8"])
ATTEMPTS = 12


@pytest.fixture
def server() -> Iterator[Sink]:
    with sink() as one:
        yield one


def config_of(port: int) -> Config:
    return msgspec.structs.replace(
        people.CONFIG,
        smtp=SmtpSection(host="127.0.0.1", port=port, timeout_seconds=5),
        outbox=OutboxSection(max_attempts=ATTEMPTS),
        fetch=LOOPBACK,
    )


@pytest.fixture
def config(server: Sink) -> Config:
    return config_of(server.port)


def write_to(portico: Provider, *recipients: str) -> None:
    for recipient in recipients:
        with portico.database.write() as tx:
            message = PasswordSwitchedOff(at=tx.now)
            Post(portico.outbox).put(tx, recipient, "zh-Hant", message, unique=recipient)


def notify(portico: Provider, *uris: str) -> None:
    for number, uri in enumerate(uris):
        notice = msgspec.json.encode(LogoutNotice("app", "sub", f"sid{number}", uri))
        with portico.database.write() as tx:
            portico.outbox.put(tx, "logout_token", notice, dedupe_key=f"{number}{uri}")


def run(portico: Provider, name: str) -> None:
    """Do all that is due of one round."""
    rounds = [one for one in worker.rounds(portico) if one.name == name]
    worker.Loop(rounds, portico.database.clock).run_due()


def rows(portico: Provider) -> dict[str, OutboxRow]:
    """Read the outbox, by key."""
    with portico.database.read() as tx:
        found = tx.execute(select(OutboxRow.__table__)).all()
    return {row.dedupe_key: row for row in found}  # type: ignore[misc]


def abandoned(portico: Provider) -> int:
    """Count what the audit log says was given up."""
    with portico.database.read() as tx:
        events = tx.execute(select(AuditRow.event)).scalars()
        return list(events).count("outbox.abandoned")


def test_mails_go_out_once_and_are_wiped(provider: Provider, server: Sink) -> None:
    write_to(provider, "a@people.example", "b@people.example", "c@people.example")

    run(provider, "mail")
    run(provider, "mail")

    assert sorted(server.recipients) == [f"{one}@people.example" for one in "abc"]
    assert {row.payload_sealed for row in rows(provider).values()} == {b""}


def test_what_nobody_can_write_holds_up_no_other_and_is_given_up_in_the_end(
    provider: Provider, server: Sink, clock: MovableClock
) -> None:
    write_to(provider, "not an address", "b@people.example")

    run(provider, "mail")
    assert server.recipients == ["b@people.example"]
    for _ in range(2 * ATTEMPTS):
        clock.advance(timedelta(hours=2))
        run(provider, "mail")

    broken = rows(provider)["mail/not an address"]
    assert broken.attempts == ATTEMPTS
    assert broken.abandoned_at is not None
    assert "not an address" not in (broken.last_error or "")
    assert abandoned(provider) == 1


def test_a_payload_that_does_not_open_holds_up_no_other(provider: Provider, server: Sink) -> None:
    write_to(provider, "a@people.example", "b@people.example")
    with provider.database.write() as tx:
        spoilt = OutboxRow.dedupe_key == "mail/a@people.example"
        tx.execute(update(OutboxRow).where(spoilt).values(payload_sealed=b"spoilt"))

    run(provider, "mail")

    assert server.recipients == ["b@people.example"]
    assert rows(provider)["mail/a@people.example"].last_error == "SealBroken"


def test_a_recipient_refused_for_good_is_given_up_at_once_and_kept_for_the_operator(
    provider: Provider, server: Sink
) -> None:
    server.to_recipient = "550 No such person"
    write_to(provider, "a@people.example")

    run(provider, "mail")

    (row,) = rows(provider).values()
    assert (row.attempts, row.last_error) == (1, "SMTP 550")
    assert row.abandoned_at is not None
    assert row.payload_sealed != b""
    assert abandoned(provider) == 1

    server.to_recipient = "250 OK"
    with provider.database.write() as tx:
        assert store.retry(tx, row.id)
    run(provider, "mail")
    assert server.recipients == ["a@people.example"]


def test_D7_a_server_that_refuses_us_costs_no_mail(
    provider: Provider, server: Sink, clock: MovableClock
) -> None:
    server.to_sender = "550 Not you"
    write_to(provider, "a@people.example")

    for _ in range(3 * ATTEMPTS):
        run(provider, "mail")
        clock.advance(timedelta(hours=2))
    assert abandoned(provider) == 0

    server.to_sender = "250 OK"
    run(provider, "mail")
    assert server.recipients == ["a@people.example"]


def test_after_a_long_outage_a_mail_still_has_tries_left_for_a_hesitant_server(
    provider: Provider, server: Sink, clock: MovableClock
) -> None:
    write_to(provider, "a@people.example")
    server.to_sender = "421 Closed"
    for _ in range(3 * ATTEMPTS):
        run(provider, "mail")
        clock.advance(timedelta(hours=2))

    server.to_sender, server.to_recipient = "250 OK", "451 Come back later"
    run(provider, "mail")
    clock.advance(timedelta(hours=2))
    server.to_recipient = "250 OK"
    run(provider, "mail")

    assert server.recipients == ["a@people.example"]


@pytest.fixture
def first(provider: Provider, clock: MovableClock) -> tuple[store.Leased, store.Leased]:
    """Two leases of one row: the first ran out, the second is live."""
    write_to(provider, "a@people.example")
    with provider.database.write() as tx:
        (slow,) = provider.outbox.lease(tx, "mail", 1)
    clock.advance(timedelta(seconds=61))
    with provider.database.write() as tx:
        (quick,) = provider.outbox.lease(tx, "mail", 1)
    return slow, quick


def test_a_sender_whose_lease_ran_out_cannot_take_the_row_from_the_next(
    provider: Provider, first: tuple[store.Leased, store.Leased], clock: MovableClock
) -> None:
    slow, _quick = first

    with provider.database.write() as tx:
        given_up = provider.outbox.mark_failed(tx, slow, "slow", for_good=True)
        provider.outbox.mark_unreachable(tx, slow, "slow")
    clock.advance(timedelta(seconds=30))

    with provider.database.write() as tx:
        assert provider.outbox.lease(tx, "mail", 1) == []
    (row,) = rows(provider).values()
    assert (given_up, row.abandoned_at, row.last_error) == (False, None, None)


def test_a_sender_whose_lease_ran_out_cannot_undo_what_was_sent(
    provider: Provider, first: tuple[store.Leased, store.Leased]
) -> None:
    slow, quick = first

    with provider.database.write() as tx:
        provider.outbox.mark_sent(tx, quick.id)
        provider.outbox.mark_failed(tx, slow, "slow", for_good=True)

    (row,) = rows(provider).values()
    assert row.sent_at is not None
    assert row.abandoned_at is None


def test_tries_without_number_do_not_overflow(database: Database, keys: Keychain) -> None:
    endless = msgspec.structs.replace(people.CONFIG, outbox=OutboxSection(max_attempts=10_000))
    portico = assembly.assemble(endless, database, keys)
    write_to(portico, "a@people.example")
    with database.write() as tx:
        tx.execute(update(OutboxRow).values(attempts=5_000))
        (row,) = portico.outbox.lease(tx, "mail", 1)

        assert not portico.outbox.mark_failed(tx, row, "again")
        next_try = tx.execute(select(OutboxRow.not_before)).scalar_one()
        assert timedelta(hours=1) <= next_try - tx.now <= timedelta(hours=1.25)


def test_what_went_out_long_ago_is_swept_in_batches_and_the_rest_stays(
    provider: Provider, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_to(provider, *(f"{number}@people.example" for number in range(5)))
    with provider.database.write() as tx:
        for row in provider.outbox.lease(tx, "mail", 3):
            provider.outbox.mark_sent(tx, row.id)
    clock.advance(timedelta(days=31))

    monkeypatch.setattr(sweeping, "BATCH", 2)
    swept = []
    for _ in range(3):
        with provider.database.write() as tx:
            swept.append(store.sweep(tx))

    assert swept == [2, 1, 0]
    assert len(rows(provider)) == 2


@pytest.mark.parametrize("status", ["302 Found", "400 Bad Request", "500 Oops"])
def test_an_app_that_does_not_say_yes_is_told_again(
    status: str, provider: Provider, clock: MovableClock
) -> None:
    with listener(says(status)) as app:
        notify(provider, f"http://127.0.0.1:{app.port}/logout")
        run(provider, "logout")
        (row,) = rows(provider).values()
        assert row.last_error == f"HTTP {status[:3]}"

        app.answer = says("204 No Content")
        clock.advance(timedelta(seconds=10))
        run(provider, "logout")

        assert app.connections == 2
        assert b"logout_token=" in app.requests[1]
        assert app.requests[0] != app.requests[1]  # each try carries a token of its own
    (row,) = rows(provider).values()
    assert row.sent_at is not None


def test_an_app_that_hangs_delays_no_other(provider: Provider) -> None:
    released = threading.Event()

    def hang(_caller: socket.socket) -> None:
        released.wait(5)

    with (
        listener(hang) as hanging,
        listener(says("200 OK")) as app,
    ):
        uris = [f"http://127.0.0.1:{hanging.port}/{number}" for number in range(4)]
        notify(provider, *uris, f"http://127.0.0.1:{app.port}/logout")
        round_of = threading.Thread(target=run, args=[provider, "logout"])
        round_of.start()

        assert app.heard.wait(1.5)

        released.set()
        round_of.join()


def test_an_app_that_never_answers_is_given_up(provider: Provider, clock: MovableClock) -> None:
    with listener(lambda caller: caller.close()) as app:
        notify(provider, f"http://127.0.0.1:{app.port}/logout")
        for _ in range(2 * ATTEMPTS):
            run(provider, "logout")
            clock.advance(timedelta(hours=2))

    (row,) = rows(provider).values()
    assert (row.attempts, abandoned(provider)) == (ATTEMPTS, 1)


def test_D7_a_mail_server_that_hangs_delays_no_sign_out(database: Database, keys: Keychain) -> None:
    with black_hole() as port, listener(says("200 OK")) as app:
        portico = assembly.assemble(config_of(port), database, keys)
        write_to(portico, "a@people.example")
        notify(portico, f"http://127.0.0.1:{app.port}/logout")
        loop = worker.Loop(worker.rounds(portico), database.clock)
        running = threading.Thread(target=loop.run)
        running.start()

        told = app.heard.wait(2)
        loop.stopping.set()
        running.join()

    assert told


def test_the_loop_survives_a_round_that_fails_and_stops_within_a_second(
    clock: MovableClock,
) -> None:
    worked = threading.Event()
    tries: list[UUID | None] = []

    def fail_once() -> int:
        tries.append(None)
        if len(tries) == 1:
            raise ZeroDivisionError
        worked.set()
        return 0

    loop = worker.Loop([worker.Round("frail", timedelta(seconds=5), fail_once)], clock)
    running = threading.Thread(target=loop.run)
    running.start()
    while not tries:
        threading.Event().wait(0.01)
    assert not worked.wait(0.7)  # not due

    clock.advance(timedelta(seconds=5))
    assert worked.wait(2)
    began = time.monotonic()
    loop.stopping.set()
    running.join()
    assert time.monotonic() - began < 1


def test_a_round_with_a_full_batch_is_due_again_at_once(clock: MovableClock) -> None:
    done = iter([3, 3, 2, 3])
    one = worker.Round("busy", timedelta(seconds=5), lambda: next(done), batch=3)

    worker.Loop([one], clock).run_due()

    assert one.due_at == clock() + timedelta(seconds=5)
    assert list(done) == [3]
