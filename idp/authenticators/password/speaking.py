"""The captcha's digits as sound, of the same strength as the picture.

Spoken one by one in Mandarin or English, each with a pace, loudness and pause of its own,
over noise: the same digit never sounds, or is written, the same twice.
"""

import array
import random
import wave
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TypeAlias

Samples: TypeAlias = "array.array[int]"

RATE = 8_000  # samples a second; 16 bit, mono
_VOICES = Path(__file__).parent / "voices"
_LOUDEST = 32_767
_NOISE = 900


def speak(digits: str, locale: str, chance: random.Random) -> bytes:
    """Speak ``digits`` as WAV; English for ``en``, Mandarin for every other locale.

    Raises:
        ValueError: something other than ASCII digits.
    """
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("a captcha is made of digits")
    language = "en" if locale.startswith("en") else "cmn"
    spoken = array.array("h", bytes(2 * RATE // 2))
    for digit in digits:
        voice = chance.choice(_voices_of(language))
        spoken.extend(_varied(_clip(f"{voice}-{digit}"), chance))
        spoken.extend(array.array("h", bytes(2 * round(RATE * chance.uniform(0.35, 0.7)))))
    return _wav(_with_noise(spoken, chance))


def _varied(clip: Samples, chance: random.Random) -> Samples:
    """Play a clip a little faster or slower, louder or softer."""
    pace, loudness = chance.uniform(0.85, 1.12), chance.uniform(0.6, 0.95)
    length = int(len(clip) / pace)
    return array.array("h", (int(clip[int(at * pace)] * loudness) for at in range(length)))


def _with_noise(spoken: Samples, chance: random.Random) -> Samples:
    hiss = array.array("h", (chance.randint(-_NOISE, _NOISE) for _ in range(RATE)))
    begin = chance.randrange(RATE)
    return array.array(
        "h",
        (
            max(-_LOUDEST, min(_LOUDEST, sample + hiss[(begin + at * 7) % RATE]))
            for at, sample in enumerate(spoken)
        ),
    )


def _wav(samples: Samples) -> bytes:
    written = BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return written.getvalue()


@cache
def _voices_of(language: str) -> tuple[str, ...]:
    names = {path.stem.rsplit("-", 1)[0] for path in _VOICES.glob(f"{language}-*.wav")}
    return tuple(sorted(names))


@cache
def _clip(name: str) -> Samples:
    with wave.open(str(_VOICES / f"{name}.wav"), "rb") as file:
        return array.array("h", file.readframes(file.getnframes()))
