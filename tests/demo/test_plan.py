"""What `make run` starts, decided from the demo's files and the environment."""

import stat
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from babel.messages.pofile import read_po

from demo import cards, notice, plan
from idp.accounts.model import Kind
from idp.config import ClientSection, ConfigError

CLAIMS_OF_PROFILE_EMAIL_ADDRESS_PHONE = {
    *("name", "given_name", "family_name", "middle_name", "nickname", "preferred_username"),
    *("profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale"),
    *("phone_number", "phone_number_verified", "address"),
}
SUBJECTS = {name: f"s_{name}" for name in ("CITIZEN1", "CITIZEN2", "LAWYER1", "TESTER")}


def listening(run: plan.Plan) -> dict[int, str]:
    ports = [port for service in plan.services(run) for port in service.ports]
    return {port.number: port.service for port in ports}


def environment_of(run: plan.Plan, name: str) -> dict[str, str]:
    return next(dict(service.env) for service in plan.services(run) if service.name == name)


def test_left_alone_the_stack_stands_where_the_manual_of_developers_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cards, "is_free", lambda _: True)
    run = plan.make({})

    assert listening(run) == {
        9000: "provider",
        9001: "case query",
        9025: "mailbox",
        9026: "mailbox's SMTP",
        9027: "card reader",
        9100: "metrics",
        34961: "card bridge",
        34970: "card authorities",
    }
    assert run.issuer == "http://localhost:9000"


def test_a_moved_provider_is_the_issuer_at_its_new_place_for_itself_and_the_apps() -> None:
    run = plan.make({"PORTICO__SERVER__PORT": "19000"})

    assert environment_of(run, "provider")["PORTICO__PROVIDER__ISSUER"] == "http://localhost:19000"
    assert environment_of(run, "casequery")["CASEQUERY__PROVIDER__ISSUER"] == (
        "http://localhost:19000"
    )


def test_an_issuer_that_was_given_is_kept() -> None:
    run = plan.make({"PORTICO__PROVIDER__ISSUER": "https://sso.portico.example"})

    assert run.issuer == "https://sso.portico.example"


def test_a_moved_app_is_registered_where_it_went() -> None:
    run = plan.make({"CASEQUERY__SERVER__PORT": "19001"})

    assert environment_of(run, "casequery")["CASEQUERY__SERVER__BASE_URL"] == run.casequery_url
    told = environment_of(run, "provider")["PORTICO__CLIENTS"]
    clients = {one.client_id: one for one in msgspec.json.decode(told, type=list[ClientSection])}
    assert all("//localhost:19001/" in uri for uri in clients["casequery"].redirect_uris)
    assert clients["flowbench"].redirect_uris == ["http://localhost:8787/cb"]
    assert listening(run)[19001] == "case query"


def test_metrics_that_are_switched_off_need_no_port() -> None:
    run = plan.make({"PORTICO__SERVER__METRICS_PORT": "0"})

    assert "metrics" not in listening(run).values()
    assert "metrics" not in notice.describe(run, SUBJECTS)["addresses"]


@pytest.mark.parametrize("text", ["", "0", "65536", "-1", "nine"])
def test_a_port_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigError, match="MAILBOX__PORT"):
        plan.make({"MAILBOX__PORT": text})


def test_an_app_is_called_at_the_portal_as_it_calls_itself() -> None:
    (registered,) = (one for one in plan.make({}).clients if one.client_id == "casequery")

    for locale, folder in (("zh-Hant", "zh_Hant"), ("zh-Hans", "zh_Hans")):
        words = plan.ROOT / "clients/casequery/locales" / folder / "LC_MESSAGES/messages.po"
        with words.open("rb") as file:
            own = read_po(file, locale=folder).get("Case progress query")
        assert own is not None
        assert msgspec.to_builtins(registered.names)[locale] == own.string


def test_every_secret_of_the_document_is_the_one_its_client_is_registered_with() -> None:
    run = plan.make({})

    offered = {
        one["client_id"]: sha256(one["client_secret"].encode()).hexdigest()
        for one in notice.describe(run, SUBJECTS)["clients"]
        if one["token_endpoint_auth_method"] != "none"
    }

    registered = {one.client_id: one.secret_sha256 for one in run.clients}
    assert offered == {client_id: hashed for client_id, hashed in registered.items() if hashed}
    assert offered.keys() >= {"casequery", "flowbench", "machine", "chambers"}


def test_one_app_is_for_judges_alone() -> None:
    (found,) = (one for one in plan.make({}).clients if one.account_kinds)

    assert (found.client_id, found.account_kinds) == ("chambers", [Kind.JUDGE])
    assert "judiciary" in found.scope.split()


def test_the_document_names_accounts_as_the_provider_knows_them() -> None:
    accounts = notice.describe(plan.make({}), SUBJECTS)["accounts"]

    assert {one["username"]: one["sub"] for one in accounts} == SUBJECTS
    assert all(len(one["password"]) >= 15 for one in accounts)


def test_a_name_beyond_the_bmp_and_every_standard_claim_are_among_the_people() -> None:
    accounts = notice.describe(plan.make({}), SUBJECTS)["accounts"]

    assert any(ord(letter) > 0xFFFF for one in accounts for letter in one["name"])
    tester = next(one for one in accounts if one["username"] == "TESTER")
    assert tester["profile"].keys() == CLAIMS_OF_PROFILE_EMAIL_ADDRESS_PHONE
    assert tester["profile"]["address"].keys() >= {"formatted", "country", "postal_code"}


def test_the_document_is_for_its_owner_alone_also_over_an_old_one(tmp_path: Path) -> None:
    path = tmp_path / "demo.json"
    path.touch(mode=0o644)

    notice.write_private(path, {"name": "𠮷"})

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert msgspec.json.decode(path.read_bytes()) == {"name": "𠮷"}
    assert list(tmp_path.iterdir()) == [path]
