"""Somebody from another system signs in with the old password, and never notices."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from idp.accounts.tables import PasswordCredential
from idp.audit.store import AuditRow
from idp.provider import Provider
from tests.labs.shell import Shell
from tests.people import PASSWORD, Browser, Person
from tests.spellings import SPELLINGS, Spelling


def stored(provider: Provider) -> str:
    with provider.database.read() as tx:
        return str(tx.scalar(select(PasswordCredential.phc_hash)))


def sign_in(browser: Browser, person: Person, password: str = PASSWORD) -> int:
    browser.get("/signin/password")
    fields = browser.hidden() | {"username": person.account_name, "password": password}
    return browser.post("/signin/password", fields).status_code


def take_over(shell: Shell, folder: Path, spelling: Spelling) -> Person:
    path = folder / "people.jsonl"
    row = {
        "username": spelling.account_name,
        "password_hash": spelling.text,
        "hash_scheme": spelling.scheme,
        "salt": spelling.salt,
    }
    path.write_text(json.dumps(row), "utf-8")
    assert shell.ok("account", "import", str(path))["added"] == 1
    return Person(spelling.account_name)


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda one: one.id)
def test_the_old_password_opens_the_door_and_is_kept_as_ours_from_then_on(
    shell: Shell, provider: Provider, tmp_path: Path, spelling: Spelling
) -> None:
    person = take_over(shell, tmp_path, spelling)
    foreign = stored(provider)

    wrong = sign_in(Browser.on(provider), person, "a wrong guess")
    kept = stored(provider)
    right = sign_in(Browser.on(provider), person)
    ours = stored(provider)
    again = sign_in(Browser.on(provider), person)
    wrong_again = sign_in(Browser.on(provider), person, "a wrong guess")

    assert (wrong, right, again, wrong_again) == (422, 303, 303, 422)
    assert kept == foreign
    assert ours.startswith("$argon2id$v=19$m=7168,t=1,p=1$")
    assert ours != foreign
    assert stored(provider) == ours
    with provider.database.read() as tx:
        upgraded = select(AuditRow.event).where(AuditRow.event == "password.upgraded")
        assert len(tx.execute(upgraded).all()) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("state", ["disabled", "closed"])
def test_an_account_that_is_not_active_stays_shut(
    shell: Shell, provider: Provider, tmp_path: Path, state: str
) -> None:
    spelling = SPELLINGS[0]
    path = tmp_path / "people.csv"
    path.write_text(
        "username,password_hash,hash_scheme,state\n"
        f"{spelling.account_name},{spelling.text},{spelling.scheme},{state}\n"
    )
    shell.ok("account", "import", str(path))

    assert sign_in(Browser.on(provider), Person(spelling.account_name)) == 422
    assert stored(provider) == spelling.text
