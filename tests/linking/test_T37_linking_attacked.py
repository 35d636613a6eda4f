"""T37, T30, T73: what linking is attacked with, and where its password must not be."""

import io
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey, RSAKey

from clients.kit import key_file
from clients.kit.database import Table
from clients.kit.link_key import LinkKey, Unreadable
from idp.cli.logs import JsonLines
from idp.linking.rules import masked, way_back
from idp.oidc import jwe as ours
from idp.provider import Provider
from tests import people
from tests.attacks.test_T73_canary import everything_kept
from tests.labs.linked_apps import Pair, Visitor
from tests.people import Person

pytestmark = pytest.mark.timeout(120)
CANARY = "canary-5Kx2-of-an-older-account"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


def test_T73_the_password_is_in_no_row_log_address_or_page(
    pair: Pair, visitor: Visitor, citizen: Person, log: io.StringIO
) -> None:
    pair.open_account("CANARY", CANARY)
    visitor.sign_in(citizen)
    pages = [visitor.link("CANARY", f"{CANARY} wrong")]
    pair.deaf = True
    pages.append(visitor.link("CANARY", CANARY))
    pair.deaf = False
    pair.clock.advance(timedelta(seconds=61))
    pair.run("open-links")
    pages.append(visitor.get(f"{pair.issuer}/links"))
    assert pair.states() == ["linked"]
    visitor.submit("link-form-1", action="unlink")
    pair.run("links")

    kept = everything_kept(pair.provider)
    with pair.app.database.read() as tx:
        for table in Table.metadata.sorted_tables:
            kept += "\n".join(str(tuple(row)) for row in tx.execute(table.select()))
    assert "CANARY" in kept
    for place, said in (
        ("a row", kept),
        ("the log", log.getvalue()),
        ("a page", "".join(page.text for page in pages)),
        ("an address", "".join(str(one.url) for page in pages for one in [*page.history, page])),
        ("the wire", str(pair.requests)),
    ):
        assert CANARY not in said, place


def test_T37_the_same_mail_address_or_name_links_nobody(pair: Pair, provider: Provider) -> None:
    namesake = people.add(provider, Person("NAMESAKE", email="citizen1@portico.example"))
    visitor = Visitor.of(pair)

    visitor.sign_in(namesake)

    assert "/links/casequery" in visitor.at
    assert pair.links() == []


def test_a_request_is_good_once(pair: Pair, visitor: Visitor, citizen: Person) -> None:
    visitor.sign_in(citizen)
    visitor.link("CITIZEN1")
    visitor.get(f"{pair.url}/account")
    visitor.submit("unlink-form")

    replayed = visitor.http.post(f"{pair.url}/linking", data=pair.requests[0])

    assert replayed.status_code == 400
    assert pair.links() == []


def test_what_the_wire_shows_is_for_the_app_alone(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    visitor.sign_in(citizen)
    visitor.link("CITIZEN1")
    (sent,) = pair.requests

    assert sent.keys() == {"request"}
    with pytest.raises(Unreadable):
        LinkKey(ECKey.generate_key("P-256")).opened(sent["request"])
    assert pair.app.link_key is not None
    inner = pair.app.link_key.opened(sent["request"])
    assert inner.count(".") == 2


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/",
        "http://app.example.evil.example/",
        "https://app.example@evil.example/",
        "https://evil.example\\@app.example/",
        "https://app.example:444/",
        "http://app.example/",
        "https://APP.example.evil/",
        "javascript:alert(1)//https://app.example/",
        "https://app.example\t.evil.example/",
        "https://app.example/\r\nSet-Cookie: a=b",
        "https:app.example",
        "https:///app.example/",
        "https://[app.example/",
        "/links",
        "",
    ],
)
def test_T05_the_way_back_is_the_apps_or_none(wanted: str) -> None:
    assert way_back(people.APP, wanted) == "https://app.example/"
    assert way_back(people.PUBLIC, wanted) == ""


@pytest.mark.parametrize("path", ["/", "/cases?number=1&b=%E8", "/a/b.c;d"])
def test_the_way_back_may_be_any_page_of_the_app(path: str) -> None:
    assert way_back(people.APP, f"https://app.example{path}") == f"https://app.example{path}"


def test_an_open_redirect_is_not_to_be_had_on_any_road(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    visitor.get(f"{pair.issuer}/links/casequery", return_to="https://evil.example/")
    visitor.submit("login-form", username=citizen.account_name, password=people.PASSWORD)
    assert "evil" not in visitor.text.replace("https%3A%2F%2Fevil.example%2F", "")
    assert f'name="return_to" value="{pair.url}/"' in visitor.text

    visitor.submit(
        "link-form", account="CITIZEN1", password="the old key of the case room",
        return_to="https://evil.example/",
    )  # fmt: skip

    assert visitor.at.startswith(pair.url)


@pytest.mark.parametrize(
    ("account", "shown"), [("CITIZEN1", "C••••••1"), ("AB", "••"), ("A", "•"), ("", "")]
)
def test_an_account_is_shown_masked(account: str, shown: str) -> None:
    assert masked(account) == shown


def test_only_keys_for_encryption_are_encrypted_to(tmp_path: Any) -> None:
    signing = ECKey.generate_key("P-256").as_dict(private=False)
    for unfit in ({}, {"use": "sig"}, {"use": "enc", "alg": "RSA-OAEP"}, {"use": "enc", "x": "!"}):
        with pytest.raises(ours.NoKey):
            ours.for_its_reader("token", {"keys": [{**signing, **unfit}]})
    rsa = RSAKey.generate_key(2048)
    public = {**rsa.as_dict(private=False), "use": "enc"}
    sealed = ours.for_its_reader("token", {"keys": [signing, public]})
    registry = jwe.JWERegistry(algorithms=["RSA-OAEP-256", "A256GCM"])
    assert jwe.decrypt_compact(sealed, rsa, registry=registry).plaintext == b"token"
    key, again = (LinkKey(key_file.load(tmp_path / "var" / "key.json")) for _ in range(2))
    assert key.public() == again.public()
    assert "d" not in key.public()
    assert (tmp_path / "var" / "key.json").stat().st_mode & 0o077 == 0
    assert again.opened(ours.for_its_reader("token", {"keys": [key.public()]})) == "token"


def tried(pair: Pair, visitor: Visitor, account: str) -> int:
    """Guess once; gives the status of the page."""
    visitor.get(f"{pair.issuer}/links/casequery")
    return visitor.link(account, "a guess").status_code


def linked_and_unlinked(pair: Pair, visitor: Visitor) -> None:
    """Do what the holder of one good account can do between guesses at others."""
    visitor.get(f"{pair.issuer}/links/casequery")
    visitor.link("CITIZEN1")
    assert pair.states()[-1] == "linked"
    visitor.get(f"{pair.issuer}/links")
    visitor.submit("link-form-1", action="unlink")
    pair.clock.advance(timedelta(seconds=1))


@pytest.mark.parametrize("others", [["VICTIM"], [f"VICTIM{number}" for number in range(6)]])
def test_T44_one_good_account_buys_no_more_guesses_at_others(
    pair: Pair, visitor: Visitor, citizen: Person, others: list[str]
) -> None:
    visitor.sign_in(citizen)
    aims = (others * 6)[:6]
    statuses = [tried(pair, visitor, account) for account in aims[:4]]

    linked_and_unlinked(pair, visitor)
    statuses += [tried(pair, visitor, account) for account in aims[4:]]

    assert statuses == [422] * 5 + [429]


def test_slips_at_an_account_are_forgotten_with_the_link_to_it_and_only_they(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    visitor.sign_in(citizen)
    aims = ["VICTIM", "CITIZEN1", "citizen1", " Citizen1"]
    statuses = [tried(pair, visitor, account) for account in aims]

    linked_and_unlinked(pair, visitor)
    statuses += [tried(pair, visitor, "CITIZEN1") for _ in range(5)]

    assert statuses == [422] * 8 + [429], "the one at VICTIM and four new ones stand"
