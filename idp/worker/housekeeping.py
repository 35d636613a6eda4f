"""Keys, sessions whose time is over, rows that nobody needs, audit chains."""

import errno
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec

from idp.accounts import passwords, removed
from idp.accounts.bulk import FIRST
from idp.audit import checkpoint, history
from idp.audit.events.operation import KeyAdded
from idp.authenticators import passkey, totp
from idp.authenticators.card import challenges, index, offers
from idp.authenticators.password import captcha, works
from idp.database.sweeping import BATCH
from idp.database.transaction import Transaction
from idp.keys import ring
from idp.keys import store as keys
from idp.oidc import (
    authorizations,
    client_authentication,
    logout,
    pending,
    pushed_requests,
    standing,
)
from idp.oidc.grants import refresh_token
from idp.outbox import store as outbox
from idp.provider import Provider
from idp.registration import store as registrations
from idp.sessions import store as sessions
from idp.signin import codes, counters, notices, tickets
from idp.signin import store as signin
from idp.worker.loop import Round
from idp.worker.origin import WORKER

_HASHES_AT_ONCE = 5_000
_LONGEST_PAUSE = 0.2  # seconds
_NEVER = threading.Event()  # time.sleep() fails under libfaketime, which drills set clocks with
_ENDED_AT_ONCE = 50  # sessions: each with a notice for every app, in one transaction


def rounds(portico: Provider) -> list[Round]:
    """List what is put in order, and how often."""
    checkpoint_every = timedelta(minutes=portico.config.audit.checkpoint_minutes)
    return [
        Round("password-works", timedelta(hours=6), lambda: count_password_works(portico)),
        Round("keys", timedelta(minutes=10), lambda: rotate_keys(portico)),
        Round(
            "sessions",
            timedelta(minutes=1),
            lambda: end_sessions(portico),
            batch=_ENDED_AT_ONCE,
        ),
        Round("sweep", timedelta(minutes=1), lambda: sweep(portico), batch=BATCH),
        Round("checkpoint", checkpoint_every, lambda: tie_chains(portico)),
    ]


def count_password_works(portico: Provider) -> int:
    """Take the census that stand-ins for names without a password are drawn by."""
    census: Counter[str] = Counter()
    after = FIRST
    while True:
        with portico.database.read() as tx:
            page = passwords.hashes(tx, after, _HASHES_AT_ONCE)
        census.update(works.counted(phc_hash for _, phc_hash in page))
        if len(page) < _HASHES_AT_ONCE:
            break
        after, _ = page[-1]
    with portico.database.write(WORKER) as tx:
        works.keep(tx, census)
    return len(census)


def rotate_keys(portico: Provider) -> int:
    """Make the keys that are due: the first of an algorithm, or the successor of an old one."""
    section = portico.config.keys
    with portico.database.write(WORKER) as tx:
        lives = [life for life, _ in keys.lives(tx)]
        wanted = ring.due(lives, section.algorithms, tx.now, timedelta(days=section.rotate_days))
        for alg in wanted:
            add_key(portico, tx, alg)
    return len(wanted)


def add_key(portico: Provider, tx: Transaction, alg: str) -> str:
    """Make a key, publish it before its use, and let its predecessor go after the last token."""
    section = portico.config.keys
    longest = timedelta(
        minutes=max(
            portico.config.tokens.access_token_minutes, portico.config.tokens.id_token_minutes
        )
    )
    # An id_token_hint is welcome for as long as the session it stands for can last.
    longest += timedelta(hours=portico.config.sessions.absolute_hours)
    publish = timedelta(hours=section.publish_hours)
    kid = portico.keys.add(tx, alg, publish=publish, longest=longest)
    portico.trail.append(tx, KeyAdded(kid=kid, alg=alg))
    return kid


def end_sessions(portico: Provider) -> int:
    """End the sessions whose time is over, and leave a notice for every app they signed in to."""
    with portico.database.write(WORKER) as tx:
        over = sessions.expired(tx, _ENDED_AT_ONCE)
        reach = logout.reach(tx) if over else {}
        for one in over:
            portico.ending.end(tx, one.id, reach, subject=one.subject, why="expired")
    return len(over)


def sweep(portico: Provider) -> int:
    """Delete a batch of rows that nothing can use any more from each table.

    Gives how many the fullest batch had: as long as one is full, there may be more. On SQLite,
    where one writes at a time, a pause as long as the batch took gives requests every other turn.
    """
    most, alone = 0, portico.database.writing.dialect.name == "sqlite"
    kept = portico.card_evidence
    for chain in (*_SWEEPERS, (kept.sweep_nobodys,), (kept.sweep,)):
        for sweeper in chain:
            began = time.perf_counter()
            with portico.database.write(WORKER) as tx:
                swept = sweeper(tx)
            most = max(most, swept)
            if swept and alone:
                _NEVER.wait(min(time.perf_counter() - began, _LONGEST_PAUSE))
            if swept >= BATCH:
                break
    return most


_SWEEPERS: Iterable[Sequence[Callable[[Transaction], int]]] = (
    (signin.sweep,),
    (pushed_requests.sweep,),
    (pending.sweep,),
    (codes.sweep,),
    (tickets.sweep,),
    (notices.sweep,),
    (removed.sweep,),
    (registrations.sweep,),
    (captcha.sweep,),
    (passkey.sweep,),
    (challenges.sweep,),
    (offers.sweep,),
    (index.sweep,),
    (totp.sweep,),
    (counters.sweep,),
    (standing.sweep,),
    (client_authentication.sweep_used_assertions,),
    # What others hang on goes last: with a family, all that is left of it would go at once.
    (refresh_token.sweep, authorizations.sweep, authorizations.sweep_sessions),
    (signin.sweep_history,),
    (history.sweep,),
    (signin.sweep_devices,),
    (outbox.sweep,),
)
"""Those of one chain in their order: the next has its turn when there is little left before."""


def tie_chains(portico: Provider) -> int:
    """Tie the audit chains together, and write the anchor outside the database."""
    with portico.database.write(WORKER) as tx:
        anchor = checkpoint.write(tx, portico.trail)
    if portico.config.audit.anchor_file:
        _note(Path(portico.config.audit.anchor_file), msgspec.json.encode(anchor) + b"\n")
    return 1


def _note(path: Path, line: bytes) -> None:
    """Add a line to a file, durably and whole: what a full disk cuts off is taken back."""
    with path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            written = file.write(line)
            os.fsync(file.fileno())
        except OSError:
            file.truncate(before)
            raise
        if written != len(line):
            file.truncate(before)
            raise OSError(errno.ENOSPC, "the disk is full", str(path))
