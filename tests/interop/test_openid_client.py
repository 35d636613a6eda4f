"""The certified npm package openid-client drives the provider end to end."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.people import PASSWORD
from tests.races.harness import running
from tests.races.surfer import CALLBACK, Surfer

HERE = Path(__file__).parent

pytestmark = pytest.mark.timeout(120)


def test_openid_client_signs_in_refreshes_introspects_revokes_and_signs_out(
    tmp_path: Path,
) -> None:
    with running(tmp_path, f"sqlite:///{tmp_path / 'idp.sqlite'}", workers=1) as provider:
        common = ["--redirect-uri", CALLBACK, "--post-logout-redirect-uri", CALLBACK]
        app = provider.command("client", "add", "--id", "rp", *common, "--trusted")
        machine = provider.command(
            "client", "add", "--id", "machine", "--grant", "client_credentials",
            "--auth", "client_secret_post", "--scope", "api",
        )  # fmt: skip
        person = provider.command(
            "account", "add", "--username", "MING", "--password-stdin", "--name", "王小明𠮷",
            "--email", "ming@people.example", stdin=f"{PASSWORD}\n",
        )  # fmt: skip
        words = [provider.url, "rp", app["client_secret"], CALLBACK]
        words += ["machine", machine["client_secret"]]
        relying_party = subprocess.Popen(
            ["node", str(HERE / "relying_party.mjs"), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert relying_party.stdout is not None
        address = relying_party.stdout.readline().strip()
        surfer = Surfer(provider.url, "rp", app["client_secret"])
        callback = surfer.sign_in_at(address, "MING", PASSWORD).headers["Location"]
        printed, complaints = relying_party.communicate(callback + "\n", timeout=60)
        surfer.http.close()

    assert relying_party.returncode == 0, complaints
    learned = json.loads(printed)
    assert learned["claims"]["sub"] == learned["person"]["sub"] == person["sub"]
    assert learned["person"]["name"] == "王小明𠮷"
    assert learned["person"]["email"] == "ming@people.example"
    assert learned["seen"]["active"] is True
    assert learned["gone"] == {"active": False}
    assert learned["own"] == "api"
    assert learned["out"].startswith(f"{provider.url}/logout?")
