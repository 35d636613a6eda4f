"""Somebody without scripts who fills in every field of a page, and then switches its language."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self

TYPED = 'typed "by" <somebody> & kept'
_UNSEEN = {"hidden", "submit", "button", "reset"}
Attributes = dict[str, str]


@dataclass
class Field:
    """A field of a form that a person sees."""

    form: str
    name: str
    kind: str
    value: str = ""
    """What it holds; nothing where a box is not ticked."""
    would_hold: str = TYPED
    """What it holds once it is filled in."""
    is_secret: bool = False


@dataclass
class Page(HTMLParser):
    """A page as a browser reads it."""

    text: str
    fields: list[Field] = field(default_factory=list)
    hidden: dict[str, Attributes] = field(default_factory=dict)
    """By the id of its form: what goes along unseen."""
    entries: dict[str, Attributes] = field(default_factory=dict)
    """By locale: the entry of the language switch."""
    first_buttons: dict[str, Attributes] = field(default_factory=dict)
    """By the id of its form: what the Enter key presses."""
    _form: str = ""

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a page."""
        page = cls(text)
        HTMLParser.__init__(page)
        page.feed(text)
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what belongs to a form or to the switch."""
        told = {name: value or "" for name, value in attrs}
        form = told.get("form", self._form)
        if told.get("id", "").startswith("lang-"):
            self.entries[told["id"].removeprefix("lang-")] = told | {"tag": tag}
        if tag == "form":
            self._form = told.get("id", "")
        elif tag == "button" and told.get("type", "submit") == "submit":
            self.first_buttons.setdefault(form, told)
        elif tag == "option":
            self._option(told)
        elif tag == "input" and told.get("type") == "hidden":
            self.hidden.setdefault(form, {})[told["name"]] = told.get("value", "")
        elif tag in {"input", "select"} and not _is_unseen(told):
            self.fields.append(_field(tag, form, told))

    def handle_endtag(self, tag: str) -> None:
        """Leave a form."""
        if tag == "form":
            self._form = ""

    def _option(self, told: Attributes) -> None:
        self.fields[-1].would_hold = told["value"]
        if "selected" in told:
            self.fields[-1].value = told["value"]

    def held(self) -> dict[tuple[str, str], str]:
        """Tell what the fields hold that may be shown, by form and name."""
        found: dict[tuple[str, str], str] = {}
        for one in self.fields:
            if not one.is_secret:
                found[one.form, one.name] = one.value or found.get((one.form, one.name), "")
        return found

    def carried(self, code: str) -> dict[tuple[str, str], str]:
        """Tell what the fields of the switch's form hold once they are filled in."""
        form = self.entries[code].get("form")
        return {
            (one.form, one.name): one.would_hold
            for one in self.fields
            if one.form == form and not one.is_secret
        }

    def secrets(self) -> dict[str, str]:
        """Make up a secret for each field that wants one."""
        return {one.name: f"secret {one.name} of mine" for one in self.fields if one.is_secret}

    def sent(self, code: str) -> dict[str, str] | None:
        """Tell what a click on a language sends; ``None`` for a link."""
        entry = self.entries[code]
        form = entry.get("form")
        if form is None:
            return None
        secrets = self.secrets()
        own = {
            one.name: secrets.get(one.name, one.would_hold)
            for one in self.fields
            if one.form == form
        }
        named = {entry["name"]: entry["value"]} if "name" in entry else {}
        return self.hidden.get(form, {}) | own | named

    @property
    def is_asked_for(self) -> bool:
        """Tell whether the switch's form is one that asks for a page, not one that is posted."""
        entry = next(iter(self.entries.values()))
        return "form" in entry and "formmethod" not in entry

    def address(self, code: str) -> str:
        """Tell where a click on a language leads."""
        entry = self.entries[code]
        return entry.get("formaction") or entry.get("href", "")


def _is_unseen(told: Attributes) -> bool:
    return told.get("type") in _UNSEEN or "readonly" in told


def _field(tag: str, form: str, told: Attributes) -> Field:
    kind = "select" if tag == "select" else told.get("type", "text")
    one = Field(form, told.get("name", ""), kind, told.get("value", ""))
    one.is_secret = "data-secret" in told or kind == "password"
    if kind in {"checkbox", "radio"}:
        one.would_hold = one.value
        one.value = one.value if "checked" in told else ""
    return one
