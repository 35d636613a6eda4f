"""Which language a page speaks. Pure."""

from collections.abc import Iterable, Iterator

SUPPORTED = ("zh-Hant", "zh-Hans", "en")
DEFAULT = "zh-Hant"
LABELS = {"zh-Hant": "正體中文", "zh-Hans": "简体中文", "en": "English"}
HTML_LANG = {"zh-Hant": "zh-Hant-TW", "zh-Hans": "zh-Hans", "en": "en"}

_SIMPLIFIED = {"cn", "sg", "my", "hans"}


def negotiate(*, explicit: str, remembered: str, ui_locales: str, accept_language: str) -> str:
    """Choose a locale: what was clicked, else asked by the app, else remembered, else sent.

    The app comes before the memory: it has already spoken with the person, in that language.

    Args:
        ui_locales: BCP 47 tags separated by blanks (OIDC Core section 3.1.2.1).
        accept_language: the header as sent (RFC 9110 section 12.5.4).
    """
    if explicit in SUPPORTED:
        return explicit
    if asked := _first(ui_locales.split()):
        return asked
    if remembered in SUPPORTED:
        return remembered
    return _first(_by_weight(accept_language)) or DEFAULT


def _first(tags: Iterable[str]) -> str | None:
    return next((found for tag in tags if (found := match(tag))), None)


def match(tag: str) -> str | None:
    """Find our locale for a language tag; ``None`` when it is another language."""
    language, *rest = tag.lower().split("-")
    if language == "en":
        return "en"
    if language == "zh":
        return "zh-Hans" if _SIMPLIFIED & set(rest) else "zh-Hant"
    return None


def _by_weight(accept_language: str) -> Iterator[str]:
    weighted = []
    for position, part in enumerate(accept_language.split(",")[:20]):
        tag, _, parameter = part.strip().partition(";")
        weighted.append((-_weight(parameter), position, tag.strip()))
    return (tag for _, _, tag in sorted(weighted))


def _weight(parameter: str) -> float:
    try:
        return float(parameter.strip().removeprefix("q="))
    except ValueError:
        return 1.0
