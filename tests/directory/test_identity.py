"""Who somebody is outlives their name, their place and their court; nobody inherits it."""

import uuid
from typing import Any

import pytest

from idp.authenticators.directory.directory import Directories
from idp.authenticators.directory.model import DirectoryPerson, Standing
from idp.gateways.ldap_wire import Conversation
from tests.directory.conftest import Asking
from tests.labs.samba_ad import (
    BASE,
    HIGH,
    HIGH_JUDGES,
    JUDGES,
    PASSWORD,
    PRESIDENTS,
    TAIPEI,
    TAIPEI_JUDGES,
    Domain,
)


def known(found: object) -> DirectoryPerson:
    assert isinstance(found, DirectoryPerson)
    return found


def test_a_renamed_and_moved_judge_stays_the_same_and_one_made_anew_is_another(
    samba_ad: Domain, asking: Asking
) -> None:
    court = asking(court_from="ou", court_ou_level=2)
    before = known(court.sign_in("changeme", PASSWORD))

    new_name = ("--samaccountname=changed", "--upn=changed@court.test", "--force-new-cn=改過名")
    samba_ad.tool("user", "rename", "changeme", *new_name)
    renamed = known(court.sign_in("changed", PASSWORD))
    assert renamed.identity == before.identity
    assert court.sign_in("changeme", PASSWORD) is Standing.NOBODY

    samba_ad.tool("user", "move", "changed", f"OU=使用者,OU={HIGH},OU=法院")
    moved = known(court.by_guid(before.identity.key))
    assert (moved.identity, moved.account) == (before.identity, "changed")
    assert (before.court, moved.court) == ("TPD", "TPH")

    samba_ad.tool("user", "delete", "changed")
    assert court.by_guid(before.identity.key) is Standing.WRONG_CREDENTIALS
    samba_ad.tool("user", "create", "changed", PASSWORD)
    samba_ad.tool("group", "addmembers", "高院法官", "changed")
    anew = known(court.sign_in("changed", PASSWORD))
    assert anew.identity != before.identity
    assert court.by_guid(before.identity.key) is Standing.WRONG_CREDENTIALS


STATES = [
    ("disabled", Standing.DISABLED),
    ("accexp", Standing.EXPIRED),
    ("pwexp", Standing.PASSWORD_EXPIRED),
    ("mustchange", Standing.MUST_CHANGE),
    ("hours", Standing.OUTSIDE_HOURS),
    ("clerk01", Standing.NOT_ALLOWED),
]


@pytest.mark.parametrize(("account", "standing"), STATES)
def test_who_binds_nothing_is_judged_as_a_bind_would(
    samba_ad: Domain, court: Directories, account: str, standing: Standing
) -> None:
    sid, guid = samba_ad.ids_of(account)

    assert court.by_sid("court", sid) is standing
    assert court.by_guid(f"court:{guid}") is standing
    assert [bind.name for bind in samba_ad.binds()] == [samba_ad.section().bind_dn]


def test_a_judge_is_found_by_both_of_their_ids(samba_ad: Domain, court: Directories) -> None:
    sid, guid = samba_ad.ids_of("wang.dm")

    assert known(court.by_sid("court", sid)) == known(court.by_guid(f"court:{guid}"))
    assert known(court.by_sid("court", sid)) == known(court.sign_in("wang.dm", PASSWORD))


def test_a_disabled_judge_is_disabled_at_once(samba_ad: Domain, court: Directories) -> None:
    guid = known(court.sign_in("lee.ys", PASSWORD)).identity.key

    with samba_ad.disabled("lee.ys"):
        assert court.by_guid(guid) is Standing.DISABLED
        assert court.sign_in("lee.ys", PASSWORD) is Standing.DISABLED

    assert known(court.by_guid(guid)).account == "lee.ys"


def test_an_id_of_nobody_finds_nobody(court: Directories) -> None:
    assert court.by_guid(f"court:{uuid.UUID(int=0)}") is Standing.WRONG_CREDENTIALS


@pytest.mark.parametrize(
    "key", ["court:", "court:*", "court", "", f"other:{uuid.UUID(int=0)}", "other:*"]
)
def test_what_names_no_directory_or_no_entry_says_nothing_of_anybody(
    court: Directories, key: str
) -> None:
    assert court.by_guid(key) is Standing.MISCONFIGURED


def test_a_security_identifier_of_nobody_finds_nobody(court: Directories) -> None:
    for sid in (b"", b"*", bytes(28), b"\x01\x05" + bytes(26)):
        assert court.by_sid("court", sid) is Standing.WRONG_CREDENTIALS
    assert court.by_sid("elsewhere", bytes(28)) is Standing.WRONG_CREDENTIALS


def test_a_group_holds_whoever_is_in_a_group_of_it(asking: Asking) -> None:
    """Nobody is in the judges' group directly."""
    assert known(asking(people_group=JUDGES).sign_in("wang.dm", PASSWORD)).account == "wang.dm"
    assert known(asking(people_group="").sign_in("clerk01", PASSWORD)).title == "書記官"
    gone = asking(people_group=f"CN=No such group,{BASE}")
    assert gone.sign_in("wang.dm", PASSWORD) is Standing.MISCONFIGURED


def test_roles_come_from_groups_alone(asking: Asking) -> None:
    roles = {PRESIDENTS: "president", JUDGES: "judge", f"CN=None,{BASE}": "nothing"}
    court = asking(roles=roles)

    assert known(court.sign_in("chen.yz", PASSWORD)).roles == ("president", "judge")
    assert known(court.sign_in("wang.dm", PASSWORD)).roles == ("judge",)


def test_all_groups_are_asked_for_at_once_however_they_are_written(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = PRESIDENTS.replace("CN=", "cn=").replace(",", ", ")
    courts = {f"CN=Judges of {number},{BASE}": "TPD" for number in range(40)} | {HIGH_JUDGES: "TPH"}
    court = asking(roles={written: "president"}, court_from="group", court_groups=courts)
    court.sign_in("chen.yz", PASSWORD)
    searches: list[str] = []
    search = Conversation.search

    def counted(self: Conversation, base: str, filter_: str, *rest: Any, **more: Any) -> Any:
        searches.append(base)
        return search(self, base, filter_, *rest, **more)

    monkeypatch.setattr(Conversation, "search", counted)
    found = known(court.sign_in("chen.yz", PASSWORD))

    assert (found.roles, found.court) == (("president",), "TPH")
    assert searches == [BASE, BASE]


def test_a_court_comes_from_an_attribute_an_ou_or_a_group(asking: Asking) -> None:
    groups = {TAIPEI_JUDGES: "TPD", HIGH_JUDGES: "TPH"}
    ways = [
        asking(),
        asking(court_from="ou", court_ou_level=2),
        asking(court_from="group", court_groups=groups),
    ]

    for court in ways:
        assert known(court.sign_in("wang.dm", PASSWORD)).court_name == TAIPEI
        assert known(court.sign_in("lee.ys", PASSWORD)).court == "TPH"


def test_a_court_that_is_none_of_ours_is_not_believed(asking: Asking) -> None:
    both = {JUDGES: "TPD", PRESIDENTS: "TPH"}

    assert known(asking().sign_in("elsewhere", PASSWORD)).court == ""
    assert known(asking(courts={"TPD": "another"}).sign_in("wang.dm", PASSWORD)).court == ""
    assert known(asking(court_from="ou").sign_in("wang.dm", PASSWORD)).court == ""
    ambiguous = asking(court_from="group", court_groups=both)
    assert known(ambiguous.sign_in("chen.yz", PASSWORD)).court == ""


def test_staff_numbers_are_read_where_that_is_wanted(asking: Asking) -> None:
    found = known(asking(employee_numbers=True).sign_in("wang.dm", PASSWORD))

    assert found.employee_number == "A12345"


def test_a_name_of_characters_that_no_standard_has_is_kept(court: Directories) -> None:
    assert known(court.sign_in("zaozi", PASSWORD)).name == "\ue000\ue001明"
