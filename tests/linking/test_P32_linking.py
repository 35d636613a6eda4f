"""P32, Q03: a person links an older account of an app, over HTTP between two real apps."""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from clients.kit import errands
from idp.audit.store import AuditRow
from idp.linking import store
from idp.linking.actions import Heard, Linking
from idp.linking.rules import Outcome, masked
from idp.oidc import clients
from idp.oidc.clients import BadRegistration
from idp.provider import Provider
from tests import people
from tests.labs.linked_apps import LOCAL_PASSWORD, Pair, Visitor, registration
from tests.people import Person

pytestmark = pytest.mark.timeout(120)


def test_P32_the_first_visit_leads_to_the_binding_page_and_back_to_where_one_was_going(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    visitor.sign_in(citizen, "/cases?number=TPD.115.%E8%A8%B4.001203")
    assert "/links/casequery" in visitor.at
    assert "Case progress query" in visitor.text

    visitor.link(" citizen1 ")

    assert visitor.at == f"{pair.url}/cases?number=TPD.115.%E8%A8%B4.001203"
    assert "宣示判決" in visitor.text
    assert pair.links() == [(citizen.sub, "CITIZEN1")]
    assert pair.states() == ["linked"]
    visitor.get(f"{pair.issuer}/links")
    assert "C••••••1" in visitor.text
    assert LOCAL_PASSWORD not in visitor.text


def test_Q03_both_ways_in_lead_to_one_account(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    visitor.sign_in(citizen)
    visitor.link("CITIZEN1")
    through_the_portal = visitor.get(f"{pair.url}/account").text

    direct = Visitor.of(pair)
    direct.get(f"{pair.url}/account/signin")
    direct.submit("account-form", account="citizen1", password=LOCAL_PASSWORD)

    assert direct.at == f"{pair.url}/cases"
    assert "TPD.109.他.000025" in direct.text
    directly = direct.get(f"{pair.url}/account").text
    assert 'id="account">CITIZEN1<' in directly
    assert 'id="account">CITIZEN1<' in through_the_portal
    direct.get(f"{pair.url}/cases")
    direct.submit("signout-form")
    assert direct.at == f"{pair.url}/"


def test_a_wrong_password_is_told_at_the_field_and_nothing_but_it_is_lost(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    visitor.sign_in(citizen)

    refused = visitor.link("CITIZEN1", "not the key of the case room")

    assert refused.status_code == 422
    assert 'href="#account-1"' in visitor.text
    assert 'value="CITIZEN1"' in visitor.text
    assert "not the key" not in visitor.text
    assert pair.links() == []
    assert pair.states() == []
    visitor.link("CITIZEN1")
    assert visitor.at == f"{pair.url}/cases"


def test_what_is_missing_is_told_before_anything_is_sent(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    visitor.sign_in(citizen)

    refused = visitor.link("CITIZEN1", "")

    assert refused.status_code == 422
    assert 'href="#password-1"' in visitor.text
    assert pair.requests == []


def test_an_account_has_one_holder(pair: Pair, provider: Provider, citizen: Person) -> None:
    first, second = Visitor.of(pair), Visitor.of(pair)
    other = people.add(provider, people.LAWYER)
    first.sign_in(citizen)
    first.link("CITIZEN1")
    second.sign_in(other)

    refused = second.link("CITIZEN1")

    assert refused.status_code == 422
    assert "somebody else" in second.text
    assert pair.links() == [(citizen.sub, "CITIZEN1")]
    assert pair.states() == ["linked"]


def at_once(*acts: Callable[[], object]) -> None:
    """Let go of all of them at one instant, each in a thread, and wait for them."""
    barrier = threading.Barrier(len(acts))
    troubles: list[BaseException] = []

    def run(act: Callable[[], object]) -> None:
        barrier.wait()
        try:
            act()
        except BaseException as trouble:  # noqa: BLE001 - told below
            troubles.append(trouble)

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert troubles == []


def tab_of(pair: Pair, visitor: Visitor) -> Visitor:
    """Open another tab of the same browser at the same page."""
    tab = Visitor.of(pair)
    tab.http.cookies.update(visitor.http.cookies)
    tab.page = visitor.page
    return tab


def test_two_tabs_at_once_make_one_link(pair: Pair, visitor: Visitor, citizen: Person) -> None:
    visitor.sign_in(citizen)
    tabs = [tab_of(pair, visitor) for _ in range(4)]

    at_once(*(partial(tab.link, "CITIZEN1") for tab in tabs))

    assert pair.states() == ["linked"]
    assert pair.links() == [(citizen.sub, "CITIZEN1")]
    assert len(pair.requests) == 1


def test_two_tabs_with_two_accounts_at_once_link_one_of_them(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    names = ["CITIZEN1", "SECOND", "THIRD", "FOURTH"]
    for name in names[1:]:
        pair.open_account(name)
    visitor.sign_in(citizen)

    at_once(*(partial(tab_of(pair, visitor).link, name) for name in names))

    assert pair.states() == ["linked"]
    ((sub, account),) = pair.links()
    assert sub == citizen.sub
    assert account in names
    assert len(pair.requests) == 1
    visitor.get(f"{pair.issuer}/links")
    assert masked(account) in visitor.text


def test_of_two_people_at_once_one_is_linked_to_an_account(
    pair: Pair, provider: Provider, citizen: Person
) -> None:
    persons = [citizen, people.add(provider, people.LAWYER)]
    visitors = [Visitor.of(pair) for _ in persons]
    for person, visitor in zip(persons, visitors, strict=True):
        visitor.sign_in(person)

    at_once(*(partial(visitor.link, "CITIZEN1") for visitor in visitors))

    ((sub, _),) = pair.links()
    assert sub in {person.sub for person in persons}
    assert pair.states() == ["linked"]
    refused = [visitor for visitor in visitors if "somebody else" in visitor.text]
    assert len(refused) == 1


def test_unlinked_on_both_sides_at_once_it_is_over_once_and_can_be_linked_anew(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    visitor.sign_in(citizen)
    visitor.link("CITIZEN1")
    here, there = tab_of(pair, visitor), tab_of(pair, visitor)
    here.get(f"{pair.issuer}/links")
    there.get(f"{pair.url}/account")

    at_once(
        partial(here.submit, "link-form-1", action="unlink"),
        partial(there.submit, "unlink-form"),
    )
    visitor.get(f"{pair.issuer}/links/casequery")
    pair.clock.advance(timedelta(seconds=1))
    visitor.link("CITIZEN1")
    pair.run("links")  # what is late on either way ends nothing new
    errands.run(pair.app)

    assert pair.states() == ["unlinked", "linked"]
    assert pair.links() == [(citizen.sub, "CITIZEN1")]
    with pair.provider.database.read() as tx:
        ended = select(AuditRow.event).where(AuditRow.event == "link.ended")
        assert len(tx.execute(ended).all()) == 1


def test_the_gate_stops_who_guesses_before_anything_is_sent(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    visitor.sign_in(citizen)
    statuses = [visitor.link(f"CITIZEN{n}", "a guess").status_code for n in range(2, 8)]

    assert statuses == [422] * 5 + [429]
    assert len(pair.requests) == 5


def test_the_app_counts_by_its_own_account(pair: Pair) -> None:
    pair.open_account("BUSY")
    assert pair.app.accounts is not None
    verdicts = [pair.app.accounts.check("busy", "a guess", "one").verdict for _ in range(6)]

    assert verdicts == ["wrong"] * 5 + ["throttled"]
    assert pair.app.accounts.check("BUSY", LOCAL_PASSWORD, "one").verdict == "throttled"
    assert pair.app.accounts.check("BUSY", LOCAL_PASSWORD, "another").verdict == "right"
    pair.clock.advance(timedelta(minutes=16))
    assert pair.app.accounts.check("BUSY", LOCAL_PASSWORD, "one").verdict == "right"


def test_unlinked_at_the_portal_the_app_hears_of_it_and_can_be_linked_anew(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    pair.open_account("OLDER")
    visitor.sign_in(citizen)
    visitor.link("CITIZEN1")
    visitor.get(f"{pair.issuer}/links")

    visitor.submit("link-form-1", action="unlink")
    assert pair.states() == ["unlinked"]
    pair.run("links")

    assert pair.links() == []
    pair.clock.advance(timedelta(seconds=1))
    visitor.submit("link-form-1", account="OLDER", password=LOCAL_PASSWORD, action="link")
    assert pair.states() == ["unlinked", "linked"]
    assert pair.links() == [(citizen.sub, "OLDER")]


def test_a_late_word_that_a_link_is_over_does_not_end_the_next_one(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    pair.open_account("OLDER")
    visitor.sign_in(citizen)
    visitor.link("CITIZEN1")
    visitor.get(f"{pair.issuer}/links")
    visitor.submit("link-form-1", action="unlink")
    visitor.submit("link-form-1", account="OLDER", password=LOCAL_PASSWORD, action="link")

    pair.run("links")

    assert pair.links() == [(citizen.sub, "OLDER")]


def test_unlinked_in_the_app_the_portal_hears_of_it(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    visitor.sign_in(citizen)
    visitor.link("CITIZEN1")
    visitor.get(f"{pair.url}/account")

    visitor.submit("unlink-form")

    assert pair.links() == []
    assert pair.states() == ["unlinked"]
    visitor.get(f"{pair.url}/cases")
    assert "/links/casequery" in visitor.at
    visitor.link("CITIZEN1")
    assert visitor.at == f"{pair.url}/cases"


def test_the_app_tells_until_it_is_heard(
    pair: Pair, visitor: Visitor, citizen: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.sign_in(citizen)
    visitor.link("CITIZEN1")
    visitor.get(f"{pair.url}/account")
    section = pair.app.provider.section
    broken = msgspec.structs.replace(section, client_secret="another")
    monkeypatch.setattr(pair.app.provider, "section", broken)
    visitor.submit("unlink-form")
    assert pair.states() == ["linked"]
    monkeypatch.setattr(pair.app.provider, "section", section)

    assert errands.run(pair.app) == 0  # not yet: it was just tried
    pair.clock.advance(timedelta(seconds=6))

    assert errands.run(pair.app) == 1
    assert errands.run(pair.app) == 0
    assert pair.states() == ["unlinked"]


def test_only_the_app_itself_ends_a_link(
    pair: Pair, visitor: Visitor, citizen: Person, browser: people.Browser, enrol: Any
) -> None:
    visitor.sign_in(citizen)
    visitor.link("CITIZEN1")
    with pair.provider.database.read() as tx:
        assert citizen.account is not None
        attempt = store.of_account(tx, citizen.account.id)["casequery"].attempt_id
    enrol("curious")
    told = {"event": "unlinked", "attempt": str(attempt)}
    ours = {"client_id": "casequery", "client_secret": "a guess"}
    basic = {"Authorization": "Basic Y3VyaW91czp0aGUtYXBwLWtlZXBzLXRoaXMtdG8taXRzZWxm"}

    assert browser.post("/links/events", told).status_code == 401
    assert browser.post("/links/events", told | ours).status_code == 401
    assert browser.post("/links/events", told | {"client_id": "public"}).status_code == 401
    assert browser.post("/links/events", told, **basic).status_code == 200
    assert browser.post("/links/events", {"event": "x"}, **basic).status_code == 400
    assert pair.states() == ["linked"]


def test_a_kind_of_account_that_may_not_open_the_app_cannot_link(
    browser: people.Browser, citizen: Person, enrol: Any
) -> None:
    enrol("lawyers2", **registration(1, account_kinds=["lawyer"]))
    browser.get("/signin/password")
    browser.sign_in(citizen)

    assert browser.get("/links/lawyers2").status_code == 404
    assert "lawyers2" not in browser.get("/links").text


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"link_uri": "http://app.example/linking"}, "link_uri: must be https"),
        ({"jwks_uri": ""}, "link_uri: needs jwks_uri"),
        ({"jwks_uri": "", "jwks": {"keys": [{"kty": "EC", "use": "sig"}]}}, "link_uri: needs"),
        ({"token_endpoint_auth_method": "none", "secret_sha256": ""}, "link_uri: a public client"),
        ({"client_id": "events"}, "link_uri: the page of a client"),
    ],
)
def test_a_registration_without_means_to_link_is_refused(
    changes: dict[str, Any], complaint: str
) -> None:
    fields = msgspec.to_builtins(people.APP) | registration(1, **changes)

    with pytest.raises(BadRegistration, match=complaint):
        clients.check(msgspec.convert(fields, type(people.APP)))


def test_who_is_not_signed_in_does_that_first_and_comes_back(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    back = f"{pair.url}/cases?number=1"
    visitor.get(f"{pair.issuer}/links/casequery", return_to=back)

    visitor.submit("login-form", username=citizen.account_name, password=people.PASSWORD)

    assert "/links/casequery" in visitor.at
    assert f'name="return_to" value="{back}"' in visitor.text


def test_nothing_but_a_link_gives_tries_back(
    pair: Pair, visitor: Visitor, citizen: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.sign_in(citizen)
    monkeypatch.setattr(Linking, "ask", lambda *_: Heard(Outcome.UNSENT, ""))

    statuses = [visitor.link("CITIZEN1").status_code for _ in range(6)]

    assert statuses == [503] * 5 + [429]
    assert pair.states() == []
