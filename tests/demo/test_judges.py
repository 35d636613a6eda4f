"""`AD=1 make run`: a directory of judges beside the stack; without it nothing of the kind."""

import subprocess
from pathlib import Path

import msgspec
import pytest

from demo import judges, notice, plan
from demo.samba import controller
from demo.samba.court import PLAN
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
    assert "Judges" not in notice.table(document | {"cards_need": "nothing"})


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
    run = plan.make({"AD": "1"})

    told = next(dict(one.env) for one in plan.services(run) if one.name == "provider")
    (section,) = msgspec.json.decode(told["PORTICO__DIRECTORIES"], type=list[DirectorySection])
    assert section.hosts == ["127.0.0.77"]
    assert plan.services(run)[0].name == "directory"
    table = notice.table(notice.describe(run, SUBJECTS) | {"cards_need": "nothing"})
    assert "王大明" in table


def test_its_judges_sign_in(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    cache = pytestconfig.cache.mkdir("samba-of-the-demo")
    judge = judges.Judges(controller.free_address(), tmp_path / "ad", cache, tickets=True)
    judges.lay_out(judge)
    try:
        (make,), (directory,), (awaited,) = (
            judges.made(judge),
            judges.services(judge),
            judges.awaited(judge),
        )
        subprocess.run(make.argv, check=True, cwd=plan.ROOT)
        running = subprocess.Popen(directory.argv, stdout=subprocess.DEVNULL)
        try:
            subprocess.run(awaited.argv, check=True, cwd=plan.ROOT)
            sections = msgspec.convert(judges.told(judge), list[DirectorySection])
            court = Directories(sections, system_clock)
            answers = {
                one["username"]: court.sign_in(one["principal"], one["password"])
                for one in judges.described(judge)
            }
        finally:
            running.terminate()
            running.wait()
    finally:
        judges.clear_away(judge)

    assert answers.pop("ting.yf") is Standing.DISABLED
    assert {type(one) for one in answers.values()} == {DirectoryPerson}
    president = answers["chen.yz"]
    assert isinstance(president, DirectoryPerson)
    assert (president.roles, president.court) == (("president",), "TPD")
    assert len(answers) == sum(one.state != "disabled" for one in PLAN.people) - 2
