"""Ports are looked at before anything starts."""

import socket

from demo.ports import Port, obstacles


def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_a_taken_port_is_named_with_its_service_and_a_way_out() -> None:
    with listener() as other:
        number = other.getsockname()[1]

        told = obstacles([Port(number, "provider", "PORTICO__SERVER__PORT")])

    assert len(told) == 1
    assert f"Port {number} (provider) is taken" in told[0]
    assert "PORTICO__SERVER__PORT=" in told[0]


def test_a_free_port_is_no_obstacle_and_stays_free() -> None:
    with listener() as other:
        number = other.getsockname()[1]

    told = obstacles([Port(number, "provider", "PORTICO__SERVER__PORT")])

    assert told == []
    socket.create_server(("127.0.0.1", number)).close()


def test_a_connection_that_is_still_closing_is_no_obstacle() -> None:
    with listener() as other:
        number = other.getsockname()[1]
        with socket.create_connection(("127.0.0.1", number)) as visitor:
            served, _ = other.accept()
            served.close()
            visitor.recv(1)

    assert obstacles([Port(number, "provider", "PORTICO__SERVER__PORT")]) == []


def test_two_services_on_one_port_are_told_apart() -> None:
    with listener() as other:
        number = other.getsockname()[1]

    told = obstacles([Port(number, "provider", "A"), Port(number, "mailbox", "B")])

    assert told == [
        f"Port {number} is wanted by provider and mailbox: choose another for one of them with B."
    ]
