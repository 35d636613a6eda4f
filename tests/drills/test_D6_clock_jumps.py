"""D6: the clock jumps, is wrong, or differs between machines. Nothing over is good again."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from joserfc.jwk import ECKey

from tests.labs.signing import signed
from tests.labs.wrong_clock import WrongClock, wrong_clock
from tests.people import PASSWORD
from tests.races.harness import Running, running
from tests.races.surfer import CALLBACK, Surfer

HOUR = 3600
YEAR_2040 = 430_000_000
"""Seconds from 2026 until beyond January 2038, where 32 bits end."""
YEAR_2110 = 2_640_000_000
"""And until beyond February 2106, where they end without a sign."""
CODE_SECONDS = 2

pytestmark = pytest.mark.timeout(120)


@contextmanager
def served(folder: Path, clock: WrongClock, **settings: str) -> Iterator[Running]:
    """Serve by a wrong clock, on a database in ``folder``."""
    told = {"PORTICO__TOKENS__CODE_SECONDS": str(CODE_SECONDS), **settings}
    url = f"sqlite:///{folder / 'idp.sqlite'}"
    with running(folder, url, workers=1, settings=clock.settings | told) as one:
        yield one


def enrol(provider: Running) -> Surfer:
    """Register an app and a person."""
    words = ["client", "add", "--id", "drill", "--redirect-uri", CALLBACK, "--trusted"]
    app = provider.command(*words, "--scope", "openid offline_access")
    person = ["account", "add", "--username", "DRILL", "--password-stdin"]
    provider.command(*person, stdin=f"{PASSWORD}\n")
    return Surfer(provider.url, "drill", app["client_secret"])


def signs_in(surfer: Surfer) -> bool:
    """Sign in as a browser that has never been here."""
    surfer.http.cookies.clear()
    return surfer.sign_in("DRILL", PASSWORD).headers.get("Location", "").startswith(CALLBACK)


def userinfo(surfer: Surfer, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return surfer.http.get(f"{surfer.url}/userinfo", headers=headers).status_code


def flow(surfer: Surfer) -> str:
    """Go through a whole flow and a refresh with the session at hand; gives the access token."""
    bought = surfer.redeem(surfer.http, surfer.code())
    assert bought.status_code == 200, bought.text
    again = surfer.refresh(surfer.http, bought.json()["refresh_token"])
    assert again.status_code == 200, again.text
    token: str = again.json()["access_token"]
    assert userinfo(surfer, token) == 200
    return token


def prove(surfer: Surfer, key: ECKey, *, at: float) -> httpx2.Response:
    """Send a proof of a client whose clock shows ``at``."""
    claims: dict[str, object] = {
        "jti": f"jti {at}",
        "htm": "POST",
        "htu": f"{surfer.url}/token",
        "iat": int(at),
    }
    header = {"typ": "dpop+jwt", "jwk": key.as_dict(private=False), "kid": None}
    return surfer.http.post(
        f"{surfer.url}/token",
        data={"grant_type": "refresh_token", "refresh_token": "none"},
        auth=(surfer.client_id, surfer.client_secret),
        headers={"DPoP": signed(key, claims, header)},
    )


def real_time() -> float:
    """Tell what time it really is."""
    return time.time()  # noqa: TID251 - a client's own clock


def test_D6_a_clock_put_back_revives_nothing_and_locks_nobody_out(tmp_path: Path) -> None:
    clock, key = wrong_clock(tmp_path), ECKey.generate_key("P-256")
    with served(tmp_path, clock) as provider:
        surfer = enrol(provider)
        assert signs_in(surfer)
        codes = [surfer.code(), surfer.code()]
        threading.Event().wait(CODE_SECONDS + 0.5)
        assert surfer.redeem(surfer.http, codes[0]).status_code == 400
        for jump in (-HOUR, -1, +1, 0):
            clock.be_off_by(jump)

            if jump == -HOUR:
                assert surfer.redeem(surfer.http, codes[1]).status_code == 400
            flow(surfer)
            assert signs_in(surfer)
            answer = prove(surfer, key, at=real_time())
            assert answer.json()["error"] == "invalid_grant", "the proof itself was good"
        surfer.http.close()


def test_D6_a_clock_put_forward_and_right_again_locks_nobody_out(tmp_path: Path) -> None:
    clock, key = wrong_clock(tmp_path), ECKey.generate_key("P-256")
    with served(tmp_path, clock) as provider:
        surfer = enrol(provider)
        assert signs_in(surfer)
        before = flow(surfer)
        clock.be_off_by(HOUR + 60)
        assert userinfo(surfer, before) == 401
        assert "/signin/" in str(surfer.authorize().url), "the session was idle for too long"
        wrong = prove(surfer, key, at=real_time()).json()
        assert wrong["error"] == "invalid_dpop_proof"
        assert "clock" in wrong["error_description"]
        assert signs_in(surfer)
        flow(surfer)

        clock.be_off_by(0)

        flow(surfer)
        assert signs_in(surfer)
        flow(surfer)
        surfer.http.close()


def test_D6_machines_ten_seconds_apart_serve_one_person(tmp_path: Path) -> None:
    folders = [tmp_path / "right", tmp_path / "behind"]
    for folder in folders:
        folder.mkdir()
    clocks = [wrong_clock(folder) for folder in folders]
    clocks[1].be_off_by(-10)
    with served(folders[0], clocks[0], PORTICO__TOKENS__CODE_SECONDS="30") as right:
        one = enrol(right)
        shared = {
            "PORTICO__DATABASE__URL": f"sqlite:///{folders[0] / 'idp.sqlite'}",
            "PORTICO__PROVIDER__ISSUER": right.url,
            "PORTICO__TOKENS__CODE_SECONDS": "30",
        }
        with served(folders[1], clocks[1], **shared) as behind:
            other = Surfer(behind.url, one.client_id, one.client_secret, one.http)
            for here, there in ((one, other), (other, one)):
                assert signs_in(here)
                bought = there.redeem(there.http, here.code()).json()
                assert userinfo(here, bought["access_token"]) == 200
                assert userinfo(there, bought["access_token"]) == 200
                assert here.refresh(here.http, bought["refresh_token"]).status_code == 200
                assert there.authorize().headers["Location"].startswith(CALLBACK)
    one.http.close()


@pytest.mark.parametrize("seconds", [YEAR_2040, YEAR_2110])
def test_D6_after_the_end_of_32_bits(tmp_path: Path, seconds: int) -> None:
    clock = wrong_clock(tmp_path)
    clock.be_off_by(seconds)
    with served(tmp_path, clock) as provider:
        surfer = enrol(provider)
        assert signs_in(surfer)
        flow(surfer)
        assert provider.command("audit", "verify")["ok"]
        surfer.http.close()
