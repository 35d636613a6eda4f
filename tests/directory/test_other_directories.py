"""A directory that is not Microsoft's, with its traps; and several directories at once."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from idp.authenticators.directory.directory import Directories
from idp.authenticators.directory.model import DirectoryPerson, Standing
from idp.clock import system_clock
from idp.gateways import ldap_wire as wire
from tests.labs import samba_ad as judges
from tests.labs import slapd as lawyers
from tests.labs.false_controller import Stranger, stranger
from tests.labs.samba_ad import Domain
from tests.labs.slapd import Slapd, slapd


@pytest.fixture(scope="module")
def rogue() -> Iterator[Stranger]:
    """Whom the directory names for what it does not hold."""
    with stranger() as one:
        yield one


@pytest.fixture(scope="module")
def running(rogue: Stranger) -> Iterator[Slapd]:
    with slapd(rogue.port) as one:
        yield one


@pytest.fixture
def bar(running: Slapd) -> Directories:
    return Directories([running.section()], system_clock)


def known(found: object) -> DirectoryPerson:
    assert isinstance(found, DirectoryPerson)
    return found


@pytest.mark.parametrize("login", ["hsu", "HSU", "LAWYERS\\hsu"])
def test_another_directory_signs_in_without_what_only_ad_has(bar: Directories, login: str) -> None:
    found = known(bar.sign_in(login, lawyers.PASSWORD))

    assert (found.account, found.name, found.mails) == ("hsu", "許律師", ("hsu@lawyers.test",))
    assert known(bar.by_guid(found.identity.key)) == found
    assert found.identity.key.startswith("lawyers:")


def test_another_directory_refuses_by_password_and_by_group(bar: Directories) -> None:
    assert bar.sign_in("hsu", "not-the-password") is Standing.WRONG_CREDENTIALS
    assert bar.sign_in("nobody", lawyers.PASSWORD) is Standing.NOBODY
    assert bar.sign_in("outsider", lawyers.PASSWORD) is Standing.NOT_ALLOWED


@pytest.mark.parametrize(
    ("login", "password", "searches"),
    [
        pytest.param("hsu", "not-the-password", 1, id="a wrong password"),
        pytest.param("nobody", "not-the-password", 1, id="nobody"),
        pytest.param("hsu", lawyers.PASSWORD, 2, id="the right one: groups as well"),
    ],
)
def test_a_name_that_nobody_has_takes_the_steps_of_a_wrong_password(
    bar: Directories, monkeypatch: pytest.MonkeyPatch, login: str, password: str, searches: int
) -> None:
    done = []
    for step in ("bind", "search"):
        real = getattr(wire.Conversation, step)

        def noted(*words: Any, step: str = step, real: Any = real, **more: Any) -> Any:
            done.append(step)
            return real(*words, **more)

        monkeypatch.setattr(wire.Conversation, step, noted)

    bar.sign_in(login, password)

    assert done == ["bind", "search", "bind", "search"][: 2 + searches]


def test_the_first_to_sign_in_after_a_silence_comes_in(bar: Directories) -> None:
    _, ldap = bar._of["lawyers"]  # noqa: SLF001 - it was silent a moment ago
    ldap._turns.failed(ldap._section.hosts[0])  # noqa: SLF001

    assert known(bar.sign_in("hsu", lawyers.PASSWORD)).account == "hsu"


def test_an_entry_made_anew_is_somebody_else(running: Slapd, bar: Directories) -> None:
    before = known(bar.sign_in("hsu", lawyers.PASSWORD))

    running.replace(
        "hsu",
        f"dn: uid=hsu,{lawyers.BASE}\nobjectClass: inetOrgPerson\nuid: hsu\ncn: x\nsn: x\n"
        f"displayName: 許律師\nmail: hsu@lawyers.test\nuserPassword: {lawyers.PASSWORD}\n",
    )

    assert known(bar.sign_in("hsu", lawyers.PASSWORD)).identity != before.identity
    assert bar.by_guid(before.identity.key) is Standing.WRONG_CREDENTIALS


@pytest.mark.parametrize("password", ["", "\0", " "])
def test_T66_a_name_without_a_password_is_nobody_even_where_a_directory_would_agree(
    bar: Directories, password: str
) -> None:
    """This one takes such a bind, as AD does: it succeeds, as nobody."""
    _, ldap = bar._of["lawyers"]  # noqa: SLF001 - the last guard, behind the first

    assert bar.sign_in("hsu", password) is Standing.WRONG_CREDENTIALS
    with pytest.raises(ValueError, match="proves nothing"):
        ldap.bind(f"uid=hsu,{lawyers.BASE}", b"", time.monotonic() + 3)
    with pytest.raises(ValueError, match="proves nothing"):
        ldap.bind("", b"anything", time.monotonic() + 3)


def test_D9_a_referral_in_an_answer_is_followed_nowhere(
    running: Slapd, rogue: Stranger, bar: Directories
) -> None:
    elsewhere = Directories([running.section(base="dc=evil,dc=test")], system_clock)

    assert elsewhere.sign_in("hsu", lawyers.PASSWORD) is Standing.MISCONFIGURED
    assert bar.sign_in("gone", lawyers.PASSWORD) is Standing.NOBODY
    assert (rogue.calls, bytes(rogue.heard)) == (0, b"")


def test_each_name_goes_to_the_directory_it_means(samba_ad: Domain, running: Slapd) -> None:
    both = Directories([samba_ad.section(), running.section()], system_clock)

    assert known(both.sign_in("wang.dm", judges.PASSWORD)).directory == "court"
    assert known(both.sign_in("LAWYERS\\hsu", lawyers.PASSWORD)).directory == "lawyers"
    assert both.sign_in("hsu", lawyers.PASSWORD) is Standing.NOBODY
    assert both.sign_in("LAWYERS\\wang.dm", judges.PASSWORD) is Standing.NOBODY


def test_one_directory_that_is_down_keeps_nobody_from_another(
    samba_ad: Domain, running: Slapd
) -> None:
    down = running.section(hosts=["localhost:1"])
    both = Directories([down, samba_ad.section()], system_clock)

    assert both.sign_in("LAWYERS\\hsu", lawyers.PASSWORD) is Standing.UNREACHABLE
    assert known(both.sign_in("COURT\\wang.dm", judges.PASSWORD)).account == "wang.dm"


def test_one_directory_that_is_slow_makes_no_other_busy(running: Slapd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(1) as pool:
        slow = running.section(
            id="slow", domain="SLOW", hosts=[f"localhost:{silent.getsockname()[1]}"]
        )
        both = Directories([slow, running.section()], system_clock, at_once=1)
        waiting = pool.submit(both.sign_in, "SLOW\\hsu", lawyers.PASSWORD)
        silent.settimeout(5)
        with silent.accept()[0]:
            found = both.sign_in("LAWYERS\\hsu", lawyers.PASSWORD)
            assert both.sign_in("SLOW\\hsu", lawyers.PASSWORD) is Standing.BUSY
            assert known(found).account == "hsu"
            assert not waiting.done()
