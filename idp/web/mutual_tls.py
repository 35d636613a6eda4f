"""A TLS listener of our own that asks callers for a certificate, where no proxy does (RFC 8705).

For machines alone, at an address of its own: a browser would ask its person for a
certificate. It lets in whom an authority of ``[mtls] ca_file`` has certified, or who shows
nothing; self-signed certificates need a proxy, for OpenSSL refuses them in the handshake.
"""

import ssl
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from cheroot.ssl.builtin import BuiltinSSLAdapter
from cheroot.wsgi import Server
from flask import Flask

from idp.config import MtlsSection
from idp.oidc.discovery import ASKED_FOR_CERTIFICATES
from idp.web.oidc.bridge import OWN_CERTIFICATE

_THREADS = 8
_LONGEST_GOODBYE = 2  # seconds, of a request that is under way when the server ends
_OF_TLS_1_2 = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
"""What RFC 9325 section 4.2 recommends, as FAPI 2.0 Security Profile section 5.2.1 wants it."""
_ENDPOINTS = frozenset(path for _, path in ASKED_FOR_CERTIFICATES)


class _MachinesOnly:
    """Hands on what the handshake told, and nothing but the machines' endpoints."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO") not in _ENDPOINTS:
            start_response("404 Not Found", [("Content-Length", "0")])
            return [b""]
        environ[OWN_CERTIFICATE] = quote(environ.get("SSL_CLIENT_CERT", ""))
        return self._app.wsgi_app(environ, start_response)


def listener(app: Flask, section: MtlsSection) -> Any:
    """Make the server; ``serve()`` runs it until ``stop()``.

    Raises:
        OSError: a file cannot be read, or the port is taken.
    """
    server = Server((section.host, section.port), _MachinesOnly(app), numthreads=_THREADS)
    adapter = BuiltinSSLAdapter(section.certificate_file, section.key_file)
    adapter.context.load_verify_locations(section.ca_file)
    adapter.context.verify_mode = ssl.CERT_OPTIONAL
    adapter.context.minimum_version = ssl.TLSVersion.TLSv1_2
    adapter.context.set_ciphers(":".join(_OF_TLS_1_2))
    server.ssl_adapter = adapter
    server.shutdown_timeout = _LONGEST_GOODBYE
    server.prepare()
    return server
