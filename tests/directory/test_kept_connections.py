"""What is kept between two questions: connections of the service account, and nothing else.

What was wrong with one, or with the controller behind it, nobody who signs in notices.
"""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.samba.controller import Controller
from idp.authenticators.directory import filters
from idp.authenticators.directory.directory import TOTAL_SECONDS, Directories
from idp.authenticators.directory.model import DirectoryPerson, Standing
from idp.gateways import ldap_wire as wire
from idp.gateways.ldap import Ldap, Session, Unreachable
from idp.gateways.ldap_kept import IDLE_SECONDS, LONGEST_SECONDS, Held
from tests.directory.conftest import Asking
from tests.labs.false_controller import (
    CHANNEL_BINDING,
    FalseController,
    false_controller,
    stranger,
)
from tests.labs.ports import free_port
from tests.labs.proxy import proxy
from tests.labs.samba_ad import BASE, PASSWORD, SERVICE, Domain

ACCOUNTS = ("wang.dm", "lee.ys", "nomail", "weird", "林法官", "zaozi")


class Stopwatch:
    """A clock for durations that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def gateway(court: Directories) -> Ldap:
    """Give what a directory's connections are in."""
    return court._of["court"][1]  # noqa: SLF001 - its inside is what is looked at


def resting(ldap: Ldap) -> list[Held]:
    return list(ldap._kept._resting)  # noqa: SLF001


def account_of(ldap: Ldap, sid: bytes) -> str:
    """Ask for one attribute of somebody."""

    def question(session: Session) -> str:
        (entry,) = session.find(filters.equals("objectSid", sid), ["sAMAccountName"])
        return entry.values["samaccountname"][0].decode()

    return ldap.ask(question, time.monotonic() + TOTAL_SECONDS)


@contextmanager
def refusing(samba_ad: Domain, *answers: tuple[int, str]) -> Iterator[FalseController]:
    """A controller that finds nobody, and says to binds what it is told to say."""
    leaf = samba_ad.authority.issue("localhost", "127.0.0.1")
    with false_controller(leaf, *answers) as other:
        yield other


def test_one_bind_of_the_service_serves_many_look_ups(samba_ad: Domain, court: Directories) -> None:
    sid, guid = samba_ad.ids_of("wang.dm")

    for _ in range(3):
        assert isinstance(court.by_sid("court", sid), DirectoryPerson)
        assert isinstance(court.by_guid(f"court:{guid}"), DirectoryPerson)
        assert isinstance(court.sign_in("wang.dm", PASSWORD), DirectoryPerson)

    names = [bind.name for bind in samba_ad.binds()]
    assert names.count(SERVICE) == 1
    assert len(names) == 1 + 3


def test_a_password_goes_over_a_connection_of_its_own_that_is_thrown_away(
    court: Directories, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: dict[wire.Conversation, list[str]] = {}
    for step in ("bind", "search", "close"):
        real = getattr(wire.Conversation, step)

        def noted(*words: Any, step: str = step, real: Any = real, **more: Any) -> Any:
            who = "the service" if SERVICE in words else "a judge"
            told = f"bind as {who}" if step == "bind" else step
            done.setdefault(words[0], []).append(told)
            return real(*words, **more)

        monkeypatch.setattr(wire.Conversation, step, noted)

    for password in (PASSWORD, "not-the-password", PASSWORD):
        court.sign_in("wang.dm", password)

    of_the_service, *of_judges = done.values()
    assert of_the_service[0] == "bind as the service"
    assert set(of_the_service[1:]) == {"search"}
    assert of_judges == [["bind as a judge", "close"]] * 3
    assert [held.conversation for held in resting(gateway(court))] == list(done)[:1]


def test_who_has_been_one_person_is_nobody_else(court: Directories) -> None:
    court.by_guid("court:00000000-0000-0000-0000-000000000000")
    (held,) = resting(gateway(court))

    with pytest.raises(ValueError, match="bound once"):
        held.conversation.bind(f"CN=x,{BASE}", PASSWORD.encode())


def test_what_is_kept_does_not_show_its_password(samba_ad: Domain, court: Directories) -> None:
    court.by_guid("court:00000000-0000-0000-0000-000000000000")
    (held,) = resting(gateway(court))

    assert held.password == samba_ad.section().bind_password.encode()
    assert samba_ad.section().bind_password not in f"{held!r} {held.conversation!r}"


def test_a_controller_that_was_started_anew_answers_the_next_question(
    samba_ad: Domain, second_controller: Controller, asking: Asking
) -> None:
    sid, _ = samba_ad.ids_of("wang.dm")
    court = asking(hosts=[second_controller.address])
    assert isinstance(court.by_sid("court", sid), DirectoryPerson)

    second_controller.stop()
    second_controller.start()

    assert isinstance(court.by_sid("court", sid), DirectoryPerson)


def test_one_that_has_gone_is_made_up_for_by_another(
    samba_ad: Domain, second_controller: Controller, asking: Asking
) -> None:
    sid, _ = samba_ad.ids_of("wang.dm")
    court = asking(hosts=[second_controller.address, samba_ad.host])
    assert isinstance(court.by_sid("court", sid), DirectoryPerson)

    second_controller.stop()
    try:
        assert isinstance(court.by_sid("court", sid), DirectoryPerson)
    finally:
        second_controller.start()


def test_one_that_hangs_in_between_costs_its_time_once(
    samba_ad: Domain, second_controller: Controller, asking: Asking
) -> None:
    court = asking(hosts=[second_controller.address, samba_ad.host], connect_seconds=1.0)
    taken = []
    assert isinstance(court.sign_in("wang.dm", PASSWORD), DirectoryPerson)

    with second_controller.hung():
        for _ in range(3):
            began = time.monotonic()
            assert isinstance(court.sign_in("wang.dm", PASSWORD), DirectoryPerson)
            taken.append(time.monotonic() - began)

    assert taken[0] < 2.5
    assert max(taken[1:]) < 0.5


def test_one_that_is_slow_is_asked_anew_and_waited_for(samba_ad: Domain, asking: Asking) -> None:
    sid, _ = samba_ad.ids_of("wang.dm")
    with proxy(636, samba_ad.host) as between:
        court = asking(hosts=[f"127.0.0.1:{between.port}"], connect_seconds=2.0)
        assert isinstance(court.by_sid("court", sid), DirectoryPerson)

        between.delay = 0.3

        assert isinstance(court.by_sid("court", sid), DirectoryPerson)


def test_one_that_has_shown_that_it_lives_is_given_its_time(
    samba_ad: Domain, asking: Asking
) -> None:
    sid, _ = samba_ad.ids_of("wang.dm")
    with proxy(636, samba_ad.host) as between:
        ldap = gateway(asking(hosts=[f"127.0.0.1:{between.port}"]))
        assert account_of(ldap, sid) == "wang.dm"
        samba_ad.binds()

        def question(session: Session) -> int:
            wanted = filters.equals("objectSid", sid)
            session.find(wanted, ["sAMAccountName"])
            between.delay = 0.4
            return len(session.find(wanted, ["sAMAccountName"]))

        assert ldap.ask(question, time.monotonic() + TOTAL_SECONDS) == 1
    assert samba_ad.binds() == []


def test_all_that_hang_are_told_of_in_time_and_then_at_once(
    samba_ad: Domain, asking: Asking
) -> None:
    sid, _ = samba_ad.ids_of("wang.dm")
    with proxy(636, samba_ad.host) as between, ThreadPoolExecutor(1) as pool:
        court = asking(hosts=[f"127.0.0.1:{between.port}"], connect_seconds=1.0)
        assert isinstance(court.by_sid("court", sid), DirectoryPerson)
        between.swallows = True

        began = time.monotonic()
        assert court.by_sid("court", sid) is Standing.UNREACHABLE
        assert time.monotonic() - began < 2

        first = pool.submit(court.by_sid, "court", sid)  # who finds out whether it is back
        time.sleep(0.1)
        began = time.monotonic()
        assert court.by_sid("court", sid) is Standing.UNREACHABLE
        assert time.monotonic() - began < 0.1
        assert first.result() is Standing.UNREACHABLE


def test_another_password_of_the_service_counts_from_the_next_question_on(
    samba_ad: Domain, asking: Asking, tmp_path: Path
) -> None:
    sid, _ = samba_ad.ids_of("wang.dm")
    file = tmp_path / "password"
    file.write_text(samba_ad.section().bind_password)
    court = asking(bind_password="", bind_password_file=str(file))
    assert isinstance(court.by_sid("court", sid), DirectoryPerson)

    file.write_text("not-the-password")

    assert court.by_sid("court", sid) is Standing.MISCONFIGURED
    assert resting(gateway(court)) == []


@pytest.mark.parametrize(
    ("pauses", "binds"),
    [
        pytest.param([IDLE_SECONDS - 1] * 4, 2, id="busy until it is old"),
        pytest.param([IDLE_SECONDS + 1] * 2, 3, id="idle"),
        pytest.param([0.0] * 5, 1, id="young"),
    ],
)
def test_what_the_directory_says_of_the_service_is_heard_when_a_connection_has_grown_old(
    samba_ad: Domain, pauses: list[float], binds: int
) -> None:
    assert 3 * (IDLE_SECONDS - 1) < LONGEST_SECONDS < 4 * (IDLE_SECONDS - 1)
    sid, _ = samba_ad.ids_of("wang.dm")
    stopwatch = Stopwatch()
    ldap = Ldap(samba_ad.section(), stopwatch=stopwatch)
    samba_ad.binds()

    for pause in (0.0, *pauses):
        stopwatch.now += pause
        assert account_of(ldap, sid) == "wang.dm"

    assert len(samba_ad.binds()) == binds


def test_threads_never_share_one(samba_ad: Domain) -> None:
    sids = {account: samba_ad.ids_of(account)[0] for account in ACCOUNTS}
    ldap = Ldap(samba_ad.section())

    with ThreadPoolExecutor(8) as pool:
        asked = [ACCOUNTS[number % len(ACCOUNTS)] for number in range(240)]
        found = list(pool.map(lambda account: account_of(ldap, sids[account]), asked))

    assert found == asked
    assert len(resting(ldap)) <= 4


def test_a_question_that_ended_badly_leaves_no_answer_to_the_next(
    samba_ad: Domain, court: Directories
) -> None:
    sid, _ = samba_ad.ids_of("wang.dm")
    ldap = gateway(court)

    def question(session: Session) -> None:
        session.find(filters.equals("objectSid", sid), ["sAMAccountName"])
        raise Unreachable("in the middle of it")

    for _ in range(2):
        with pytest.raises(Unreachable):
            ldap.ask(question, time.monotonic() + TOTAL_SECONDS)
        assert resting(ldap) == []


def test_an_answer_to_another_question_is_none(samba_ad: Domain, asking: Asking) -> None:
    with refusing(samba_ad, (0, "")) as other:
        other.names_another = True
        court = asking(hosts=[f"127.0.0.1:{other.port}"])

        assert court.by_sid("court", b"\1") is Standing.UNREACHABLE


def test_D9_a_referral_is_followed_nowhere_on_a_kept_connection(
    samba_ad: Domain, asking: Asking
) -> None:
    with stranger() as rogue, refusing(samba_ad, (0, "")) as other:
        court = asking(hosts=[f"127.0.0.1:{other.port}"])
        assert court.by_sid("court", b"\1") is Standing.WRONG_CREDENTIALS

        other.about_searches = (10, f"ldap://127.0.0.1:{rogue.port}/{BASE}")

        assert court.by_sid("court", b"\1") is Standing.MISCONFIGURED
        assert (rogue.calls, bytes(rogue.heard)) == (0, b"")


def test_a_password_is_sent_once_though_the_question_is_put_again(
    samba_ad: Domain, asking: Asking
) -> None:
    """The judge's bind fails as nobody's password does; another would have been good."""
    with refusing(samba_ad, (0, ""), (49, CHANNEL_BINDING), (0, "")) as other:
        court = asking(hosts=[f"127.0.0.1:{other.port}"])
        assert court.by_sid("court", b"\1") is Standing.WRONG_CREDENTIALS

        assert court.sign_in("wang.dm", PASSWORD) is Standing.MISCONFIGURED
        assert other.binds == 3  # the service's, the judge's, and the service's to ask again


def test_a_controller_that_fails_takes_along_what_was_kept_of_it(
    samba_ad: Domain, asking: Asking
) -> None:
    sid, _ = samba_ad.ids_of("wang.dm")
    court = asking(hosts=[samba_ad.host, f"127.0.0.1:{free_port()}"])
    assert isinstance(court.by_sid("court", sid), DirectoryPerson)
    kept = gateway(court)._kept  # noqa: SLF001

    kept.forget("somebody.else")
    assert [held.host for held in resting(gateway(court))] == [samba_ad.host]
    kept.forget(samba_ad.host)
    assert resting(gateway(court)) == []


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_that_was_forked_off_has_none_and_ends_none(
    samba_ad: Domain, court: Directories
) -> None:
    sid, _ = samba_ad.ids_of("wang.dm")
    assert isinstance(court.by_sid("court", sid), DirectoryPerson)
    ldap = gateway(court)
    password = samba_ad.section().bind_password.encode()

    child = os.fork()
    if child == 0:
        os._exit(0 if ldap._kept.take(password) is None else 1)  # noqa: SLF001
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    samba_ad.binds()
    assert isinstance(court.by_sid("court", sid), DirectoryPerson)
    assert samba_ad.binds() == []


def test_what_is_left_at_the_end_is_closed(samba_ad: Domain) -> None:
    ldap = Ldap(samba_ad.section())
    account_of(ldap, samba_ad.ids_of("wang.dm")[0])
    (held,) = resting(ldap)

    del ldap

    assert held.conversation._connection.socket is None  # noqa: SLF001
