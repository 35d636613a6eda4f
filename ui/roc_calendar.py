"""Dates as people here read them: the ROC calendar in zh-Hant, ISO-like in English."""

from datetime import datetime
from zoneinfo import ZoneInfo

TAIPEI = ZoneInfo("Asia/Taipei")
_HAN = "一二三四五六日"
_ENGLISH = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ROC_BEGINS = 1911


def day(instant: datetime, locale: str) -> str:
    """Write the day of ``instant`` in Taipei: ``民國 115年 11月20日 星期五``.

    Years before the Republic are written 民國前, as registers of births do.
    """
    local = instant.astimezone(TAIPEI)
    if locale == "en":
        return f"{local:%Y-%m-%d} {_ENGLISH[local.weekday()]}"
    weekday = f"星期{_HAN[local.weekday()]}"
    if locale == "zh-Hans":
        return f"{local.year}年{local.month}月{local.day}日 {weekday}"
    year = local.year - _ROC_BEGINS
    era = f"民國 {year}年" if year > 0 else f"民國前 {1 - year}年"
    return f"{era} {local.month}月{local.day}日 {weekday}"


def moment(instant: datetime, locale: str) -> str:
    """Write the day and the minute of ``instant`` in Taipei."""
    return f"{day(instant, locale)} {instant.astimezone(TAIPEI):%H:%M}"
