"""The configuration, the files it trusts, and what the command line does with it."""

import os
import re
import socket
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from cardbridge import cli, config, log, origins, outcomes
from cardbridge.card import modules
from cardbridge.config import Config, ConfigError
from cardbridge.files import Insecure, ensure_private
from cardbridge.front import listening
from cardbridge.front.listening import Taken, listen
from cardbridge.outcomes import Code, Failure
from cardbridge.programs import environment, own_program
from cardbridge.setup import units
from tests.bridge.callers import SITE
from tests.bridge.running import HOUSE, SOFTHSM
from tests.labs.ports import free_port

GOOD_ORIGINS = [
    "https://idp.example",
    "https://idp.example:8443",
    "https://xn--8juq24g.tw",
    "https://10.1.2.3",
    "https://[2001:db8::1]:8443",
    "http://localhost:9000",
    "http://127.0.0.1:9000",
    "http://[::1]:9000",
]
WRONG_ORIGINS = [
    "",
    "null",
    "*",
    "https://",
    "https://*",
    "https://*.example",
    "https://idp.example/",
    "https://idp.example:443",
    "https://idp.example:0",
    "https://idp.example:65536",
    "https://idp.example:08443",
    "https://IDP.example",
    "https://憑證.tw",
    "https://user@idp.example",
    "https://idp.example?x",
    "https://idp.example#x",
    "https://idp example",
    "https://-idp.example",
    "https://idp..example",
    "http://idp.example",
    "http://localhost.evil.example",
    "http://localhost:80",
    "file://",
    "https://idp.example\n",
    "https://" + "a" * 300 + ".example",
]


@pytest.mark.parametrize("origin", GOOD_ORIGINS)
def test_an_origin_is_what_browsers_write(origin: str) -> None:
    assert origins.is_origin(origin)


@pytest.mark.parametrize("origin", WRONG_ORIGINS)
def test_anything_else_is_no_origin(origin: str) -> None:
    assert not origins.is_origin(origin)


@given(st.text(max_size=60))
def test_any_text_is_an_origin_or_not(text: str) -> None:
    assert not origins.is_origin(text) or text.startswith(("https://", "http://"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1", "no key 'prot'"),
        ("port = 80", "1024 to 65535"),
        ("port = true", "whole number"),
        ('port = "34961"', "whole number"),
        ("spare_ports = 1", "a list"),
        ('modules = ["softhsm.so"]', "absolute"),
        ('modules = ["../x.so"]', "absolute"),
        ('pin_dialog = "pinentry-qt"', "a list"),
        ("card_seconds = 0", "1 to 60"),
        ("[[sites]]\norigin = 'https://*.example'", "no origin"),
        ("[[sites]]\nname = 'x'", "no origin"),
        ("[[sites]]\norigin = 'https://a.example'\nallow = 1", "nothing else"),
        ("[[sites]]\norigin = 'https://a.example'\nname = \"a\\nb\"", "name of"),
        ("port = ", "at end of document"),
    ],
)
def test_a_wrong_configuration_says_where_and_what(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)) as error:
        config.parse(text, "the file")

    assert str(error.value).startswith("the file")


def test_no_file_is_the_defaults(tmp_path: Path) -> None:
    settings = config.load(tmp_path / "none.toml", tmp_path / "none either.toml")

    assert settings == Config()
    assert (settings.port, settings.spare_ports) == (34961, (34962, 34963))
    assert settings.sites == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="the administrator's file is root's")
def test_the_administrators_word_stands_and_sites_are_of_both(tmp_path: Path) -> None:
    own, system = tmp_path / "own.toml", tmp_path / "system.toml"
    own.write_text('port = 40000\nidle_minutes = 5\n[[sites]]\norigin = "https://mine.example"\n')
    system.write_text('port = 50000\n[[sites]]\norigin = "https://court.example"\nname = "Court"\n')

    settings = config.load(own, system)

    assert (settings.port, settings.idle_minutes) == (50000, 5)
    assert settings.sites == {"https://mine.example": "", "https://court.example": "Court"}


@pytest.mark.parametrize("mode", [0o666, 0o662, 0o602])
def test_a_configuration_that_others_can_write_stops_the_bridge(tmp_path: Path, mode: int) -> None:
    own = tmp_path / "config.toml"
    own.touch()
    own.chmod(mode)

    with pytest.raises(ConfigError, match="chmod go-w"):
        config.load(own, tmp_path / "none.toml")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_group_that_can_write_is_trusted_if_nobody_else_is_in_it(tmp_path: Path) -> None:
    own = tmp_path / "config.toml"
    own.touch()
    own.chmod(0o660)
    config.load(own, tmp_path / "none.toml")

    os.chown(own, 0, 65534)
    with pytest.raises(ConfigError, match="chmod go-w"):
        config.load(own, tmp_path / "none.toml")


def test_a_folder_that_others_can_write_is_no_better(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    module = folder / "module.so"
    module.touch()
    folder.chmod(0o777)

    with pytest.raises(Insecure):
        ensure_private(module)
    folder.chmod(0o1777)
    ensure_private(module)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_is_not_believed(tmp_path: Path) -> None:
    module = tmp_path / "module.so"
    module.touch()
    os.chown(module, 65534, 65534)

    with pytest.raises(Insecure, match="65534"):
        ensure_private(module)


def test_a_link_is_judged_by_what_it_leads_to(tmp_path: Path) -> None:
    module, link = tmp_path / "module.so", tmp_path / "link.so"
    module.touch()
    module.chmod(0o666)
    link.symlink_to(module)

    with pytest.raises(Insecure):
        ensure_private(link)


def test_a_module_that_cannot_be_trusted_is_not_loaded(tmp_path: Path) -> None:
    module = tmp_path / "module.so"
    module.touch()
    module.chmod(0o666)

    found = modules.candidates([module, tmp_path / "missing.so", Path(SOFTHSM)])

    assert [bool(one.trouble) for one in found] == [True, True, False]
    assert modules.usable([module, Path(SOFTHSM)]) == (Path(SOFTHSM),)


def test_soft_tokens_are_used_only_when_they_are_named() -> None:
    by_itself = {one.name: one.used for one in modules.candidates(())}

    assert by_itself["SoftHSM"] is False
    assert by_itself["OpenSC"] is True


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_each_system_has_its_four_libraries(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)

    assert [one.name for one in modules.known()] == ["HiCOS", "OpenSC", "YubiKey", "SoftHSM"]


def test_the_log_has_no_field_for_a_secret() -> None:
    assert not log.FIELDS & {"pin", "nonce", "certificate", "serial", "holder", "ticket", "code"}
    with pytest.raises(ValueError, match="holder"):
        log.write("operation", holder="王小明")


def test_a_line_of_the_log_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.write("refused", detail="x\ny" * 1000)

    (line,) = capsys.readouterr().err.splitlines()
    assert len(line) < 500


def test_every_outcome_says_whether_to_try_again() -> None:
    final = {code for code in Code if not Failure(code).retry}

    assert final == {
        Code.NO_MODULE,
        Code.NO_CREDENTIAL,
        Code.PIN_LOCKED,
        Code.ORIGIN_DENIED,
        Code.UNSUPPORTED,
        Code.BAD_REQUEST,
    }
    assert outcomes.Failure(Code.PIN_INCORRECT, 2).message() == {
        "error": "pin_incorrect",
        "tries_left": 2,
        "retry": True,
    }


class CommandLine:
    """The command line with a home of its own."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.config = home / "config" / "cardbridge" / "config.toml"
        self.home = home
        for name, folder in (
            ("HOME", "."),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_RUNTIME_DIR", "run"),
        ):
            monkeypatch.setenv(name, str(home / folder))
        monkeypatch.delenv("CARDBRIDGE_CONFIG", raising=False)
        monkeypatch.delenv("DISPLAY", raising=False)

    def __call__(self, *words: str) -> Result:
        return CliRunner().invoke(cli.main, list(words))


@pytest.fixture
def cardbridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(tmp_path, monkeypatch)


def test_a_site_is_allowed_named_and_disallowed(cardbridge: CommandLine) -> None:
    cardbridge.config.parent.mkdir(parents=True)
    cardbridge.config.write_text("# mine\nport = 40000  # kept\n")

    cardbridge("allow", SITE, "--name", 'The "court"')
    cardbridge("allow", "https://other.example/")
    cardbridge("allow", SITE, "--name", "法院")
    listed = cardbridge("allow").output
    gone = cardbridge("disallow", "https://other.example")

    assert listed == f"https://other.example\n{SITE}  法院\n"
    assert gone.exit_code == 0
    text = cardbridge.config.read_text("utf-8")
    assert text.startswith("# mine\nport = 40000  # kept\n")
    assert tomllib.loads(text)["sites"] == [{"origin": SITE, "name": "法院"}]
    assert cardbridge.config.stat().st_mode & 0o077 == 0


def test_an_international_name_is_allowed_as_browsers_write_it(cardbridge: CommandLine) -> None:
    done = cardbridge("allow", "https://憑證.tw")

    assert "https://xn--8juq24g.tw may now ask" in done.output


@pytest.mark.parametrize("origin", ["http://idp.example", "idp.example", "https://*.tw", "null"])
def test_what_is_no_origin_is_not_allowed(cardbridge: CommandLine, origin: str) -> None:
    done = cardbridge("allow", origin)

    assert done.exit_code == 1
    assert "is no origin such as" in done.output
    assert not cardbridge.config.exists()


def test_a_name_cannot_write_another_entry(cardbridge: CommandLine) -> None:
    done = cardbridge("allow", SITE, "--name", 'x"\n[[sites]]\norigin = "https://evil.example')

    assert done.exit_code == 1
    assert not cardbridge.config.exists()


def test_what_was_never_allowed_cannot_be_disallowed(cardbridge: CommandLine) -> None:
    assert cardbridge("disallow", SITE).exit_code == 1


def test_without_a_bridge_the_status_says_how_to_start_one(cardbridge: CommandLine) -> None:
    done = cardbridge("status")

    assert done.exit_code == 1
    assert "cardbridge run" in done.output


def test_the_doctor_names_a_remedy_for_all_that_is_missing(cardbridge: CommandLine) -> None:
    done = cardbridge("doctor")

    lines = done.output.splitlines()
    bad = [number for number, line in enumerate(lines) if line.startswith("--")]
    assert done.exit_code == 1
    assert any("sites: none may ask" in lines[number] for number in bad)
    assert all(lines[number + 1].startswith("      ") for number in bad)
    assert any("cardbridge allow" in line for line in lines)


def test_the_doctor_stops_at_a_broken_configuration(cardbridge: CommandLine) -> None:
    cardbridge.config.parent.mkdir(parents=True)
    cardbridge.config.write_text("prot = 1\n")

    done = cardbridge("doctor")

    assert "prot" in done.output
    assert len(done.output.splitlines()) == 2


def test_modules_are_listed(cardbridge: CommandLine) -> None:
    assert re.search(
        r"SoftHSM .*\(used when the configuration names it\)", cardbridge("modules").output
    )


def test_it_is_installed_for_one_person_and_taken_away(cardbridge: CommandLine) -> None:
    done = cardbridge("install")
    autostart = cardbridge.home / "config/autostart/cardbridge.desktop"
    handler = cardbridge.home / "data/applications/cardbridge.desktop"

    assert done.exit_code == 0, done.output
    assert "x-scheme-handler/cardbridge;" in handler.read_text("utf-8")
    assert "%u" not in handler.read_text("utf-8")
    assert "MimeType" not in autostart.read_text("utf-8")
    cardbridge("uninstall")
    assert not autostart.exists()
    assert not handler.exists()


def test_as_a_unit_of_systemd_it_gets_no_new_rights(cardbridge: CommandLine) -> None:
    cardbridge("install", "--systemd")

    unit = (cardbridge.home / "config/systemd/user/cardbridge.service").read_text("utf-8")
    assert "NoNewPrivileges=yes" in unit
    assert "LimitCORE=0" in unit


def test_a_path_with_odd_letters_stays_one_word() -> None:
    entry = units.desktop_entry(['/opt/my apps/$x`%/card"bridge', "run"], autostart=True)
    unit = units.systemd_unit(['/opt/my apps/$x%/card"bridge', "run"])

    assert 'Exec="/opt/my apps/\\\\$x\\\\`%%/card\\\\"bridge" "run"' in entry
    assert 'ExecStart="/opt/my apps/$$x%%/card\\"bridge" "run"' in unit
    assert b"<string>run</string>" in units.launch_agent(["cardbridge", "run"])


def test_softcard_is_there_too(cardbridge: CommandLine) -> None:
    assert "softcard" in cardbridge("--help").output or not _has_laboratory()


def _has_laboratory() -> bool:
    return (HOUSE / "cardbridge/lab/commands.py").exists()


def test_terminal_wants_a_terminal(cardbridge: CommandLine) -> None:
    assert "needs a terminal" in cardbridge("run", "--terminal").output


def test_a_port_that_is_taken_is_passed_over() -> None:
    spare = free_port()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        port, sockets = listen([taken, spare])
        for one in sockets:
            one.close()
        with pytest.raises(Taken):
            listen([taken])

    assert port == spare


def test_an_idle_bridge_ends_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "LOOK_SECONDS", 0.05)
    _, sockets = listen([free_port()])

    listening.Listener(sockets, lambda _connection: None).run(0.2)

    assert all(one.fileno() == -1 for one in sockets)


def test_no_process_of_ours_takes_over_what_changes_programs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "OPENSC_DEBUG"):
        monkeypatch.setenv(name, "9")

    kept = environment()

    assert not [name for name in kept if name.startswith(("LD_", "DYLD_", "OPENSC_DEBUG"))]
    assert own_program("worker")[-1] == "worker"


def test_the_wheel_is_told_of_every_package_and_every_file_that_is_no_module() -> None:
    house = HOUSE / "cardbridge"
    told = tomllib.loads((house / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    files = [
        path for path in house.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]

    packages = {
        ".".join(path.parent.relative_to(HOUSE).parts)
        for path in files
        if path.name == "__init__.py"
    }
    suffixes = {path.suffix for path in files if path.parent.joinpath("__init__.py").exists()}
    data = {
        pattern.removeprefix("*")
        for patterns in told["package-data"].values()
        for pattern in patterns
    }
    assert set(told["packages"]) == packages
    assert suffixes - {".py", ".md", ".toml", ""} <= data
