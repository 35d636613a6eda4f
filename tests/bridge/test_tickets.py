"""Tickets: of one origin, for two minutes, for one operation."""

import threading

from cardbridge.front.tickets import LIFETIME_SECONDS, MOST_ALIVE, Tickets
from tests.bridge.callers import SITE, Caller, request
from tests.bridge.cards import FileCard


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_ticket_is_128_bits_of_chance() -> None:
    tickets = Tickets()

    many = {tickets.issue(SITE) for _ in range(100)}

    assert len(many) == 100
    assert {len(one) for one in many} == {22}


def test_a_ticket_is_good_for_its_origin_alone() -> None:
    tickets = Tickets()
    ticket = tickets.issue(SITE)

    assert not tickets.take(ticket, "https://evil.example")
    assert tickets.take(ticket, SITE)


def test_of_many_who_take_one_ticket_exactly_one_gets_it() -> None:
    tickets = Tickets()
    ticket = tickets.issue(SITE)
    together = threading.Barrier(16)
    taken = []

    def take() -> None:
        together.wait()
        taken.append(tickets.take(ticket, SITE))

    threads = [threading.Thread(target=take) for _ in range(16)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert taken.count(True) == 1


def test_a_ticket_ends_after_two_minutes() -> None:
    clock = Clock()
    tickets = Tickets(clock)
    ticket = tickets.issue(SITE)

    clock.now += LIFETIME_SECONDS - 1
    assert tickets.is_good(ticket, SITE)
    clock.now += 1

    assert not tickets.is_good(ticket, SITE)
    assert not tickets.take(ticket, SITE)


def test_a_page_gone_wild_fills_no_memory() -> None:
    tickets = Tickets()
    first = tickets.issue(SITE)

    for _ in range(MOST_ALIVE):
        tickets.issue(SITE)

    assert not tickets.is_good(first, SITE)


def test_a_ticket_buys_one_operation(caller: Caller, card: FileCard) -> None:
    ticket = caller.ticket()
    first = caller.authenticate(request(), **{"X-Cardbridge-Ticket": ticket})

    second = caller.authenticate(request(), **{"X-Cardbridge-Ticket": ticket})

    assert "signature" in first.json
    assert (second.status, second.json["error"]) == (403, "ticket_invalid")
    assert card.calls().count("sign") == 1


def test_a_ticket_may_be_shown_for_the_status_again_and_again(caller: Caller) -> None:
    ticket = {"X-Cardbridge-Ticket": caller.ticket()}

    replies = [caller.call("GET", "/v1/status", headers=ticket) for _ in range(3)]

    assert [reply.json for reply in replies] == [
        {"readers": 1, "card": "present", "module": "ok"}
    ] * 3


def test_a_request_that_was_refused_leaves_its_ticket_good(caller: Caller) -> None:
    ticket = caller.ticket()
    wrong = caller.authenticate(request(v=2), **{"X-Cardbridge-Ticket": ticket})

    right = caller.authenticate(request(), **{"X-Cardbridge-Ticket": ticket})

    assert wrong.status == 400
    assert "signature" in right.json
