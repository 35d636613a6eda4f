"""``idp pki``: an administrator decides whose cards are taken (cards.md section 5)."""

from dataclasses import replace
from pathlib import Path

import pytest

from cardbridge.lab.faults import NAMED, Fault
from cardbridge.lab.holders import CITIZEN
from cardbridge.lab.pki import LabPki
from cardbridge.lab.responder import Responder
from tests.labs.shell import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    config = tmp_path / "config.toml"
    config.write_text(
        f"""
[database]
url = "sqlite:///{tmp_path}/idp.sqlite"
[keys]
kek_file = "{tmp_path}/kek"
[cards]
enabled = true
hosts_also = ["127.0.0.1"]
deadline_seconds = 0.5
"""
    )
    shell = Shell(config)
    assert shell.run("keys", "init").exit_code == 0
    assert shell.run("migrate").exit_code == 0
    return shell


@pytest.fixture
def issuer(lab: LabPki, tmp_path: Path) -> str:
    path = tmp_path / "moica.cer"
    path.write_bytes(lab.issuers["moica"])
    return str(path)


def install(shell: Shell, issuer: str, *more: str) -> dict[str, str]:
    found: dict[str, str] = shell.ok(
        "pki", "install", issuer, "--kind", "moica", "--provenance", "the lab", *more
    )
    return found


def check(shell: Shell, lab: LabPki, tmp_path: Path, variant: str = "good") -> str:
    path = tmp_path / "card.cer"
    path.write_bytes(lab.issue("moica", CITIZEN, variant=variant, key="p256").sign.certificate)
    return shell.run("pki", "check", str(path), "--json").output


def test_a_fingerprint_nobody_published_needs_a_word_of_where_it_was_compared(
    shell: Shell, issuer: str
) -> None:
    refused = shell.run("pki", "install", issuer, "--kind", "moica")

    assert refused.exit_code == 1
    assert "--provenance" in refused.output
    assert shell.ok("pki", "list") == []


def test_what_ships_is_installed_by_its_name_switched_off(shell: Shell) -> None:
    shipped = [one["name"] for one in shell.ok("pki", "known") if one["ships"] == "yes"]

    rows = [shell.ok("pki", "install", name) for name in shipped]

    assert {"GRCA2", "MOICA2", "MOICA-G3"} <= set(shipped)
    assert {row["state"] for row in rows} == {"off"}
    assert all("fingerprint" in row["provenance"] for row in rows)
    assert [row["list"] for row in rows if row["kind"] == "root"] == [
        "http://grca.nat.gov.tw/repository/CRL2/CA.crl"
    ]


def test_below_an_installed_root_an_authority_says_which_it_is(shell: Shell) -> None:
    shell.ok("pki", "install", "GRCA2", "--on")

    row = shell.ok("pki", "install", "MOICA2", "--on")

    assert row["root"] == "O=Government Root Certification Authority,C=TW"
    assert row["state"] == "unasked"
    assert row["worries"] == ["no list yet"]
    assert "unasked" in shell.run("pki", "list").output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("GCA2",), "does not ship"),
        (("GRCA9", "--kind", "root"), "no such authority ships"),
        (("GRCA9",), "--kind"),
    ],
)
def test_what_does_not_ship_is_fetched_by_the_administrator(
    shell: Shell, words: tuple[str, ...], said: str
) -> None:
    refused = shell.run("pki", "install", *words)

    assert refused.exit_code == 1
    assert said in refused.output


def test_a_root_of_the_administrators_own_is_installed_from_a_file(
    shell: Shell, issuer: str, lab: LabPki, responder: Responder, tmp_path: Path
) -> None:
    root = tmp_path / "root.cer"
    root.write_bytes(lab.root)
    url = f"{responder.base_url}/root/crl/complete.crl"
    words = ("--kind", "root", "--provenance", "the lab", "--crl-url", url, "--on")
    shell.ok("pki", "install", str(root), *words)
    install(shell, issuer, "--on", "--crl-url", f"{responder.base_url}/moica/crl/complete.crl")

    assert shell.run("pki", "refresh").exit_code == 0

    states = {row["kind"]: row["state"] for row in shell.ok("pki", "list")}
    assert states == {"moica": "good", "root": "good"}


def test_an_authority_is_installed_switched_on_and_off(
    shell: Shell, issuer: str, lab: LabPki, tmp_path: Path
) -> None:
    fingerprint = install(shell, issuer)["fingerprint"]
    assert '"unknown_issuer"' in check(shell, lab, tmp_path)

    assert shell.run("pki", "on", fingerprint[:12]).exit_code == 0
    assert '"good"' in check(shell, lab, tmp_path)

    assert shell.run("pki", "off", fingerprint[:12]).exit_code == 0
    assert '"unknown_issuer"' in check(shell, lab, tmp_path)
    assert shell.run("pki", "remove", fingerprint).exit_code == 0
    assert shell.ok("pki", "list") == []


@pytest.mark.usefixtures("responder")
def test_what_is_wrong_with_a_card_is_told(
    shell: Shell, issuer: str, lab: LabPki, tmp_path: Path
) -> None:
    install(shell, issuer, "--on")

    for variant, said in (
        ("revoked", "revoked"),
        ("suspended", "suspended"),
        ("expired", "expired"),
        ("namesake", "unknown_issuer"),
        ("encryption_only", "wrong_purpose"),
    ):
        assert f'"{said}"' in check(shell, lab, tmp_path, variant)


def test_a_whole_list_is_fetched_and_serves_when_nobody_answers(
    shell: Shell, issuer: str, lab: LabPki, responder: Responder, tmp_path: Path
) -> None:
    url = f"{responder.base_url}/moica/crl/complete.crl"
    install(shell, issuer, "--on", "--crl-url", url)
    revoked = tmp_path / "revoked.cer"
    revoked.write_bytes(lab.issue("moica", CITIZEN, variant="revoked", key="p256").sign.certificate)
    refreshed = shell.run("pki", "refresh")
    assert refreshed.exit_code == 0, refreshed.output
    responder.faults.set("moica", "ocsp", NAMED["500"])
    responder.faults.set("moica", "crl", NAMED["500"])

    assert '"crl_index"' in check(shell, lab, tmp_path)
    assert '"revoked"' in shell.run("pki", "check", str(revoked), "--json").output
    assert shell.run("pki", "refresh").exit_code == 1
    assert '"crl_index"' in check(shell, lab, tmp_path)


def test_an_older_list_never_takes_the_place_of_a_newer(
    shell: Shell, issuer: str, responder: Responder
) -> None:
    url = f"{responder.base_url}/moica/crl/complete.crl"
    install(shell, issuer, "--on", "--crl-url", url)
    assert shell.run("pki", "refresh").exit_code == 0
    assert shell.run("pki", "refresh").exit_code == 0
    responder.faults.set("moica", "crl", Fault(number=1))

    assert shell.run("pki", "refresh").exit_code == 1


@pytest.mark.usefixtures("responder")
def test_the_help_desk_gives_an_account_its_card_once(
    shell: Shell, issuer: str, lab: LabPki, tmp_path: Path
) -> None:
    install(shell, issuer, "--on")
    path = tmp_path / "card.cer"
    path.write_bytes(lab.issue("moica", CITIZEN, key="p256").sign.certificate)
    word = "a long enough sentence of words"
    known = ("--name", CITIZEN.name, "--email", "lin@people.example", "--password-stdin")
    shell.ok("account", "add", "--username", "CITIZEN1", *known, stdin=word)
    words = ("account", "add-card", "--username", "citizen1", str(path))

    assert "林美玲" in shell.run(*words).output
    again = shell.run(*words)

    assert again.exit_code == 1
    assert "already" in again.output
    assert shell.run(*words, "--if-missing").exit_code == 0
    assert shell.run("evidence", "list").exit_code == 0
    refused = shell.run("evidence", "export", "00", str(tmp_path / "package.json"))
    assert refused.exit_code == 1


@pytest.mark.usefixtures("responder")
def test_the_help_desk_adds_neither_a_bad_card_nor_another_persons(
    shell: Shell, issuer: str, lab: LabPki, tmp_path: Path
) -> None:
    install(shell, issuer, "--on")
    word = "a long enough sentence of words"
    known = ("--name", CITIZEN.name, "--password-stdin")
    shell.ok("account", "add", "--username", "CITIZEN1", *known, stdin=word)
    path = tmp_path / "card.cer"
    words = ("account", "add-card", "--username", "citizen1", str(path))

    path.write_bytes(lab.issue("moica", CITIZEN, variant="revoked").sign.certificate)
    revoked = shell.run(*words)
    other = replace(CITIZEN, name="賊人", subject_number="1001120260099999")
    path.write_bytes(lab.issue("moica", other, key="p256").sign.certificate)
    stranger = shell.run(*words)

    assert (revoked.exit_code, stranger.exit_code) == (1, 1)
    assert "revoked" in revoked.output
    assert "other_name" in stranger.output


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----"])
def test_what_is_no_authority_is_refused_plainly(
    shell: Shell, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "x.cer"
    path.write_bytes(content)

    refused = shell.run("pki", "install", str(path), "--kind", "moica", "--provenance", "x")

    assert refused.exit_code == 1
    assert str(path) in refused.output
    assert "Traceback" not in refused.output
