"""T58: what a request may say, and bytes that are no request."""

import contextlib
import json
import socket
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cardbridge.front import messages, strict_json
from cardbridge.front.http import Exchange, Gone, Unreadable
from cardbridge.front.messages import BadRequest
from tests.bridge.callers import SITE, Caller, nonce, request
from tests.bridge.cards import FileCard
from tests.bridge.person import Person

NASTY = {
    "a command": "$(touch /tmp/x)",
    "a command after the value": "login; touch /tmp/x",
    "backticks": "`id`",
    "a path upwards": "..\\..\\windows",
    "a share": "\\\\evil\\share",
    "a format": "%n%n%n",
    "a NUL": "login\0",
    "a line end": "login\r\nX: y",
    "the right word and a space": "login ",
    "half of a surrogate pair": "\ud800",
    "a long one": "A" * 10000,
    "an empty one": "",
    "a number": 1,
    "a fraction": 1.5,
    "true": True,
    "nothing": None,
    "a list": [],
    "an object": {},
}


@pytest.mark.parametrize("value", NASTY.values(), ids=NASTY)
@pytest.mark.parametrize("member", ["v", "purpose", "nonce", "kinds", "lang"])
def test_T58_every_member_has_its_own_form_and_no_other(
    caller: Caller, card: FileCard, person: Person, member: str, value: Any
) -> None:
    if (member, value) == ("v", 1):
        value = "1"

    reply = caller.authenticate(request(**{member: value}))

    assert (reply.status, reply.json["error"]) == (400, "bad_request")
    assert card.calls() == []
    assert person.was_told() == []


WRONG = {
    "a member missing": request(lang=...),
    "a member too many": request(extra=1),
    "bytes to sign": request(tbs="AAAA"),
    "a hash to sign": request(hash="AAAA"),
    "an origin of its own": request(origin="https://other.example"),
    "no kinds": request(kinds=[]),
    "a kind twice": request(kinds=["moica", "moica"]),
    "an unknown kind": request(kinds=["moica", "passport"]),
    "a kind that is no text": request(kinds=[["moica"]]),
    "another version": request(v=2),
    "a true version": request(v=True),
    "a nonce of 31 bytes": request(nonce="A" * 42),
    "a nonce of 33 bytes": request(nonce="A" * 44),
    "a nonce with bits too many": request(nonce="A" * 42 + "B"),
    "a nonce of the other alphabet": request(nonce="+" * 42 + "A"),
    "a list": [request()],
    "a text": "login",
}


@pytest.mark.parametrize("message", WRONG.values(), ids=WRONG)
def test_T59_a_request_says_what_it_has_to_and_nothing_else(
    caller: Caller, card: FileCard, message: Any
) -> None:
    reply = caller.authenticate(message)

    assert (reply.status, reply.json["error"]) == (400, "bad_request")
    assert card.calls() == []


UNCLEAR = {
    "a member twice": b'{"v":1,"v":1}',
    "a member twice, deep down": b'{"a":{"b":1,"b":2}}',
    "a fraction": b'{"v":1.0}',
    "infinity": b'{"v":Infinity}',
    "no number": b'{"v":NaN}',
    "a number of many digits": b'{"v":' + b"1" * 9000 + b"}",
    "UTF-16": '{"v":1}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"v":1}',
    "half of a character": b'{"v":"\xc3"}',
    "an overlong character": b'{"v":"\xc0\xaf"}',
    "depth without end": b'{"a":' * 3000 + b"1" + b"}" * 3000,
    "something after it": b'{"v":1} {}',
    "a comment": b'{"v":1} // ',
    "a comma too many": b'{"v":1,}',
    "single quotes": b"{'v':1}",
    "nothing": b"",
    "a list": b"[]",
    "a raw line end in a text": b'{"v":"a\nb"}',
}


@pytest.mark.parametrize("body", UNCLEAR.values(), ids=UNCLEAR)
def test_T58_json_that_two_readers_could_read_differently_is_refused(body: bytes) -> None:
    with pytest.raises(strict_json.Unclear):
        strict_json.read(body)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(strict_json.Unclear):
        assert isinstance(strict_json.read(body), dict)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["v", "purpose", "nonce", "kinds", "lang", "x"]), JSON))
def test_any_message_is_a_request_or_refused(message: dict[str, Any]) -> None:
    try:
        asked = messages.from_page(SITE, message)
    except BadRequest:
        return
    assert message == {
        "v": 1,
        "purpose": asked.purpose,
        "nonce": asked.nonce,
        "kinds": list(asked.kinds),
        "lang": asked.lang,
    }


@given(
    purpose=st.sampled_from(messages.PURPOSES),
    kinds=st.permutations(messages.KINDS),
    lang=st.sampled_from(["zh-TW", "zh-CN", "en", "zh-Hant-TW", "de"]),
)
def test_a_good_request_is_read_as_it_was_written(
    purpose: str, kinds: list[str], lang: str
) -> None:
    message = request(purpose=purpose, kinds=kinds, lang=lang, nonce=nonce())

    asked = messages.from_page(SITE, messages.read(json.dumps(message).encode()))

    assert (asked.purpose, asked.kinds, asked.lang) == (purpose, tuple(kinds), lang)


def heard(raw: socket.socket, sent: bytes) -> bytes:
    """Send bytes and hear everything that comes back."""
    found = b""
    with contextlib.suppress(OSError):  # one that is cut off may have been told something still
        raw.sendall(sent)
    with contextlib.suppress(OSError):
        while piece := raw.recv(4096):
            found += piece
    return found


HEAD = f"POST /v1/authenticate HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nOrigin: {SITE}\r\n"
MALFORMED = {
    "no request": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
    "HTTP 0.9": b"GET /v1/info\r\n\r\n",
    "a NUL in the path": b"GET /v1/in\0fo HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /v1/info HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two origins": HEAD.encode() + b"Origin: https://evil.example\r\n\r\n",
    "two lengths": HEAD.encode() + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a negative length": HEAD.encode() + b"Content-Length: -1\r\n\r\n{}",
    "chunks": HEAD.encode() + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunks and a length": HEAD.encode()
    + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "an upgrade": HEAD.encode() + b"Upgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    "an expectation": HEAD.encode() + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    "a header of two lines": HEAD.encode() + b"X: a\r\n b\r\nContent-Length: x\r\n\r\n",
    "a header that is not ASCII": HEAD.encode() + "X: é\r\n\r\n".encode(),
    "a space before the colon": HEAD.encode() + b"X-Cardbridge : 1\r\n\r\n",
    "a head without end": HEAD.encode() + b"X: " + b"a" * 20000,
    "many headers": HEAD.encode() + b"".join(b"X%d: 1\r\n" % n for n in range(2000)),
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
def test_T58_bytes_that_are_no_plain_request_are_refused(
    raw: socket.socket, caller: Caller, card: FileCard, sent: bytes
) -> None:
    answer = heard(raw, sent.replace(b"PORT", str(caller.port).encode()))

    assert answer == b"" or answer.split()[1] in {b"400", b"421", b"431", b"413", b"501"}
    assert caller.call("GET", "/v1/info").status == 200
    assert card.calls() == []


@settings(deadline=None)
@given(sent=st.binary(min_size=1, max_size=300))
def test_T58_no_bytes_stop_the_bridge(sent: bytes) -> None:
    """The whole reading of a head, without the network."""
    here, there = socket.socketpair()
    with here, there:
        there.sendall(sent)
        there.shutdown(socket.SHUT_WR)
        with contextlib.suppress(Unreadable, Gone):
            Exchange(here).read_head()


def test_T58_a_megabyte_is_refused_by_its_announcement(caller: Caller, card: FileCard) -> None:
    began = time.monotonic()

    reply = caller.authenticate(b"{" + b" " * 1_000_000 + b"}")

    assert (reply.status, reply.json["error"]) == (413, "bad_request")
    assert time.monotonic() - began < 3
    assert card.calls() == []


def test_sixteen_kibibytes_are_read_and_one_byte_more_is_not(caller: Caller) -> None:
    body = json.dumps(request()).encode()
    full = body + b" " * (16 * 1024 - len(body))

    assert "signature" in caller.authenticate(full).json
    assert caller.authenticate(full + b" ").status == 413


def test_a_caller_that_drips_is_cut_off(raw: socket.socket) -> None:
    began = time.monotonic()
    cut = False
    for byte in HEAD.encode() * 3:
        try:
            raw.sendall(bytes([byte]))
        except OSError:
            cut = True
            break
        time.sleep(0.05)

    assert cut
    assert time.monotonic() - began < 8


def test_callers_that_say_nothing_leave_room_for_others(caller: Caller) -> None:
    silent = [socket.create_connection(("127.0.0.1", caller.port)) for _ in range(12)]

    assert caller.call("GET", "/v1/info").status == 200
    for one in silent:
        one.close()


def test_a_second_request_on_a_connection_is_not_looked_at(
    raw: socket.socket, caller: Caller
) -> None:
    one = (
        f"GET /v1/info HTTP/1.1\r\nHost: 127.0.0.1:{caller.port}\r\nOrigin: {SITE}\r\n"
        "X-Cardbridge: 1\r\n\r\n"
    )

    answer = heard(raw, (one * 2).encode())

    assert answer.count(b"HTTP/1.1 200") == 1
    assert b"Connection: close" in answer
