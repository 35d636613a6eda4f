"""What stands between a page and the demo's cards: decided, written down, kept from others."""

import importlib.util
import stat
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from cardbridge import config as bridge
from cardbridge.lab.tokens import PIN as PIN_OF_THE_LAB
from demo import cards, notice, plan
from demo.cards import Cards
from demo.reader.pages import create_app
from demo.reader.window import Window
from idp.config import ConfigError

SUBJECTS = {name: f"s_{name}" for name in ("CITIZEN1", "CITIZEN2", "LAWYER1", "TESTER")}
MISSING = {"READER__MODULE": "/nowhere/libsofthsm2.so"}
MADE = [
    {"name": "gca-1", "label": "政府憑證-1", "profile": "gca", "holder": "測試機關"},
    {"name": "moica-1", "label": "自然人憑證-1", "profile": "moica", "holder": "林美玲"},
]


@pytest.fixture
def decided(tmp_path: Path) -> Iterator[Cards]:
    run = plan.make({"READER__DIALOG": "page"}).cards
    own = replace(run, var=tmp_path, private=tmp_path / "private")
    yield own
    cards.clear_away(own)


def test_the_bridge_listens_where_the_pages_look_for_it() -> None:
    run = plan.make({"BRIDGE__PORT": "44961"})

    told = next(dict(one.env) for one in plan.services(run) if one.name == "provider")
    assert told["PORTICO__CARDS__BRIDGE_PORTS"] == "[44961]"
    assert run.cards.bridge_port == 44961


def test_the_bridge_takes_a_spare_port_where_the_first_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cards, "is_free", lambda number: number != 34961)

    assert plan.make({}).cards.bridge_port == 34962


def test_where_all_are_taken_the_first_is_complained_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cards, "is_free", lambda _: False)

    assert plan.make({}).cards.bridge_port == 34961


def test_another_responder_has_cards_of_its_own() -> None:
    """Their certificates name its port: those of the other stay what they are."""
    moved, at_home = plan.make({"RESPONDER__PORT": "44970"}), plan.make({})

    assert moved.cards.folder != at_home.cards.folder


def test_the_bridge_can_read_what_it_is_told(decided: Cards) -> None:
    cards.lay_out(decided)

    read = bridge.load(decided.private / "bridge.toml", Path("/nowhere"))
    assert read.sites == {"http://localhost:9000": "司法院整合服務入口網"}
    assert (read.port, read.spare_ports) == (decided.bridge_port, ())
    assert read.pin_dialog[-1] == str(decided.dialog)


def test_with_a_screen_the_bridge_chooses_its_own_window(decided: Cards) -> None:
    cards.lay_out(replace(decided, on_a_page=False))

    assert "pin_dialog" not in tomllib.loads((decided.private / "bridge.toml").read_text())


def test_its_folder_is_nobody_elses(decided: Cards) -> None:
    cards.lay_out(decided)
    assert stat.S_IMODE(decided.private.stat().st_mode) == 0o700

    decided.private.chmod(0o770)
    with pytest.raises(ConfigError, match="not ours alone"):
        cards.lay_out(decided)


def test_a_link_in_place_of_its_folder_is_refused(decided: Cards, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    decided.private.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ConfigError, match="not ours alone"):
        cards.lay_out(decided)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, True),
        ({"READER__DIALOG": "window"}, False),
        ({"READER__DIALOG": "page", "DISPLAY": ":0"}, True),
    ],
)
def test_without_a_screen_the_pin_is_asked_for_on_the_page(
    environ: dict[str, str], expected: bool
) -> None:
    assert plan.make(environ).cards.on_a_page is expected


def test_a_screen_with_a_dialog_program_has_the_real_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cards, "_has_window", lambda: True)

    assert plan.make({"DISPLAY": ":0"}).cards.on_a_page is False
    assert "localhost:9027" in cards.notice(plan.make({"DISPLAY": ":0"}).cards)["en"]


def test_a_dialog_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="READER__DIALOG"):
        plan.make({"READER__DIALOG": "paper"})


def test_without_softhsm_all_but_the_cards_starts_and_both_say_how_to_get_it() -> None:
    run = plan.make(MISSING)

    assert {one.name for one in plan.services(run)} == {"mailbox", "provider", "casequery"}
    assert len(plan.introduction(run).argv) < len(plan.introduction(plan.make({})).argv)
    assert "cards-made" not in {one.name for one in plan.preparations(run)}
    told = next(dict(one.env) for one in plan.services(run) if one.name == "provider")
    assert "apt-get install softhsm2" in told["PORTICO__CARDS__NOTICES"]
    assert "apt-get install softhsm2" in notice.table(notice.describe(run, SUBJECTS))


def test_without_a_binding_to_load_it_the_way_to_one_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    run = plan.make({})

    assert run.cards.module == ""
    assert "pip install PyKCS11" in notice.table(notice.describe(run, SUBJECTS))


def test_the_table_names_each_card_its_pin_and_its_account() -> None:
    document = notice.describe(plan.make({}), SUBJECTS, MADE)

    lines = notice.table(document).splitlines()
    owned = next(line for line in lines if "moica-1" in line)
    assert "opens CITIZEN1" in owned
    assert "林美玲" in owned
    assert "nobody's yet" in next(line for line in lines if "gca-1" in line)
    assert {one["pin"] for one in document["cards"]} == {PIN_OF_THE_LAB}
    assert any(PIN_OF_THE_LAB in line and "localhost:9027" in line for line in lines)


def test_a_card_is_put_in_alone_and_taken_out(tmp_path: Path) -> None:
    moved: list[tuple[str, ...]] = []
    (tmp_path / "cards.json").write_bytes(msgspec.json.encode(MADE))
    (tmp_path / "tokens" / "reader" / "moica-1").mkdir(parents=True)
    app = create_app(tmp_path, Window(), lambda _folder, *words: moved.append(words))
    visitor = app.test_client()

    assert 'id="in-moica-1"' in visitor.get("/").text
    assert visitor.post("/cards/moica-1").status_code == 303
    visitor.post("/cards/gca-1")

    assert moved == [("remove", "moica-1"), ("insert", "gca-1", "--alone")]
    assert visitor.post("/cards/..").status_code == 404


def test_no_other_site_moves_a_card_or_types_a_pin(tmp_path: Path) -> None:
    (tmp_path / "cards.json").write_text("[]")
    visitor = create_app(tmp_path, Window(), lambda *_: None).test_client()

    evil = {"Origin": "http://evil.example"}
    assert visitor.post("/answer", headers=evil).status_code == 403
    assert visitor.post("/cards/moica-1", headers=evil).status_code == 403
    assert visitor.get("/", headers={"Host": "rebound.example"}).status_code == 421
