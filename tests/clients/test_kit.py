"""What a relying app believes: T10, T14, T22, T50, T51 from the app's side."""

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

from clients.casequery import app, demo
from clients.kit import linking
from clients.kit.config import (
    ConfigError,
    DatabaseSection,
    KitConfig,
    ProviderSection,
    load,
)
from clients.kit.database import Database, Table
from migrations import runner
from tests.labs.tiny_provider import TinyProvider, tiny_provider


@pytest.fixture
def provider() -> Iterator[TinyProvider]:
    with tiny_provider() as one:
        yield one


@pytest.fixture
def config(provider: TinyProvider, tmp_path: Path) -> KitConfig:
    return KitConfig(
        provider=ProviderSection(issuer=provider.url, client_secret="secret"),
        database=DatabaseSection(url=f"sqlite:///{tmp_path / 'casequery.sqlite'}"),
    )


@pytest.fixture
def database(config: KitConfig) -> Iterator[Database]:
    opened = app.build(config).database
    with opened.write() as tx:
        runner.upgrade(tx.connection, "casequery", Table.metadata)
    demo.seed(opened, config.provider.issuer, None)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def browser(config: KitConfig, database: Database) -> FlaskClient:
    del database  # wanted for its tables
    client = app.application(config).test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def begin(browser: FlaskClient, provider: TinyProvider, return_to: str = "/cases") -> str:
    """Begin a sign-in; the provider learns the nonce, the test the state."""
    sent = browser.get("/signin", query_string={"return_to": return_to})
    query = parse_qs(urlsplit(sent.headers["Location"]).query)
    provider.nonce = query["nonce"][0]
    assert query["code_challenge_method"] == ["S256"]
    assert query["response_type"] == ["code"]
    return query["state"][0]


def come_back(browser: FlaskClient, provider: TinyProvider, **changes: str) -> TestResponse:
    """Begin a sign-in and come back with the provider's answer."""
    honest = {"state": begin(browser, provider), "iss": provider.url, "code": "c"}
    answer = {name: value for name, value in (honest | changes).items() if value}
    return browser.get("/signin/callback", query_string=answer)


def is_signed_in(browser: FlaskClient) -> bool:
    return browser.get("/cases").status_code != 303


def test_an_honest_answer_signs_in_and_leads_back(
    browser: FlaskClient, provider: TinyProvider, database: Database
) -> None:
    with database.write() as tx:
        linking.link(tx, provider.url, "s_ming", "CITIZEN1")

    done = come_back(browser, provider)

    assert done.status_code == 303
    assert done.headers["Location"] == "/cases"
    page = browser.get("/cases").text
    assert "王小明𠮷" in page
    assert "TPD.109.他.000025" in page
    assert provider.token_requests[0]["code_verifier"]


def test_the_demo_people_are_found_again_when_the_provider_has_moved(
    browser: FlaskClient, provider: TinyProvider, database: Database, tmp_path: Path
) -> None:
    people = tmp_path / "people.json"
    people.write_text('[{"username": "CITIZEN1", "sub": "s_ming"}]')
    assert demo.seed(database, "http://localhost:9000", people) == 1

    moved, again = (demo.seed(database, provider.url, people) for _ in range(2))

    assert (moved, again) == (1, 0)
    come_back(browser, provider)
    assert "TPD.109.他.000025" in browser.get("/cases").text


def test_who_is_signed_in_by_another_issuer_signs_in_again(
    browser: FlaskClient, provider: TinyProvider, database: Database, tmp_path: Path
) -> None:
    people = tmp_path / "people.json"
    people.write_text('[{"username": "CITIZEN1", "sub": "s_ming"}]')
    come_back(browser, provider)

    demo.seed(database, provider.url, people)
    assert is_signed_in(browser)
    demo.seed(database, "http://localhost:9010", people)

    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"iss": ""}, id="T14 no iss"),
        pytest.param({"iss": "https://evil.example"}, id="T14 another iss"),
        pytest.param({"state": "made-up"}, id="T10 another state"),
        pytest.param({"state": ""}, id="no state"),
        pytest.param({"code": "", "error": "server_error"}, id="an error there"),
        pytest.param({"code": ""}, id="nothing at all"),
    ],
)
def test_a_doubtful_answer_ends_before_the_token_request(
    browser: FlaskClient, provider: TinyProvider, changes: dict[str, str]
) -> None:
    page = come_back(browser, provider, **changes)

    assert page.status_code in {400, 403}
    assert provider.token_requests == []
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    ("locale", "sentence"),
    [
        ("en", "You did not sign in"),
        ("zh-Hant", "您沒有完成登入"),
        ("zh-Hans", "您没有完成登录"),
    ],
)
def test_who_cancels_reads_in_plain_words_that_nothing_has_happened_and_may_try_again(
    browser: FlaskClient, provider: TinyProvider, locale: str, sentence: str
) -> None:
    state = begin(browser, provider, return_to="/cases/TPD.109")
    answer = {"state": state, "iss": provider.url, "error": "access_denied", "code": ""}
    answer["error_description"] = "the person declined"

    left = browser.get("/signin/callback", query_string=answer).headers["Location"]
    page = browser.get(f"{left}&lang={locale}")

    assert page.status_code == 200
    assert sentence in page.text
    assert 'id="sign-in-again" href="/signin?return_to=/cases/TPD.109"' in page.text
    assert not [word for word in ("access_denied", "signin_declined") if word in page.text]
    assert provider.token_requests == []
    assert not is_signed_in(browser)


def test_who_was_refused_is_not_told_to_have_left(
    browser: FlaskClient, provider: TinyProvider
) -> None:
    page = come_back(
        browser,
        provider,
        code="",
        error="access_denied",
        error_description="the account may not use this client",
    )

    assert page.status_code == 403
    assert not is_signed_in(browser)


def test_two_windows_sign_in_one_after_the_other(
    browser: FlaskClient, provider: TinyProvider
) -> None:
    first = begin(browser, provider, return_to="/cases/TPD.1")
    begin(browser, provider, return_to="/cases/TPD.2")

    page = browser.get(
        "/signin/callback",
        query_string={"state": first, "iss": provider.url, "error": "access_denied",
                      "error_description": "the person declined"},
    )  # fmt: skip

    assert page.headers["Location"].endswith("/signin/unfinished?return_to=/cases/TPD.1")


def test_the_page_of_who_cancelled_leads_to_no_other_site(browser: FlaskClient) -> None:
    page = browser.get("/signin/unfinished", query_string={"return_to": "//evil.example/"})

    assert "evil" not in page.text.split("<main")[1]
    assert 'id="sign-in-again" href="/signin?return_to=/"' in page.text


def test_T14_a_cancelled_answer_of_another_issuer_is_an_error(
    browser: FlaskClient, provider: TinyProvider
) -> None:
    page = come_back(browser, provider, code="", error="access_denied", iss="https://evil.example")

    assert page.status_code == 400


def test_T14_two_iss_are_one_too_many(browser: FlaskClient, provider: TinyProvider) -> None:
    state = begin(browser, provider)

    page = browser.get(f"/signin/callback?state={state}&code=c&iss={provider.url}&iss=x")

    assert page.status_code == 400
    assert provider.token_requests == []


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"iss": "https://evil.example"}, id="another issuer"),
        pytest.param({"aud": "another-app"}, id="another audience"),
        pytest.param({"aud": ["casequery", "other"]}, id="several audiences, no azp"),
        pytest.param({"nonce": "replayed"}, id="T10 another nonce"),
        pytest.param({"nonce": ""}, id="no nonce"),
        pytest.param({"exp": 1}, id="expired"),
        pytest.param({"exp": "tomorrow"}, id="exp is no number"),
        pytest.param({"iat": 99_999_999_999}, id="of the future"),
        pytest.param({"sub": ""}, id="no sub"),
        pytest.param({"sub": "s_other"}, id="userinfo is about somebody else"),
    ],
)
def test_an_id_token_that_is_not_for_us_now_signs_nobody_in(
    browser: FlaskClient, provider: TinyProvider, claims: dict[str, object]
) -> None:
    provider.claims = claims

    page = come_back(browser, provider)

    assert page.status_code == 400
    assert not is_signed_in(browser)


@pytest.mark.parametrize("alg", ["none", "HS256"])
def test_T22_the_algorithms_are_ours_whatever_the_metadata_says(
    browser: FlaskClient, provider: TinyProvider, alg: str
) -> None:
    provider.header = {"alg": alg, "kid": "one"}

    assert come_back(browser, provider).status_code == 400
    assert not is_signed_in(browser)


def test_a_key_that_is_not_published_signs_nobody_in(
    browser: FlaskClient, provider: TinyProvider
) -> None:
    begin(browser, provider)
    published = provider.key
    provider.key = RSAKey.generate_key(2048, {"kid": "one"})
    token = provider.tokens()
    provider.key = published
    provider.tokens = lambda: token  # type: ignore[method-assign]

    assert come_back(browser, provider).status_code == 400


def test_metadata_of_another_issuer_stops_everything(
    browser: FlaskClient, provider: TinyProvider
) -> None:
    provider.metadata = {"issuer": "https://evil.example"}

    assert browser.get("/signin").status_code == 503


def test_an_answer_is_taken_once_and_in_its_own_browser(
    browser: FlaskClient, provider: TinyProvider, config: KitConfig
) -> None:
    state = begin(browser, provider)
    answer = {"state": state, "iss": provider.url, "code": "c"}
    other = app.application(config).test_client()

    stolen = other.get("/signin/callback", query_string=answer)
    first = browser.get("/signin/callback", query_string=answer)
    second = browser.get("/signin/callback", query_string=answer)

    assert stolen.status_code == 400
    assert first.status_code == 303
    assert second.status_code == 400


@pytest.mark.parametrize(
    "return_to", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:x", "x"]
)
def test_B2_the_way_back_stays_on_this_site(
    browser: FlaskClient, provider: TinyProvider, return_to: str
) -> None:
    state = begin(browser, provider, return_to)

    done = browser.get(
        "/signin/callback", query_string={"state": state, "iss": provider.url, "code": "c"}
    )

    assert done.headers["Location"] == "/"


def notice(provider: TinyProvider, **changes: object) -> dict[str, object]:
    now = int(time.time())  # noqa: TID251 - the notice of a program of its own
    honest = {
        "iss": provider.url,
        "aud": "casequery",
        "iat": now,
        "exp": now + 60,
        "jti": f"jti-{changes}",
        "sid": "session-1",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }
    return {name: value for name, value in (honest | changes).items() if value}


def test_T51_a_logout_token_ends_the_session_it_names(
    browser: FlaskClient, provider: TinyProvider
) -> None:
    come_back(browser, provider)
    assert is_signed_in(browser)

    token = provider.sign(notice(provider), "logout+jwt")
    heard = browser.post("/signin/backchannel-logout", data={"logout_token": token})
    again = browser.post("/signin/backchannel-logout", data={"logout_token": token})

    assert heard.status_code == again.status_code == 200
    assert heard.headers["Cache-Control"] == "no-store"
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    ("changes", "typ"),
    [
        pytest.param({"nonce": "n"}, "logout+jwt", id="with a nonce"),
        pytest.param({"events": ""}, "logout+jwt", id="without events"),
        pytest.param({"aud": "other"}, "logout+jwt", id="for another app"),
        pytest.param({"iss": "https://evil"}, "logout+jwt", id="from another issuer"),
        pytest.param({"exp": 1}, "logout+jwt", id="expired"),
        pytest.param({"sid": "", "sub": ""}, "logout+jwt", id="naming nobody"),
        pytest.param({"jti": ""}, "logout+jwt", id="without jti"),
        pytest.param({}, "JWT", id="an ID token in its place"),
        pytest.param({}, "at+jwt", id="an access token in its place"),
    ],
)
def test_a_doubtful_logout_token_ends_nothing(
    browser: FlaskClient, provider: TinyProvider, changes: dict[str, object], typ: str
) -> None:
    come_back(browser, provider)

    token = provider.sign(notice(provider, **changes), typ)
    heard = browser.post("/signin/backchannel-logout", data={"logout_token": token})

    assert heard.status_code == 400
    assert is_signed_in(browser)


def test_somebody_without_an_account_here_is_told_how_to_get_one(
    browser: FlaskClient, provider: TinyProvider
) -> None:
    come_back(browser, provider)

    page = browser.get("/cases")

    assert page.status_code == 403
    assert "No account here yet" in page.text


def test_Q04_another_persons_case_is_not_there(
    browser: FlaskClient, provider: TinyProvider, database: Database
) -> None:
    with database.write() as tx:
        linking.link(tx, provider.url, "s_ming", "CITIZEN1")
    come_back(browser, provider)

    mine = browser.get("/cases/TPD.109.他.000025")
    others = browser.get("/cases/NTD.115.家親聲.000318")

    assert mine.status_code == 200
    assert others.status_code == 404
    assert "會面交往" not in others.text


def test_Q04_the_newest_three_entries_are_shown(
    browser: FlaskClient, provider: TinyProvider, database: Database
) -> None:
    with database.write() as tx:
        linking.link(tx, provider.url, "s_ming", "CITIZEN1")
    come_back(browser, provider)

    page = browser.get("/cases", query_string={"number": "TPD.115.訴.001203"}).text

    assert "宣示判決" in page
    assert "行準備程序" in page
    assert "收案，分由民事第六庭審理" not in page
    assert "准予閱卷" not in page


def test_T37_a_link_is_one_to_one(database: Database) -> None:
    with database.write() as tx:
        assert linking.link(tx, "https://sso", "s_one", "ACCOUNT")
        assert not linking.link(tx, "https://sso", "s_two", "ACCOUNT")
        assert not linking.link(tx, "https://sso", "s_one", "OTHER")
        assert linking.account_of(tx, "https://sso", "s_one") == "ACCOUNT"
        assert linking.account_of(tx, "https://other", "s_one") is None


def test_Q05_the_list_of_case_words_is_open_to_everybody(browser: FlaskClient) -> None:
    listed = browser.get("/open-case-words.csv")

    assert listed.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "civil,訴" in listed.text


def test_T76_another_site_cannot_sign_out(browser: FlaskClient, provider: TinyProvider) -> None:
    come_back(browser, provider)

    assert browser.post("/signout", data={"csrf_token": "forged"}).status_code == 403
    assert is_signed_in(browser)


def test_a_mistake_in_the_file_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "casequery.toml"
    path.write_text("[server]\nprot = 1\n")

    with pytest.raises(ConfigError, match="did you mean 'port'"):
        load(KitConfig, path, "CASEQUERY", {})
    with pytest.raises(ConfigError, match="port"):
        load(KitConfig, None, "CASEQUERY", {"CASEQUERY__SERVER__PORT": "x"})


@pytest.mark.parametrize(
    ("lang", "office"),
    [("zh-Hant", "臺灣臺北地方法院 法官"), ("en", "Taipei District Court 法官")],
)
def test_the_head_of_the_page_has_court_and_title_of_a_judge(
    browser: FlaskClient, provider: TinyProvider, lang: str, office: str
) -> None:
    provider.claims = {
        "court_name": "臺灣臺北地方法院",
        "court_name#en": "Taipei District Court",
        "title": "法官",
        "department": "民事庭",
    }
    come_back(browser, provider)

    page = browser.get("/cases", query_string={"lang": lang}).text

    assert f"<small>{office}</small>" in page


def test_who_has_no_office_has_none_in_the_head(
    browser: FlaskClient, provider: TinyProvider
) -> None:
    come_back(browser, provider)

    assert "<small></small>" in browser.get("/cases").text
