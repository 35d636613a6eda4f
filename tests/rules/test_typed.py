"""What is typed into a page survives a switch of its language: the markup of it, without a page."""

import pytest

from ui.typed import filled, form_of

FORM = '<form method="post" id="f">{}</form>'


@pytest.mark.parametrize(
    ("markup", "found"),
    [
        pytest.param("<p>no form</p>", None, id="no form"),
        pytest.param(FORM.format('<input type="hidden" name="a">'), None, id="nothing to type"),
        pytest.param(FORM.format('<input name="a" type="password">'), None, id="a password alone"),
        pytest.param(FORM.format('<input name="a" data-secret>'), None, id="a code alone"),
        pytest.param(FORM.format('<input name="a" readonly>'), None, id="read-only"),
        pytest.param(FORM.format('<input name="a" type="file">'), None, id="not known to be safe"),
        pytest.param('<form id="f" hidden><input name="a"></form>', None, id="for scripts alone"),
        pytest.param('<form><input name="a"></form>', None, id="without a name of its own"),
        pytest.param(FORM.format('<input name="a">'), "f", id="text"),
        pytest.param(FORM.format('<input name="a" type="checkbox">'), "f", id="a box"),
        pytest.param(FORM.format('<select name="a"></select>'), "f", id="a choice"),
        pytest.param(FORM.format('<textarea name="a"></textarea>'), "f", id="a text of lines"),
        pytest.param('<input name="a" form="f">' + FORM.format(""), "f", id="away from its form"),
        pytest.param(
            FORM.format("") + '<form id="g"><input name="a"></form>', "g", id="the second of two"
        ),
        pytest.param('<form id="f" data-again="/x"></form>', "f", id="no other way to the page"),
    ],
)
def test_the_switch_belongs_to_the_form_that_can_be_kept(markup: str, found: str | None) -> None:
    form = form_of(markup)

    assert (form and form.id) == found


def test_the_enter_key_presses_the_button_that_it_pressed_before() -> None:
    form = form_of(
        FORM.format(
            '<button type="button">Show</button><input name="a">'
            '<button type="submit" name="act" value="on&amp;on">On</button>'
            '<button name="act" value="off">Off</button>'
        )
    )

    assert form is not None
    assert 'form="f" name="act" value="on&amp;on"></button>' in form.default_button


@pytest.mark.parametrize(
    ("field", "then"),
    [
        ('<input name="a" value="old">', '<input name="a" value="new">'),
        ('<input name="a" autofocus>', '<input name="a" autofocus value="new">'),
        ('<input name="b" value="old">', '<input name="b" value="old">'),
        ('<input name="a" type="password" value="">', None),
        ('<input name="a" type="text" data-secret>', None),
        ('<input type="hidden" name="a" value="old">', None),
        (
            '<input type="checkbox" name="a" value="new">',
            '<input type="checkbox" name="a" value="new" checked>',
        ),
        (
            (
                '<input type="radio" name="a" value="new">'
                '<input type="radio" name="a" value="x" checked>'
            ),
            (
                '<input type="radio" name="a" value="new" checked>'
                '<input type="radio" name="a" value="x">'
            ),
        ),
        ('<input type="checkbox" name="b" checked>', '<input type="checkbox" name="b">'),
        (
            (
                '<select name="a"><option value="x" selected>X</option>'
                '<option value="new">N</option></select>'
            ),
            (
                '<select name="a"><option value="x">X</option>'
                '<option value="new" selected>N</option></select>'
            ),
        ),
        ('<textarea name="a">old</textarea>!', '<textarea name="a">new</textarea>!'),
    ],
)
def test_a_field_is_filled_in_unless_it_may_not_be_shown(field: str, then: str | None) -> None:
    written = filled(FORM.format(field), "f", {"a": "new"})

    assert written == FORM.format(field if then is None else then)


def test_what_was_typed_is_text_whatever_it_looks_like() -> None:
    typed = '"><script>alert(1)</script>'

    written = filled(FORM.format('<input name="a"><p>end</p>'), "f", {"a": typed})

    assert "<script>" not in written
    assert written.endswith('&gt;alert(1)&lt;/script&gt;"><p>end</p></form>')


def test_the_fields_of_another_form_are_left_alone() -> None:
    other = '<form id="g"><input name="a" value="theirs"></form>'

    assert other in filled(other + FORM.format('<input name="a">'), "f", {"a": "mine"})
