"""Health for load balancers, figures for Prometheus, addresses behind proxies."""

import dataclasses

import msgspec
import pytest
from sqlalchemy import select, text

from idp.audit.store import AuditRow
from idp.config import ServerSection
from idp.provider import Provider
from tests.people import CONFIG, Browser, Person


def test_live_says_so_whatever_is_wrong_and_ready_names_what_is(
    browser: Browser, provider: Provider
) -> None:
    assert browser.get("/health/ready").json == {"status": "ready"}
    with provider.database.write() as tx:
        tx.execute(text("DROP TABLE alembic_version"))

    ready = browser.get("/health/ready")

    assert ready.status_code == 503
    assert ready.json == {"status": "not ready", "why": "database"}
    assert browser.get("/health/live").status_code == 200


def test_every_answer_has_a_reference_that_the_log_has_too(browser: Browser) -> None:
    one, two = browser.get("/nowhere"), browser.get("/nowhere")

    assert one.headers["X-Request-Id"] in one.text
    assert one.headers["X-Request-Id"] != two.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("trusted", "forwarded", "then"),
    [
        pytest.param([], "198.51.100.9", "203.0.113.7", id="B21 from a stranger: ignored"),
        pytest.param(["203.0.113.0/24"], "198.51.100.9", "198.51.100.9", id="from our proxy"),
        pytest.param(
            ["203.0.113.0/24"], "1.1.1.1, 198.51.100.9", "198.51.100.9", id="the nearest stranger"
        ),
        pytest.param(
            ["203.0.113.0/24"], "198.51.100.9, 203.0.113.8", "198.51.100.9", id="two of ours"
        ),
        pytest.param(["203.0.113.0/24"], "", "203.0.113.7", id="our proxy says nothing"),
    ],
)
def test_the_address_on_record_is_the_clients(
    provider: Provider, citizen: Person, trusted: list[str], forwarded: str, then: str
) -> None:
    server = ServerSection(trusted_proxies=trusted)
    portico = dataclasses.replace(provider, config=msgspec.structs.replace(CONFIG, server=server))
    browser = Browser.on(portico)
    browser.client.environ_base["HTTP_X_FORWARDED_FOR"] = forwarded

    browser.get("/signin/password")
    browser.sign_in(citizen)

    with provider.database.read() as tx:
        signed_in = select(AuditRow.source).where(AuditRow.event == "signin.succeeded")
        assert tx.execute(signed_in).scalar_one() == then


def test_the_figures_name_routes_and_never_people(browser: Browser, citizen: Person) -> None:
    from prometheus_client import generate_latest

    browser.code(citizen)
    browser.get("/nowhere/citizen1")

    figures = generate_latest().decode()
    assert 'endpoint="/authorize"' in figures
    assert 'portico_signins_total{method="password",outcome="ok"}' in figures
    assert "citizen1" not in figures.lower()


def test_T42_no_header_can_speak_for_a_client_certificate(browser: Browser) -> None:
    headers = {"X-SSL-Client-Cert": "x", "Ssl-Client-Verify": "SUCCESS", "X-Client-Id": "machine"}

    reply = browser.post("/token", {"grant_type": "client_credentials"}, **headers)

    assert reply.status_code == 401
