"""T58: under attack the bridge starts no program and writes no file, as the kernel saw it."""

import re
import socket
from pathlib import Path

from cardbridge.lab.tokens import Tokens
from tests.bridge.callers import SITE, Caller, request
from tests.bridge.person import Person
from tests.bridge.running import running
from tests.bridge.test_T56_who_may_ask import FOREIGN, FORGED
from tests.bridge.test_T58_messages import MALFORMED, NASTY, WRONG, heard

CALLS = (
    "execve,execveat,fork,vfork,clone,clone3,open,openat,openat2,creat,rename,renameat,renameat2,"
    "unlink,unlinkat,link,linkat,symlink,symlinkat,mkdir,mkdirat,truncate,ftruncate,chmod,fchmodat"
)
WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND")
NEW_PROCESS = re.compile(r"\b(execve|execveat|fork|vfork)\(|\bclone3?\((?!.*CLONE_THREAD)")


def test_T58_attacks_start_no_program_and_write_no_file(
    tmp_path: Path, person: Person, soft_cards: Tokens
) -> None:
    trace = tmp_path / "trace"
    under = ("strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={CALLS}", "-s", "300")
    with running(tmp_path / "bridge", person, soft_cards.environment, under) as bridge:
        before = len(trace.read_text().splitlines())
        _attack(Caller(bridge.port))
        during = trace.read_text().splitlines()[before:]

    assert [line for line in during if NEW_PROCESS.search(line)] == []
    assert [line for line in during if "open" in line and WRITING.search(line)] == []
    assert [line for line in during if re.search(r"\b(rename|unlink|link|mkdir)", line)] == []
    assert person.was_told() == []


def _attack(page: Caller) -> None:
    for origin in FOREIGN.values():
        page.call("POST", "/v1/authenticate", request(), {"Origin": origin})
    for _, headers in FORGED.values():
        sent = {
            name: value.replace("{port}", str(page.port)) if value else value
            for name, value in headers.items()
        }
        page.call("POST", "/v1/authenticate", request(), sent)
    for value in NASTY.values():
        for member in ("purpose", "nonce", "kinds", "lang"):
            assert page.authenticate(request(**{member: value})).status == 400
    for message in WRONG.values():
        assert page.authenticate(message).status == 400
    for path in ("/v1/info;id", "/v1/$(id)", "/..%2f..%2fetc/passwd", "/%00", f"/{SITE}"):
        assert page.call("GET", path).status == 404
    assert page.authenticate(b"{" * 1_000_000).status == 413
    for octets in MALFORMED.values():
        with socket.create_connection(("127.0.0.1", page.port), timeout=15) as raw:
            heard(raw, octets.replace(b"PORT", str(page.port).encode()))
    assert page.call("GET", "/v1/info").status == 200
