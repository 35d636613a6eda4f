"""Which verified claims an app gets for what it asks: OIDC for Identity Assurance 1.0."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from idp.oidc import identity_assurance
from idp.oidc.errors import InvalidRequest
from idp.oidc.identity_assurance import FRAMEWORK, NATIONAL_ID_CLAIM

NOW = datetime(2026, 11, 20, 6, 27, tzinfo=UTC)
BOTH = frozenset({"verified_identity", "national_id"})
SIGNED = {
    "type": "electronic_signature",
    "signature_type": "moica",
    "issuer": "OU=MOICA",
    "serial_number": "0A1B",
    "created_at": "2026-11-19T06:27:00Z",
}


def group(procedure: str, claims: dict[str, str]) -> dict[str, Any]:
    return {
        "verification": {
            "trust_framework": FRAMEWORK,
            "assurance_process": {"policy": "urn:portico:policy:card", "procedure": procedure},
            "time": "2026-11-19T06:27:00Z",
            "evidence": [SIGNED],
        },
        "claims": claims,
    }


GROUPS = [
    group("certificate", {"name": "林美玲"}),
    group("tail_matched", {NATIONAL_ID_CLAIM: "A234567893"}),
]


def asked(
    verification: dict[str, Any] | None = None, /, *names: str, **claims: Any
) -> list[dict[str, Any]]:
    wanted = {"trust_framework": None} | (verification or {})
    return [{"verification": wanted, "claims": dict.fromkeys(names) | claims}]


def told(elements: list[dict[str, Any]], scopes: frozenset[str] = BOTH) -> list[dict[str, Any]]:
    return identity_assurance.by_request(GROUPS, elements, scopes, NOW)


def test_what_is_asked_for_is_told_and_no_more() -> None:
    assert told(asked(None, "name")) == [
        {"verification": {"trust_framework": FRAMEWORK}, "claims": {"name": "林美玲"}}
    ]


def test_two_ways_of_verifying_are_told_apart() -> None:
    found = told(asked({"assurance_process": {"procedure": None}}, "name", NATIONAL_ID_CLAIM))

    assert [
        (one["verification"]["assurance_process"]["procedure"], list(one["claims"]))
        for one in found
    ] == [("certificate", ["name"]), ("tail_matched", [NATIONAL_ID_CLAIM])]


@pytest.mark.parametrize(
    "bound",
    [
        {"trust_framework": {"value": "eidas"}},
        {"trust_framework": {"values": ["eidas", "de_aml"]}},
        {"trust_framework": {"values": FRAMEWORK}},
        {"trust_framework": FRAMEWORK},
        {"assurance_process": {"procedure": {"value": "confirmed"}}},
        {"assurance_level": {"value": "high"}},
        {"time": {"max_age": 3600}},
        {"time": {"max_age": "86401"}},
        {"time": {"max_age": float("inf")}},
        {"evidence": [{"type": {"value": "document"}}]},
        {"evidence": [{"type": {"value": "electronic_signature"}}, {"type": {"value": "vouch"}}]},
    ],
)
def test_a_bound_that_is_not_kept_leaves_out_all(bound: dict[str, Any]) -> None:
    assert told(asked(bound, "name")) == []


@pytest.mark.parametrize(
    "bound",
    [
        {"trust_framework": {"value": FRAMEWORK, "essential": True}},
        {"trust_framework": {"values": ["eidas", FRAMEWORK]}},
        {"time": {"max_age": 86_400}},
        {"assurance_level": None},
        {"evidence": [{"type": {"value": "electronic_signature"}, "issuer": None}]},
    ],
)
def test_a_bound_that_is_kept_tells_what_it_bounds(bound: dict[str, Any]) -> None:
    (found,) = told(asked(bound, "name"))

    assert set(found["verification"]) == {"trust_framework", *bound} - {"assurance_level"}


def test_of_the_evidence_as_much_is_told_as_was_asked_for() -> None:
    (found,) = told(asked({"evidence": [{"type": None, "created_at": None}]}, "name"))

    assert found["verification"]["evidence"] == [
        {"type": "electronic_signature", "created_at": "2026-11-19T06:27:00Z"}
    ]


@pytest.mark.parametrize(
    ("claims", "names"),
    [
        ({"name": {"value": "林美玲"}}, ["name"]),
        ({"name": {"value": "林美鈴"}}, []),
        ({"birthdate": None}, []),
        ({"birthdate": None, "name": None}, ["name"]),
    ],
)
def test_claims_are_bounded_likewise(claims: dict[str, Any], names: list[str]) -> None:
    assert [list(one["claims"]) for one in told(asked(**claims))] == [names][: len(names)]


def test_no_request_reaches_beyond_the_scopes_of_the_client() -> None:
    only_name = frozenset({"verified_identity"})

    assert told(asked(None, NATIONAL_ID_CLAIM), only_name) == []
    assert told(asked(None, "name"), frozenset({"profile"})) == []


def test_scopes_alone_tell_their_claims_without_the_evidence() -> None:
    (found,) = identity_assurance.by_scopes(GROUPS, frozenset({"national_id", "openid"}))

    assert found["claims"] == {NATIONAL_ID_CLAIM: "A234567893"}
    assert found["verification"]["assurance_process"]["procedure"] == "tail_matched"
    assert "evidence" not in found["verification"]
    assert identity_assurance.by_scopes(GROUPS, frozenset({"profile"})) == []


@pytest.mark.parametrize(
    "malformed",
    [
        None, 1, "name", [], {}, [{}], {"claims": {"name": None}},
        {"verification": {"trust_framework": None}},
        {"verification": {"trust_framework": None}, "claims": {}},
        {"verification": {"trust_framework": None}, "claims": ["name"]},
        {"verification": {}, "claims": {"name": None}},
        {"verification": None, "claims": {"name": None}},
        [{"verification": {"trust_framework": None}, "claims": {"name": None}}] * 9,
    ],
)  # fmt: skip
def test_a_request_of_another_form_is_refused(malformed: Any) -> None:
    with pytest.raises(InvalidRequest):
        identity_assurance.read(malformed)


@pytest.mark.parametrize("odd", [1, "x", [None], {"value": {}}, {"max_age": []}, [[]], [{}]])
def test_an_odd_bound_is_not_kept_and_breaks_nothing(odd: Any) -> None:
    for name in ("trust_framework", "time", "evidence", "assurance_process"):
        for one in told(asked({name: odd}, "name")):
            assert one["claims"] == {"name": "林美玲"}


def test_the_age_is_counted_from_now() -> None:
    later = NOW + timedelta(days=2)
    elements = asked({"time": {"max_age": 90_000}}, "name")

    assert len(identity_assurance.by_request(GROUPS, elements, BOTH, NOW)) == 1
    assert identity_assurance.by_request(GROUPS, elements, BOTH, later) == []
