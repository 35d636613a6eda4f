"""Every event that an account's owner is told of has a sentence, in every form it can take."""

import itertools
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest

from idp.audit import events
from idp.audit.events.event import Event
from idp.web import changes

OWN = [event for event in events.ALL if event.for_owner]


def forms(event: type[Event]) -> list[dict[str, Any]]:
    """List what the fields of an event can say, as far as that is a choice."""
    choices = {
        field.name: list(get_args(field.type)) if field.type is not bool else [True, False]
        for field in msgspec.structs.fields(event)
        if field.type is bool or get_origin(field.type) is Literal
    }
    return [dict(zip(choices, one, strict=True)) for one in itertools.product(*choices.values())]


@pytest.mark.parametrize("event", OWN, ids=lambda event: event.name)
def test_every_form_of_an_event_has_a_sentence(event: type[Event]) -> None:
    sentences = [changes.sentence(event.name, form) for form in forms(event)]

    assert sentences
    assert changes._OTHERWISE not in sentences  # noqa: SLF001


def test_no_sentence_is_for_an_event_that_nobody_is_told_of() -> None:
    assert set(changes._SENTENCES) == {event.name for event in OWN}  # noqa: SLF001


def test_what_a_newer_version_wrote_is_told_in_general() -> None:
    for event, form in (("passport.lost", {}), ("factor.added", {"kind": "implant"})):
        assert changes.sentence(event, form) is changes._OTHERWISE  # noqa: SLF001
