"""nginx in front of a provider, as an operator would set it up: TLS, certificates, a cache."""

import contextlib
import getpass
import shutil
import subprocess
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.labs.ports import free_port
from tests.labs.tls import certify

_PATIENCE_SECONDS = 10.0
_CONFIG = """
user {user}; daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off; large_client_header_buffers 4 64k;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  proxy_cache_path {folder}/cache keys_zone=shared:1m;
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Client-Cert $ssl_client_escaped_cert;
  server {{
    listen 127.0.0.1:{tls_port} ssl;
    ssl_certificate {folder}/localhost.pem; ssl_certificate_key {folder}/localhost.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_verify_client optional_no_ca;
    location / {{ proxy_pass {upstream}; }}
  }}
  server {{
    listen 127.0.0.1:{cache_port};
    location / {{
      proxy_pass {upstream};
      proxy_cache shared; proxy_cache_valid any 10m; proxy_cache_key $request_uri;
      add_header X-Cache $upstream_cache_status always;
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """Where it listens, and whom its callers must trust."""

    tls: str
    cache: str
    """An address behind a cache that every browser shares, and that minds no cookie."""
    ca_file: Path


@contextlib.contextmanager
def nginx(folder: Path, upstream: str) -> Generator[Nginx]:
    """Run nginx in front of ``upstream`` until the block ends."""
    found = certify(folder, "localhost")
    tls_port, cache_port = free_port(), free_port()
    config = folder / "nginx.conf"
    config.write_text(
        _CONFIG.format(
            user=getpass.getuser(),
            folder=folder,
            upstream=upstream,
            tls_port=tls_port,
            cache_port=cache_port,
        )
    )
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    process = subprocess.Popen(
        [program, "-p", str(folder), "-c", str(config)], stderr=subprocess.DEVNULL
    )
    running = Nginx(
        f"https://localhost:{tls_port}", f"http://localhost:{cache_port}", found.ca_file
    )
    try:
        _wait(running.cache, process, folder / "error.log")
        yield running
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(httpx2.HTTPError):
            httpx2.get(f"{url}/health/live", timeout=1)
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text())
