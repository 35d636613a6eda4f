"""What discovery says beyond what the Foundation's modules look at (B1)."""

from typing import Any

import pytest

from tests.people import BASE, Browser


@pytest.mark.parametrize("member", ["op_policy_uri", "op_tos_uri"])
def test_B1_the_documents_that_discovery_names_can_be_read(browser: Browser, member: str) -> None:
    document: Any = browser.get("/.well-known/openid-configuration").json

    page = browser.get(document[member].removeprefix(BASE))

    assert page.status_code == 200
    assert "<h1" in page.text
