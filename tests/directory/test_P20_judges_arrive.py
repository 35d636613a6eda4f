"""From a first sign-in to a judge's last, against a real Active Directory."""

import subprocess
from dataclasses import dataclass

import msgspec
import pytest

from idp import assembly
from idp.accounts import offices
from idp.accounts.model import Office
from idp.authenticators.directory.model import DirectoryPerson
from idp.provider import Provider
from idp.signin.directory import TRIES
from tests.http.test_P04_P20_judges import events, of_wang, open_form, register, sign_in, sign_out
from tests.labs.samba_ad import BASE, HIGH, PASSWORD, TAIPEI, Domain
from tests.labs.signing import claims_of
from tests.people import Browser, answer

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

UNIT = f"OU=使用者,OU={TAIPEI},OU=法院"
GROUP = "臺北地院法官"


@dataclass
class Personnel:
    """Hires judges, moves them and lets them go."""

    domain: Domain

    def hire(self, account: str, surname: str = "周", *more: str) -> None:
        words = (f"--userou={UNIT}", f"--company={TAIPEI}", "--job-title=法官")
        who = (f"--surname={surname}", "--given-name=新")
        self.domain.tool("user", "create", account, PASSWORD, *words, *who, *more)
        self.domain.tool("group", "addmembers", GROUP, account)

    def let_go(self, account: str) -> None:
        self.domain.tool("user", "delete", account)

    def change(self, account: str, **values: str) -> None:
        """Write other values into an entry."""
        lines = [f"dn: CN=新 周,{UNIT},{BASE}", "changetype: modify"]
        for name, value in values.items():
            lines += [f"replace: {name}", f"{name}: {value}", "-"]
        database = str(self.domain.first.files.database)
        subprocess.run(
            ["ldbmodify", "-H", database],
            input="\n".join(lines) + "\n",
            text=True,
            check=True,
            capture_output=True,
        )


@pytest.fixture
def personnel(samba_ad: Domain) -> Personnel:
    return Personnel(samba_ad)


@pytest.fixture
def portico(provider: Provider, samba_ad: Domain) -> Provider:
    """The provider, with the real directory."""
    config = msgspec.structs.replace(provider.config, directories=[samba_ad.section()])
    return assembly.assemble(config, provider.database, provider.keychain)


@pytest.fixture
def judge(portico: Provider) -> Browser:
    return Browser.on(portico)


def office_of(portico: Provider, name: str) -> Office:
    with portico.database.read() as tx:
        found = offices.of(tx, of_wang(portico, name).id)
    assert found is not None
    return found


def come_back(browser: Browser, login: str) -> None:
    sign_out(browser)
    open_form(browser)
    sign_in(browser, login, PASSWORD)


def test_P04_P20_P21_a_first_sign_in_ends_in_the_app_and_the_next_goes_straight_through(
    judge: Browser, portico: Provider, samba_ad: Domain
) -> None:
    samba_ad.binds()
    judge.authorize(scope="openid profile email")
    sign_in(judge, "COURT\\wang.dm", PASSWORD)
    assert "王大明 法官" in judge.last.text if judge.last else False
    code = answer(register(judge, portico))["code"]

    inside = claims_of(judge.redeem(code).get_json()["id_token"])

    assert (inside["amr"], inside["acr"]) == (["pwd"], samba_ad.section().acr)
    held = office_of(portico, "WANG.DM@COURT")
    assert (held.ad_account, held.court, held.title) == ("wang.dm", "TPD", "法官")
    assert len([one for one in samba_ad.binds() if "wang" in one.name or "王大明" in one.name]) == 1
    sign_out(judge)
    judge.authorize()
    assert answer(sign_in(judge, "wang.dm@court.test", PASSWORD))["code"]


def test_P20_a_president_has_the_role_of_their_group(judge: Browser, portico: Provider) -> None:
    open_form(judge)
    sign_in(judge, "yuanzhang@judicial.test", PASSWORD)
    register(judge, portico)

    assert office_of(portico, "CHEN.YZ@COURT").roles == ("president",)


def test_a_judge_who_moves_is_of_the_other_court_at_the_next_sign_in(
    judge: Browser, portico: Provider, personnel: Personnel
) -> None:
    personnel.hire("mover")
    try:
        open_form(judge)
        sign_in(judge, "mover", PASSWORD)
        register(judge, portico)
        personnel.change("mover", company=HIGH)
        come_back(judge, "mover")

        (moved,) = events(portico, "court.changed")
        assert (moved["before"], moved["after"]) == ("TPD", "TPH")
        assert office_of(portico, "MOVER@COURT").court_name == HIGH
    finally:
        personnel.let_go("mover")


def test_a_renamed_judge_stays_who_they_are_and_a_recreated_one_is_another(
    judge: Browser, portico: Provider, personnel: Personnel
) -> None:
    personnel.hire("first")
    last = "first"
    try:
        open_form(judge)
        sign_in(judge, "first", PASSWORD)
        register(judge, portico)
        account = of_wang(portico, "FIRST@COURT")
        personnel.change("first", sAMAccountName="second")
        last = "second"
        come_back(judge, "second")
        assert office_of(portico, "FIRST@COURT").ad_account == "second"
        assert of_wang(portico, "FIRST@COURT").profile.preferred_username == "second"

        personnel.let_go("second")
        personnel.hire("second")
        come_back(judge, "second")
        assert "/register-account/terms" in judge.trail[-1]
        register(judge, portico, "another@judges.example")
        assert of_wang(portico, "SECOND@COURT").id != account.id
    finally:
        personnel.let_go(last)


def test_a_judge_who_is_switched_off_is_told_so_and_does_not_come_in(
    judge: Browser, portico: Provider, personnel: Personnel, samba_ad: Domain
) -> None:
    personnel.hire("leaver")
    try:
        open_form(judge)
        sign_in(judge, "leaver", PASSWORD)
        register(judge, portico)
        with samba_ad.disabled("leaver"):
            come_back(judge, "leaver")
            assert judge.last is not None
            assert judge.last.status_code == 422
            assert "switched off" in judge.last.text
            assert judge.get("/account").status_code == 303
    finally:
        personnel.let_go("leaver")


def test_P20_who_is_switched_off_while_the_letter_travels_gets_no_account(
    judge: Browser, portico: Provider, personnel: Personnel, samba_ad: Domain
) -> None:
    personnel.hire("quick")
    try:
        open_form(judge)
        sign_in(judge, "quick", PASSWORD)
        with samba_ad.disabled("quick"):
            assert register(judge, portico).status_code == 422
        assert events(portico, "account.registered") == []
    finally:
        personnel.let_go("quick")


def test_T44_our_count_is_full_before_the_directory_locks_anybody(
    portico: Provider, personnel: Personnel, samba_ad: Domain
) -> None:
    personnel.hire("target")
    samba_ad.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=3")
    try:
        samba_ad.binds()
        for number in range(12):
            stranger = Browser.on(portico)
            stranger.client.environ_base["REMOTE_ADDR"] = f"198.51.{number}.9"
            open_form(stranger)
            login = ("target", "COURT\\target", "TARGET@court.test")[number % 3]
            sign_in(stranger, login, "a guess")

        assert len([one for one in samba_ad.binds() if not one.good]) == TRIES
        found = portico.directories.sign_in("target", PASSWORD)
        assert isinstance(found, DirectoryPerson), "locked by strangers, through us"
    finally:
        samba_ad.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=0")
        personnel.let_go("target")
