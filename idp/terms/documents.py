"""The documents themselves: Markdown in the repository, a file a version and locale.

``texts/<document>/<version>.<locale>.md``; a version is the day in Taiwan on which it comes into
force, so that one can be announced ahead. A file is never changed once it is out: a new wording is
a new version, and the old ones stay readable.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path

from markdown_it import MarkdownIt

TEXTS = Path(__file__).parent / "texts"
_TAIWAN = timezone(timedelta(hours=8))
_FILE = re.compile(r"(\d{4}-\d{2}-\d{2})\.(zh-Hant|zh-Hans|en)\.md")


class Document(StrEnum):
    """What people agree to."""

    TERMS = "terms"
    PRIVACY = "privacy"


@dataclass(frozen=True, slots=True)
class Text:
    """One version of a document in one language."""

    document: Document
    version: str
    html: str
    """Rendered from our own file; raw HTML in it is shown, not obeyed."""


@cache
def versions(document: Document) -> tuple[str, ...]:
    """List the versions of a document, the newest first; of announced ones too."""
    found = (_FILE.fullmatch(path.name) for path in (TEXTS / document).iterdir())
    return tuple(sorted({match[1] for match in found if match}, reverse=True))


def newest(document: Document, now: datetime) -> str:
    """Name the version of a document that is in force."""
    return _newest(document, _day(now))


def in_force(now: datetime) -> str:
    """Name what is to be accepted: the newest day on which either document changed."""
    return in_force_on(_day(now))


@lru_cache(maxsize=4)
def in_force_on(today: str) -> str:
    """Name the same of a day in Taiwan, ``YYYY-MM-DD``."""
    return max(_newest(Document.TERMS, today), _newest(Document.PRIVACY, today))


def _newest(document: Document, today: str) -> str:
    return next(version for version in versions(document) if version <= today)


def _day(now: datetime) -> str:
    return now.astimezone(_TAIWAN).date().isoformat()


def day_of(shown: Iterable[Text]) -> str:
    """Name what is accepted by who agrees to these texts, as :func:`in_force` names it."""
    return max(one.version for one in shown)


@cache
def text(document: Document, version: str, locale: str) -> Text | None:
    """Read one version; ``None`` when there is none."""
    if version not in versions(document):
        return None
    source = (TEXTS / document / f"{version}.{locale}.md").read_text("utf-8")
    html = MarkdownIt("commonmark", {"html": False}).render(source)
    return Text(document, version, html)
