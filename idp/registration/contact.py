"""Read how somebody can be reached: telephone, postal address, e-mail. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import idna
import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from idp.accounts.model import Address
from idp.registration.fields import Problem, clean

REGIONS = (
    *("臺北市", "新北市", "桃園市", "臺中市", "臺南市", "高雄市"),
    *("基隆市", "新竹市", "嘉義市"),
    *("新竹縣", "苗栗縣", "彰化縣", "南投縣", "雲林縣", "嘉義縣", "屏東縣"),
    *("宜蘭縣", "花蓮縣", "臺東縣", "澎湖縣", "金門縣", "連江縣"),
)
"""The counties and cities of Taiwan, the special municipalities first."""

_TAIWAN = 886
_LOOSE = 64
_MOBILE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
# Letters stand for digits to the library (0800-FLOWERS); nobody here means them so.
_PHONE = re.compile(
    r"(?P<number>\(?\+?[0-9() .\u2010\u2013-]+?)"
    r" ?(?:(?:\#|;ext=|ext\.?|轉|分機) ?(?P<extension>[0-9]{1,6}))?",
    re.IGNORECASE,
)
_POSTAL_CODE = re.compile(r"[0-9]{3}|[0-9]{5}|[0-9]{6}")
_MARKUP = frozenset("<>{}")

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?![0-9]+\Z){_LABEL}")  # no address of the network
_ACE = "xn--"


@dataclass(frozen=True, slots=True)
class Phone:
    """A telephone number anybody could dial."""

    number: str
    """E.164, ``+886223113456``."""
    extension: str = ""
    """Digits to dial afterwards, leading zeros kept."""

    @property
    def text(self) -> str:
        """The ``phone_number`` claim, ``+886223113456;ext=123`` (OIDC Core section 5.1)."""
        return f"{self.number};ext={self.extension}" if self.extension else self.number


def read_phone(typed: str, *, foreign: bool = False) -> Phone | Problem:
    """Read a telephone number as people here write it: ``(02) 2311-3456#123``, ``轉123``.

    With ``foreign`` a number that begins with + may be of any country.
    """
    parsed = _parse(typed, foreign=foreign)
    return parsed if isinstance(parsed, Problem) else _phone(parsed)


def read_mobile(typed: str, *, foreign: bool = False) -> Phone | Problem:
    """Read a number that can get text messages. Some countries do not tell; theirs pass."""
    parsed = _parse(typed, foreign=foreign)
    if isinstance(parsed, Problem):
        return parsed
    if phonenumbers.number_type(parsed) not in _MOBILE:
        return Problem.NOT_MOBILE
    return Problem.HAS_EXTENSION if parsed.extension else _phone(parsed)


def _parse(typed: str, *, foreign: bool) -> phonenumbers.PhoneNumber | Problem:
    text = clean(typed, _LOOSE, form="NFKC")
    if isinstance(text, Problem):
        return text
    found = _PHONE.fullmatch(text)
    if found is None:
        return Problem.NOT_A_PHONE_NUMBER
    if not found["number"].lstrip("( ").startswith(("0", "+")):
        return Problem.NO_AREA_CODE  # the library would take the first digits for one
    parsed = _valid(found["number"])
    if parsed is None:
        return Problem.NOT_A_PHONE_NUMBER
    if parsed.country_code != _TAIWAN and not (foreign and "+" in text):
        return Problem.NOT_TAIWAN
    parsed.extension = found["extension"]
    return parsed


def _valid(number: str) -> phonenumbers.PhoneNumber | None:
    try:
        parsed = phonenumbers.parse(number, "TW")
    except phonenumbers.NumberParseException:
        return None
    return parsed if phonenumbers.is_valid_number(parsed) else None


def _phone(parsed: phonenumbers.PhoneNumber) -> Phone:
    number = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    return Phone(number, parsed.extension or "")


def as_dialled(text: str) -> str:
    """Write a number as people here do, ``0912-345-678``, ``02-2311-3456#123``; others as they are.

    What is written so is read as the same number again.
    """
    try:
        parsed = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return text
    if parsed.country_code != _TAIWAN or not phonenumbers.is_valid_number(parsed):
        return text
    extension, parsed.extension = parsed.extension, None
    number = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL).replace(" ", "-")
    return f"{number}#{extension}" if extension else number


def read_postal_code(typed: str) -> str | Problem:
    """Read a postal code: ``100``, or with two or three digits of the delivery segment."""
    text = clean(typed, _LOOSE, form="NFKC")
    if isinstance(text, Problem):
        return text
    return text if _POSTAL_CODE.fullmatch(text) else Problem.NOT_A_POSTAL_CODE


def read_region(typed: str) -> str | Problem:
    """Read a county or city; 台 is kept as 臺, as the ministry writes it."""
    text = clean(typed, _LOOSE, form="NFKC")
    if isinstance(text, Problem):
        return text
    region = text.replace("台", "臺")
    return region if region in REGIONS else Problem.NOT_A_REGION


def read_street(typed: str) -> str | Problem:
    """Read all of an address below the region, 3 to 120 code points, full width folded."""
    text = clean(typed, 120, form="NFKC")
    if isinstance(text, Problem):
        return text
    if not _MARKUP.isdisjoint(text):
        return Problem.MARKUP
    return Problem.TOO_SHORT if len(text) < 3 else text


def read_address(postal_code: str, region: str, street: str) -> Address | Problem:
    """Read an address of Taiwan from its three fields; the first problem is given."""
    parts = []
    for part in (read_postal_code(postal_code), read_region(region), read_street(street)):
        if isinstance(part, Problem):
            return part
        parts.append(part)
    code, county, line = parts
    return Address(
        formatted=f"{code} {county}{line}",
        street_address=line,
        region=county,
        postal_code=code,
        country="TW",
    )


def read_email(typed: str) -> str | Problem:
    """Read one address: a dotted atom of ASCII, and a domain that is kept in its ASCII form.

    Narrower than RFC 5322 on purpose: no quoted local parts, no comments, no addresses of
    the network. Whether mail arrives is for a letter to find out.
    """
    text = clean(typed, 254, form="NFKC")
    if isinstance(text, Problem):
        return text
    local, at, domain = text.rpartition("@")
    if not at or not _LOCAL.fullmatch(local):
        return Problem.NOT_AN_ADDRESS
    ascii_domain = _ascii(domain.lower())
    if ascii_domain is None:
        return Problem.NOT_AN_ADDRESS
    address = f"{local}@{ascii_domain}"
    return Problem.TOO_LONG if len(local) > 64 or len(address) > 254 else address


def _ascii(domain: str) -> str | None:
    """Give the ASCII form of a domain (IDNA 2008, mapped as UTS 46 says)."""
    if not domain.isascii() or _ACE in domain:
        try:
            domain = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
        except UnicodeError:
            return None
    return domain if _DOMAIN.fullmatch(domain) else None


def parted(typed: str) -> list[str]:
    """Part a line of addresses at its semicolons; a full-width one is meant so too."""
    return typed.replace("\uff1b", ";").split(";")


def read_emails(typed: Sequence[str]) -> tuple[str, ...] | Problem:
    """Read up to three addresses, one a field; empty fields are skipped.

    Two that differ in case alone are one mailbox in all but theory.
    """
    addresses: list[str] = []
    for one in typed:
        address = read_email(one)
        if address is Problem.EMPTY:
            continue
        if isinstance(address, Problem):
            return address
        addresses.append(address)
    if len({address.lower() for address in addresses}) < len(addresses):
        return Problem.DUPLICATE
    if len(addresses) > 3:
        return Problem.TOO_MANY
    return tuple(addresses) or Problem.EMPTY
