"""The six digits as picture and as sound."""

import random
import wave
from io import BytesIO

import pytest
from PIL import Image

from idp.authenticators.password.drawing import HEIGHT, WIDTH, draw
from idp.authenticators.password.speaking import speak


def test_the_picture_is_small_stable_and_different_each_time() -> None:
    picture = draw("074931", random.Random(1))

    with Image.open(BytesIO(picture)) as opened:
        assert opened.size == (WIDTH, HEIGHT)
    assert len(picture) < 12_000
    assert picture == draw("074931", random.Random(1))
    assert picture != draw("074931", random.Random(2))
    assert b"074931" not in picture


@pytest.mark.parametrize("locale", ["zh-Hant", "zh-Hans", "en", "se"])
def test_all_ten_digits_are_spoken_in_every_locale(locale: str) -> None:
    for digits in ("012345", "678990"):
        sound = speak(digits, locale, random.Random(3))

        with wave.open(BytesIO(sound)) as opened:
            seconds = opened.getnframes() / opened.getframerate()
        assert 4 < seconds < 15
        assert len(sound) < 300_000
        assert sound == speak(digits, locale, random.Random(3))
        assert sound != speak(digits, locale, random.Random(4))


def test_a_digit_is_never_written_twice_the_same() -> None:
    once, twice = (speak("5", "en", random.Random(seed)) for seed in (5, 6))

    assert once[44:] not in twice


@pytest.mark.parametrize("render", [draw, lambda text, chance: speak(text, "en", chance)])
def test_only_digits_are_rendered(render: object) -> None:
    with pytest.raises(ValueError, match="digits"):
        render("12a", random.Random(1))  # type: ignore[operator]
