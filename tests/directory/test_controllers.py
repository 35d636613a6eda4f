"""Controllers that are down, silent or not who they say; whoever else there is answers."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from demo.samba.authority import Authority
from demo.samba.controller import Controller
from idp.authenticators.directory.directory import TOTAL_SECONDS, Directories
from idp.authenticators.directory.model import DirectoryPerson, Standing
from idp.clock import system_clock
from idp.gateways.ldap import Misconfigured, Unreachable
from tests.directory.conftest import Asking
from tests.labs.false_controller import CHANNEL_BINDING, false_controller, stranger
from tests.labs.ports import free_port
from tests.labs.proxy import proxy
from tests.labs.samba_ad import BASE, PASSWORD, SERVICE, Domain

QUICK = {"connect_seconds": 1.0, "answer_seconds": 1.0}


@pytest.fixture
def hung(second_controller: Controller) -> Iterator[str]:
    """The address of a controller that takes connections and says nothing."""
    with second_controller.hung():
        yield second_controller.address


def seconds_of(court: Directories, login: str = "wang.dm") -> tuple[object, float]:
    began = time.monotonic()
    return court.sign_in(login, PASSWORD), time.monotonic() - began


def test_a_second_controller_signs_in_when_the_first_refuses(
    samba_ad: Domain, second_controller: Controller, asking: Asking
) -> None:
    samba_ad.binds(second_controller)
    court = asking(hosts=[f"127.0.0.1:{free_port()}", second_controller.address])

    assert isinstance(court.sign_in("wang.dm", PASSWORD), DirectoryPerson)
    assert [bind.good for bind in samba_ad.binds(second_controller)] == [True, True]


def test_a_hung_controller_costs_its_time_once(hung: str, samba_ad: Domain, asking: Asking) -> None:
    court = asking(hosts=[hung, samba_ad.host], **QUICK)

    first, waited = seconds_of(court)
    second, at_once = seconds_of(court)

    assert isinstance(first, DirectoryPerson)
    assert isinstance(second, DirectoryPerson)
    assert QUICK["connect_seconds"] <= waited < TOTAL_SECONDS
    assert at_once < QUICK["connect_seconds"]


def test_a_wrong_password_is_tried_at_one_controller_alone(
    samba_ad: Domain, second_controller: Controller, asking: Asking
) -> None:
    samba_ad.binds(second_controller)
    court = asking(hosts=[samba_ad.host, second_controller.address])

    assert court.sign_in("wang.dm", "not-the-password") is Standing.WRONG_CREDENTIALS
    assert len(samba_ad.binds()) == 2
    assert samba_ad.binds(second_controller) == []


def test_a_password_that_a_controller_took_in_silence_is_sent_to_no_other(
    samba_ad: Domain, second_controller: Controller, asking: Asking
) -> None:
    leaf = samba_ad.authority.issue("localhost", "127.0.0.1")
    samba_ad.binds(second_controller)
    with false_controller(leaf, (-1, "")) as silent:
        hosts = [f"127.0.0.1:{silent.port}", second_controller.address]
        _, ldap = asking(hosts=hosts, **QUICK)._of["court"]  # noqa: SLF001 - the second step alone

        with pytest.raises(Unreachable):
            ldap.bind(f"CN=x,{BASE}", PASSWORD.encode(), time.monotonic() + 4)

        assert silent.binds == 1
    assert samba_ad.binds(second_controller) == []


@pytest.mark.parametrize("valid_for", [timedelta(days=365), timedelta(days=-1)])
def test_a_certificate_of_others_or_of_yesterday_is_not_believed(
    samba_ad: Domain, asking: Asking, tmp_path_factory: pytest.TempPathFactory, valid_for: timedelta
) -> None:
    ours = valid_for < timedelta()
    authority = samba_ad.authority if ours else Authority(tmp_path_factory.mktemp("ca"))
    leaf = authority.issue("localhost", "127.0.0.1", valid_for=valid_for)
    with false_controller(leaf, (0, "")) as other:
        court = asking(hosts=[f"127.0.0.1:{other.port}"])

        assert court.sign_in("wang.dm", PASSWORD) is Standing.UNREACHABLE
        assert other.binds == 0


def test_a_certificate_of_another_name_is_not_believed(samba_ad: Domain) -> None:
    def everywhere(_host: str, _port: int) -> list[str]:
        return [samba_ad.host]

    right, wrong = (
        Directories([samba_ad.section(hosts=[host])], system_clock, resolver=everywhere)
        for host in ("dc1.court.test", "dc7.court.test")
    )

    assert isinstance(right.sign_in("wang.dm", PASSWORD), DirectoryPerson)
    assert wrong.sign_in("wang.dm", PASSWORD) is Standing.UNREACHABLE


def test_who_is_back_is_asked_again_at_once_when_there_is_nobody_else(
    samba_ad: Domain, asking: Asking
) -> None:
    with proxy(636, samba_ad.host) as between:
        between.swallows = True
        court = asking(hosts=[f"127.0.0.1:{between.port}"], connect_seconds=2.0)
        assert court.sign_in("wang.dm", PASSWORD) is Standing.UNREACHABLE

        between.swallows = False

        assert isinstance(court.sign_in("wang.dm", PASSWORD), DirectoryPerson)


def test_of_several_addresses_of_a_name_the_first_that_answers_is_taken(samba_ad: Domain) -> None:
    def both(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1", samba_ad.host]

    court = Directories([samba_ad.section(hosts=["court.test"])], system_clock, resolver=both)

    assert isinstance(court.sign_in("wang.dm", PASSWORD), DirectoryPerson)


def test_a_name_server_that_is_slow_keeps_nobody(samba_ad: Domain) -> None:
    def slow(_host: str, _port: int) -> list[str]:
        time.sleep(2)
        return [samba_ad.host]

    section = samba_ad.section(connect_seconds=0.3)
    court = Directories([section], system_clock, resolver=slow)

    answer, waited = seconds_of(court)

    assert answer is Standing.UNREACHABLE
    assert waited < 1


def test_a_directory_that_hangs_keeps_no_more_threads_than_it_may(samba_ad: Domain) -> None:
    with proxy(636, samba_ad.host) as silent, ThreadPoolExecutor(8) as pool:
        silent.swallows = True
        section = samba_ad.section(hosts=[f"127.0.0.1:{silent.port}"], connect_seconds=2.0)
        court = Directories([section], system_clock, at_once=2)

        answers = list(pool.map(lambda _: seconds_of(court), range(8)))

    busy = [seconds for answer, seconds in answers if answer is Standing.BUSY]
    assert len(busy) == 6
    assert max(busy) < 1.5


def test_a_controller_that_talks_for_ever_is_cut_off(samba_ad: Domain, asking: Asking) -> None:
    with proxy(636, samba_ad.host) as slow:
        slow.delay = 0.9
        court = asking(hosts=[f"127.0.0.1:{slow.port}"], connect_seconds=3.0)

        answer, waited = seconds_of(court)

    assert answer is Standing.UNREACHABLE
    assert TOTAL_SECONDS - 0.5 < waited < TOTAL_SECONDS + 0.5


@pytest.mark.parametrize(
    ("answer", "standing"),
    [
        ((49, CHANNEL_BINDING), Standing.MISCONFIGURED),
        ((8, "BindSimple: Transport encryption required."), Standing.MISCONFIGURED),
        ((10, "ldap://127.0.0.1:9/"), Standing.UNREACHABLE),
        ((51, "busy"), Standing.UNREACHABLE),
        ((52, "unavailable"), Standing.UNREACHABLE),
        ((49, "80090308: LdapErr: DSID-0C09044E, data 52e, v4563\0"), Standing.MISCONFIGURED),
    ],
)
def test_what_is_no_judges_fault_is_never_told_as_a_wrong_password(
    samba_ad: Domain, asking: Asking, answer: tuple[int, str], standing: Standing
) -> None:
    leaf = samba_ad.authority.issue("localhost", "127.0.0.1")
    with false_controller(leaf, answer) as other:
        court = asking(hosts=[f"127.0.0.1:{other.port}"])

        assert court.sign_in("wang.dm", PASSWORD) is standing


def test_D9_a_judges_password_follows_no_referral(samba_ad: Domain, asking: Asking) -> None:
    leaf = samba_ad.authority.issue("localhost", "127.0.0.1")
    with stranger() as rogue:
        elsewhere = f"ldap://127.0.0.1:{rogue.port}/{BASE}"
        with false_controller(leaf, (10, elsewhere)) as other:
            _, ldap = asking(hosts=[f"127.0.0.1:{other.port}"])._of["court"]  # noqa: SLF001

            # ldap3 cannot even read such an answer to a bind: its decoder breaks off.
            with pytest.raises((Misconfigured, Unreachable)):
                ldap.bind(f"CN=x,{BASE}", PASSWORD.encode(), time.monotonic() + 3)

        assert (rogue.calls, bytes(rogue.heard)) == (0, b"")


def test_a_policy_of_channel_bindings_is_the_operators_business(
    samba_ad: Domain, asking: Asking
) -> None:
    """The judge's own bind: the one for the service account was good."""
    leaf = samba_ad.authority.issue("localhost", "127.0.0.1")
    with false_controller(leaf, (49, CHANNEL_BINDING)) as other:
        _, ldap = asking(hosts=[f"127.0.0.1:{other.port}"])._of["court"]  # noqa: SLF001

        with pytest.raises(Misconfigured, match="80090346"):
            ldap.bind(f"CN=x,{BASE}", PASSWORD.encode(), time.monotonic() + 3)


def test_the_service_accounts_password_comes_from_its_file_as_it_is_now(
    samba_ad: Domain, asking: Asking, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("secret") / "password"
    court = asking(bind_password="", bind_password_file=str(file))

    assert court.sign_in("wang.dm", PASSWORD) is Standing.MISCONFIGURED
    file.write_text("yesterday's\n")
    assert court.sign_in("wang.dm", PASSWORD) is Standing.MISCONFIGURED
    file.write_text(samba_ad.section().bind_password + "\n")
    assert isinstance(court.sign_in("wang.dm", PASSWORD), DirectoryPerson)


def test_what_the_log_says_names_no_password(
    asking: Asking, caplog: pytest.LogCaptureFixture
) -> None:
    asking(bind_password="canary-of-the-service").sign_in("wang.dm", PASSWORD)
    asking(hosts=[f"127.0.0.1:{free_port()}"]).sign_in("wang.dm", "canary-of-the-judge")

    assert len(caplog.records) == 2
    assert "canary" not in str([vars(record) for record in caplog.records])
    assert SERVICE not in str([vars(record) for record in caplog.records])
