"""A server that plays the authority's service for national ids: strict, and as odd as told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs
from xml.etree import ElementTree as ET

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from idp.config import FetchSection
from idp.gateways import ics
from idp.gateways.fetch import Fetcher
from idp.gateways.ics import ClientKey, Ics
from idp.secret import system_entropy

Answering = Callable[[ET.Element], bytes]


class Authority(ThreadingHTTPServer):
    """Plays the service: reads the question strictly, checks its signature, answers a code."""

    daemon_threads = True
    holders: dict[str, str]
    """Whole national ids by the number in the certificate."""
    ours: x509.Certificate
    instead: Answering | None = None
    asked: int = 0


class _Door(BaseHTTPRequestHandler):
    server: Authority

    def do_POST(self) -> None:
        self.server.asked += 1
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        text = parse_qs(body)["ICSRequestXMLData"][0]
        question = ET.fromstring(text)  # noqa: S314 - our own question
        signed = text[text.index("<ICSReq>") : text.index("</ICSReq>") + len("</ICSReq>")]
        key = self.server.ours.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        signature = bytes.fromhex(question.findtext("Signature", ""))
        key.verify(signature, signed.encode(), padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
        assert int(question.findtext("ICSReqLength", "")) == len(signed)
        self._answer(question)

    def _answer(self, question: ET.Element) -> None:
        answering = self.server.instead or (lambda one: reply(one, self._code(one)))
        body = answering(question)
        self.send_response(200 if body else 500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _code(self, question: ET.Element) -> str:
        record = question.find("ICSReq/Rec")
        assert record is not None
        known = self.server.holders.get(record.findtext("SN", ""))
        return "0" if known == record.findtext("SSID") else "1"

    def log_message(self, *args: object) -> None:
        pass


def reply(question: ET.Element, code: str, **changes: str) -> bytes:
    """Write an answer; ``changes`` make it one to another question."""
    asked = {one.tag: one.text or "" for one in question.iter()}
    said = asked | {"SSID4": asked["SSID"][-4:], "Code": code} | changes
    head = "".join(f"<{n}>{said[n]}</{n}>" for n in ("ClientID", "Nonce", "ReqTime", "TotalCount"))
    record = "".join(f"<{n}>{said[n]}</{n}>" for n in ("ID", "SN", "SSID4", "Code"))
    return f"<ICSResponse>{head}<Rec>{record}</Rec></ICSResponse>".encode()


def new_key() -> ClientKey:
    """Make a key and a certificate that the service knows us by."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "portico")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return ics.read_key(made.public_bytes(serialization.Encoding.PEM), pem)


@contextmanager
def authority(ours: ClientKey, holders: dict[str, str]) -> Iterator[Authority]:
    """Have the service answer on loopback."""
    server = Authority(("127.0.0.1", 0), _Door)
    server.holders, server.ours = holders, ours.certificate
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def asking(server: Authority, ours: ClientKey) -> Ics:
    """Ask that service."""
    fetch = Fetcher(FetchSection(allowed_networks=["127.0.0.0/8"]))
    url = f"http://127.0.0.1:{server.server_address[1]}/cgi-bin/CheckSNPID"
    return Ics(fetch, system_entropy, url, ours)
