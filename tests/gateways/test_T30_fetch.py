"""T30: nobody makes us call where we must not, wait longer than we want, or read more."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.config import FetchSection
from idp.gateways.fetch import BODY_LIMIT, Errand, Fetcher, Forbidden, Unreachable
from tests.labs.listener import Answer, Listener, listener, says
from tests.labs.tls import certify

pytestmark = pytest.mark.timeout(60)

LOOPBACK = FetchSection(allowed_networks=["127.0.0.1/32"])
OK = says("200 OK", b"{}", "Content-Type: application/json")


def answers(*addresses: str) -> list[str]:
    return list(addresses)


def to_loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture
def app() -> Iterator[Listener]:
    with listener(OK) as one:
        yield one


@pytest.fixture
def app6() -> Iterator[Listener]:
    with listener(OK, host="::1") as one:
        yield one


FORMS = [
    "http://127.0.0.1:{port}/",
    "https://127.0.0.1:{port}/",
    "https://localhost:{port}/",
    "https://127.1:{port}/",
    "https://2130706433:{port}/",
    "https://0x7f000001:{port}/",
    "https://0x7f.0.0.1:{port}/",
    "https://0177.0.0.1:{port}/",
    "https://017700000001:{port}/",
    "https://0.0.0.0:{port}/",
    "https://127.0.0.1.:{port}/",
    "https://[::1]:{port}/",
    "https://[::]:{port}/",
    "https://[::ffff:127.0.0.1]:{port}/",
    "https://[::ffff:7f00:1]:{port}/",
    "https://[::127.0.0.1]:{port}/",
    "https://[fe80::1%25lo]:{port}/",
    "https://127。0。0。1:{port}/",
    "https://①②⑦.0.0.1:{port}/",
    "https://public.example@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}\\@public.example/",
    "https://127.0.0.1:{port}#@public.example/",
    "gopher://127.0.0.1:{port}/_GET",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "file://127.0.0.1:{port}/etc/passwd",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    "https://127.0.0.1:99999/",
    "https://[127.0.0.1/",
    "https:///",
    "",
]


@pytest.mark.parametrize("form", FORMS)
def test_T30_no_spelling_of_an_inner_address_is_called(
    form: str, app: Listener, app6: Listener
) -> None:
    fetch = Fetcher(FetchSection())

    for one in (app, app6):
        with pytest.raises((Forbidden, Unreachable)):
            fetch.get(form.format(port=one.port), accept="*/*")
        with pytest.raises((Forbidden, Unreachable)):
            fetch.post_form(form.format(port=one.port), {"logout_token": "t"})

    assert (app.connections, app6.connections) == (0, 0)


INNER = [
    "0.0.0.0",  # noqa: S104 - an address to refuse, not one to bind
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::10.0.0.1",
    "100::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]


@pytest.mark.parametrize("address", INNER)
def test_T30_a_name_that_leads_inside_is_forbidden(address: str) -> None:
    fetch = Fetcher(FetchSection(), lambda _host, _port: answers(address))

    with pytest.raises(Forbidden):
        fetch.get("https://public.example/jwks", accept="application/json")


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_T30_a_public_address_is_called_over_https_alone(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[object] = []

    def nobody_there(where: object, *_: object) -> socket.socket:
        called.append(where)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", nobody_there)
    fetch = Fetcher(FetchSection(), lambda _host, _port: answers(address))

    with pytest.raises(Unreachable):
        fetch.get("https://public.example/jwks", accept="*/*")
    with pytest.raises(Forbidden):
        fetch.get("http://public.example/jwks", accept="*/*")

    assert called == [(address, 443)]


@pytest.mark.parametrize("too", [False, True])
def test_T30_who_registered_itself_leads_us_inside_only_where_that_is_said(
    app: Listener, too: bool
) -> None:
    section = FetchSection(allowed_networks=["127.0.0.1/32"], self_registered_too=too)
    fetch, url = Fetcher(section), f"http://127.0.0.1:{app.port}/"

    expected = contextlib.nullcontext() if too else pytest.raises(Forbidden)
    with expected:
        fetch.get(url, accept="*/*", errand=Errand("keys", "mallory", stranger=True))
    assert app.connections == int(too)

    assert fetch.get(url, accept="*/*", errand=Errand("keys", "ours")).status == 200


def test_T30_one_inner_address_among_the_answers_forbids_them_all(app: Listener) -> None:
    mixed = Fetcher(LOOPBACK, lambda _host, _port: answers("127.0.0.1", "10.0.0.1"))

    with pytest.raises(Forbidden):
        mixed.get(f"http://app.example:{app.port}/", accept="*/*")

    assert app.connections == 0


def test_T30_a_rebinding_name_is_asked_once_and_its_first_answer_called(app: Listener) -> None:
    turns = itertools.chain([["127.0.0.1"]], itertools.repeat(["127.0.0.2"]))
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return next(turns)

    fetch = Fetcher(LOOPBACK, rebinding)
    reply = fetch.get(f"http://app.example:{app.port}/", accept="*/*")
    with pytest.raises(Forbidden):
        fetch.get(f"http://app.example:{app.port}/", accept="*/*")

    assert reply.status == 200
    assert asked == ["app.example", "app.example"]
    assert app.connections == 1


def test_a_form_arrives_as_it_was_meant(app: Listener) -> None:
    fetch = Fetcher(LOOPBACK, to_loopback)

    reply = fetch.post_form(f"http://app.example:{app.port}/out?a=b", {"logout_token": "a+b &c"})

    assert (reply.status, reply.body, reply.content_type) == (200, b"{}", "application/json")
    head, _, body = app.requests[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /out?a=b HTTP/1.1"
    assert f"Host: app.example:{app.port}".encode() in lines
    assert b"Content-Type: application/x-www-form-urlencoded" in lines
    assert body == b"logout_token=a%2Bb+%26c"


def test_T30_a_redirect_is_an_answer_and_not_followed(app: Listener) -> None:
    location = f"Location: http://127.0.0.1:{app.port}/inner"
    with listener(says("302 Found", b"", location)) as redirecting:
        reply = Fetcher(LOOPBACK).get(f"http://127.0.0.1:{redirecting.port}/", accept="*/*")

    assert reply.status == 302
    assert app.connections == 0


def test_T30_a_proxy_of_the_environment_is_not_used(
    app: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listener(OK) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        Fetcher(LOOPBACK).get(f"http://127.0.0.1:{app.port}/", accept="*/*")

        assert (app.connections, proxy.connections) == (1, 0)


def test_a_cookie_is_not_kept(app: Listener) -> None:
    app.answer = says("200 OK", b"", "Set-Cookie: a=b")
    fetch = Fetcher(LOOPBACK)

    for _ in range(2):
        fetch.get(f"http://127.0.0.1:{app.port}/", accept="*/*")

    assert b"Cookie" not in b"".join(app.requests)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/a\r\nX: y", "http://127.0.0.1:{port}/a b", "http://é.example/"]
)
def test_T30_what_is_not_a_url_writes_no_header(url: str, app: Listener) -> None:
    with pytest.raises(Forbidden):
        Fetcher(LOOPBACK, to_loopback).get(url.format(port=app.port), accept="*/*")

    assert app.connections == 0


@pytest.mark.parametrize("userinfo", ["app.example@", "user:word@", ":@", "@"])
def test_T30_credentials_in_a_url_are_refused_even_where_we_may_call(
    userinfo: str, app: Listener
) -> None:
    with pytest.raises(Forbidden):
        Fetcher(LOOPBACK).get(f"http://{userinfo}127.0.0.1:{app.port}/", accept="*/*")

    assert app.connections == 0


def dripping(what: bytes, drop: bytes) -> Answer:
    def answer(caller: socket.socket) -> None:
        caller.sendall(what)
        until = time.monotonic() + 8
        while time.monotonic() < until:
            caller.sendall(drop)
            threading.Event().wait(0.1)

    return answer


def flooding(caller: socket.socket) -> None:
    caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
    for _ in range(16 * 1024):
        caller.sendall(bytes(64 * 1024))


def silence(_caller: socket.socket) -> None:
    threading.Event().wait(4)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
TIRESOME = {
    "a status line a byte at a time": dripping(b"", b"H"),
    "headers without end": dripping(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "interim answers without end": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body a byte at a time": dripping(HEAD, b"x"),
    "a body without length or end": dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "chunks without end": dripping(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"
    ),
    "a gigabyte": flooding,
    "silence": silence,
}


@pytest.mark.parametrize("answer", TIRESOME.values(), ids=TIRESOME)
def test_T30_a_tiresome_answer_ends_within_three_seconds(answer: Answer) -> None:
    with listener(answer) as one:
        began = time.monotonic()
        with pytest.raises(Unreachable):
            Fetcher(LOOPBACK).get(f"http://127.0.0.1:{one.port}/", accept="*/*")

        assert time.monotonic() - began < 3


def test_T30_a_handshake_that_never_ends_is_left_within_three_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(Unreachable):
            Fetcher(LOOPBACK).get(f"https://127.0.0.1:{silent.getsockname()[1]}/", accept="*/*")

        assert time.monotonic() - began < 3


def test_T30_a_resolver_that_never_answers_is_left_within_three_seconds() -> None:
    release = threading.Event()

    def stuck(_host: str, _port: int) -> list[str]:
        release.wait(10)
        return ["127.0.0.1"]

    began = time.monotonic()
    with pytest.raises(Unreachable):
        Fetcher(LOOPBACK, stuck).get("http://app.example/", accept="*/*")
    took = time.monotonic() - began
    release.set()

    assert took < 3


def test_T30_a_body_of_the_limit_is_read_and_one_byte_more_is_not() -> None:
    for size, fits in ((BODY_LIMIT, True), (BODY_LIMIT + 1, False)):
        with listener(says("200 OK", bytes(size))) as one:
            expected = contextlib.nullcontext() if fits else pytest.raises(Unreachable)
            with expected:
                reply = Fetcher(LOOPBACK).get(f"http://127.0.0.1:{one.port}/", accept="*/*")
                assert len(reply.body) == size


@pytest.mark.parametrize(
    "broken",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", b"SSH-2.0-OpenSSH\r\n", b""],
    ids=["half a body", "not HTTP", "nothing"],
)
def test_half_an_answer_is_none(broken: bytes) -> None:
    with (
        listener(lambda caller: caller.sendall(broken)) as one,
        pytest.raises(Unreachable),
    ):
        Fetcher(LOOPBACK).get(f"http://127.0.0.1:{one.port}/", accept="*/*")


def test_over_tls_the_certificate_is_of_the_name_and_not_of_the_address(tmp_path: Path) -> None:
    tls = certify(tmp_path, "app.example")
    section = FetchSection(allowed_networks=["127.0.0.1/32"], ca_file=str(tls.ca_file))
    with listener(OK, tls=tls.server) as one:
        trusting = Fetcher(section, to_loopback)

        reply = trusting.get(f"https://app.example:{one.port}/", accept="*/*")

        assert reply.status == 200
        with pytest.raises(Unreachable):
            trusting.get(f"https://other.example:{one.port}/", accept="*/*")
        with pytest.raises(Unreachable):
            Fetcher(LOOPBACK, to_loopback).get(f"https://app.example:{one.port}/", accept="*/*")
        assert len([request for request in one.requests if request]) == 1


class Town:
    """A resolver: whoever has moved away is not found."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.away = {"away.example"}

    def __call__(self, host: str, _port: int) -> list[str]:
        self.asked.append(host)
        if host in self.away:
            raise OSError
        return ["127.0.0.1"]


def test_a_host_that_is_not_there_five_times_is_left_in_peace_for_thirty_seconds() -> None:
    seconds, town = 0.0, Town()
    with listener(OK) as one:
        fetch = Fetcher(LOOPBACK, town, stopwatch=lambda: seconds)

        def call(host: str) -> None:
            fetch.get(f"http://{host}:{one.port}/", accept="*/*")

        for _ in range(8):
            with pytest.raises(Unreachable):
                call("away.example")
        assert len(town.asked) == 5

        call("there.example")
        seconds = 29.9
        with pytest.raises(Unreachable):
            call("away.example")
        assert town.asked.count("away.example") == 5

        seconds = 30.1
        town.away.clear()
        call("away.example")
        call("away.example")
        assert town.asked.count("away.example") == 7


def test_so_is_one_that_does_not_answer_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("idp.gateways.fetch.DEADLINE_SECONDS", 0.1)

    def slow(_caller: socket.socket) -> None:
        threading.Event().wait(0.5)

    with listener(slow) as one:
        fetch = Fetcher(LOOPBACK)

        for _ in range(8):
            with pytest.raises(Unreachable):
                fetch.get(f"http://127.0.0.1:{one.port}/", accept="*/*")

        assert one.connections == 5


@pytest.mark.parametrize(
    "nonsense",
    [
        says("200 OK", bytes(BODY_LIMIT + 1)),
        lambda caller: caller.close(),
        lambda caller: caller.sendall(b"SSH-2.0-OpenSSH\r\n"),
    ],
    ids=["too large", "nothing", "not HTTP"],
)
def test_one_that_answers_nonsense_is_there_and_called_again(nonsense: Answer) -> None:
    with listener(nonsense) as one:
        fetch = Fetcher(LOOPBACK)

        for _ in range(8):
            with pytest.raises(Unreachable):
                fetch.get(f"http://127.0.0.1:{one.port}/", accept="*/*")

        assert one.connections == 8


def test_what_one_client_or_purpose_runs_into_is_not_held_against_another() -> None:
    town = Town()
    with listener(OK) as one:
        fetch, url = Fetcher(LOOPBACK, town), f"http://away.example:{one.port}/"
        mallorys = Errand("keys", "mallory")
        for _ in range(5):
            with pytest.raises(Unreachable, match="name resolution"):
                fetch.get(url, accept="*/*", errand=mallorys)
        town.away.clear()

        with pytest.raises(Unreachable, match="left in peace"):
            fetch.get(url, accept="*/*", errand=mallorys)
        for errand in (Errand("keys", "victim"), Errand("sign-out", "mallory"), Errand()):
            assert fetch.get(url, accept="*/*", errand=errand).status == 200


def test_calls_that_fail_side_by_side_all_count() -> None:
    together = threading.Barrier(5)

    def away(_host: str, _port: int) -> list[str]:
        together.wait(1)
        raise OSError

    fetch = Fetcher(LOOPBACK, away)

    def call() -> None:
        with contextlib.suppress(Unreachable):
            fetch.get("http://away.example/", accept="*/*")

    callers = [threading.Thread(target=call) for _ in range(5)]
    for one in callers:
        one.start()
    for one in callers:
        one.join()

    with pytest.raises(Unreachable, match="left in peace"):
        fetch.get("http://away.example/", accept="*/*")
