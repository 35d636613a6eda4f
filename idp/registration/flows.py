"""The steps of a registration as data, and which of them is open. Pure.

A *track* is one way to an account: its kind, the proof it needs, the fields it asks for. The
steps are the same for all; a step is open when all before it are done, and doing one again
undoes what stands on it. Adding a kind of account is a record here and its words in
``idp.web.wording``: its page and the links to it come of themselves. Adding a kind of proof is a
member of :class:`ProofKind`, its words, and the page that proves it.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from idp.accounts.model import Kind


class Step(StrEnum):
    """The steps in their order."""

    TERMS = "terms"
    PROOF = "proof"
    DETAILS = "details"
    EMAIL = "email"
    CHECK = "check"


class ProofKind(StrEnum):
    """What has to be proven before anything is typed."""

    NOTHING = "nothing"
    CARD = "card"
    DIRECTORY = "directory"
    APPLICATION = "application"
    """A printed form that a reviewer approves: proven after the last step, not before."""


class Entry(StrEnum):
    """The ways of the sign-in page to a registration that begins with a proof, in its order (P01).

    An account without one has a link of its own; judges register on their way in.
    """

    CARD = "card"
    LAWYER = "lawyer"
    PROFESSIONAL = "professional"
    FIRM = "firm"


class FieldName(StrEnum):
    """What a form may ask for."""

    NAME = "name"
    REPRESENTATIVE = "representative"
    REPRESENTATIVE_TITLE = "representative_title"
    ACCOUNT_NAME = "username"
    PASSWORD = "password"
    NATIONAL_ID = "national_id"
    UNIFORM_NUMBER = "uniform_number"
    BIRTH_DATE = "birth_date"
    SEX = "sex"
    PHONE = "phone"
    MOBILE = "mobile"
    FAX = "fax"
    ADDRESS = "address"
    EMAILS = "emails"
    EMAIL_LIST = "email_list"
    """The same in one line, separated by semicolons (P20)."""
    COURT = "court"
    """Asked for where the proof names none."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form."""

    name: FieldName
    required: bool = True
    proven: bool = False
    """Filled in from the proof and read-only."""


@dataclass(frozen=True, slots=True)
class Track:
    """One way to an account."""

    id: str
    kind: Kind
    proof: ProofKind
    fields: tuple[Field, ...]
    activation: bool = False
    """Whether the account works only after the link of a confirmation mail (B03)."""
    entry: Entry | None = None
    """Which link of the sign-in page leads to it."""

    def asks(self, name: FieldName) -> bool:
        """Tell whether the form has a field."""
        return any(field.name is name for field in self.fields)


_PERSON = (
    Field(FieldName.ACCOUNT_NAME),
    Field(FieldName.PASSWORD),
    Field(FieldName.NATIONAL_ID),
    Field(FieldName.PHONE),
    Field(FieldName.MOBILE),
    Field(FieldName.ADDRESS),
    Field(FieldName.EMAILS),
)
_PROFESSIONAL = (
    Field(FieldName.NAME),
    Field(FieldName.ACCOUNT_NAME),
    Field(FieldName.PASSWORD),
    Field(FieldName.SEX),
    Field(FieldName.NATIONAL_ID),
    Field(FieldName.BIRTH_DATE),
    Field(FieldName.ADDRESS),
    Field(FieldName.PHONE),
    Field(FieldName.MOBILE, required=False),
    Field(FieldName.FAX, required=False),
    Field(FieldName.EMAILS),
)
_TRACKS = (
    Track(
        "uncertified",
        Kind.UNCERTIFIED,
        ProofKind.NOTHING,
        (
            Field(FieldName.NAME),
            Field(FieldName.ACCOUNT_NAME),
            Field(FieldName.PASSWORD),
            Field(FieldName.BIRTH_DATE, required=False),
            Field(FieldName.PHONE),
            Field(FieldName.MOBILE, required=False),
            Field(FieldName.ADDRESS, required=False),
            Field(FieldName.EMAILS),
        ),
        activation=True,
    ),
    Track(
        "citizen",
        Kind.CITIZEN,
        ProofKind.CARD,
        (Field(FieldName.NAME, proven=True), *_PERSON),
        entry=Entry.CARD,
    ),
    Track(
        "organisation",
        Kind.ORGANISATION,
        ProofKind.CARD,
        (
            Field(FieldName.NAME, proven=True),
            Field(FieldName.REPRESENTATIVE),
            Field(FieldName.REPRESENTATIVE_TITLE),
            Field(FieldName.ACCOUNT_NAME),
            Field(FieldName.PASSWORD),
            Field(FieldName.UNIFORM_NUMBER),
            Field(FieldName.PHONE),
            Field(FieldName.MOBILE, required=False),
            Field(FieldName.ADDRESS),
            Field(FieldName.EMAILS),
        ),
        entry=Entry.CARD,
    ),
    *(
        Track(kind.value, kind, ProofKind.APPLICATION, _PROFESSIONAL, entry=entry)
        for kind, entry in (
            (Kind.LAWYER, Entry.LAWYER),
            (Kind.ACCOUNTANT, Entry.PROFESSIONAL),
            (Kind.PATENT_ATTORNEY, Entry.PROFESSIONAL),
            (Kind.PATENT_AGENT, Entry.PROFESSIONAL),
            (Kind.FIRM_ADMINISTRATOR, Entry.FIRM),
        )
    ),
    Track(
        "judge",
        Kind.JUDGE,
        ProofKind.DIRECTORY,
        (Field(FieldName.NAME, proven=True), Field(FieldName.COURT), Field(FieldName.EMAIL_LIST)),
    ),
)
TRACKS: Mapping[str, Track] = {track.id: track for track in _TRACKS}
PROVABLE = frozenset({ProofKind.NOTHING, ProofKind.CARD, ProofKind.DIRECTORY})
"""The proofs that can be given today; a track with another waits for its page."""


def open_tracks() -> list[Track]:
    """List the tracks that a person can go today."""
    return [track for track in TRACKS.values() if track.proof in PROVABLE]


def of_directory() -> Track:
    """Give the track that a directory's people go at their first sign-in (P20)."""
    return next(track for track in _TRACKS if track.proof is ProofKind.DIRECTORY)


def of_card(account_kind: str) -> Track | None:
    """Find the track that a card opens whose profile is of this kind of account."""
    of_cards = (track for track in TRACKS.values() if track.proof is ProofKind.CARD)
    return next((track for track in of_cards if track.kind == account_kind), None)


def named(word: str) -> list[Track]:
    """Find the tracks that a word of an address stands for: one of them, or an :class:`Entry`."""
    if word in TRACKS:
        return [TRACKS[word]]
    return [track for track in TRACKS.values() if track.entry == word]


def steps_of(track: Track) -> tuple[Step, ...]:
    """Give the steps of a track in their order."""
    needs_proof = track.proof in {ProofKind.CARD, ProofKind.DIRECTORY}
    return tuple(step for step in Step if step is not Step.PROOF or needs_proof)


def next_open(track: Track, done: AbstractSet[Step]) -> Step | None:
    """Give the first step that is not done; ``None`` when all are."""
    return next((step for step in steps_of(track) if step not in done), None)


def may_do(track: Track, done: AbstractSet[Step], step: Step) -> bool:
    """Tell whether a step may be done now: everything before it is done."""
    steps = steps_of(track)
    return step in steps and all(one in done for one in steps[: steps.index(step)])


def redo(track: Track, done: AbstractSet[Step], step: Step) -> frozenset[Step]:
    """Give what is done once ``step`` has been done (again): what stood on it is undone."""
    steps = steps_of(track)
    return frozenset(steps[: steps.index(step)]) & done | {step}
