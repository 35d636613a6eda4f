"""Whom a card is made for: people and organisations that do not exist."""

import re
from dataclasses import dataclass
from typing import Literal

Rank = Literal["primary", "secondary", "mobile"]


@dataclass(frozen=True, slots=True)
class Holder:
    """What the authority knows of the one whose card it makes.

    Which fields a certificate shows is a matter of its kind (:mod:`cardbridge.lab.profiles`).
    """

    name: str
    """Of the person, the company, the organisation or the agency."""
    national_id: str = ""
    """The whole number; a certificate shows its last four characters alone."""
    subject_number: str = ""
    """The authority's own number of a citizen, 16 digits."""
    uniform_number: str = ""
    """統一編號, eight digits."""
    organisation_oid: str = ""
    """Below 2.16.886, given to agencies and organisations."""
    rank: Rank | None = None
    email: str = ""

    @property
    def identity(self) -> str:
        """The number by which this one is known to the state."""
        return self.national_id or self.uniform_number or self.organisation_oid

    def check(self) -> None:
        """Refuse numbers that no authority would write.

        Raises:
            ValueError: one of them has the wrong shape.
        """
        for title, shape, value in (
            ("a national id", r"[A-Z][A-D0-9][0-9]{8}", self.national_id),
            ("a citizen's number of the authority", r"[0-9]{16}", self.subject_number),
            ("a uniform number", r"[0-9]{8}", self.uniform_number),
            ("an organisation's OID", r"2\.16\.886(\.(0|[1-9][0-9]*))+", self.organisation_oid),
        ):
            if value and not re.fullmatch(shape, value):
                raise ValueError(f"{value!r} is not {title}")
        if not self.name.strip() or not self.name.isprintable():
            raise ValueError(f"{self.name!r} is no name")


CITIZEN = Holder(
    "林美玲",
    national_id="A234567893",
    subject_number="1001120260000012",
)
RARE_NAME = Holder(
    "陳𠮷祥",
    national_id="B122334454",
    subject_number="1001120260000020",
)
"""His 𠮷 lies beyond the Basic Multilingual Plane: four octets in UTF-8, two units in UTF-16."""
COMPANY = Holder(
    "測試股份有限公司",
    uniform_number="12345675",
    rank="primary",
    email="cards@company.portico.example",
)
AGENCY = Holder(
    "測試機關",
    organisation_oid="2.16.886.101.90001.20001",
    rank="primary",
    email="cards@agency.portico.example",
)
ORGANISATION = Holder(
    "社團法人測試協會",
    organisation_oid="2.16.886.119.90003.100001",
    rank="primary",
    email="cards@association.portico.example",
)
DEMO: dict[str, Holder] = {
    "moica": CITIZEN,
    "moeaca": COMPANY,
    "xca": ORGANISATION,
    "gca": AGENCY,
}
"""One holder for each kind of card."""
