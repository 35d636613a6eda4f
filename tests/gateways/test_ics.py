"""Asking whether a national id is a card holder's, of a real server that plays the authority."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from idp.config import FetchSection
from idp.gateways.fetch import Fetcher
from idp.gateways.ics import ClientKey, Ics, Said
from idp.secret import system_entropy
from tests.labs import ics as lab
from tests.labs.ics import Answering, Authority, reply

NUMBER, NATIONAL_ID = "1001120260000012", "A234567893"
NOW = datetime(2026, 11, 20, 6, 27, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def ours() -> ClientKey:
    return lab.new_key()


@pytest.fixture
def authority(ours: ClientKey) -> Iterator[Authority]:
    with lab.authority(ours, {NUMBER: NATIONAL_ID}) as server:
        yield server


@pytest.fixture
def service(authority: Authority, ours: ClientKey) -> Ics:
    return lab.asking(authority, ours)


def test_the_authority_says_whether_the_id_is_the_holders(service: Ics) -> None:
    assert service.ask(NUMBER, NATIONAL_ID, NOW) is Said.YES
    assert service.ask(NUMBER, "A234567884", NOW) is Said.NO
    assert service.ask("1001120260000013", NATIONAL_ID, NOW) is Said.NO


@pytest.mark.parametrize(
    ("code", "said"),
    [("2", Said.NOT_OPENED), ("999", Said.UNKNOWN), ("", Said.UNKNOWN), ("00", Said.UNKNOWN)],
)
def test_every_code_has_its_meaning(
    service: Ics, authority: Authority, code: str, said: Said
) -> None:
    authority.instead = lambda question: reply(question, code)

    assert service.ask(NUMBER, NATIONAL_ID, NOW) is said


@pytest.mark.parametrize(
    "change",
    [
        {"Nonce": "ABCDEFGHJKLMNPQ"},
        {"ClientID": "0" * 40},
        {"SN": "1001120260000013"},
        {"SSID4": "7884"},
        {"TotalCount": "2"},
        {"ReqTime": "20261120142706"},
    ],
)
def test_the_answer_to_another_question_counts_for_nothing(
    service: Ics, authority: Authority, change: dict[str, str]
) -> None:
    authority.instead = lambda question: reply(question, "0", **change)

    assert service.ask(NUMBER, NATIONAL_ID, NOW) is Said.UNKNOWN


_REFUSED = b"<ICSResponse><ErrID>1020</ErrID></ICSResponse>"


def _entity(question: ET.Element) -> bytes:
    return b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + reply(question, "0")


def _twice(question: ET.Element) -> bytes:
    return reply(question, "1").replace(b"</Rec>", b"<Code>0</Code></Rec>")


@pytest.mark.parametrize(
    "answering",
    [
        _entity,
        _twice,
        pytest.param(lambda _question: b"", id="500"),
        pytest.param(lambda _question: _REFUSED, id="an error of the service"),
        pytest.param(lambda _question: b"<ICSResponse>", id="broken off"),
        pytest.param(lambda _question: b"\x00\xff" * 100, id="no XML"),
        pytest.param(lambda question: reply(question, "0") + b" " * 9_000, id="too long"),
        pytest.param(
            lambda question: reply(question, "0").replace(b"<Rec>", b'<Rec a="1">'),
            id="an attribute",
        ),
    ],
)
def test_bad_answers_are_no_answers(
    service: Ics, authority: Authority, answering: Answering
) -> None:
    authority.instead = answering

    assert service.ask(NUMBER, NATIONAL_ID, NOW) is Said.UNKNOWN


@pytest.mark.parametrize(
    ("number", "national_id"),
    [("", NATIONAL_ID), (NUMBER, ""), (NUMBER, "A23456789<"), ("<SN>100112026000", NATIONAL_ID)],
)
def test_what_is_no_number_is_never_asked(
    service: Ics, authority: Authority, number: str, national_id: str
) -> None:
    assert service.ask(number, national_id, NOW) is Said.UNKNOWN
    assert authority.asked == 0


def test_a_service_that_hangs_or_is_gone_keeps_nobody(
    service: Ics, authority: Authority, ours: ClientKey
) -> None:
    def hang(question: ET.Element) -> bytes:
        time.sleep(3)
        return reply(question, "0")

    authority.instead = hang
    began = time.monotonic()
    assert service.ask(NUMBER, NATIONAL_ID, NOW) is Said.UNKNOWN
    assert time.monotonic() - began < 2.6
    nobody = Ics(service.fetch, system_entropy, "http://127.0.0.1:1/", ours)
    assert nobody.ask(NUMBER, NATIONAL_ID, NOW) is Said.UNKNOWN


def test_without_an_address_nobody_is_asked() -> None:
    off = Ics(Fetcher(FetchSection()), system_entropy)

    assert not off.is_on
    assert off.ask(NUMBER, NATIONAL_ID, NOW) is Said.UNKNOWN
