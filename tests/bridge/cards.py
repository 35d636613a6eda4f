"""Cards that are files: made within a millisecond, with every fault a card can have."""

import base64
import json
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

PIN = "246810"
WORKER = Path(__file__).parent / "programs" / "card_worker.py"
AUTHORITIES = {
    "moica": "內政部憑證管理中心",
    "moeaca": "工商憑證管理中心",
    "gca": "政府憑證管理中心",
    "xca": "組織及團體憑證管理中心",
}
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def _name(**parts: str) -> x509.Name:
    oids = {
        "unit": NameOID.ORGANIZATIONAL_UNIT_NAME,
        "organisation": NameOID.ORGANIZATION_NAME,
        "name": NameOID.COMMON_NAME,
    }
    return x509.Name([x509.NameAttribute(oids[part], text) for part, text in parts.items()])


def usages(*names: str) -> x509.KeyUsage:
    """Make a key usage."""
    every = (
        "digital_signature content_commitment key_encipherment data_encipherment"
        " key_agreement key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{one: one in names for one in every.split()})


def certificate(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    *,
    kind: str = "moica",
    holder: str = "王小明",
    usage: tuple[str, ...] = ("digital_signature",),
    extensions: tuple[x509.ExtensionType, ...] = (),
    since: datetime = SINCE,
) -> bytes:
    """Make a certificate as a card holds one, signed by nobody in particular; DER."""
    issuer = _name(organisation="行政院", unit=AUTHORITIES.get(kind, kind))
    builder = (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(_name(name=holder))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(since + timedelta(days=1825))
        .add_extension(usages(*usage), critical=True)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@dataclass
class FileCard:
    """A card in a folder, for the worker of ``programs/card_worker.py``."""

    folder: Path
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "calls").touch()
        self.put(certificates=[certificate(self.key)])

    def put(self, *, certificates: list[bytes] | None = None, **plan: Any) -> None:
        """Change what the card is like."""
        file = self.folder / "card.json"
        before = json.loads(file.read_text()) if file.exists() else {"pin": PIN, "key": self.pem}
        if certificates is not None:
            plan["certificates"] = [base64.b64encode(one).decode() for one in certificates]
        file.write_text(json.dumps(before | plan))

    @property
    def pem(self) -> str:
        """The key, which a real card would not give away."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    @property
    def worker(self) -> tuple[str, ...]:
        """The command of its worker."""
        return (sys.executable, str(WORKER), str(self.folder))

    def calls(self) -> list[str]:
        """List the calls that have reached it."""
        return (self.folder / "calls").read_text().split()
