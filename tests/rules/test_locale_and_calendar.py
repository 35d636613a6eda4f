"""Languages and dates."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.registration.fields import read_date
from ui.locale import negotiate
from ui.roc_calendar import date_of, day, moment, typed


@pytest.mark.parametrize(
    ("given", "then"),
    [
        pytest.param({}, "zh-Hant", id="nothing said"),
        pytest.param({"explicit": "en", "remembered": "zh-Hans"}, "en", id="clicked"),
        pytest.param({"explicit": "fr", "remembered": "zh-Hans"}, "zh-Hans", id="remembered"),
        pytest.param({"ui_locales": "fr zh-CN"}, "zh-Hans", id="asked by the app"),
        pytest.param({"ui_locales": "en", "remembered": "zh-Hans"}, "en", id="app and memory"),
        pytest.param({"ui_locales": "se", "remembered": "zh-Hans"}, "zh-Hans", id="then memory"),
        pytest.param({"ui_locales": "en", "explicit": "zh-Hans"}, "zh-Hans", id="clicked here"),
        pytest.param({"ui_locales": "se"}, "zh-Hant", id="unknown to us"),
        pytest.param({"accept_language": "zh-TW,en;q=0.8"}, "zh-Hant", id="from Taiwan"),
        pytest.param({"accept_language": "zh-SG"}, "zh-Hans", id="from Singapore"),
        pytest.param({"accept_language": "fr,en;q=0.8,zh;q=0.9"}, "zh-Hant", id="by weight"),
        pytest.param({"accept_language": ",;q=x,,"}, "zh-Hant", id="nonsense"),
    ],
)
def test_negotiation(given: dict[str, str], then: str) -> None:
    nothing = dict.fromkeys(("explicit", "remembered", "ui_locales", "accept_language"), "")

    assert negotiate(**(nothing | given)) == then


def test_dates_are_written_as_people_here_read_them() -> None:
    afternoon = datetime(2026, 11, 20, 6, 27, tzinfo=UTC)

    assert moment(afternoon, "zh-Hant") == "民國 115年 11月20日 星期五 14:27"
    assert moment(afternoon, "zh-Hans") == "2026年11月20日 星期五 14:27"
    assert moment(afternoon, "en") == "2026-11-20 Fri 14:27"


def test_a_date_to_be_changed_is_written_as_it_is_typed() -> None:
    born = date(1972, 12, 18)

    assert typed(born, "zh-Hant") == "0611218"
    assert typed(born, "zh-Hans") == typed(born, "en") == "1972-12-18"
    assert typed(date(1911, 12, 31), "zh-Hant") == "1911-12-31"


@given(st.dates(date(1900, 1, 1), date(2026, 11, 20)), st.sampled_from(["zh-Hant", "en"]))
def test_what_a_form_shows_is_read_as_the_same_day(day: date, locale: str) -> None:
    today = date(2026, 11, 20)

    assert read_date(typed(day, locale), today=today) == day
    assert read_date(date_of(day, "zh-Hant"), today=today) == day
    assert read_date(date_of(day, locale), today=today) == day


def test_before_the_republic_years_count_backwards() -> None:
    assert day(datetime(1912, 1, 1, 4, tzinfo=UTC), "zh-Hant").startswith("民國 1年")
    assert day(datetime(1911, 6, 1, tzinfo=UTC), "zh-Hant").startswith("民國前 1年")


def test_an_evening_in_utc_is_the_next_day_in_taipei() -> None:
    assert day(datetime(2026, 11, 20, 16, tzinfo=UTC), "en") == "2026-11-21 Sat"
