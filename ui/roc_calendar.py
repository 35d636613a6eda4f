"""Dates as people here read them: the one place that writes them. Pure.

========  ===========  ==================================  ==========
locale    calendar     moment                              day
========  ===========  ==================================  ==========
zh-Hant   of the ROC   ``民國 115年 11月20日 星期五 14:27``  as above
zh-Hans   common       ``2026年11月20日 星期五 14:27``       as above
en        common       ``2026-11-20 Fri 14:27``            as above
========  ===========  ==================================  ==========

Always in Taipei, the parts a blank apart; the forms of zh-Hant are those of the manual (P30).
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

TAIPEI = ZoneInfo("Asia/Taipei")
_HAN = "一二三四五六日"
_ENGLISH = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ROC_BEGINS = 1911


def in_taipei(instant: datetime) -> datetime:
    """Give the same instant by the clocks of Taipei."""
    return instant.astimezone(TAIPEI)


def date_of(day: date, locale: str) -> str:
    """Write a day of the calendar: ``民國 115年 11月20日``.

    Years before the Republic are written 民國前, as registers of births do.
    """
    if locale == "en":
        return f"{day:%Y-%m-%d}"
    if locale == "zh-Hans":
        return f"{day.year}年{day.month}月{day.day}日"
    year = day.year - _ROC_BEGINS
    era = f"民國 {year}年" if year > 0 else f"民國前 {1 - year}年"
    return f"{era} {day.month}月{day.day}日"


def weekday(day: date, locale: str) -> str:
    """Write the day of the week."""
    return _ENGLISH[day.weekday()] if locale == "en" else f"星期{_HAN[day.weekday()]}"


def time_of(local: datetime) -> str:
    """Write hours and minutes."""
    return f"{local:%H:%M}"


def moment(instant: datetime, locale: str) -> str:
    """Write the day and the minute of ``instant`` in Taipei."""
    local = in_taipei(instant)
    return f"{date_of(local, locale)} {weekday(local, locale)} {time_of(local)}"


def day(instant: datetime, locale: str) -> str:
    """Write the day of ``instant`` in Taipei."""
    local = in_taipei(instant)
    return f"{date_of(local, locale)} {weekday(local, locale)}"


def typed(day: date, locale: str) -> str:
    """Write a day as a form shows it, to be changed: ``0611218`` where people count so."""
    year = day.year - _ROC_BEGINS
    if locale != "zh-Hant" or year < 1:
        return day.isoformat()
    return f"{year:03}{day:%m%d}"
