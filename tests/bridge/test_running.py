"""The bridge as a process, with soft cards in SoftHSM: what it does and what it leaves."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cardbridge.lab.tokens import Tokens
from tests.bridge.callers import SITE, Caller, request, signed, verify
from tests.bridge.person import Person
from tests.bridge.running import HOUSE, Running, is_alive, running, until

PIN = "123456"


@pytest.fixture
def bridge(tmp_path: Path, person: Person, soft_cards: Tokens) -> Iterator[Running]:
    """A bridge with the four cards of the demo in its reader."""
    person.answers(*[PIN] * 9)
    with running(tmp_path / "bridge", person, soft_cards.environment) as one:
        yield one


@pytest.fixture
def page(bridge: Running) -> Caller:
    """A page of the allowed site."""
    return Caller(bridge.port)


@pytest.mark.parametrize("kind", ["moica", "moeaca", "gca", "xca"])
def test_P03_each_kind_of_card_signs(page: Caller, kind: str) -> None:
    asked = request(kinds=[kind])

    verify(page.authenticate(asked).json, signed(SITE, asked))


def test_P03_a_wrong_pin_at_a_real_library(page: Caller, person: Person) -> None:
    person.answers("654321")

    reply = page.authenticate(request(kinds=["moica"]))

    assert reply.json == {"error": "pin_incorrect", "tries_left": None, "retry": True}


def test_P03_a_card_that_is_put_in_later_is_seen(page: Caller, soft_cards: Tokens) -> None:
    for card in soft_cards.cards():
        soft_cards.remove(card.name)
    without = page.authenticate(request()).json
    soft_cards.insert("gca-1")
    ticket = {"X-Cardbridge-Ticket": page.ticket()}
    status = page.call("GET", "/v1/status", headers=ticket).json
    wrong = page.authenticate(request(kinds=["moica"])).json

    assert without["error"] == "no_card"
    assert status["card"] == "present"
    assert wrong["error"] == "wrong_card"
    assert "signature" in page.authenticate(request(kinds=["gca"])).json


def test_T73_the_pin_is_in_no_log_argument_environment_or_file(
    bridge: Running, page: Caller, person: Person
) -> None:
    canary = "9182736455"
    person.answers(canary)
    seen: list[bytes] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            for pid in (bridge.process.pid, *bridge.children()):
                for name in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):
                        seen.append(Path(f"/proc/{pid}/{name}").read_bytes())

    looking = threading.Thread(target=look)
    looking.start()
    asked = request(kinds=["moica"])
    page.authenticate(asked)
    over.set()
    looking.join()

    kept = [
        file.read_bytes()
        for file in bridge.folder.parent.rglob("*")
        if file.is_file() and "soft-cards" not in file.parts
    ]
    assert any(b"worker" in one for one in seen)
    assert not [one for one in seen if canary.encode() in one]
    assert not [one for one in kept if canary.encode() in one]
    assert not [one for one in kept if asked["nonce"].encode() in one]


def test_T73_the_log_says_who_and_how_it_ended_and_no_more(bridge: Running, page: Caller) -> None:
    page.authenticate(request(kinds=["moica"]))
    page.call("GET", "/v1/info", headers={"Origin": "https://evil.example"})

    operation, refused = bridge.log()[-2:]

    assert set(operation) == {"event", "origin", "purpose", "outcome", "milliseconds"}
    assert refused == {"event": "refused", "detail": "origin", "origin": "https://evil.example"}
    assert "王" not in (bridge.folder / "log").read_text("utf-8")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_pin_does_not_stay_in_memory(page: Caller, bridge: Running, person: Person) -> None:
    canary = "8172635490" * 20  # what is freed lies longer when it is long
    person.answers(canary)
    page.authenticate(request(kinds=["moica"]))

    assert bridge.children() == []
    assert canary[:100].encode() not in _memory(bridge.process.pid)


def _memory(pid: int) -> bytes:
    found = b""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            start, end = (int(one, 16) for one in span.split("-"))
            if rights.startswith("rw"):
                with contextlib.suppress(OSError):
                    memory.seek(start)
                    found += memory.read(end - start)
    return found


def test_it_listens_on_loopback_alone(bridge: Running) -> None:
    listening = set()
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            local, state = row.split()[1], row.split()[3]
            if state == "0A" and local.endswith(f":{bridge.port:04X}"):
                listening.add(local.partition(":")[0])

    assert listening == {"0100007F", "00000000000000000000000001000000"}


def test_both_loopback_addresses_answer(bridge: Running) -> None:
    for host in ("127.0.0.1", "::1"):
        with socket.create_connection((host, bridge.port)) as one:
            one.sendall(b"GET / HTTP/1.1\r\nHost: evil\r\n\r\n")
            assert one.recv(100).startswith(b"HTTP/1.1 421")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_of_the_machine_is_not_answered(bridge: Running) -> None:
    ask = (
        "import socket;"
        f"one = socket.create_connection(('127.0.0.1', {bridge.port}));"
        f"one.sendall(b'GET /v1/info HTTP/1.1\\r\\nHost: 127.0.0.1:{bridge.port}\\r\\n"
        f"Origin: {SITE}\\r\\nX-Cardbridge: 1\\r\\n\\r\\n');"
        "print(one.recv(1000))"
    )
    words = ["/usr/bin/python3", "-c", ask]

    mine = subprocess.run(words, capture_output=True, check=True)
    theirs = subprocess.run(words, capture_output=True, check=False, user=65534, group=65534)

    assert b"200" in mine.stdout
    assert b"HTTP" not in theirs.stdout


def test_idle_it_takes_no_more_than_40_megabytes(bridge: Running, page: Caller) -> None:
    ticket = {"X-Cardbridge-Ticket": page.ticket()}
    page.call("GET", "/v1/status", headers=ticket)

    used = [_resident(pid) for pid in (bridge.process.pid, *bridge.children())]

    assert len(used) == 2
    assert sum(used) <= 40 * 1024, used


def _resident(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])


def test_a_sign_in_takes_little_work(page: Caller, bridge: Running) -> None:
    """Work, not time: others use the computer as well. A quarter of a second, dialog included."""
    before = _worked(bridge.process.pid)
    for _ in range(5):
        page.authenticate(request(kinds=["moica"]))

    each = (_worked(bridge.process.pid) - before) / 5
    assert each < 1.0


def _worked(pid: int) -> float:
    """Add up the seconds a process and those it has waited for have computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(one) for one in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def test_a_second_bridge_leaves_the_first_alone(bridge: Running) -> None:
    words = [sys.executable, "-m", "cardbridge", "run"]

    done = subprocess.run(
        words, env=dict(bridge.environment), capture_output=True, check=False, timeout=20
    )

    assert done.returncode == 0
    assert b"already_running" in done.stderr
    assert is_alive(bridge.process.pid)


def test_a_site_that_is_allowed_now_may_ask_now(bridge: Running) -> None:
    other = Caller(bridge.port, "https://other.example")
    before = other.call("GET", "/v1/info").status
    words = [sys.executable, "-m", "cardbridge", "allow", "https://other.example"]

    subprocess.run(words, env=dict(bridge.environment), capture_output=True, check=True)

    assert before == 403
    assert other.call("GET", "/v1/info").status == 200


def test_D14_a_bridge_that_is_ended_takes_its_window_and_its_worker_along(
    bridge: Running, page: Caller, person: Person
) -> None:
    person.answers("wait")

    def ask() -> None:
        with contextlib.suppress(OSError):
            page.authenticate(request(kinds=["moica"]))

    asking = threading.Thread(target=ask)
    asking.start()
    until(lambda: "GETPIN" in person.questions())
    family = bridge.children()
    bridge.process.terminate()

    assert bridge.process.wait(5) == 0
    asking.join()
    assert len(family) == 2
    until(lambda: not any(is_alive(one) for one in family), seconds=3)


def test_D14_a_bridge_that_is_killed_leaves_no_worker_behind(bridge: Running, page: Caller) -> None:
    page.call("GET", "/v1/status", headers={"X-Cardbridge-Ticket": page.ticket()})
    family = bridge.children()

    bridge.process.kill()

    assert family
    until(lambda: not any(is_alive(one) for one in family), seconds=3)


def test_a_process_that_holds_a_pin_leaves_no_core_and_lets_nobody_look(
    bridge: Running,
) -> None:
    ask = (
        "import ctypes; from cardbridge.hardening import keep_memory_private as keep; keep();"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )

    done = subprocess.run([sys.executable, "-c", ask], cwd=HOUSE, capture_output=True, check=True)

    limits = Path(f"/proc/{bridge.process.pid}/limits").read_text()
    assert done.stdout == b"0\n"
    assert re.search(r"Max core file size\s+0\s+0", limits)
