"""`AD=1 make run`: a directory of judges beside the stack; without it nothing of the kind."""

import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from demo import judges, notice, plan, second_court
from demo.samba import controller
from idp.authenticators.directory.directory import Directories
from idp.authenticators.directory.model import DirectoryPerson, Standing
from idp.clock import system_clock
from idp.config import ConfigError, DirectorySection

SUBJECTS = {name: f"s_{name}" for name in ("CITIZEN1", "CITIZEN2", "LAWYER1", "TESTER")}


def test_left_alone_the_stack_has_no_directory() -> None:
    run = plan.make({})
    document = notice.describe(run, SUBJECTS)

    assert plan.before_all(run) == plan.at_last(run) == ()
    assert "directory" not in {one.name for one in plan.services(run)}
    assert (document["judges"], document["krb5_conf"]) == ([], "")
    table = notice.table(document | {"cards_need": "nothing"}).splitlines()
    assert [line for line in table if "Judges" in line] == [
        "  Judges of a court's directory come with: AD=1 make run"
    ]


def test_what_is_neither_yes_nor_no_is_refused() -> None:
    with pytest.raises(ConfigError, match="AD"):
        plan.make({"AD": "yes"})


def test_where_it_cannot_be_started_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> str:
        raise controller.NoSamba("only root may")

    monkeypatch.setattr(controller, "free_address", nowhere)

    with pytest.raises(ConfigError, match="AD=1: only root may"):
        plan.make({"AD": "1"})


def test_with_it_the_provider_is_told_and_so_are_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller, "free_address", lambda: "127.0.0.77")
    monkeypatch.setattr(second_court, "free_port", lambda: 10636)
    run = plan.make({"AD": "1"})

    told = next(dict(one.env) for one in plan.services(run) if one.name == "provider")
    section, second = msgspec.json.decode(told["PORTICO__DIRECTORIES"], type=list[DirectorySection])
    assert section.hosts == ["127.0.0.77"]
    assert (second.hosts, second.kind) == (["localhost:10636"], "ldap")
    assert [one.name for one in plan.services(run)[:2]] == ["directory", "second-directory"]
    table = notice.table(notice.describe(run, SUBJECTS) | {"cards_need": "nothing"})
    assert "王大明" in table
    assert {"good", "locked", "expired", "must change", "disabled"} <= set(
        re.findall(r"Passw0rd!  +(\w+(?: \w+)*)  ", table)
    )


def test_its_judges_sign_in(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    cache = pytestconfig.cache.mkdir("samba-of-the-demo")
    second = second_court.free_port()
    assert second
    judge = judges.Judges(controller.free_address(), tmp_path / "ad", cache, True, second)
    judges.lay_out(judge)
    try:
        (make,), (directory, other), (awaited,) = (
            judges.made(judge),
            judges.services(judge),
            judges.awaited(judge),
        )
        subprocess.run(make.argv, check=True, cwd=plan.ROOT)
        running = [
            subprocess.Popen(one.argv, stdout=subprocess.DEVNULL) for one in (directory, other)
        ]
        try:
            subprocess.run(awaited.argv, check=True, cwd=plan.ROOT)
            sections = msgspec.convert(judges.told(judge), list[DirectorySection])
            court = Directories(sections, system_clock)
            answers = {
                one["username"]: court.sign_in(one["principal"], one["password"])
                for one in judges.described(judge)
            }
        finally:
            for one in running:
                one.terminate()
                one.wait()
    finally:
        judges.clear_away(judge)

    assert answers.pop("ting.yf") is Standing.DISABLED
    assert answers.pop("hsieh.jf") is Standing.LOCKED
    assert answers.pop("wu.zx") is Standing.EXPIRED
    assert answers.pop("tsai.ml") is Standing.MUST_CHANGE
    assert answers.pop("IPC\\ho.gone") is Standing.NOT_ALLOWED
    other_court = answers.pop("IPC\\shih.hy")
    assert isinstance(other_court, DirectoryPerson)
    assert (other_court.directory, other_court.court) == ("ipc", "IPC")
    assert {type(one) for one in answers.values()} == {DirectoryPerson}
    president = answers["chen.yz"]
    assert isinstance(president, DirectoryPerson)
    assert (president.roles, president.court) == (("president",), "TPD")
    assert set(answers) == {"wang.dm", "lee.ys", "chen.yz"}
