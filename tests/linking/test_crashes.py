"""A crash between provider and app: both agree again, whoever died when."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from idp.gateways.fetch import Reply, Unreachable
from idp.linking.actions import Begun, Heard, Linking
from idp.linking.rules import Outcome
from idp.oidc import clients
from idp.provider import Provider
from idp.secret import Secret
from tests.labs.linked_apps import LOCAL_PASSWORD, Pair, Visitor
from tests.people import Person

pytestmark = pytest.mark.timeout(120)
MINUTE = timedelta(seconds=61)


@dataclasses.dataclass
class Wire:
    """Between provider and app; breaks before the app hears, or after."""

    fetch: Any
    broken: str = ""
    kept: list[dict[str, str]] = dataclasses.field(default_factory=list)

    def post_form(self, url: str, fields: dict[str, str]) -> Reply:
        self.kept.append(fields)
        if self.broken == "before":
            raise Unreachable("broken off")
        reply: Reply = self.fetch.post_form(url, fields)
        if self.broken == "after":
            raise Unreachable("broken off")
        return reply

    def get(self, url: str, *, accept: str) -> Reply:
        reply: Reply = self.fetch.get(url, accept=accept)
        return reply


@pytest.fixture
def provider(provider: Provider) -> Provider:
    """The same provider, with a wire that can be cut."""
    between: Any = Wire(provider.fetch)
    linking = dataclasses.replace(provider.linking, fetch=between)
    return dataclasses.replace(provider, linking=linking)


def wire_of(pair: Pair) -> Wire:
    found: Any = pair.provider.linking.fetch
    return found  # type: ignore[no-any-return]


def test_the_answer_is_lost_and_the_worker_learns_of_the_link(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    visitor.sign_in(citizen)
    wire_of(pair).broken = "after"

    visitor.link("CITIZEN1")

    assert "has not answered yet" in visitor.text
    assert pair.states() == ["pending"]
    assert pair.links() == [(citizen.sub, "CITIZEN1")]
    wire_of(pair).broken = ""
    pair.run("open-links")
    assert pair.states() == ["pending"]  # too early to ask
    pair.clock.advance(MINUTE)
    pair.run("open-links")
    assert pair.states() == ["linked"]
    visitor.get(f"{pair.issuer}/links")
    assert "C••••••1" in visitor.text


def test_a_request_that_never_arrived_is_refused_for_good(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    visitor.sign_in(citizen)
    wire_of(pair).broken = "before"
    visitor.link("CITIZEN1")
    pair.clock.advance(MINUTE)
    pair.run("open-links")
    assert pair.states() == ["pending"]  # asked in vain

    wire_of(pair).broken = ""
    pair.clock.advance(MINUTE)
    pair.run("open-links")

    assert pair.states() == []
    assert pair.links() == []
    late = visitor.http.post(f"{pair.url}/linking", data=wire_of(pair).kept[0])
    assert late.status_code == 400
    assert pair.links() == []
    visitor.get(f"{pair.issuer}/links/casequery")
    visitor.link("CITIZEN1")
    assert pair.links() == [(citizen.sub, "CITIZEN1")]


def test_a_request_that_arrives_after_it_was_asked_about_links_nothing(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    visitor.sign_in(citizen)
    wire_of(pair).broken = "before"
    visitor.link("CITIZEN1")
    request = wire_of(pair).kept[0]
    wire_of(pair).broken = ""
    (begun,) = _overdue(pair)

    assert pair.provider.linking.ask_again(begun).outcome is Outcome.REFUSED
    pair.clock.advance(-MINUTE)  # the request is fresh still
    late = visitor.http.post(f"{pair.url}/linking", data=request)

    assert late.status_code == 400
    assert pair.links() == []


def _overdue(pair: Pair) -> list[Begun]:
    pair.clock.advance(MINUTE)
    with pair.provider.database.write() as tx:
        return pair.provider.linking.overdue(tx, 8)


def test_the_provider_dies_before_it_writes_down_what_it_heard(
    pair: Pair, visitor: Visitor, citizen: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.sign_in(citizen)

    def die(*_: object) -> Outcome:
        raise RuntimeError("killed")

    with monkeypatch.context() as killed:
        killed.setattr(Linking, "settle", die)
        visitor.link("CITIZEN1")
    assert pair.states() == ["pending"]

    pair.clock.advance(MINUTE)
    pair.run("open-links")

    assert pair.states() == ["linked"]
    assert pair.links() == [(citizen.sub, "CITIZEN1")]


def test_the_app_dies_between_hearing_and_deciding(
    pair: Pair, visitor: Visitor, citizen: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.sign_in(citizen)

    def die(*_: object) -> object:
        raise RuntimeError("killed")

    with monkeypatch.context() as killed:
        killed.setattr(type(pair.app.accounts), "check", die)
        visitor.link("CITIZEN1")
    assert pair.states() == ["pending"]

    pair.clock.advance(MINUTE)
    pair.run("open-links")

    assert pair.states() == []
    assert pair.links() == []


def test_a_try_that_is_given_up_comes_to_nothing_on_both_sides(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    visitor.sign_in(citizen)
    wire_of(pair).broken = "after"
    visitor.link("CITIZEN1")
    wire_of(pair).broken = ""
    visitor.get(f"{pair.issuer}/links")

    visitor.submit("link-form-1", action="unlink")
    pair.run("links")

    assert pair.states() == ["unlinked"]
    assert pair.links() == []


def test_given_up_while_the_app_still_thinks_is_given_up(
    pair: Pair, visitor: Visitor, citizen: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.sign_in(citizen)
    other = Visitor.of(pair)
    other.http.cookies.update(visitor.http.cookies)
    really = Linking.ask

    def meanwhile(self: Linking, begun: Begun, password: Secret[str]) -> Heard:
        heard = really(self, begun, password)
        other.get(f"{pair.issuer}/links")
        other.submit("link-form-1", action="unlink")
        return heard

    monkeypatch.setattr(Linking, "ask", meanwhile)
    visitor.link("CITIZEN1")
    pair.run("links")

    assert pair.states() == ["unlinked"]
    assert pair.links() == []


def test_an_app_that_is_gone_leaves_no_try_open(
    pair: Pair, visitor: Visitor, citizen: Person
) -> None:
    visitor.sign_in(citizen)
    wire_of(pair).broken = "before"
    visitor.link("CITIZEN1", LOCAL_PASSWORD)
    with pair.provider.database.write() as tx:
        clients.remove(tx, "casequery")
    pair.provider.clients.forget()

    pair.clock.advance(MINUTE)
    pair.run("open-links")

    assert pair.states() == []
