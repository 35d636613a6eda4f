"""What of an account is verified, in the form in which apps are told of it.

OpenID Identity Assurance Schema 1.0, sections 5.4 to 5.6. How sure a claim is stands in
``assurance_process``: the certificate says it word for word, four characters of it agree, or the
authority has confirmed the whole.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from idp.accounts import proofs
from idp.accounts.model import Account
from idp.accounts.particulars import Field, Particulars
from idp.accounts.proofs import Attribute, Proof
from idp.authenticators.card.evidence import Evidence, Shown
from idp.database.transaction import Transaction
from idp.oidc import identity_assurance as assurance
from idp.oidc.identity_assurance import FRAMEWORK, Group

_POLICY = "urn:portico:policy:card"
_CLAIMS = {
    Attribute.NAME: assurance.NAME,
    Attribute.NATIONAL_ID: assurance.NATIONAL_ID_CLAIM,
    Attribute.UNIFORM_NUMBER: assurance.UNIFORM_NUMBER_CLAIM,
    Attribute.ORGANISATION_OID: assurance.ORGANISATION_OID_CLAIM,
}
_FIELDS = {
    Attribute.NATIONAL_ID: Field.NATIONAL_ID,
    Attribute.UNIFORM_NUMBER: Field.UNIFORM_NUMBER,
    Attribute.ORGANISATION_OID: Field.ORGANISATION_OID,
}


@dataclass(frozen=True, slots=True)
class VerifiedClaims:
    """Reads what is proven of accounts."""

    particulars: Particulars
    evidence: Evidence

    def of(self, tx: Transaction, account: Account) -> list[Group]:
        """List what is verified, a group for each way in which it was."""
        proven = proofs.of(tx, account.id)
        if not proven:
            return []
        values = self._values(tx, account, set(proven))
        groups: dict[tuple[str, bytes], list[Proof]] = {}
        for one in proven.values():
            if self._is_proven(one, values[one.attribute]):
                groups.setdefault((one.assurance, one.evidence), []).append(one)
        return [
            {
                "verification": self._verification(tx, together[0]),
                "claims": _told(together, values),
            }
            for together in groups.values()
        ]

    def _values(
        self, tx: Transaction, account: Account, names: set[Attribute]
    ) -> dict[Attribute, str]:
        known = self.particulars.of(tx, account.id) if names - {Attribute.NAME} else {}
        values = {name: known.get(field, "") for name, field in _FIELDS.items()}
        return values | {Attribute.NAME: account.profile.name}

    def _is_proven(self, one: Proof, value: str) -> bool:
        """Tell whether the value on record is still the one that was proven."""
        now = self.particulars.hash_of(one.attribute, value)
        return bool(value) and hmac.compare_digest(now, one.value_hash)

    def _verification(self, tx: Transaction, one: Proof) -> dict[str, Any]:
        told: dict[str, Any] = {
            "trust_framework": FRAMEWORK,
            "assurance_process": {"policy": _POLICY, "procedure": one.assurance},
            "time": _moment(one.proven_at),
            "verification_process": one.evidence.hex(),
        }
        shown = self.evidence.shown(tx, one.evidence.hex())
        if shown is not None:
            told["evidence"] = [_signature(one, shown)]
        return told


def _signature(one: Proof, shown: Shown) -> dict[str, Any]:
    """Describe the card's signature (section 5.6: evidence of the type electronic_signature)."""
    certificate = x509.load_der_x509_certificate(shown.certificate)
    return {
        "type": "electronic_signature",
        "signature_type": one.source,
        "issuer": certificate.issuer.rfc4514_string(),
        "serial_number": f"{certificate.serial_number:X}",
        "created_at": _moment(shown.at),
    }


def _told(together: Iterable[Proof], values: dict[Attribute, str]) -> dict[str, str]:
    return {_CLAIMS[one.attribute]: values[one.attribute] for one in together}


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
