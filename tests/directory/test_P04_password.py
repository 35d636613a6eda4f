"""Judges sign in by the password of their directory."""

import pytest

from idp.authenticators.directory.directory import Directories
from idp.authenticators.directory.model import DirectoryPerson, Standing
from tests.labs.samba_ad import PASSWORD, TAIPEI, Domain

NAMES = [
    ("wang.dm", "wang.dm"),
    ("WANG.DM", "wang.dm"),
    (" wang.dm ", "wang.dm"),
    ("COURT\\wang.dm", "wang.dm"),
    ("court\\Wang.DM", "wang.dm"),
    ("wang.dm@court.test", "wang.dm"),
    ("lee.ys@judicial.test", "lee.ys"),
    ("lee.ys@court.test", "lee.ys"),
    ("yuanzhang@judicial.test", "chen.yz"),
    ("林法官", "林法官"),
    ("COURT\\林法官", "林法官"),
    ("林法官@court.test", "林法官"),
    ("weird", "weird"),
    ("zaozi", "zaozi"),
]


@pytest.mark.parametrize(("login", "account"), NAMES, ids=[login for login, _ in NAMES])
def test_P04_every_form_of_a_name_signs_in_with_one_bind(
    samba_ad: Domain, court: Directories, login: str, account: str
) -> None:
    found = court.sign_in(login, PASSWORD)

    assert isinstance(found, DirectoryPerson)
    assert found.account == account
    assert [bind.good for bind in samba_ad.binds()] == [True, True]  # the service account's, theirs


def test_P04_a_judge_is_read_as_the_directory_has_them(court: Directories) -> None:
    found = court.sign_in("wang.dm", PASSWORD)

    assert isinstance(found, DirectoryPerson)
    assert (found.name, found.title, found.department) == ("王大明", "法官", "刑事第一庭")
    assert (found.court, found.court_name) == ("TPD", TAIPEI)
    assert found.mails == ("wang.dm@judicial.test",)
    assert found.employee_number == ""


STATES = [
    ("disabled", Standing.DISABLED),
    ("accexp", Standing.EXPIRED),
    ("pwexp", Standing.PASSWORD_EXPIRED),
    ("mustchange", Standing.MUST_CHANGE),
    ("hours", Standing.OUTSIDE_HOURS),
    ("wks", Standing.OTHER_WORKSTATION),
    ("clerk01", Standing.NOT_ALLOWED),
    ("nobody", Standing.NOBODY),
    ("wang.dm@judicial.test", Standing.NOBODY),  # a suffix of ours, a name that is not stored
]


@pytest.mark.parametrize(("account", "state"), STATES, ids=[account for account, _ in STATES])
def test_P04_the_state_of_an_account_is_told_to_who_knows_its_password(
    samba_ad: Domain, court: Directories, account: str, state: Standing
) -> None:
    assert court.sign_in(account, PASSWORD) is state
    assert len(samba_ad.binds()) == 2


@pytest.mark.parametrize("account", [account for account, _ in STATES])
def test_P04_a_wrong_password_tells_no_state(
    samba_ad: Domain, court: Directories, account: str
) -> None:
    is_somebody = (account, Standing.NOBODY) not in STATES

    found = court.sign_in(account, "not-the-password")

    assert found is (Standing.WRONG_CREDENTIALS if is_somebody else Standing.NOBODY)
    assert [bind.good for bind in samba_ad.binds()] == [True, False]


def test_P04_a_locked_account_is_said_to_be_locked(court: Directories) -> None:
    for _ in range(2):
        assert court.sign_in("locked", "not-the-password") is Standing.WRONG_CREDENTIALS

    assert court.sign_in("locked", PASSWORD) is Standing.LOCKED
