"""What no account's name is, and what no password may be."""

import pytest

from idp.authenticators.directory.directory import Directories
from idp.authenticators.directory.model import DirectoryPerson, Standing
from tests.labs.samba_ad import PASSWORD, Domain

INJECTIONS = [
    "*",
    "wang*",
    "*@court.test",
    "COURT\\*",
    ")(uid=*",
    "\\2a",
    "COURT\\\\2a",
    "wang.dm\0",
    "wang.dm\\00",
    "admin)(|(cn=*",
    "wang.dm)(objectClass=*",
    "*)(sAMAccountName=wang.dm",
    "wang.dm,OU=使用者",
    "CN=王大明,OU=使用者,OU=臺灣臺北地方法院,OU=法院,DC=court,DC=test",
    "court.test/法院/臺灣臺北地方法院/使用者/王大明",
    "王大明",
    "EVIL\\wang.dm",
    "wang.dm@evil.example",
    "wang.dm@judicial.test",
    "wang.dm@court.test@court.test",
    "COURT\\wang.dm@court.test",
    "ｗａｎｇ．ｄｍ",
    "wáng.dm",
    "wang\u200b.dm",
    "wang.dm\n",
    "\ud800",
    "w" * 10_000,
    "",
    "   ",
    "\\",
    "@",
    "COURT\\",
    "@court.test",
]


@pytest.mark.parametrize("login", INJECTIONS)
def test_T65_what_is_no_name_signs_nobody_in(
    samba_ad: Domain, court: Directories, login: str
) -> None:
    accepted = login == "wang.dm\n"  # blanks around a name are nobody's intention

    found = court.sign_in(login, PASSWORD)

    assert isinstance(found, DirectoryPerson) == accepted
    tried = [bind for bind in samba_ad.binds() if not bind.name.startswith("CN=svc-idp,")]
    assert len(tried) <= 1
    assert not any(bind.good for bind in tried) or accepted


@pytest.mark.parametrize("login", INJECTIONS[:12])
def test_T65_the_right_password_of_somebody_helps_nobody_else(
    court: Directories, login: str
) -> None:
    assert court.sign_in(login, PASSWORD) is Standing.NOBODY


@pytest.mark.parametrize("password", ["", " ", "\t \n", "\u3000", "\0", PASSWORD + "\0", "\ud800"])
def test_T66_what_no_password_can_be_is_sent_to_nobody(
    samba_ad: Domain, court: Directories, password: str
) -> None:
    assert court.sign_in("wang.dm", password) is Standing.WRONG_CREDENTIALS
    assert samba_ad.binds() == []


@pytest.mark.parametrize(
    "password",
    ["Ｐａｓｓ１２３！密碼Aa1", "Aa1-\ue000\ue001造字", " pass word-Ａ1 ", "Aa1-\u0041\u030a-𠮷"],
    ids=["full width", "private characters", "blanks", "combining"],
)
def test_T66_a_password_reaches_the_directory_as_it_was_typed(
    samba_ad: Domain, court: Directories, password: str
) -> None:
    samba_ad.set_password("nomail", password)
    try:
        assert isinstance(court.sign_in("nomail", password), DirectoryPerson)
    finally:
        samba_ad.set_password("nomail", PASSWORD)
