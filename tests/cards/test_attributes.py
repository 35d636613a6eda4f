"""Each variant of the directory attributes is wrong in the one thing that it says."""

from pathlib import Path

import pytest
from asn1crypto import x509 as asn1

from cardbridge.lab import holders, keys
from cardbridge.lab.pki import LabPki
from tests.clock import MovableClock

TYPE, TAIL = "2.16.886.1.100.2.1", "2.16.886.1.100.2.51"
GOOD = [
    (TYPE, [("ObjectIdentifier", "2.16.886.1.100.3.1.1")]),
    (TAIL, [("UTF8String", "4454")]),
]


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> LabPki:
    folder: Path = tmp_path_factory.mktemp("pki")
    return LabPki.create(
        folder, base_url="http://127.0.0.1:1", clock=MovableClock(), make_key=keys.Pool(2)
    )


@pytest.mark.parametrize(
    ("variant", "attributes"),
    [
        ("good", GOOD),
        ("printable_tail", [GOOD[0], (TAIL, [("PrintableString", "4454")])]),
        ("tail_of_letters", [GOOD[0], (TAIL, [("UTF8String", "78O3")])]),
        ("two_tails", [GOOD[0], (TAIL, [("UTF8String", "0000"), ("UTF8String", "4454")])]),
        ("tail_twice", [*GOOD, GOOD[1]]),
        ("no_tail", GOOD[:1]),
        ("no_subject_type", GOOD[1:]),
        ("wrong_subject_type", [(TYPE, [("ObjectIdentifier", "2.16.886.1.100.3.3.1")]), GOOD[1]]),
        ("no_attributes", []),
    ],
)
def test_the_attributes_are_wrong_in_one_thing(
    pki: LabPki, variant: str, attributes: list[tuple[str, list[tuple[str, str]]]]
) -> None:
    card = pki.issue("moica", holders.RARE_NAME, variant=variant)

    read = asn1.Certificate.load(card.sign.certificate, strict=True)
    found = [
        (one["type"].dotted, [(type(value).__name__, value.native) for value in one["values"]])
        for one in read.subject_directory_attributes_value or []
    ]
    assert found == attributes


def test_a_company_may_have_two_numbers(pki: LabPki) -> None:
    card = pki.issue("moeaca", holders.COMPANY, variant="number_mismatch")

    read = asn1.Certificate.load(card.sign.certificate, strict=True)
    numbers = {
        value.native
        for one in read.subject_directory_attributes_value
        for value in one["values"]
        if one["type"].dotted.endswith(".101")
    }
    assert numbers == {"04595257"}
    assert read.subject.native["serial_number"] == "12345675"
