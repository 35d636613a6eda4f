"""A double of the HiPKI component, not the component: its window and its signature, over SoftHSM.

What it answers was written down from public integrations of the real one. It signs whatever its
window is given, as the real one does, and knows one fault switch: ``instead`` is answered as is.
"""

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import PyKCS11
from asn1crypto import cms, x509

LOGIN_FAILED = 0x76100006
POPUP = b"""<!doctype html><meta charset=utf-8><title>popupForm</title><script>
window.addEventListener("message", async (event) => {
  const body = "tbsPackage=" + encodeURIComponent(event.data);
  const headers = {"Content-Type": "application/x-www-form-urlencoded"};
  const reply = await fetch("/sign", {method: "POST", headers, body});
  window.opener.postMessage(await reply.text(), "*");
  window.close();
});
window.opener.postMessage('{"func":"getTbs"}', "*");
</script>"""


@dataclass
class Hipki:
    """The double: what it was asked, and what it says instead of signing."""

    module: Any
    slot: int
    asked: list[dict[str, str]] = field(default_factory=list)
    instead: dict[str, Any] | None = None
    popup: bytes = POPUP

    def sign(self, package: dict[str, str]) -> dict[str, Any]:
        """Answer ``MakeSignature``."""
        self.asked.append(package)
        if self.instead is not None:
            return self.instead
        session = self.module.openSession(self.slot, PyKCS11.CKF_SERIAL_SESSION)
        try:
            session.login(package["pin"])
            made = _message(session, package["tbs"].encode())
            session.logout()
        except PyKCS11.PyKCS11Error as error:
            return {"func": "sign", "ret_code": LOGIN_FAILED, "last_error": error.value}
        finally:
            session.closeSession()
        return {"func": "sign", "ret_code": 0, "last_error": 0, "signature": made}


def _message(session: Any, content: bytes) -> str:
    """Make the CMS message: signed attributes, the certificate, one signer."""
    key, shown = (
        session.findObjects([(PyKCS11.CKA_CLASS, kind), (PyKCS11.CKA_ID, b"SIGN")])[0]
        for kind in (PyKCS11.CKO_PRIVATE_KEY, PyKCS11.CKO_CERTIFICATE)
    )
    leaf = x509.Certificate.load(bytes(session.getAttributeValue(shown, [PyKCS11.CKA_VALUE])[0]))
    digest = {"type": "message_digest", "values": [hashlib.sha256(content).digest()]}
    attributes = cms.CMSAttributes([{"type": "content_type", "values": ["data"]}, digest])
    over = b"\x31" + attributes.dump()[1:]
    by_sha256 = PyKCS11.Mechanism(PyKCS11.CKM_SHA256_RSA_PKCS)
    sid = {"issuer": leaf.issuer, "serial_number": leaf.serial_number}
    signer = {
        "version": "v1",
        "sid": {"issuer_and_serial_number": sid},
        "digest_algorithm": {"algorithm": "sha256"},
        "signed_attrs": attributes,
        "signature_algorithm": {"algorithm": "rsassa_pkcs1v15"},
        "signature": bytes(session.sign(key, over, by_sha256)),
    }
    data = {
        "version": "v1",
        "digest_algorithms": [{"algorithm": "sha256"}],
        "encap_content_info": {"content_type": "data", "content": content},
        "certificates": [leaf],
        "signer_infos": [signer],
    }
    message = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(data)})
    return base64.b64encode(message.dump()).decode()


@contextlib.contextmanager
def hipki(module: Any, slot: int, port: int) -> Iterator[Hipki]:
    """Run the double on a port until the block ends."""
    double = Hipki(module, slot)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(double.popup, "text/html")

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            package = parse_qs(self.rfile.read(length).decode())["tbsPackage"][0]
            self._say(json.dumps(double.sign(json.loads(package))).encode(), "application/json")

        def _say(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
