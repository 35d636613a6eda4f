"""D11: keys are rotated ten times while apps that cache them look at every signature."""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from joserfc import jws, jwt
from joserfc.jwk import KeySet

from tests.labs.wrong_clock import wrong_clock
from tests.people import PASSWORD
from tests.races.harness import Running, running
from tests.races.surfer import CALLBACK, Surfer

APPS = 2
ROTATIONS = 10
CACHED_FOR = 300
"""Seconds that an app keeps the keys it has read, whatever ``kid`` it meets."""
STEP = 1200
"""Seconds that pass at once: more than the apps keep their keys."""
PUBLISH_HOURS = 1
LONGEST_TOKEN = 1800
ALGORITHMS = ["RS256", "ES256"]
"""Of an ID token, and of an access token."""

pytestmark = pytest.mark.timeout(300)


@dataclass
class Seen:
    """By ``kid``: when it was first published, and when it signed first and last."""

    published: dict[str, float] = field(default_factory=dict)
    signed: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: list[str] = field(default_factory=list)
    verified: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Clock:
    """What time the provider has, as far as the apps can tell."""

    passed: float = 0.0

    def now(self) -> float:
        """Read it."""
        return self.passed + time.monotonic()


@dataclass
class App:
    """Refreshes its tokens all the time, and verifies them with the keys that it keeps."""

    surfer: Surfer
    clock: Clock
    seen: Seen
    keys: KeySet | None = None
    read_at: float = 0.0

    def go_on(self, token: str, over: threading.Event) -> None:
        """Refresh until it is over."""
        with httpx2.Client(timeout=60) as http:
            while not over.is_set():
                answer = self.surfer.refresh(http, token)
                if answer.status_code != 200:
                    self.seen.failures.append(answer.text)
                    return
                token = answer.json()["refresh_token"]
                for one in ("id_token", "access_token"):
                    self.verify(http, answer.json()[one])

    def verify(self, http: httpx2.Client, token: str) -> None:
        """Verify a token as an app does that never asks for keys but when their time is over."""
        now = self.clock.now()
        if self.keys is None or now - self.read_at >= CACHED_FOR:
            document = http.get(f"{self.surfer.url}/jwks").json()
            self.keys, self.read_at = KeySet.import_key_set(document), now
        kid = str(jws.extract_compact(token.encode()).headers()["kid"])
        try:
            jwt.decode(token, self.keys, algorithms=ALGORITHMS)
        except ValueError as unknown:
            self.seen.failures.append(f"{kid}: {unknown!r}")
        with self.seen.lock:
            self.seen.verified += 1
            self.seen.signed[kid].append(now)


def enrol(provider: Running) -> Surfer:
    words = ["client", "add", "--id", "drill", "--redirect-uri", CALLBACK, "--trusted"]
    app = provider.command(*words, "--scope", "openid offline_access")
    person = ["account", "add", "--username", "DRILL", "--password-stdin"]
    provider.command(*person, stdin=f"{PASSWORD}\n")
    surfer = Surfer(provider.url, "drill", app["client_secret"])
    surfer.sign_in("DRILL", PASSWORD)
    return surfer


def wait_for_more(seen: Seen) -> None:
    """Let every app verify something with the keys of this hour."""
    wanted, until = seen.verified + 2 * APPS, time.monotonic() + 60
    while seen.verified < wanted and not seen.failures:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_D11_ten_rotations_under_load_break_no_signature(tmp_path: Path) -> None:
    machine = wrong_clock(tmp_path)
    settings = machine.settings | {
        "PORTICO__KEYS__PUBLISH_HOURS": str(PUBLISH_HOURS),
        "PORTICO__SESSIONS__ABSOLUTE_HOURS": "1",
        "PORTICO__TOKENS__ACCESS_TOKEN_MINUTES": str(LONGEST_TOKEN // 60),
        "PORTICO__TOKENS__ID_TOKEN_MINUTES": str(LONGEST_TOKEN // 60),
    }
    with running(tmp_path, f"sqlite:///{tmp_path / 'idp.sqlite'}", settings=settings) as provider:
        surfer, clock, seen, over = enrol(provider), Clock(), Seen(), threading.Event()
        apps = [App(surfer, clock, seen) for _ in range(APPS)]
        bought: list[Any] = [surfer.redeem(surfer.http, surfer.code()).json() for _ in apps]
        at_work = [
            threading.Thread(target=app.go_on, args=(tokens["refresh_token"], over))
            for app, tokens in zip(apps, bought, strict=True)
        ]
        for one in at_work:
            one.start()
        try:
            for rotation in range(ROTATIONS):
                provider.command("keys", "rotate")
                for _ in range(1 if rotation % 2 else 3):  # some within the hour of publishing
                    _look(surfer, seen, clock)
                    wait_for_more(seen)
                    clock.passed += STEP
                    machine.be_off_by(int(clock.passed))
        finally:
            over.set()
            for one in at_work:
                one.join()
        surfer.http.close()

    assert seen.failures == []
    assert len(seen.signed) >= ROTATIONS, "the new keys came to sign"
    first = min(seen.published.values())
    for kid, instants in seen.signed.items():
        at = seen.published[kid]
        assert at == first or min(instants) - at >= CACHED_FOR, "published before it signed"


def _look(surfer: Surfer, seen: Seen, clock: Clock) -> None:
    """Note which keys are published, and that none went before its last token was over."""
    now = clock.now()
    document = surfer.http.get(f"{surfer.url}/jwks").json()
    published = {one["kid"] for one in document["keys"]}
    for kid in published:
        seen.published.setdefault(kid, now)
    with seen.lock:
        last = {kid: max(instants) for kid, instants in seen.signed.items()}
    early = {kid for kid, at in last.items() if kid not in published and now - at < LONGEST_TOKEN}
    assert early == set(), msgspec.json.encode(last)
