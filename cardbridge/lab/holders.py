"""Whom a card is made for: people and organisations that do not exist."""

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
