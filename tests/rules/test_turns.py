"""Whom to ask next, when some do not answer."""

from idp.gateways.turns import Turns


class Watch:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_everybody_is_asked_in_their_order() -> None:
    assert list(Turns(["one", "two"], 30)) == ["one", "two"]


def test_who_failed_is_asked_last_and_only_if_nobody_else_answers() -> None:
    turns = Turns(["one", "two"], 30)

    turns.failed("one")

    assert list(turns) == ["two", "one"]


def test_after_a_while_one_caller_tries_who_failed_and_the_others_go_past() -> None:
    watch = Watch()
    turns = Turns(["one", "two"], 30, watch)
    turns.failed("one")

    watch.now = 31
    first, second = iter(turns), iter(turns)

    assert next(first) == "one"
    assert next(second) == "two"


def test_with_all_of_them_down_one_caller_at_a_time_tries() -> None:
    turns = Turns(["one"], 30)
    turns.failed("one")

    first, second = iter(turns), iter(turns)

    assert next(first) == "one"
    assert list(second) == []
    first.close()  # type: ignore[attr-defined]
    assert list(turns) == ["one"]


def test_who_answers_again_has_their_place_again() -> None:
    turns = Turns(["one", "two"], 30)
    turns.failed("one")

    turns.answered("one")

    assert list(turns) == ["one", "two"]
