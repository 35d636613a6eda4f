"""Who is asked for a Kerberos ticket, and who never is. Good ones are of a real domain."""

import base64
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from idp.audit.store import AuditRow
from idp.authenticators.directory.model import Standing
from idp.gateways.kerberos import LONGEST, Accepted, Refused, Why
from idp.provider import Provider
from tests.gateways.test_kerberos import NTLM, wrapped
from tests.labs.keytab import keytab
from tests.labs.paper_directory import SECTION, PaperDirectory, with_directory
from tests.people import BASE, Browser, Person, answer

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
COURT, ELSEWHERE, PROXY = "10.1.2.3", "203.0.113.7", "192.0.2.1"
PAGES = ("/signin/ticket", "/signin/directory")


@pytest.fixture
def court(provider: Provider, tmp_path: Path) -> Provider:
    """A provider that takes tickets from ``10.0.0.0/8``, also behind a proxy."""
    section = msgspec.structs.replace(
        SECTION,
        keytab_file=keytab(tmp_path / "idp.keytab", "HTTP/sso.example"),
        ticket_networks=["10.0.0.0/8"],
    )
    server = msgspec.structs.replace(provider.config.server, trusted_proxies=[f"{PROXY}/32"])
    config = msgspec.structs.replace(provider.config, server=server)
    told = msgspec.structs.replace(config, directories=[section])
    return with_directory(replace(provider, config=told), PaperDirectory(), section)


@pytest.fixture
def desk(court: Provider) -> Browser:
    """A browser in the court, of whomever."""
    return at(Browser.on(court), COURT)


def at(browser: Browser, address: str) -> Browser:
    browser.client.environ_base["REMOTE_ADDR"] = address
    return browser


def asks(response: TestResponse | None) -> bool:
    assert response is not None
    challenged = response.headers.get("WWW-Authenticate", "") == "Negotiate"
    assert challenged == (response.status_code == 401)
    return challenged


def shows_form(response: TestResponse | None) -> bool:
    assert response is not None
    return 'name="username"' in response.text and 'name="password"' in response.text


def refusals(portico: Provider) -> list[str]:
    """Read what the audit log has of refused sign-ins."""
    with portico.database.read() as tx:
        wanted = select(AuditRow.data).where(AuditRow.event == "signin.refused")
        return list(tx.connection.scalars(wanted))


def fetch(browser: Browser, path: str, headers: Mapping[str, str]) -> TestResponse:
    browser.last = browser.client.get(path, headers=dict(headers), base_url=BASE)
    return browser.last


@pytest.mark.parametrize("page", PAGES)
def test_the_question_for_a_ticket_is_the_page_itself(desk: Browser, page: str) -> None:
    desk.get(page)

    assert asks(desk.last)
    assert shows_form(desk.last)
    assert desk.last is not None
    assert desk.last.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("page", PAGES)
def test_who_did_not_answer_is_not_asked_again(desk: Browser, page: str) -> None:
    desk.get(page)

    for again in PAGES:
        desk.get(again)

        assert not asks(desk.last)
        assert shows_form(desk.last)


@pytest.mark.parametrize("page", PAGES)
def test_nobody_elsewhere_is_asked(desk: Browser, page: str) -> None:
    at(desk, ELSEWHERE).get(page)

    assert not asks(desk.last)
    assert shows_form(desk.last)


def test_the_address_is_the_one_that_trusted_proxies_tell(desk: Browser) -> None:
    forged = fetch(at(desk, ELSEWHERE), PAGES[0], {"X-Forwarded-For": COURT})
    told = fetch(at(desk, PROXY), PAGES[0], {"X-Forwarded-For": f"{ELSEWHERE}, {COURT}"})
    outside = fetch(at(desk, PROXY), PAGES[1], {"X-Forwarded-For": f"{COURT}, {ELSEWHERE}"})

    assert [asks(one) for one in (forged, told, outside)] == [False, True, False]


def test_who_wants_the_form_gets_it(desk: Browser) -> None:
    desk.get("/signin/directory", form="1")

    assert not asks(desk.last)
    assert shows_form(desk.last)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Purpose": "prefetch"},
    ],
    ids=["a script", "a picture", "a frame", "beforehand"],
)
def test_only_a_page_that_is_looked_at_asks(desk: Browser, headers: dict[str, str]) -> None:
    assert not asks(fetch(desk, PAGES[0], headers))
    assert asks(fetch(desk, PAGES[0], {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}))


def test_an_app_leads_to_where_tickets_are_taken(desk: Browser) -> None:
    desk.authorize()

    assert desk.trail[-1].startswith("GET /signin/ticket?journey=")
    assert asks(desk.last)


@pytest.mark.parametrize(
    "wish",
    [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "0"}, {"max_age": "36000"}],
    ids=str,
)
def test_an_app_that_wants_the_person_gets_the_form(desk: Browser, wish: dict[str, str]) -> None:
    desk.authorize(**wish)
    journey = desk.hidden()["journey"]

    assert desk.trail[-1].startswith("GET /signin/password")
    for page in PAGES:
        desk.get(page, journey=journey)

        assert not asks(desk.last)
        assert shows_form(desk.last)


def test_an_app_for_others_leads_to_the_form(desk: Browser) -> None:
    desk.authorize("lawyers")

    assert desk.trail[-1].startswith("GET /signin/password")


def test_prompt_none_is_answered_without_a_question(desk: Browser) -> None:
    desk.authorize(prompt="none")

    assert answer(desk.last)["error"] == "login_required"


def test_a_citizen_in_the_court_signs_in_as_ever(desk: Browser, citizen: Person) -> None:
    desk.authorize()
    questioned = len(desk.trail)
    desk.sign_in(citizen)

    assert answer(desk.last)["code"]
    assert [one.partition("?")[0] for one in desk.trail[:questioned]] == [
        "GET /authorize",
        "GET /signin/ticket",
    ]


def test_a_citizen_in_the_court_is_led_there_once(desk: Browser) -> None:
    desk.authorize()
    desk.authorize()

    assert desk.trail[-1].startswith("GET /signin/password")
    assert not asks(desk.last)


def test_nobody_is_asked_whom_a_stranger_has_brought_a_journey(
    court: Provider, desk: Browser
) -> None:
    """A journey is of the browser that began it: nobody is signed in to finish another's."""
    desk.authorize()
    journey = desk.hidden()["journey"]

    victim = at(Browser.on(court), COURT)
    victim.get("/signin/ticket", journey=journey)

    assert victim.last is not None
    assert victim.last.status_code == 400
    assert not asks(victim.last)


def test_the_front_page_and_the_account_lead_there(court: Provider) -> None:
    for path in ("/", "/account", "/links", "/requests"):
        browser = at(Browser.on(court), COURT)
        browser.get(path)
        browser.follow()

        assert browser.trail[-1].startswith("GET /signin/ticket"), path
        assert asks(browser.last)

        browser.get(path)
        browser.follow()

        assert not asks(browser.last)
        assert not browser.trail[-1].startswith("GET /signin/ticket"), path


def test_elsewhere_nothing_leads_there(court: Provider) -> None:
    browser = Browser.on(court)
    for path in ("/", "/account"):
        browser.get(path)
        browser.follow()

        assert "ticket" not in browser.trail[-1]


def test_nobody_is_asked_who_has_just_signed_out(desk: Browser, citizen: Person) -> None:
    desk.authorize()
    desk.sign_in(citizen)
    desk.client.delete_cookie("__Host-portico_ticket", domain="sso.example")
    desk.get("/")
    desk.post("/signout", desk.hidden())
    desk.follow()

    desk.authorize()

    assert desk.trail[-1].startswith("GET /signin/password")
    assert not asks(desk.last)


def test_nobody_is_asked_who_is_signed_in(desk: Browser, citizen: Person) -> None:
    """A ticket must not put its owner in the place of whoever is signed in here."""
    desk.authorize()
    desk.sign_in(citizen)
    desk.client.delete_cookie("__Host-portico_ticket", domain="sso.example")

    desk.get("/signin/ticket")

    assert not asks(desk.last)
    assert desk.last is not None
    assert citizen.account_name


REFUSED = [
    pytest.param("Negotiate " + base64.b64encode(NTLM).decode(), "other_mechanism", id="NTLM"),
    pytest.param(
        "Negotiate " + base64.b64encode(wrapped("060a2b06010401823702020a", NTLM)).decode(),
        "other_mechanism",
        id="NTLM in SPNEGO",
    ),
    pytest.param("Negotiate YIAG", "malformed", id="cut off"),
    pytest.param("negotiate !!!", "malformed", id="no base64"),
    pytest.param("Negotiate ", "malformed", id="nothing"),
    pytest.param("Negotiate " + "A" * (LONGEST * 4 // 3 + 8), "malformed", id="too long"),
    pytest.param(
        "Negotiate " + base64.b64encode(wrapped("06092a864886f712010202", b"x" * 60)).decode(),
        "malformed",
        id="Kerberos of nobody",
    ),
]


@pytest.mark.parametrize(("given", "why"), REFUSED)
@pytest.mark.parametrize("page", PAGES)
def test_what_proves_nothing_is_answered_by_the_page_and_no_second_question(
    court: Provider, desk: Browser, page: str, given: str, why: str
) -> None:
    refused = fetch(desk, page, {"Authorization": given})

    assert refused.status_code == 200
    assert "WWW-Authenticate" not in refused.headers
    assert shows_form(refused)
    assert not asks(desk.get(page))
    assert f"ticket_{why}" in "".join(refusals(court))


def test_a_token_from_elsewhere_is_not_even_looked_at(court: Provider, desk: Browser) -> None:
    token = "Negotiate " + base64.b64encode(NTLM).decode()

    found = fetch(at(desk, ELSEWHERE), PAGES[0], {"Authorization": token})

    assert found.status_code == 200
    assert not refusals(court)


def test_other_credentials_in_the_header_are_no_answer(desk: Browser) -> None:
    assert asks(fetch(desk, PAGES[0], {"Authorization": "Basic d2FuZzp4"}))


def test_a_broken_keytab_leaves_the_form(court: Provider, desk: Browser) -> None:
    Path(court.config.directories[0].keytab_file).unlink()

    refused = fetch(desk, PAGES[0], {"Authorization": "Negotiate YIAG"})

    assert refused.status_code == 200
    assert shows_form(refused)


def test_without_the_library_the_form_remains(
    desk: Browser, court: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(court.tickets), "available", staticmethod(lambda: False))

    for path in ("/signin/directory", "/signin/ticket"):
        assert not asks(desk.get(path))
        assert shows_form(desk.last)
    desk.authorize()
    assert desk.trail[-1].startswith("GET /signin/password")


def test_an_app_that_demands_more_than_a_ticket_leads_to_the_form(desk: Browser) -> None:
    claims = '{"id_token":{"acr":{"essential":true,"value":"urn:portico:acr:mfa"}}}'

    desk.authorize(claims=claims)

    assert desk.trail[-1].startswith("GET /signin/password")


JUDGES_SID = bytes.fromhex("010500000000000515000000010000000200000003000000e8030000")


@dataclass
class TakenTickets:
    """Takes any ticket once, as one of a realm."""

    realm: str
    taken: int = 0

    def available(self) -> bool:
        return True

    def accept(self, *_: object) -> Accepted | Refused:
        self.taken += 1
        name = "wang.dm".encode("utf-16-le")
        info = struct.pack("<HHHHI", 0, 0, 0, 0, 2)
        info += struct.pack("<HHHH", len(name), 20, len(JUDGES_SID), 20 + len(name))
        accepted = Accepted(self.realm, info + name + JUDGES_SID, b"")
        return accepted if self.taken == 1 else Refused(Why.NOT_TAKEN, "Request is a replay")


@dataclass
class Asked:
    """A forest: nobody is known by the first directory that is asked."""

    ids: list[str] = field(default_factory=list)

    def by_sid(self, directory: str, _sid: bytes) -> Standing:
        self.ids.append(directory)
        return Standing.WRONG_CREDENTIALS


@pytest.mark.parametrize(
    ("realm", "asked"),
    [
        pytest.param("COURT.TEST", ["court"], id="the domain's"),
        pytest.param("Both.Test", ["court", "high"], id="a suffix that two directories have"),
        pytest.param("HIGH.TEST", ["high"], id="of another domain with the same keytab"),
        pytest.param("TRUSTED.TEST", [], id="of a stranger whom the domain trusts"),
        pytest.param("", [], id="of none"),
    ],
)
def test_a_ticket_is_looked_up_where_its_realm_is_and_taken_once(
    court: Provider, realm: str, asked: list[str]
) -> None:
    first = msgspec.structs.replace(
        court.config.directories[0], upn_suffixes=["court.test", "both.test"]
    )
    second = msgspec.structs.replace(
        first, id="high", domain="HIGH", base="DC=high,DC=test", upn_suffixes=["both.test"]
    )
    config = msgspec.structs.replace(court.config, directories=[first, second])
    shown, directories = TakenTickets(realm), Asked()
    told = replace(
        court,
        config=config,
        tickets=cast("Any", shown),
        directories=cast("Any", directories),
    )

    fetch(at(Browser.on(told), COURT), PAGES[0], {"Authorization": "Negotiate YIAG"})

    assert directories.ids == asked
    assert shown.taken == 1
    assert ("ticket_other_realm" in "".join(refusals(told))) is not bool(asked)
