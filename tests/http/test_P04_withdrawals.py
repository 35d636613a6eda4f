"""A directory that says no of everybody has made a mistake: nobody goes before one has looked."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from idp import worker
from idp.authenticators.directory.directory import Directories
from idp.authenticators.directory.model import Standing
from idp.cli import doctor
from idp.cli.figures import DirectoryFigures
from idp.clock import system_clock
from idp.database.transaction import Origin
from idp.oidc import withdrawals
from idp.oidc.vouching import Word
from idp.oidc.withdrawals import most
from idp.provider import Provider
from idp.web.oidc import asking
from tests.clock import MovableClock
from tests.http.test_P04_P20_judges import events, register, sign_in
from tests.http.test_P04_vouching import ONE_DATABASE, page, refresh
from tests.labs import counting
from tests.labs.paper_directory import SECTION, WANG, PaperDirectory
from tests.people import Browser, answer

JUDGES = ["wang.dm", "lee.ys", "chen.yz", "lin.mh", "zhao.x"]
Someone = tuple[Browser, str]


@pytest.fixture
def bench(court: Provider, paper: PaperDirectory) -> dict[str, Someone]:
    """Five judges who are signed in to the app, each with a refresh token."""
    return {account: come_in(court, paper, account) for account in JUDGES}


def come_in(court: Provider, paper: PaperDirectory, account: str) -> Someone:
    if account not in paper.people:
        paper.write(replace(WANG, account=account, guid=str(uuid4())))
    browser = Browser.on(court)
    browser.authorize(scope="openid offline_access", prompt="consent")
    sign_in(browser, account)
    register(browser, court, f"{account}@judges.example")
    if 'id="consent-accept"' in page(browser):
        browser.post("/signin/consent", browser.hidden() | {"decision": "allow"})
        browser.follow()
    assert browser.last is not None
    document = browser.redeem(answer(browser.last)["code"]).json
    return browser, str((document or {})["refresh_token"])


def is_in(someone: Someone) -> bool:
    return "Good to see you" in someone[0].get("/").text


def examined(court: Provider) -> doctor.Finding:
    return doctor.look_at_directories("directories", court)


def waiting(court: Provider) -> str:
    registry = CollectorRegistry()
    registry.register(DirectoryFigures(court))
    text = generate_latest(registry).decode()
    return text.rpartition('portico_directory_withdrawals_held{directory="court"} ')[2].strip()


def all_gone(paper: PaperDirectory, standing: Standing) -> None:
    paper.standings.update(dict.fromkeys(JUDGES, standing))


@pytest.mark.parametrize("standing", [Standing.NOT_ALLOWED, Standing.DISABLED])
def test_a_round_that_would_put_out_everybody_puts_out_nobody_and_says_so(
    bench: dict[str, Someone],
    court: Provider,
    paper: PaperDirectory,
    standing: Standing,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert (examined(court).result, waiting(court)) == (doctor.GOOD, "0.0")
    all_gone(paper, standing)

    assert worker.ask_of_those_signed_in(court) == 0
    assert worker.ask_of_those_signed_in(court) == 0

    assert all(map(is_in, bench.values()))
    assert [one["waiting"] for one in events(court, "directory.withdrawals_held")] == [5]
    told = [one for one in caplog.records if "too many at once" in one.message]
    assert [one.levelname for one in told] == ["ERROR"] * 2
    assert {one.__dict__["why"] for one in told} == {f"5 {standing}, of 5 signed in"}
    assert examined(court).result == doctor.BAD
    assert "idp directory confirm court" in examined(court).advice
    assert waiting(court) == "5.0"


def test_meanwhile_a_refresh_gives_nothing_and_ends_nothing(
    bench: dict[str, Someone], court: Provider, paper: PaperDirectory
) -> None:
    all_gone(paper, Standing.NOT_ALLOWED)
    worker.ask_of_those_signed_in(court)

    refused = [refresh(*one) for one in bench.values()]

    assert {(status, found["error"]) for status, found in refused} == {
        (503, "temporarily_unavailable")
    }
    assert events(court, "sessions.ended") == []
    paper.standings.clear()
    assert {refresh(*one)[0] for one in bench.values()} == {200}
    assert worker.ask_of_those_signed_in(court) == 0
    assert (examined(court).result, waiting(court)) == (doctor.GOOD, "0.0")


@ONE_DATABASE
def test_while_it_is_held_a_no_costs_one_look_up_however_many_are_signed_in(
    bench: dict[str, Someone], court: Provider, paper: PaperDirectory
) -> None:
    all_gone(paper, Standing.NOT_ALLOWED)
    worker.ask_of_those_signed_in(court)
    heard: list[str] = []

    with counting.every_connection(
        court.database, lambda driver: driver.set_trace_callback(heard.append)
    ):
        found = [
            asking.ask(court, one.identity.key, Origin("192.0.2.1"))
            for one in paper.people.values()
        ]

    assert [one.word for one in found] == [Word.NOT_NOW] * len(bench)
    reads = [one for one in heard if not one.startswith(("BEGIN", "PRAGMA", "COMMIT", "ROLLBACK"))]
    assert len(reads) == len(bench)
    assert {one.partition("FROM ")[2].split()[0] for one in reads} == {"directory_brakes"}


def test_as_many_refreshes_one_after_the_other_are_held_too(
    bench: dict[str, Someone], court: Provider, paper: PaperDirectory
) -> None:
    all_gone(paper, Standing.WRONG_CREDENTIALS)

    refused = [refresh(*one)[1]["error"] for one in bench.values()]

    assert refused == ["invalid_grant"] * 3 + ["temporarily_unavailable"] * 2
    assert len(events(court, "directory.withdrawals_held")) == 1
    assert worker.ask_of_those_signed_in(court) == 0
    assert [is_in(one) for one in bench.values()] == [False] * 3 + [True] * 2


def test_single_ones_go_at_once_also_while_others_stand(
    bench: dict[str, Someone], court: Provider, paper: PaperDirectory
) -> None:
    for account in JUDGES[:3]:
        paper.standings[account] = Standing.DISABLED

    assert worker.ask_of_those_signed_in(court) == 3

    assert [is_in(one) for one in bench.values()] == [False] * 3 + [True] * 2
    assert examined(court).result == doctor.GOOD


@ONE_DATABASE
def test_one_after_the_other_is_no_flood(
    bench: dict[str, Someone], court: Provider, paper: PaperDirectory, clock: MovableClock
) -> None:
    for account in JUDGES[:3]:
        paper.standings[account] = Standing.DISABLED
    assert worker.ask_of_those_signed_in(court) == 3
    paper.standings[JUDGES[3]] = Standing.DISABLED
    assert worker.ask_of_those_signed_in(court) == 0, "the fourth within an hour"

    for _ in range(2):  # an hour is too long to do nothing
        clock.advance(withdrawals.WINDOW / 2)
        bench[JUDGES[3]][0].authorize(prompt="none")

    assert worker.ask_of_those_signed_in(court) == 1


def test_a_round_that_broke_off_does_not_say_that_a_hold_is_over(
    bench: dict[str, Someone], court: Provider, paper: PaperDirectory
) -> None:
    all_gone(paper, Standing.DISABLED)
    assert worker.ask_of_those_signed_in(court) == 0
    first, *others = sorted(paper.people, key=lambda name: paper.people[name].identity.key)
    paper.standings.update(dict.fromkeys(others, Standing.UNREACHABLE))

    assert worker.ask_of_those_signed_in(court) == 0

    assert is_in(bench[first])
    assert (examined(court).result, waiting(court)) == (doctor.BAD, "5.0")


def test_when_the_operator_says_yes_they_go(
    bench: dict[str, Someone], court: Provider, paper: PaperDirectory, clock: MovableClock
) -> None:
    all_gone(paper, Standing.DISABLED)
    worker.ask_of_those_signed_in(court)
    with court.database.write() as tx:
        withdrawals.confirm(tx, "court")

    assert refresh(*bench["wang.dm"])[1]["error"] == "invalid_grant"
    assert worker.ask_of_those_signed_in(court) == 4

    assert not any(map(is_in, bench.values()))
    assert examined(court).result == doctor.GOOD
    clock.advance(withdrawals.WINDOW + timedelta(seconds=1))
    with court.database.write() as tx:
        keys = [f"court:{number}" for number in range(5)]
        assert not withdrawals.may_go(tx, SECTION, keys, 5), "a yes holds for one mistake"


@ONE_DATABASE
def test_a_judge_with_many_apps_is_one(court: Provider) -> None:
    for _ in range(9):
        with court.database.write() as tx:
            assert withdrawals.may_go(tx, SECTION, [WANG.identity.key], 5)


@pytest.mark.parametrize(("asked", "may"), [(0, 3), (5, 3), (39, 3), (40, 4), (5000, 500)])
def test_so_many_may_go_of_so_many(asked: int, may: int) -> None:
    assert most(SECTION, asked) == may


@ONE_DATABASE
def test_a_directory_that_is_configured_no_more_puts_nobody_out(
    bench: dict[str, Someone], court: Provider
) -> None:
    other = msgspec.structs.replace(SECTION, id="other")
    config = msgspec.structs.replace(court.config, directories=[other])
    renamed = replace(court, directories=Directories([other], system_clock), config=config)

    assert renamed.directories.by_guid(WANG.identity.key) is Standing.MISCONFIGURED
    assert worker.ask_of_those_signed_in(renamed) == 0

    assert all(map(is_in, bench.values()))
    assert examined(renamed).result == doctor.BAD
    assert examined(renamed).advice.startswith("court: people are of it")
