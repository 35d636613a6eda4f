"""``cardbridge softcard``, as a person types it."""

import json
import os
import re
import signal
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509

from cardbridge.lab import strangers
from cardbridge.lab.commands import softcard
from cardbridge.lab.pki import LabPki
from idp.registration import taiwan_ids
from tests.labs.ports import free_port

Run = Callable[..., Result]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "soft"


@pytest.fixture
def run(directory: Path) -> Run:
    def run(*words: str) -> Result:
        return CliRunner().invoke(softcard, ["--directory", str(directory), *words])

    return run


def listed(run: Run) -> dict[str, dict[str, object]]:
    done = run("list", "--json")
    assert done.exit_code == 0, done.output
    return {one["name"]: one for one in json.loads(done.stdout)}


def test_the_four_of_the_demo_are_made_once(run: Run) -> None:
    first, again = run("new", "--demo"), run("new", "--demo")

    assert first.exit_code == again.exit_code == 0
    assert "there already" in again.stdout
    shown = listed(run)
    assert list(shown) == ["gca-1", "moeaca-1", "moica-1", "xca-1"]
    assert {one["status"] for one in shown.values()} == {"good"}
    assert all(one["inserted"] for one in shown.values())
    assert (shown["moica-1"]["holder"], shown["moica-1"]["identity"]) == ("林美玲", "A234567893")


def test_one_card_alone_is_in_the_reader_and_its_certificate_in_a_file(
    run: Run, directory: Path
) -> None:
    for profile in ("moica", "gca"):
        run("new", "--profile", profile, "--key", "p256")

    assert run("insert", "gca-1", "--alone").exit_code == 0

    shown = listed(run)
    assert [name for name, one in shown.items() if one["inserted"]] == ["gca-1"]
    path = directory / "tokens" / "cards" / "moica-1.cer"
    certificate = x509.load_der_x509_certificate(path.read_bytes())
    assert f"{certificate.serial_number:x}" == shown["moica-1"]["serials"][0]  # type: ignore[index]
    run("destroy", "moica-1")
    assert not path.exists()


def test_a_card_is_suspended_resumed_revoked_moved_and_broken(run: Run) -> None:
    run("new", "--profile", "moica", "--key", "p256", "--holder", "王小明")

    def state() -> tuple[object, object]:
        one = listed(run)["moica-1"]
        return one["status"], one["inserted"]

    assert state() == ("good", True)
    run("suspend", "moica-1")
    assert state() == ("suspended", True)
    run("resume", "自然人憑證-1")
    run("remove", "moica-1")
    assert state() == ("good", False)
    run("insert", "moica-1")
    serials = listed(run)["moica-1"]["serials"]
    assert isinstance(serials, list)
    run("revoke", serials[0], "--reason", "superseded")
    assert state() == ("revoked: superseded", True)
    resumed = run("resume", "moica-1")
    assert resumed.exit_code == 1
    assert "stays so" in resumed.output
    run("destroy", "moica-1")
    assert listed(run) == {}


@pytest.mark.parametrize(
    ("variant", "status"),
    [
        ("expired", "expired"),
        ("not_yet_valid", "not yet valid"),
        ("revoked", "revoked: key_compromise"),
        ("suspended", "suspended"),
        ("encryption_only", "good"),
    ],
)
def test_a_variant_shows_in_the_list(run: Run, variant: str, status: str) -> None:
    done = run("new", "--profile", "xca", "--key", "p256", "--variant", variant, "--drawer")

    assert done.exit_code == 0, done.output
    one = listed(run)["xca-1"]
    assert (one["variant"], one["status"], one["inserted"]) == (variant, status, False)


def test_every_variant_is_explained(run: Run) -> None:
    told = run("variants").stdout

    assert re.search(r"^wrong_issuer +issued by another", told, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["new"], "either --demo or --profile"),
        (["new", "--demo", "--profile", "moica"], "either --demo or --profile"),
        (["new", "--profile", "hca"], "'moica'"),
        (["new", "--profile", "moica", "--variant", "odd"], "wrong_policy"),
        (["new", "--profile", "moica", "--pin", "12345"], "six to eight digits"),
        (["new", "--profile", "moica", "--national-id", "a1"], "not a national id"),
        (["new", "--profile", "moeaca", "--uniform-number", "1234567"], "not a uniform number"),
        (["new", "--profile", "gca", "--organisation-oid", "1.2.3"], "organisation's OID"),
        (["new", "--profile", "moica", "--holder", " "], "is no name"),
        (["new", "--profile", "moica", "--holder", "x" * 65], "64"),
        (["new", "--profile", "moica", "--name", "../../x"], "cannot be the name"),
        (["list"], "softcard new --demo"),
        (["env"], "softcard new --demo"),
        (["revoke", "moica-1"], "softcard new --demo"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(run: Run, words: list[str], told: str) -> None:
    done = run(*words)

    assert done.exit_code in {1, 2}
    assert told in done.output
    assert "Traceback" not in done.output


def test_a_card_that_is_not_there_is_named_with_those_that_are(run: Run) -> None:
    run("new", "--profile", "gca", "--key", "p256")

    done = run("suspend", "moica-7")

    assert done.exit_code == 1
    assert "there are: gca-1" in done.output


def test_without_softhsm_the_command_says_what_to_install(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cardbridge.lab.tokens._MODULES", ("/nonexistent.so",))

    done = run("new", "--profile", "moica")

    assert done.exit_code == 1
    assert "apt install softhsm2" in done.output


def test_the_shell_is_told_where_the_cards_are(run: Run, directory: Path) -> None:
    run("new", "--profile", "gca", "--key", "p256")

    assert run("env").stdout == f"export SOFTHSM2_CONF={directory}/tokens/softhsm2.conf\n"


def test_what_is_to_be_trusted_is_written_down(run: Run, directory: Path, tmp_path: Path) -> None:
    run("new", "--profile", "gca", "--key", "p256")

    told = run("trust", str(tmp_path / "trust")).stdout

    pki = LabPki.open(directory / "pki")
    wanted = {"root": pki.root, **pki.issuers}
    assert {path.stem: path.read_bytes() for path in (tmp_path / "trust").iterdir()} == wanted
    assert len(re.findall(r"^[0-9a-f]{64}  ", told, re.MULTILINE)) == 5


def test_the_columns_of_a_table_stand_below_each_other(run: Run) -> None:
    run("new", "--profile", "moica", "--key", "p256", "--holder", "陳𠮷祥")
    run("new", "--profile", "moica", "--key", "p256", "--holder", "Lee")

    lines = run("list").stdout.splitlines()

    def column(line: str, word: str) -> int:
        before = line[: line.index(word)]
        return sum(2 if unicodedata.east_asian_width(one) == "W" else 1 for one in before)

    assert column(lines[0], "KEY") == column(lines[1], "P-256") == column(lines[2], "P-256")


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_serving_ends_when_it_is_told_to(run: Run, directory: Path, stop: signal.Signals) -> None:
    port = free_port()
    run("new", "--profile", "gca", "--key", "p256", "--port", str(port))
    serving = subprocess.Popen(
        [
            *(sys.executable, "-m", "cardbridge.lab", "--directory", str(directory)),
            *("serve", "--fault", "gca/issuer=500"),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    try:
        assert serving.stdout
        told = serving.stdout.readline()
        asked = [HTTPConnection("127.0.0.1", port) for _ in range(2)]
        for one, path in zip(asked, ("/gca/issuer.cer", "/gca/crl/complete.crl"), strict=True):
            one.request("GET", path)
        faulty, fine = (one.getresponse() for one in asked)

        assert f"http://127.0.0.1:{port}" in told
        assert faulty.status == 500
        assert x509.load_der_x509_crl(fine.read()).issuer
        for one in asked:
            one.close()
        serving.send_signal(stop)
        assert serving.wait(timeout=10) == 0
    finally:
        serving.kill()
        serving.communicate()


def test_a_port_stays_the_one_that_the_certificates_name(run: Run) -> None:
    run("new", "--profile", "gca", "--key", "p256", "--port", "34999")

    done = run("serve", "--port", "34998")

    assert done.exit_code == 1
    assert "name port 34999" in done.output


@pytest.mark.parametrize("fault", ["moica", "moica/tea=stale", "moica/ocsp=odd", "/ocsp=stale"])
def test_a_fault_that_is_none_is_refused(run: Run, fault: str) -> None:
    run("new", "--profile", "gca", "--key", "p256", "--port", str(free_port()))

    done = run("serve", "--fault", fault)

    assert done.exit_code == 1
    assert "fault" in done.output.lower()


@pytest.mark.parametrize("profile", ["moica", "moeaca", "xca", "gca"])
def test_numbers_that_are_made_up_pass_the_checks_of_a_registration(profile: str) -> None:
    for _ in range(200):
        holder = strangers.make_up(profile, "王小明")

        holder.check()
        if profile == "moica":
            read = taiwan_ids.read_national_id(holder.national_id)
            assert isinstance(read, taiwan_ids.PersonalNumber), holder
        if profile == "moeaca":
            number = holder.uniform_number
            assert taiwan_ids.read_business_number(number) == number
