"""What is wrong with a form: a sentence at the field, and the same in the summary on top."""

from dataclasses import dataclass

from flask_babel import LazyString


@dataclass(frozen=True, slots=True)
class FieldError:
    """A sentence, and the field it is about; empty: the whole form."""

    field: str
    message: LazyString | str
    label: LazyString | str = ""
    """What the field is called, for the summary; empty where the sentence says it."""
    heading: LazyString | str = ""
    """What stands over it alone, where there is nothing to correct in what was typed."""
