"""What people type about themselves: ``idp.registration``."""

import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idp.accounts.model import Address, canonical_name
from idp.registration import contact, fields, taiwan_ids
from idp.registration.contact import REGIONS, Phone
from idp.registration.fields import Problem
from idp.registration.taiwan_ids import PersonalKind, PersonalNumber, Sex
from ui.roc_calendar import day as written_day

TODAY = date(2026, 11, 20)
MIDDAY = datetime(2026, 11, 20, 4, tzinfo=UTC)
LETTER_CODES = (
    dict(zip("ABCDEFGH", range(10, 18), strict=True))
    | dict(zip("JKLMN", range(18, 23), strict=True))
    | dict(zip("PQRSTUV", range(23, 30), strict=True))
    | {"X": 30, "Y": 31, "W": 32, "Z": 33, "I": 34, "O": 35}
)
"""As the Ministry of the Interior lists them; the module under test has another form of it."""

READERS: dict[str, Callable[[str], object]] = {
    "clean": lambda typed: fields.clean(typed, 80),
    "clean, folded": lambda typed: fields.clean(typed, 80, form="NFKC"),
    "account name": fields.read_account_name,
    "person name": fields.read_person_name,
    "organisation": fields.read_organisation_name,
    "date": lambda typed: fields.read_date(typed, today=TODAY),
    "personal number": taiwan_ids.read_personal_number,
    "national id": taiwan_ids.read_national_id,
    "resident number": taiwan_ids.read_resident_number,
    "business number": taiwan_ids.read_business_number,
    "phone": contact.read_phone,
    "phone of any country": lambda typed: contact.read_phone(typed, foreign=True),
    "mobile": contact.read_mobile,
    "mobile of any country": lambda typed: contact.read_mobile(typed, foreign=True),
    "postal code": contact.read_postal_code,
    "region": contact.read_region,
    "street": contact.read_street,
    "e-mail": contact.read_email,
}
FOLDED = READERS.keys() - {"clean", "person name", "organisation"}
every_reader = pytest.mark.parametrize("reader", READERS)

letters = st.characters(categories=["L", "M", "Nd"])
anything = st.one_of(
    st.text(st.characters(codec=None)),  # lone surrogates too
    st.text(" ·'.-()\uff08\uff09&,、/+#;@=extn轉", max_size=40),
    st.text(st.one_of(letters, st.sampled_from(" ·・-'.")), max_size=90),
    st.from_regex(r"[A-Za-z][1289A-Da-d]?[0-9]{7,9}", fullmatch=True),
    st.from_regex(r"[0-9]{8}", fullmatch=True),
    st.from_regex(r"(民國前?|西元)?[0-9]{1,4}[-/年]?[0-9]{2}[-/月]?[0-9]{2}日?", fullmatch=True),
    st.from_regex(r"\+?[0-9]{1,4}[- ]?[0-9]{3,4}[- ]?[0-9]{3,5}(#[0-9]{1,6})?", fullmatch=True),
    st.builds("{}@{}.{}".format, st.text(letters), st.text(letters), st.text(letters)),
    st.emails(),
)


def text_of(value: object) -> str:
    """Write a value as it would be shown in the field again."""
    if isinstance(value, PersonalNumber | Phone):
        return value.text
    return value.isoformat() if isinstance(value, date) else str(value)


def widened(text: str) -> str:
    """Write ASCII as an input method set to full width does."""
    wide = {0x20: "\u3000"} | {code: chr(code + 0xFEE0) for code in range(0x21, 0x7F)}
    return text.translate(wide)


@every_reader
@given(typed=anything)
@example(typed="")
@example(typed="\ud842")
@example(typed="a@xn--")
@example(typed="a@xn--a.xn--\u0660")
@example(typed="\ufdfa" * 800)
@example(typed="0" * 640)
@example(typed="+" * 40)
def test_whatever_is_typed_is_read_or_refused_and_can_be_read_again(
    reader: str, typed: str
) -> None:
    value = READERS[reader](typed)

    if not isinstance(value, Problem):
        assert READERS[reader](text_of(value)) == value


@pytest.mark.parametrize("reader", sorted(FOLDED))
@given(typed=anything)
@example(typed="wang1972")
@example(typed="1972-12-18")
@example(typed="民國 61年 12月18日")
@example(typed="A123456789")
@example(typed="12345675")
@example(typed="(02)2311-3456#123")
@example(typed="+886 912 345 678")
@example(typed="10058")
@example(typed="wang@example.tw")
def test_full_width_reads_as_half_width(reader: str, typed: str) -> None:
    assert READERS[reader](widened(typed)) == READERS[reader](typed)


@every_reader
@pytest.mark.parametrize("space", ["", " ", "\u3000", "\n"])
def test_nothing_typed_is_empty(reader: str, space: str) -> None:
    assert READERS[reader](space) is Problem.EMPTY


@every_reader
@pytest.mark.parametrize(
    "intruder", ["\0", "\x1b", "\x7f", "\x85", "\u202e", "\u2066", "\u200b", "\u2028", "\ud800"]
)
def test_what_cannot_be_seen_is_refused(reader: str, intruder: str) -> None:
    assert READERS[reader](f"A12{intruder}345") is Problem.CONTROL_CHARACTERS


@every_reader
def test_a_flood_is_refused_before_it_is_normalised(reader: str) -> None:
    assert READERS[reader]("\ufdfa" * 100_000) is Problem.TOO_LONG


def test_clean_trims_and_normalises() -> None:
    assert fields.clean(" e\u0301 \u3000 ｂ\n", 3) == "\u00e9 ｂ"
    assert fields.clean("ｂ", 1, form="NFKC") == "b"
    assert fields.clean("abcd", 3) is Problem.TOO_LONG


@pytest.mark.parametrize(
    ("typed", "then"),
    [
        ("wang", "WANG"),
        (" ｗａｎｇ１９７２ ", "WANG1972"),
        ("A" * 20, "A" * 20),
        ("A12345678", "A12345678"),
        ("ABC1234567", "ABC1234567"),
        ("abc", Problem.TOO_SHORT),
        ("A" * 21, Problem.TOO_LONG),
        ("A" * 65, Problem.TOO_LONG),
        ("1972wang", Problem.NO_LETTER_FIRST),
        ("wang 1972", Problem.WRONG_SHAPE),
        ("wang_1972", Problem.WRONG_SHAPE),
        ("王小明ABC", Problem.WRONG_SHAPE),
        ("kad\u0131", Problem.WRONG_SHAPE),
        ("stra\u00dfe", Problem.WRONG_SHAPE),
        ("a123456789", Problem.LOOKS_LIKE_NATIONAL_ID),
        ("A000000000", Problem.LOOKS_LIKE_NATIONAL_ID),
        ("Ａ１２３４５６７８９", Problem.LOOKS_LIKE_NATIONAL_ID),
        ("ac01234567", Problem.LOOKS_LIKE_NATIONAL_ID),
        ("ZZ99999999", Problem.LOOKS_LIKE_NATIONAL_ID),
    ],
)
def test_account_names(typed: str, then: object) -> None:
    assert fields.read_account_name(typed) == then


@given(typed=st.text("aZ09ｑＱ８ ", max_size=25))
def test_account_names_are_those_that_signing_in_looks_up(typed: str) -> None:
    name = fields.read_account_name(typed)

    assert isinstance(name, Problem) or name == canonical_name(typed)


@pytest.mark.parametrize(
    ("typed", "then"),
    [
        ("王小明", "王小明"),
        ("𠮷田・太郎", "𠮷田・太郎"),
        ("\U00031350", "\U00031350"),  # newer than Python's tables
        ("葛\U000e0100城", "葛\U000e0100城"),  # a variant chosen
        ("陳\u3007", "陳\u3007"),
        ("巴奈·庫穗", "巴奈·庫穗"),
        ("巴奈．庫穗", "巴奈·庫穗"),
        ("巴奈\u2027庫穗", "巴奈·庫穗"),
        ("Kacaw \u3000 Fuyan", "Kacaw Fuyan"),
        ("Anne-Marie O\u2019Neil", "Anne-Marie O'Neil"),
        ("J. R. R. Tolkien", "J. R. R. Tolkien"),
        ("Nguye\u0302\u0303n", "Nguy\u1ec5n"),
        ("น้ำ", unicodedata.normalize("NFC", "น้ำ")),
        ("名" * 80, "名" * 80),
        ("名" * 81, Problem.TOO_LONG),
        ("<b>王</b>", Problem.MARKUP),
        ("{{7*7}}", Problem.MARKUP),
        ("王小明1", Problem.NOT_A_NAME),
        ("王😀", Problem.NOT_A_NAME),
        ("王\u20e3", Problem.NOT_A_NAME),
        ("王@", Problem.NOT_A_NAME),
        ("王(小明)", Problem.NOT_A_NAME),
        ("-.'", Problem.NOT_A_NAME),
        ("\u0301e", Problem.NOT_A_NAME),
        ("\u3164", Problem.NOT_A_NAME),
        ("王\ue000", Problem.NOT_A_NAME),
        ("王\U0002ffff", Problem.NOT_A_NAME),
        ("王\U0003fffe", Problem.NOT_A_NAME),
        ("王\u0378", Problem.NOT_A_NAME),
        ("王\u202e明", Problem.CONTROL_CHARACTERS),
    ],
)
def test_person_names(typed: str, then: object) -> None:
    assert fields.read_person_name(typed) == then


@pytest.mark.parametrize(
    ("typed", "then"),
    [
        ("臺灣積木（股）公司 2 廠", "臺灣積木（股）公司 2 廠"),
        ("A&B (Taiwan) Co., Ltd.", "A&B (Taiwan) Co., Ltd."),
        ("甲、乙聯合事務所", "甲、乙聯合事務所"),
        ("7-11", "7-11"),
        ("名" * 120, "名" * 120),
        ("名" * 121, Problem.TOO_LONG),
        ("()", Problem.NOT_A_NAME),
        ("公司<script>", Problem.MARKUP),
        ("公司\u2122", Problem.NOT_A_NAME),
        ("1\ufe0f\u20e3", Problem.NOT_A_NAME),
    ],
)
def test_organisation_names(typed: str, then: object) -> None:
    assert fields.read_organisation_name(typed) == then


@pytest.mark.parametrize(
    ("typed", "then"),
    [
        ("0611218", date(1972, 12, 18)),
        ("０６１１２１８", date(1972, 12, 18)),
        ("1001010", date(2011, 10, 10)),
        ("061/12/18", date(1972, 12, 18)),
        ("民國61年12月18日", date(1972, 12, 18)),
        ("民國 ０６１ 年 １２ 月 １８ 日", date(1972, 12, 18)),
        ("中華民國61年12月18日", date(1972, 12, 18)),
        ("民國元年1月1日", date(1912, 1, 1)),
        ("民國前1年12月31日", date(1911, 12, 31)),
        ("民前15年12月1日", date(1897, 12, 1)),
        ("1972-12-18", date(1972, 12, 18)),
        ("1972/2/9", date(1972, 2, 9)),
        ("西元1972年12月18日", date(1972, 12, 18)),
        ("1972年12月18日", date(1972, 12, 18)),
        ("0610229", date(1972, 2, 29)),
        ("0620229", Problem.NOT_A_DATE),
        ("0000101", Problem.NOT_A_DATE),
        ("民國前0年1月1日", Problem.NOT_A_DATE),
        ("民國0年1月1日", Problem.NOT_A_DATE),
        ("0611318", Problem.NOT_A_DATE),
        ("611218", Problem.NOT_A_DATE),
        ("61/12/18", Problem.NOT_A_DATE),
        ("72年12月18日", Problem.NOT_A_DATE),
        ("12/18/1972", Problem.NOT_A_DATE),
        ("1972-12/18", Problem.NOT_A_DATE),
        ("yesterday", Problem.NOT_A_DATE),
        ("٠٦١١٢١٨", Problem.NOT_A_DATE),
        ("2026-11-20", TODAY),
        ("2026-11-21", Problem.IN_THE_FUTURE),
        ("9999999", Problem.NOT_A_DATE),
        ("9991231", Problem.IN_THE_FUTURE),
        ("1896-11-20", date(1896, 11, 20)),
        ("1896-11-19", Problem.TOO_OLD),
        ("民國前999年1月1日", Problem.TOO_OLD),
        ("0061/12/18", Problem.TOO_OLD),
    ],
)
def test_dates(typed: str, then: object) -> None:
    assert fields.read_date(typed, today=TODAY) == then


def test_who_was_born_on_the_29th_of_february_grows_too_old_on_the_1st_of_march() -> None:
    assert fields.read_date("1896-02-29", today=date(2026, 2, 28)) == date(1896, 2, 29)
    assert fields.read_date("1896-02-29", today=date(2026, 3, 1)) is Problem.TOO_OLD


@given(day=st.dates(date(1897, 1, 1), TODAY))
def test_dates_are_read_as_they_are_written(day: date) -> None:
    year = day.year - 1911
    forms = [day.isoformat(), f"{day:%Y/%m/%d}", f"{day:%Y年%m月%d日}"]
    if year > 0:
        forms += [f"{year:03}{day:%m%d}", f"{year:03}/{day:%m/%d}", f"民國{year}年{day:%m月%d日}"]
    else:
        forms.append(f"民國前{1 - year}年{day.month}月{day.day}日")

    assert {fields.read_date(form, today=TODAY) for form in forms} == {day}


@pytest.mark.parametrize("locale", ["zh-Hant", "zh-Hans"])
@pytest.mark.parametrize("year", [1905, 1972])
def test_dates_are_read_as_our_own_calendar_writes_them(locale: str, year: int) -> None:
    day = date(year, 12, 18)
    written = written_day(MIDDAY.replace(year=year, month=12, day=18), locale)

    assert fields.read_date(written.rpartition(" ")[0], today=TODAY) == day


def personal(letter: str, second: str, seven: str) -> str:
    """Complete a national id or resident number with its check digit.

    Step by step as the ministry explains it: each digit by its weight, modulo 10, and what
    is missing to the next ten.
    """
    code = LETTER_CODES[letter]
    last = int(second) if second.isdigit() else LETTER_CODES[second] % 10
    steps = [code // 10, code % 10 * 9 % 10, last * 8 % 10]
    steps += [
        int(digit) * weight % 10 for digit, weight in zip(seven, range(7, 0, -1), strict=True)
    ]
    return f"{letter}{second}{seven}{-sum(steps) % 10}"


@pytest.mark.parametrize(
    ("typed", "kind", "sex"),
    [
        # Public examples, also of the National Immigration Agency; none was made up here.
        ("A123456789", PersonalKind.NATIONAL, Sex.MALE),
        ("F131104093", PersonalKind.NATIONAL, Sex.MALE),
        ("S152892614", PersonalKind.NATIONAL, Sex.MALE),
        ("a800000014", PersonalKind.RESIDENT, Sex.MALE),
        ("A900207177", PersonalKind.RESIDENT, Sex.FEMALE),
        ("A803095426", PersonalKind.RESIDENT, Sex.MALE),
        ("B801300667", PersonalKind.RESIDENT, Sex.MALE),
        ("T900251126", PersonalKind.RESIDENT, Sex.FEMALE),
        ("AA00000009", PersonalKind.FORMER_RESIDENT, Sex.MALE),
        ("AB00207171", PersonalKind.FORMER_RESIDENT, Sex.FEMALE),
        ("AC03095424", PersonalKind.FORMER_RESIDENT, Sex.MALE),
        ("AC01234567", PersonalKind.FORMER_RESIDENT, Sex.MALE),
        ("BD01300667", PersonalKind.FORMER_RESIDENT, Sex.FEMALE),
        ("HD02717288", PersonalKind.FORMER_RESIDENT, Sex.FEMALE),
        ("ａｄ３０１９６８１８", PersonalKind.FORMER_RESIDENT, Sex.FEMALE),
    ],
)
def test_personal_numbers(typed: str, kind: PersonalKind, sex: Sex) -> None:
    number = taiwan_ids.read_personal_number(typed)

    text = unicodedata.normalize("NFKC", typed).upper()
    assert number == PersonalNumber(text, kind, sex)


@pytest.mark.parametrize(
    ("typed", "then"),
    [
        ("A123456788", Problem.WRONG_CHECKSUM),
        ("A800000015", Problem.WRONG_CHECKSUM),
        ("AA00000000", Problem.WRONG_CHECKSUM),
        ("A323456789", Problem.WRONG_SHAPE),
        ("AE01234567", Problem.WRONG_SHAPE),
        ("A12345678", Problem.WRONG_SHAPE),
        ("A1234567890", Problem.WRONG_SHAPE),
        ("A12345678X", Problem.WRONG_SHAPE),
        ("0123456789", Problem.WRONG_SHAPE),
        ("A1 23456789", Problem.WRONG_SHAPE),
        ("\u0131123456789", Problem.WRONG_SHAPE),
        ("A1٢٣٤٥٦٧٨٩", Problem.WRONG_SHAPE),
    ],
)
def test_no_personal_numbers(typed: str, then: Problem) -> None:
    assert taiwan_ids.read_personal_number(typed) is then
    assert taiwan_ids.read_national_id(typed) is then
    assert taiwan_ids.read_resident_number(typed) is then


@given(
    letter=st.sampled_from(sorted(LETTER_CODES)),
    second=st.sampled_from("1289ABCD"),
    seven=st.text("0123456789", min_size=7, max_size=7),
    slip=st.integers(1, 9),
)
def test_personal_numbers_have_one_check_digit(
    letter: str, second: str, seven: str, slip: int
) -> None:
    text = personal(letter, second, seven)
    slipped = f"{text[:9]}{(int(text[9]) + slip) % 10}"

    number = taiwan_ids.read_personal_number(text)

    assert isinstance(number, PersonalNumber)
    assert number.sex == (Sex.MALE if second in "18AC" else Sex.FEMALE)
    assert taiwan_ids.read_personal_number(slipped) is Problem.WRONG_CHECKSUM
    assert fields.read_account_name(text) is Problem.LOOKS_LIKE_NATIONAL_ID


def test_one_number_in_the_place_of_the_other_is_told() -> None:
    read = taiwan_ids.read_personal_number

    assert taiwan_ids.read_national_id("A123456789") == read("A123456789")
    assert taiwan_ids.read_national_id("A800000014") is Problem.IS_A_RESIDENT_NUMBER
    assert taiwan_ids.read_national_id("AC01234567") is Problem.IS_A_RESIDENT_NUMBER
    assert taiwan_ids.read_resident_number("A800000014") == read("A800000014")
    assert taiwan_ids.read_resident_number("AC01234567") == read("AC01234567")
    assert taiwan_ids.read_resident_number("A123456789") is Problem.IS_A_NATIONAL_ID


@pytest.mark.parametrize(
    ("typed", "then"),
    [
        ("04595257", "04595257"),
        ("０４５９５２５７", "04595257"),
        ("10458575", "10458575"),
        ("04595252", "04595252"),  # good since 2023: divides by 5, not by 10
        ("12345675", "12345675"),  # a seventh digit of 7, counted as 0 or 1
        ("12345676", "12345676"),
        ("12345670", "12345670"),
        ("12345671", "12345671"),
        ("12345672", Problem.WRONG_CHECKSUM),
        ("12345678", Problem.WRONG_CHECKSUM),
        ("04595253", Problem.WRONG_CHECKSUM),
        ("04595256", Problem.WRONG_CHECKSUM),
        ("00000000", Problem.WRONG_SHAPE),
        ("1234567", Problem.WRONG_SHAPE),
        ("123456789", Problem.WRONG_SHAPE),
        ("1234567A", Problem.WRONG_SHAPE),
        ("٠٤٥٩٥٢٥٧", Problem.WRONG_SHAPE),
    ],
)
def test_business_numbers(typed: str, then: object) -> None:
    assert taiwan_ids.read_business_number(typed) == then


@pytest.mark.parametrize(
    ("typed", "then"),
    [
        ("02-2311-3456", Phone("+886223113456")),
        ("(02) 2311-3456", Phone("+886223113456")),
        ("（０２）２３１１－３４５６＃１２３", Phone("+886223113456", "123")),
        ("02-2311-3456#123", Phone("+886223113456", "123")),
        ("02-2311-3456 轉 012", Phone("+886223113456", "012")),
        ("02-2311-3456分機123", Phone("+886223113456", "123")),
        ("02-2311-3456 ext. 123", Phone("+886223113456", "123")),
        ("+886223113456;ext=123", Phone("+886223113456", "123")),
        ("(+886) 2 2311 3456", Phone("+886223113456")),
        ("02\u20112311\u20113456", Phone("+886223113456")),
        ("0912-345-678", Phone("+886912345678")),
        ("0836-22222", Phone("+88683622222")),
        ("0800-000-123", Phone("+886800000123")),
        ("2311-3456", Problem.NO_AREA_CODE),
        ("912-345-678", Problem.NO_AREA_CODE),
        ("02-2311-34567", Problem.NOT_A_PHONE_NUMBER),
        ("0800-FLOWERS", Problem.NOT_A_PHONE_NUMBER),
        ("02-2311-3456 / 0912-345-678", Problem.NOT_A_PHONE_NUMBER),
        ("02-2311-3456#", Problem.NOT_A_PHONE_NUMBER),
        ("0#123", Problem.NOT_A_PHONE_NUMBER),
        ("#123", Problem.NOT_A_PHONE_NUMBER),
        ("110", Problem.NO_AREA_CODE),
        ("tel:+886223113456", Problem.NOT_A_PHONE_NUMBER),
        ("+81 3-3580-3311", Problem.NOT_TAIWAN),
        ("002 81 3 3580 3311", Problem.NOT_TAIWAN),
    ],
)
def test_phones(typed: str, then: object) -> None:
    assert contact.read_phone(typed) == then


def test_phones_of_other_countries_begin_with_a_plus() -> None:
    assert contact.read_phone("+81 3-3580-3311", foreign=True) == Phone("+81335803311")
    assert contact.read_phone("03-358-0331#1", foreign=True) == Phone("+88633580331", "1")
    assert contact.read_phone("002 81 3 3580 3311", foreign=True) is Problem.NOT_TAIWAN
    assert contact.read_phone("+81 1", foreign=True) is Problem.NOT_A_PHONE_NUMBER
    assert contact.read_phone("+999 12345678", foreign=True) is Problem.NOT_A_PHONE_NUMBER


@pytest.mark.parametrize(
    ("typed", "foreign", "then"),
    [
        ("0912345678", False, Phone("+886912345678")),
        ("+886 0912 345 678", False, Phone("+886912345678")),
        ("02-2311-3456", False, Problem.NOT_MOBILE),
        ("0912345678#1", False, Problem.HAS_EXTENSION),
        ("0912345", False, Problem.NOT_A_PHONE_NUMBER),
        ("+81 90-1234-5678", False, Problem.NOT_TAIWAN),
        ("+81 90-1234-5678", True, Phone("+819012345678")),
        ("+81 3-3580-3311", True, Problem.NOT_MOBILE),
        ("+1 202-456-1111", True, Phone("+12024561111")),  # America does not tell
    ],
)
def test_mobiles(typed: str, foreign: bool, then: object) -> None:
    assert contact.read_mobile(typed, foreign=foreign) == then


@pytest.mark.parametrize(
    ("number", "then"),
    [
        ("+886912345678", "0912-345-678"),
        ("+886223113456", "02-2311-3456"),
        ("+886223113456;ext=0123", "02-2311-3456#0123"),
        ("+886492222106", "049-222-2106"),
        ("+81335803311", "+81335803311"),
        ("+886123", "+886123"),
        ("(02) 2311-3456", "(02) 2311-3456"),
        ("", ""),
    ],
)
def test_a_phone_to_be_changed_is_written_as_people_dial_it(number: str, then: str) -> None:
    assert contact.as_dialled(number) == then


@given(st.from_regex(r"0(9[0-9]{8}|[2-8][0-9]{7,8})(#[0-9]{1,6})?", fullmatch=True))
def test_a_phone_as_it_is_dialled_is_read_as_the_same_number(typed: str) -> None:
    read = contact.read_phone(typed)

    if isinstance(read, Phone):
        assert contact.read_phone(contact.as_dialled(read.text)) == read


def test_a_phone_is_written_as_the_claim_wants_it() -> None:
    assert Phone("+886223113456").text == "+886223113456"
    assert Phone("+886223113456", "012").text == "+886223113456;ext=012"


@pytest.mark.parametrize(
    ("typed", "then"),
    [
        ("100", "100"),
        ("10058", "10058"),
        ("１０００５８", "100058"),
        ("1000", Problem.NOT_A_POSTAL_CODE),
        ("1000580", Problem.NOT_A_POSTAL_CODE),
        ("10O", Problem.NOT_A_POSTAL_CODE),
        ("100-058", Problem.NOT_A_POSTAL_CODE),
    ],
)
def test_postal_codes(typed: str, then: object) -> None:
    assert contact.read_postal_code(typed) == then


@pytest.mark.parametrize("region", REGIONS)
def test_regions_are_read_with_either_tai(region: str) -> None:
    assert contact.read_region(region) == region
    assert contact.read_region(region.replace("臺", "台")) == region


def test_regions() -> None:
    assert len(set(REGIONS)) == 22
    assert contact.read_region("臺北縣") is Problem.NOT_A_REGION
    assert contact.read_region("臺北") is Problem.NOT_A_REGION


@pytest.mark.parametrize(
    ("typed", "then"),
    [
        ("中正區重慶南路一段１２２號", "中正區重慶南路一段122號"),
        ("路" * 120, "路" * 120),
        ("路 1", "路 1"),
        ("路1", Problem.TOO_SHORT),
        ("路" * 121, Problem.TOO_LONG),
        ("路1號<br>", Problem.MARKUP),
    ],
)
def test_streets(typed: str, then: object) -> None:
    assert contact.read_street(typed) == then


def test_addresses() -> None:
    assert contact.read_address("100", "台北市", "中正區重慶南路一段122號") == Address(
        formatted="100 臺北市中正區重慶南路一段122號",
        street_address="中正區重慶南路一段122號",
        region="臺北市",
        postal_code="100",
        country="TW",
    )
    assert contact.read_address("1", "台北市", "重慶南路") is Problem.NOT_A_POSTAL_CODE
    assert contact.read_address("100", "北市", "重慶南路") is Problem.NOT_A_REGION
    assert contact.read_address("100", "台北市", "") is Problem.EMPTY


@pytest.mark.parametrize(
    ("typed", "then"),
    [
        ("wang@example.tw", "wang@example.tw"),
        ("  Wang.Hsiao+tag@Example.TW ", "Wang.Hsiao+tag@example.tw"),
        ("ｗａｎｇ＠ｅｘａｍｐｌｅ．ｔｗ", "wang@example.tw"),
        ("wang@中文.台灣", "wang@xn--fiq228c.xn--kpry57d"),
        ("wang@中文。台灣", "wang@xn--fiq228c.xn--kpry57d"),
        ("wang@xn--fiq228c.xn--kpry57d", "wang@xn--fiq228c.xn--kpry57d"),
        ("wang@stra\u00dfe.de", "wang@xn--strae-oqa.de"),
        (f"{'a' * 64}@b.tw", f"{'a' * 64}@b.tw"),
        (f"{'a' * 65}@b.tw", Problem.TOO_LONG),
        (f"a@{'b.' * 124}tw", f"a@{'b.' * 124}tw"),
        (f"a@{'b.' * 125}twn", Problem.TOO_LONG),
        (f"{'a' * 64}@{'中.' * 25}tw", Problem.TOO_LONG),  # eight letters each in ASCII
        (f"a@{'中.' * 60}tw", Problem.NOT_AN_ADDRESS),  # too long for any domain
        (f"a@{'b' * 63}.tw", f"a@{'b' * 63}.tw"),
        (f"a@{'b' * 64}.tw", Problem.NOT_AN_ADDRESS),
        ("wang", Problem.NOT_AN_ADDRESS),
        ("@example.tw", Problem.NOT_AN_ADDRESS),
        ("wang@", Problem.NOT_AN_ADDRESS),
        ("wang@localhost", Problem.NOT_AN_ADDRESS),
        ("wang@@example.tw", Problem.NOT_AN_ADDRESS),
        ("wang@li@example.tw", Problem.NOT_AN_ADDRESS),
        ("王@example.tw", Problem.NOT_AN_ADDRESS),
        ('"wang li"@example.tw', Problem.NOT_AN_ADDRESS),
        ("wang..li@example.tw", Problem.NOT_AN_ADDRESS),
        (".wang@example.tw", Problem.NOT_AN_ADDRESS),
        ("wang@example..tw", Problem.NOT_AN_ADDRESS),
        ("wang@example.tw.", Problem.NOT_AN_ADDRESS),
        ("wang@-example.tw", Problem.NOT_AN_ADDRESS),
        ("wang@exa_mple.tw", Problem.NOT_AN_ADDRESS),
        ("wang@192.0.2.1", Problem.NOT_AN_ADDRESS),
        ("wang@[192.0.2.1]", Problem.NOT_AN_ADDRESS),
        ("wang@xn--0.tw", Problem.NOT_AN_ADDRESS),
        ("wang@😀.tw", Problem.NOT_AN_ADDRESS),
        ("Wang <wang@example.tw>", Problem.NOT_AN_ADDRESS),
        ("wang@example.tw, li@example.tw", Problem.NOT_AN_ADDRESS),
        ("wang@example.tw\r\nBcc: li@example.tw", Problem.CONTROL_CHARACTERS),
    ],
)
def test_emails(typed: str, then: object) -> None:
    assert contact.read_email(typed) == then


def test_several_emails() -> None:
    a, b, c, d = (f"{name}@example.tw" for name in "abcd")

    assert contact.read_emails([a, "", " "]) == (a,)
    assert contact.read_emails([c, b, a]) == (c, b, a)
    assert contact.read_emails([]) is Problem.EMPTY
    assert contact.read_emails(["", ""]) is Problem.EMPTY
    assert contact.read_emails([a, "b@"]) is Problem.NOT_AN_ADDRESS
    assert contact.read_emails([a, b, a.upper()]) is Problem.DUPLICATE
    assert contact.read_emails([a, b, c, d]) is Problem.TOO_MANY
