"""Rows of a file of accounts: read one at a time, checked, turned into accounts.

CSV (RFC 4180) in UTF-8 with or without a byte order mark, or one JSON object a line. No
message shows a value: a file that is put together wrongly has a hash in any column.

A spreadsheet takes a cell that begins like a formula for one (OWASP, *CSV Injection*). The
export writes an apostrophe before such a value; the import takes one away again.
"""

import csv
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO, get_args

import msgspec

from idp.accounts.model import Email, Kind, Profile, State, canonical_name
from idp.accounts.store import NewAccount
from idp.authenticators.password.adoption import adopt
from idp.authenticators.password.foreign import BadHash
from idp.config import Locale

COLUMNS = (
    "username",
    "kind",
    "name",
    "emails",
    "email_verified",
    "phone_number",
    "password_hash",
    "hash_scheme",
    "salt",
    "locale",
    "state",
)
LONGEST_NAME = 64
_LONGEST_PERSON = 255
_LONGEST_EMAIL = 320
_MOST_EMAILS = 20
_LONGEST_LINE = 256 * 1024  # characters: a file without line ends must not fill the memory
_NEVER_DEFUSED = {"password_hash", "salt"}
_FORMULA = "=+\\-@\t\r\n＝＋－＠"  # noqa: RUF001 - spreadsheets here take the wide ones as well
_FUSED = re.compile(f"'*[{_FORMULA}]")
_DEFUSED = re.compile(f"'+[{_FORMULA}]")
_EMAIL = re.compile(r'[^@\s"(),:;<>\[\]\\]+@[^@\s"(),:;<>\[\]\\]+')
_PHONE = re.compile(r"\+[1-9][0-9]{1,14}")
_TRUTHS = {"": False, "false": False, "0": False, "no": False, "true": True, "1": True, "yes": True}


class BadFile(Exception):
    """Nothing of the file can be used as it stands; the message says what to write instead."""


class BadRow(Exception):
    """A row that makes no account; the message says why and shows nothing of it."""


@dataclass(frozen=True, slots=True)
class Record:
    """A row as it was read; with a problem it could not be."""

    number: int
    """Its line; the heading of a CSV file is not counted."""
    fields: Mapping[str, str] = field(repr=False)
    problem: str = ""

    @property
    def account_name(self) -> str:
        """The canonical name; may be empty or too long."""
        return canonical_name(self.fields.get("username", ""))


def read_csv(file: TextIO) -> Iterator[Record]:
    """Read a CSV file, opened with ``newline=""`` and ``errors="surrogateescape"``.

    Raises:
        BadFile: the heading is missing, or names a column that is not known.
    """
    lines = _lines(file)
    try:
        heading = [name.strip() for name in _cells(next(lines, ""))]
    except csv.Error as wrong:
        raise BadFile(f"the heading cannot be read: {wrong}") from wrong
    _demand_known(heading)
    for number, line in enumerate(lines, 1):
        try:
            values = _cells(line)
        except csv.Error as wrong:
            yield Record(number, {}, f"cannot be read: {wrong}")
            continue
        if len(values) == len(heading):
            yield _record(number, {k: _fuse(k, v) for k, v in zip(heading, values, strict=True)})
        elif values:  # an empty line is no row
            yield Record(
                number, {}, f"has {len(values)} fields, the heading has {len(heading)} columns"
            )


def _cells(line: str) -> list[str]:
    """No value may hold a line end: so a quotation mark that is never closed spoils one row."""
    return next(csv.reader([line], strict=True), [])


def read_jsonl(file: TextIO) -> Iterator[Record]:
    """Read one JSON object a line; the first one shows whether the columns are known.

    Raises:
        BadFile: the first object has a member that is not known, or no username.
    """
    for number, line in enumerate(_lines(file), 1):
        if not line.strip():
            continue
        try:
            members = msgspec.json.decode(line.encode(), type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            yield Record(number, {}, "is no JSON object in UTF-8")
            continue
        try:
            _demand_known(list(members))
            fields = {name: _text(name, value) for name, value in members.items()}
        except BadFile as wrong:
            if number == 1:
                raise
            yield Record(number, {}, str(wrong))
        except BadRow as wrong:
            yield Record(number, {}, str(wrong))
        else:
            yield _record(number, fields)


def new_account(fields: Mapping[str, str], *, locale: str = "zh-Hant") -> NewAccount:
    """Check the fields of a row and give the account they make.

    Raises:
        BadRow: one of them is wrong.
    """
    return NewAccount(
        account_name=_account_name(fields.get("username", "")),
        kind=Kind(_one_of("kind", fields.get("kind") or Kind.CITIZEN, list(Kind))),
        profile=Profile(
            name=_person(fields.get("name", "")),
            phone_number=_phone(fields.get("phone_number", "")),
        ),
        emails=_emails(fields.get("emails", ""), fields.get("email_verified", "")),
        phc_hash=_hash(fields),
        locale=_one_of("locale", fields.get("locale") or locale, list(get_args(Locale))),
        state=State(_one_of("state", fields.get("state") or State.ACTIVE, list(State))),
    )


def defuse(value: str) -> str:
    """Write a value so that no spreadsheet takes it for a formula."""
    return f"'{value}" if _FUSED.match(value) else value


def _fuse(column: str, value: str) -> str:
    """Undo :func:`defuse`; never in what other systems wrote with an apostrophe of its own."""
    return value[1:] if column not in _NEVER_DEFUSED and _DEFUSED.match(value) else value


def _lines(file: TextIO) -> Iterator[str]:
    while line := file.readline(_LONGEST_LINE):
        yield line


def _record(number: int, fields: dict[str, str]) -> Record:
    try:
        "".join(fields.values()).encode()
    except UnicodeEncodeError:
        return Record(number, {}, "is not UTF-8")
    return Record(number, fields)


def _demand_known(names: Iterable[str]) -> None:
    given = list(names)
    for name in given:
        if name not in COLUMNS:
            nearest = difflib.get_close_matches(name, COLUMNS, n=1)
            hint = f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(COLUMNS)}"
            raise BadFile(f"unknown column {name[:LONGEST_NAME]!r}; {hint}")
    if len(set(given)) < len(given):
        raise BadFile("a column is there twice")
    if "username" not in given:
        raise BadFile("the column 'username' is missing")


def _text(name: str, value: object) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case bool() if name == "email_verified":
            return str(value).lower()
        case list() if name == "emails" and all(isinstance(one, str) for one in value):
            return ";".join(value)
        case _:
            raise BadRow(f"{name}: is no text")


def is_name(name: str) -> bool:
    """Tell whether an account can have this canonical name."""
    return 1 <= len(name) <= LONGEST_NAME and name.isprintable()


def _account_name(typed: str) -> str:
    name = canonical_name(typed)
    if not 1 <= len(name) <= LONGEST_NAME:
        raise BadRow(f"username: has not from 1 to {LONGEST_NAME} characters")
    if not is_name(name):
        raise BadRow("username: holds a character that cannot be seen")
    return name


def _person(name: str) -> str:
    if len(name) > _LONGEST_PERSON or not name.isprintable():
        raise BadRow(f"name: is longer than {_LONGEST_PERSON}, or holds control characters")
    return name.strip()


def _emails(text: str, verified: str) -> tuple[Email, ...]:
    truth = _TRUTHS.get(verified.strip().lower())
    if truth is None:
        raise BadRow("email_verified: is neither true nor false")
    addresses = [one for part in text.split(";") if (one := part.strip())]
    if len(addresses) > _MOST_EMAILS:
        raise BadRow(f"emails: are more than {_MOST_EMAILS}")
    for address in addresses:
        if len(address) > _LONGEST_EMAIL or not _EMAIL.fullmatch(address):
            raise BadRow("emails: one is no address (several are separated by ';')")
        if not address.isprintable():
            raise BadRow("emails: one holds a character that cannot be seen")
    return tuple(Email(address, truth) for address in dict.fromkeys(addresses))


def _phone(text: str) -> str:
    if text and not _PHONE.fullmatch(text):
        raise BadRow("phone_number: is not E.164, like +886912345678")
    return text


def _hash(fields: Mapping[str, str]) -> str:
    text, scheme = fields.get("password_hash", ""), fields.get("hash_scheme", "")
    if not text:
        if fields.get("salt"):
            raise BadRow("password_hash: is missing beside its salt")
        return ""
    try:
        return adopt(scheme, text, fields.get("salt", ""))
    except BadHash as wrong:
        raise BadRow(f"password_hash: {wrong}") from None


def _one_of(column: str, value: str, known: list[Any]) -> str:
    if value not in known:
        raise BadRow(f"{column}: is none of {', '.join(map(str, known))}")
    return value
