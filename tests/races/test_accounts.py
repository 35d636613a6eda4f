"""Of many at once exactly one opens an account, activates it, or sets a new password (T33)."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import IntegrityError

from idp.mail.messages import Activation, Code, Recovery
from idp.provider import Provider
from idp.registration.actions import Registered
from idp.registration.flows import TRACKS
from idp.registration.forms import Details
from idp.registration.store import Under
from idp.secret import digest
from idp.signin.codes import TRIES, Purpose, Sending, Typing
from idp.signin.counters import Attempt
from idp.terms import documents
from tests.labs import letters
from tests.people import Person

AT_ONCE = 8
pytestmark = pytest.mark.timeout(120)


def together(act: Callable[[int], object]) -> list[object]:
    """Let ``AT_ONCE`` threads do something at the same moment."""
    barrier = threading.Barrier(AT_ONCE)

    def one(number: int) -> object:
        barrier.wait(10)
        return act(number)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(one, range(AT_ONCE)))


def at_the_check(provider: Provider, number: int, name: str) -> tuple[str, bytes]:
    """Go all steps but the last."""
    registering, browser = provider.registering, digest(f"browser {number}")
    address = f"person{number}@people.example"

    with provider.database.write() as tx:
        flow_id = registering.begin(tx, browser, TRACKS["uncertified"], "")

    def under() -> Under:
        found = registering.registrations.find(tx, flow_id, browser)
        assert found is not None
        return found

    with provider.database.write() as tx:
        registering.accept_terms(tx, under(), documents.in_force(tx.now))
        details = Details(name="人", account_name=name, phone="+886223113456", emails=(address,))
        registering.describe(tx, under(), details, typed={}, phc_hash="$argon2id$none")
        registering.send_code(tx, under(), "en")
    (code,) = letters.messages(provider, address)
    assert isinstance(code, Code)
    with provider.database.write() as tx:
        assert registering.prove_email(tx, under(), code.code) is None
    return flow_id, browser


def finish(provider: Provider, flow_id: str, browser: bytes) -> bool:
    with provider.database.read() as tx:
        under = provider.registering.registrations.find(tx, flow_id, browser)
    assert under is not None
    try:
        with provider.database.write() as tx:
            return isinstance(provider.registering.finish(tx, under, "en"), Registered)
    except IntegrityError:
        return False


def test_one_name_is_given_once(provider: Provider) -> None:
    flows = [at_the_check(provider, number, "WANTED1") for number in range(AT_ONCE)]

    won = together(lambda number: finish(provider, *flows[number]))

    assert won.count(True) == 1
    left = [flow for flow, has_won in zip(flows, won, strict=True) if not has_won]
    assert not any(finish(provider, *flow) for flow in left), "nor later"


def test_one_registration_opens_one_account_and_sends_one_mail(provider: Provider) -> None:
    flow_id, browser = at_the_check(provider, 0, "WANTED2")

    won = together(lambda _number: finish(provider, flow_id, browser))

    assert won.count(True) == 1
    mails = letters.messages(provider, "person0@people.example")
    assert [type(one) for one in mails] == [Activation]


def test_one_link_activates_once(provider: Provider) -> None:
    finish(provider, *at_the_check(provider, 0, "WANTED3"))
    (mail,) = letters.messages(provider, "person0@people.example")
    assert isinstance(mail, Activation)

    def activate(_number: int) -> bool:
        with provider.database.write() as tx:
            return provider.registering.activate(tx, mail.token)

    assert together(activate).count(True) == 1


def test_T33_one_link_sets_one_password(provider: Provider, citizen: Person) -> None:
    with provider.database.write() as tx:
        provider.recovery.ask(tx, citizen.account_name, citizen.email)
    (mail,) = letters.messages(provider, citizen.email)
    assert isinstance(mail, Recovery)

    def reset(number: int) -> bool:
        with provider.database.write() as tx:
            done = provider.recovery.finish(tx, mail.token, f"$argon2id${number}", {}, keep=0)
            return done is not None

    assert together(reset).count(True) == 1


def test_attempts_at_one_account_from_one_network_never_wait_in_a_circle(
    provider: Provider,
) -> None:
    def act(number: int) -> bool:
        device = f"device {number}" if number % 2 else ""
        attempt = Attempt("password", "BUSY", "203.0.113.9", device)
        for _ in range(30):
            with provider.database.write() as tx:
                provider.gate.reserve(tx, attempt, captcha=True)
            with provider.database.write() as tx:
                provider.gate.succeed(tx, attempt)
        return True

    assert together(act) == [True] * AT_ONCE


def test_a_double_click_sends_one_code_and_it_is_the_one_on_record(provider: Provider) -> None:
    owner, address = b"somebody in a hurry", "hurry@people.example"

    def send(_number: int) -> Sending:
        with provider.database.write() as tx:
            return provider.codes.send(tx, owner, Purpose.NEW_ADDRESS, address, "en")

    said = together(send)
    mails = letters.messages(provider, address)

    assert said.count(Sending.SENT) == len(mails) == 1
    assert isinstance(mails[0], Code)
    with provider.database.write() as tx:
        claimed = provider.codes.claim(tx, owner, Purpose.NEW_ADDRESS, mails[0].code)
    assert claimed == (address,)


def test_of_many_tries_at_a_code_no_more_than_five_are_compared(provider: Provider) -> None:
    owner = b"somebody"
    with provider.database.write() as tx:
        provider.codes.send(tx, owner, Purpose.NEW_ADDRESS, "new@people.example", "en")
    (mail,) = letters.messages(provider, "new@people.example")
    assert isinstance(mail, Code)
    wrong = f"{(int(mail.code) + 1) % 10**6:06}"

    def try_it(_number: int) -> object:
        with provider.database.write() as tx:
            return provider.codes.claim(tx, owner, Purpose.NEW_ADDRESS, wrong)

    assert together(try_it).count(Typing.WRONG) == TRIES - 1
    with provider.database.write() as tx:
        outcome = provider.codes.claim(tx, owner, Purpose.NEW_ADDRESS, mail.code)
    assert outcome is Typing.OVER
