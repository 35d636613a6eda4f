"""An import is killed in the middle; the same command again does the rest, and quickly."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from idp.accounts.tables import AccountRow, PasswordCredential
from idp.audit import checkpoint
from idp.audit.store import AuditRow
from idp.provider import Provider
from tests.labs.shell import Shell

ROWS, BATCH = 6000, 50
HASH = "{SSHA}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ"


def on_record(provider: Provider, table: type) -> int:
    with provider.database.read() as tx:
        return int(tx.scalar(select(func.count()).select_from(table)))


@pytest.mark.timeout(60)
def test_kill_9_loses_no_batch_and_leaves_no_half_of_one(
    shell: Shell, provider: Provider, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    lines = [f"u{number},{HASH},salted-sha1" for number in range(ROWS)]
    path.write_text("\n".join(["username,password_hash,hash_scheme", *lines]))
    words = ["account", "import", str(path), "--batch", str(BATCH)]
    program = [sys.executable, "-m", "idp", "--config", str(shell.config), *words]

    with subprocess.Popen(program, env=os.environ) as running:  # the key is in the environment
        while running.poll() is None and on_record(provider, AccountRow) < 3 * BATCH:
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
    before = on_record(provider, AccountRow)
    summary = shell.ok(*words)

    assert 0 < before < ROWS
    assert before % BATCH == 0
    assert summary["exists"] == before
    assert summary["added"] == ROWS - before
    assert on_record(provider, AccountRow) == on_record(provider, PasswordCredential) == ROWS
    with provider.database.read() as tx:
        events = tx.execute(
            select(AuditRow.data).where(AuditRow.event == "accounts.imported")
        ).scalars()
        assert sum(json.loads(one)["accounts"] for one in events) == ROWS
        assert checkpoint.verify(tx, provider.keychain.key("audit")).ok
