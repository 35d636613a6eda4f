"""Names of directories, their filters, distinguished names and the state of accounts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import parse_filter
from ldap3.protocol.convert import prepare_filter_for_sending

from idp.authenticators.directory import courts, filters, names, people, standing
from idp.authenticators.directory.distinguished import key, parse, shared_by, units_below
from idp.authenticators.directory.model import Standing
from idp.authenticators.directory.names import LoginName
from idp.config import DirectorySection, Names
from idp.gateways.ldap import host_and_port

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)  # a Sunday


def section(**changes: Any) -> DirectorySection:
    fields = {
        "id": "court",
        "hosts": ["dc1.court.test"],
        "bind_dn": "CN=svc",
        "base": "DC=court,DC=test",
        "domain": "COURT",
        "upn_suffixes": ["court.test", "judicial.test"],
    }
    return msgspec.convert(fields | changes, DirectorySection)


BOTH = [section(), section(id="high", domain="HIGH", upn_suffixes=["high.test"])]


@pytest.mark.parametrize(
    ("login", "meant"),
    [
        ("wang.dm", LoginName("court", "wang.dm")),
        ("  Wang.DM ", LoginName("court", "Wang.DM")),
        ("court\\wang.dm", LoginName("court", "wang.dm")),
        ("HIGH\\wang.dm", LoginName("high", "wang.dm")),
        ("wang.dm@JUDICIAL.test", LoginName("court", "wang.dm", "JUDICIAL.test")),
        ("wang.dm@high.test", LoginName("high", "wang.dm", "high.test")),
        ("a@b@high.test", LoginName("high", "a@b", "high.test")),
        ("\ue000明", LoginName("court", "\ue000明")),
        ("OTHER\\wang.dm", None),
        ("\\wang.dm", None),
        ("COURT\\", None),
        ("wang.dm@elsewhere.test", None),
        ("@court.test", None),
        ("wang\0.dm", None),
        ("wang\u202e.dm", None),
        ("\ud800", None),
        ("x" * 257, None),
        ("", None),
    ],
)
def test_a_name_says_which_directory_and_which_account(login: str, meant: LoginName | None) -> None:
    assert names.read(login, BOTH) == meant
    assert names.read(login, []) is None


def test_the_forms_of_a_name_are_counted_as_one() -> None:
    forms = ["wang.dm", "WANG.DM", "COURT\\wang.dm", "Wang.Dm@court.test", "wang.dm@judicial.test"]

    assert {name.claim for one in forms if (name := names.read(one, BOTH))} == {"court:wang.dm"}


@given(st.one_of(st.text(max_size=40), st.binary(max_size=40)))
def test_no_value_changes_what_a_filter_means(value: str | bytes) -> None:
    text = filters.both("(objectClass=user)", filters.equals("sAMAccountName", value))

    tree = parse_filter(text, None, False, False, None, False)

    octets = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    assert len(tree.elements) == 1
    assert len(tree.elements[0].elements) == 2
    found = tree.elements[0].elements[1].assertion
    if octets:  # with none it asks whether there is any, and no name is empty
        sent = prepare_filter_for_sending(found["value"])
        assert (found["attr"], sent) == ("sAMAccountName", octets)


def values(account: str = "", principal: str = "") -> dict[str, tuple[bytes, ...]]:
    given_ = {"samaccountname": account, "userprincipalname": principal}
    return {name: (value.encode(),) for name, value in given_.items() if value}


WANG, LEE = values("wang.dm", "wang.dm@court.test"), values("lee.ys", "wang.dm@judicial.test")


@pytest.mark.parametrize(
    ("login", "found", "chosen"),
    [
        ("wang.dm", [WANG], WANG),
        ("WANG.DM", [WANG], WANG),
        ("wang.dm@court.test", [WANG], WANG),
        ("wang.dm@court.test", [values("wang.dm", "other@judicial.test")], "the account"),
        ("wang.dm@judicial.test", [WANG, LEE], LEE),
        ("wang.dm@judicial.test", [WANG], None),
        ("wang.dm", [values("wáng.dm")], None),
        ("wang.dm", [WANG, WANG], None),
        ("wang.dm", [], None),
    ],
)
def test_a_stored_principal_name_goes_before_an_account_of_the_same_letters(
    login: str, found: list[people.Values], chosen: object
) -> None:
    name = names.read(login, BOTH)
    assert name is not None

    expected = found[0] if chosen == "the account" else chosen
    assert people.the_one(section(), name, found) == expected


@pytest.mark.parametrize(
    ("dn", "parts"),
    [
        ("CN=王大明,OU=法院,DC=court", [("CN", "王大明"), ("OU", "法院"), ("DC", "court")]),
        ("CN=趙(小)明*\\, \\\\甲,DC=x", [("CN", "趙(小)明*, \\甲"), ("DC", "x")]),
        ("CN=\\E7\\8E\\8B\\5C\\2C,DC=x", [("CN", "王\\,"), ("DC", "x")]),
        ("CN=a+UID=b, DC=x", [("CN", "a"), ("UID", "b"), ("DC", "x")]),
        ("", []),
        ("no name", []),
        ("CN=ends in\\", [("CN", "ends in\\")]),
    ],
)
def test_a_distinguished_name_is_taken_apart(dn: str, parts: list[tuple[str, str]]) -> None:
    assert parse(dn) == parts


@given(st.text(max_size=40))
def test_no_distinguished_name_breaks_the_reader(dn: str) -> None:
    parse(dn)
    units_below(dn, "DC=court,DC=test")


def test_units_are_counted_from_the_base() -> None:
    dn = "CN=王大明,OU=使用者,OU=臺灣臺北地方法院,OU=法院,DC=court,DC=test"

    assert units_below(dn, "DC=court,DC=test") == ["法院", "臺灣臺北地方法院", "使用者"]
    assert units_below(dn, "OU=法院,DC=court,DC=test") == ["臺灣臺北地方法院", "使用者"]


def filetime(instant: datetime) -> str:
    return str((instant - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10)


def entry(**given_: str | bytes) -> dict[str, tuple[bytes, ...]]:
    fields: dict[str, str | bytes] = {
        "useraccountcontrol": "512",
        "msds-user-account-control-computed": "0",
        **{name.replace("_", "-"): value for name, value in given_.items()},
    }
    return {
        name: (value.encode() if isinstance(value, str) else value,)
        for name, value in fields.items()
        if value
    }


HOURS = [bytes(21), b"\xff" * 21, b"\x02" + bytes(20), b"\x01" + bytes(20)]


@pytest.mark.parametrize(
    ("values_", "state"),
    [
        (entry(), Standing.GOOD),
        (entry(useraccountcontrol="514"), Standing.DISABLED),
        (entry(msds_user_account_control_computed="16"), Standing.LOCKED),
        (entry(accountexpires="0"), Standing.GOOD),
        (entry(accountexpires="9223372036854775807"), Standing.GOOD),
        (entry(accountexpires="9223372036854775806"), Standing.GOOD),
        (entry(accountexpires=filetime(NOW)), Standing.EXPIRED),
        (entry(accountexpires=filetime(NOW + timedelta(minutes=1))), Standing.GOOD),
        (entry(msds_user_account_control_computed="8388608"), Standing.PASSWORD_EXPIRED),
        (
            entry(msds_user_account_control_computed="8388608", pwdlastset="0"),
            Standing.MUST_CHANGE,
        ),
        (entry(pwdlastset="0"), Standing.GOOD),  # a password that never expires
        (entry(logonhours=HOURS[0]), Standing.OUTSIDE_HOURS),
        (entry(logonhours=HOURS[1]), Standing.GOOD),
        (entry(logonhours=HOURS[2]), Standing.GOOD),  # the second hour of Sunday
        (entry(logonhours=HOURS[3]), Standing.OUTSIDE_HOURS),
        (entry(logonhours=b"\0"), Standing.GOOD),
        (entry(useraccountcontrol=""), Standing.MISCONFIGURED),
        (entry(msds_user_account_control_computed=""), Standing.MISCONFIGURED),
        (entry(useraccountcontrol="?"), Standing.MISCONFIGURED),
    ],
)
def test_an_account_is_judged_by_what_its_entry_holds(
    values_: standing.Values, state: Standing
) -> None:
    assert standing.of_entry(values_, NOW) is state


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("", Standing.GOOD),
        ("52e", Standing.WRONG_CREDENTIALS),
        ("525", Standing.WRONG_CREDENTIALS),
        ("775", Standing.LOCKED),
        ("invalidCredentials", Standing.WRONG_CREDENTIALS),
        ("unwillingToPerform", Standing.WRONG_CREDENTIALS),
    ],
)
def test_a_bind_is_read_by_its_sub_code(code: str, state: Standing) -> None:
    assert standing.of_sub_code(code) is state


def test_mailboxes_are_suggestions_of_whatever_form() -> None:
    one = entry(mail="a@court.test;b@court.test, a@court.test\nno mailbox")

    found = people.person(section(), "CN=x,DC=court,DC=test", one, ())

    assert found.mails == ("a@court.test", "b@court.test")


def test_nobody_is_shown_what_no_database_and_no_page_can_hold() -> None:
    hostile = {
        "samaccountname": (b"wang\0.dm",),
        "displayname": (" \ue000\0明\u202e\u2028\u2029\u200b葛\U000e0100\x1b ".encode(),),
        "title": (("長" * 300).encode(),),
        "department": (b"\0\xff\xed\xa0\x80",),
        "mail": ("a\u202e@court.test b\0@court.test c@court.test ".encode(), b"d" * 300 + b"@x"),
    }

    found = people.person(section(), "CN=x,DC=court,DC=test", hostile, ())

    assert (found.account, found.name) == ("wang.dm", "\ue000明葛\U000e0100")
    assert found.title == "長" * 256
    assert "\0" not in found.department
    assert found.mails == ("c@court.test",)


@pytest.mark.parametrize(
    ("host", "parts"),
    [
        ("dc1.court.test", ("dc1.court.test", 636)),
        ("dc1.court.test:3269", ("dc1.court.test", 3269)),
        ("[::1]:6360", ("::1", 6360)),
        ("::1", ("::1", 636)),
        ("127.0.0.11", ("127.0.0.11", 636)),
    ],
)
def test_a_controller_has_a_name_and_a_port(host: str, parts: tuple[str, int]) -> None:
    assert host_and_port(host) == parts


@pytest.mark.parametrize(
    ("names_", "above"),
    [
        (["CN=a,OU=院,DC=court,DC=t", "CN=b,OU=院,DC=court,DC=t"], "OU=院,DC=court,DC=t"),
        (["CN=a,OU=x,DC=court,DC=test", "cn=b, ou=y , dc=COURT, dc=test"], "DC=court,DC=test"),
        (["CN=a,OU=x,DC=t", "OU=x,DC=t"], "DC=t"),
        (["CN=a,DC=court", "CN=a,DC=other"], ""),
        (["CN=a,DC=court"], "DC=court"),
        (["CN=a+SN=b,DC=court", "CN=c,DC=court"], ""),
        (["no name at all", "CN=c,DC=court"], ""),
        ([], ""),
    ],
)
def test_what_several_entries_are_below(names_: list[str], above: str) -> None:
    assert shared_by(names_) == above


def test_a_name_is_the_same_however_it_is_written() -> None:
    assert key("CN=院長, OU=X,dc=T") == key("cn=\\E9\\99\\A2\\E9\\95\\B7,ou=x,DC=t")
    assert key("CN=a\\,b,DC=t") != key("CN=a,CN=b,DC=t")


_TAIPEI: Names = {"en": "Taipei", "zh-Hant": "臺北"}


@pytest.mark.parametrize(
    ("names", "locale", "called"),
    [
        ("臺北", "en", "臺北"),
        (_TAIPEI, "zh-Hant", "臺北"),
        pytest.param(_TAIPEI, "zh-Hans", "臺北", id="Chinese stands for Chinese"),
        pytest.param({"zh-Hant": "臺北"}, "en", "臺北", id="else the first that is written"),
        pytest.param(_TAIPEI, "", "Taipei", id="the first goes on record"),
    ],
)
def test_a_court_is_called_as_the_language_calls_it(names: Names, locale: str, called: str) -> None:
    assert courts.called(names, locale) == called


@pytest.mark.parametrize(
    ("written", "code"),
    [("TPD", "TPD"), ("臺北", "TPD"), ("Taipei", "TPD"), ("高院", "TPH"), ("elsewhere", "")],
)
def test_each_name_of_a_court_stands_for_it_in_an_attribute(written: str, code: str) -> None:
    assert courts.code_of({"TPD": _TAIPEI, "TPH": "高院"}, written) == code


@pytest.mark.parametrize(
    ("written", "court", "told"),
    [
        pytest.param("TPD", "TPD", "", id="a court of ours"),
        pytest.param("臺灣南投地方法院", "", "臺灣南投地方法院", id="one that is not listed"),
        pytest.param("", "", "", id="none"),
        pytest.param("南投\u202e\n地方", "", "南投地方", id="what nobody can see is left out"),
    ],
)
def test_a_court_that_is_not_listed_is_kept_as_it_is_and_is_no_court(
    written: str, court: str, told: str
) -> None:
    one = entry(company=written)
    listed = section(courts={"TPD": "臺灣臺北地方法院"})

    found = people.person(listed, "CN=x,DC=court,DC=test", one, ())

    assert (found.court, found.court_told) == (court, told)


def test_a_group_of_a_court_that_is_not_listed_and_an_ou_too() -> None:
    groups = {"CN=N,DC=court,DC=test": "NTD"}
    by_group = section(court_from="group", court_groups=groups)
    by_ou = section(court_from="ou")

    in_group = people.person(by_group, "CN=x,DC=court,DC=test", entry(), groups)
    in_ou = people.person(by_ou, "CN=x,OU=南投,DC=court,DC=test", entry(), ())

    assert (in_group.court, in_group.court_told) == ("", "NTD")
    assert (in_ou.court, in_ou.court_told) == ("", "南投")


def test_of_two_courts_of_ours_there_is_none_and_nothing_unknown() -> None:
    groups = {"CN=A,DC=court,DC=test": "TPD", "CN=B,DC=court,DC=test": "TPH"}
    both = section(court_from="group", court_groups=groups, courts={"TPD": "北院", "TPH": "高院"})

    found = people.person(both, "CN=x,DC=court,DC=test", entry(), groups)

    assert (found.court, found.court_told) == ("", "")


def test_who_is_of_no_court_is_not_of_one_whose_name_was_left_empty() -> None:
    assert courts.code_of({"TPD": {"zh-Hant": "臺灣臺北地方法院", "en": ""}, "TPH": ""}, "") == ""
