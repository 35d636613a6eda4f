"""Tokens that are refused whoever the domain controller is; good ones need a real one."""

import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.gateways import kerberos
from idp.gateways.kerberos import LONGEST, Refused, Tickets, Why
from idp.gateways.keytab import Key, Unusable, read
from tests.labs.keytab import keytab

NTLM = bytes.fromhex("4e544c4d53535000010000000782080000000000000000000000000000000000")
TICKETS = Tickets("localhost")


def der(tag: int, content: bytes) -> bytes:
    return bytes([tag, len(content)]) + content


def wrapped(mechanism: str, inner: bytes) -> bytes:
    """Write a first SPNEGO token that offers one mechanism (RFC 4178 section 4.2.1)."""
    offered = der(0xA0, der(0x30, bytes.fromhex(mechanism)))
    body = der(0xA0, der(0x30, offered + der(0xA2, der(0x04, inner))))
    return der(0x60, bytes.fromhex("06062b0601050502") + body)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> str:
    return keytab(tmp_path_factory.mktemp("keys") / "idp.keytab")


@pytest.mark.parametrize(
    ("token", "why"),
    [
        pytest.param(b"", Why.MALFORMED, id="nothing"),
        pytest.param(b"\0" * (LONGEST + 1), Why.MALFORMED, id="more than Windows makes"),
        pytest.param(b"\0" * LONGEST, Why.MALFORMED, id="zeros"),
        pytest.param(b"\x60\x82abcd", Why.MALFORMED, id="cut off"),
        pytest.param(NTLM, Why.OTHER_MECHANISM, id="NTLM"),
        pytest.param(
            wrapped("060a2b06010401823702020a", NTLM), Why.OTHER_MECHANISM, id="NTLM in SPNEGO"
        ),
    ],
)
def test_what_is_no_kerberos_is_refused(keys: str, token: bytes, why: Why) -> None:
    refused = TICKETS.accept(token, keys)

    assert isinstance(refused, Refused)
    assert refused.why is why


def test_NTLM_is_refused_where_the_system_could_take_it(
    keys: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gss-ntlmssp takes it with a file of passwords that the environment names."""
    passwords = tmp_path / "ntlm"
    passwords.write_text("COURT:wang.dm:Judge-Passw0rd!\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(passwords))

    refused = TICKETS.accept(wrapped("060a2b06010401823702020a", NTLM), keys)

    assert isinstance(refused, Refused)
    assert refused.why is Why.OTHER_MECHANISM


@pytest.mark.parametrize(
    "content", [None, b"", b"\x05\x02", b"junk", b"\x05\x02\0\0\0\x09123456789"]
)
def test_a_keytab_without_a_key_is_for_the_operator_to_mend(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "idp.keytab"
    if content is not None:
        path.write_bytes(content)

    refused = TICKETS.accept(wrapped("06092a864886f712010202", b"\0"), str(path))

    assert isinstance(refused, Refused)
    assert refused.why is Why.KEYTAB
    assert str(path) in refused.detail


@settings(deadline=None)  # the library reads files anew each time
@given(st.binary(max_size=300))
def test_no_bytes_whatever_are_taken_or_raise(keys: str, anything: bytes) -> None:
    inside = wrapped("06092a864886f712010202", anything[:90])

    assert isinstance(TICKETS.accept(anything, keys), Refused)
    assert isinstance(TICKETS.accept(inside, keys), Refused)


def test_without_the_library_nothing_is_taken_and_nothing_breaks(
    keys: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gssapi", None)
    kerberos._library.cache_clear()  # noqa: SLF001 - as in a process of its own
    try:
        assert not TICKETS.available()
        assert TICKETS.accept(b"\x60", keys) == Refused(Why.NO_LIBRARY)
    finally:
        monkeypatch.undo()
        kerberos._library.cache_clear()  # noqa: SLF001
    assert TICKETS.available()


@settings(deadline=None)
@given(st.binary(max_size=100), st.integers(0, 80))
def test_no_file_whatever_makes_the_reading_of_keytabs_fail(
    keys: str, anything: bytes, start: int
) -> None:
    real = Path(keys).read_bytes()
    path = Path(keys).with_name("damaged")
    path.write_bytes(real[: 2 + start] + anything + real[2 + start + len(anything) :])

    with suppress(Unusable):
        read(str(path))


def test_a_keytab_tells_whose_keys_it_holds(keys: str) -> None:
    assert read(keys) == [Key("HTTP/localhost@COURT.TEST", 1, 18)]
