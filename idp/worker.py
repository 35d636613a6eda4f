"""The door of time: mails and notices go out, keys rotate, old rows go, chains are tied.

Each round is short and its writes are transactions of their own; nothing slow happens
inside one. Several workers may run at once.
"""

import errno
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from idp.accounts import passwords, removed
from idp.accounts.bulk import FIRST
from idp.audit import checkpoint, history
from idp.audit.events import AuthorityStanding, KeyAdded, OutboxAbandoned
from idp.authenticators import passkey, totp
from idp.authenticators.card import cards, challenges, index, offers, roots, trust
from idp.authenticators.directory.model import Standing
from idp.authenticators.password import captcha, works
from idp.clock import Clock, system_clock
from idp.database.sweeping import BATCH
from idp.database.transaction import Origin, Transaction
from idp.gateways.fetch import Errand, Forbidden
from idp.gateways.fetch import Unreachable as NoAnswer
from idp.gateways.ics import Said
from idp.gateways.smtp import Refused, Unreachable
from idp.keys import ring
from idp.keys import store as keys
from idp.linking.wire import LinkEvent
from idp.mail.messages import CardExpires
from idp.oidc import (
    authorizations,
    client_authentication,
    clients,
    logout,
    pending,
    pushed_requests,
    standing,
    vouching,
)
from idp.oidc.backchannel_authentication import Ping
from idp.oidc.grants import refresh_token
from idp.oidc.vouching import Word
from idp.outbox import store as outbox
from idp.outbox.store import Kind, Leased
from idp.provider import Provider
from idp.registration import store as registrations
from idp.sessions import store as sessions
from idp.sessions.actions import LogoutNotice
from idp.signin import codes, counters, notices, tickets
from idp.signin import store as signin
from idp.signin.recovery import Question

WORKER = Origin(operator="worker")
_NOTICES_AT_ONCE = 8
_HASHES_AT_ONCE = 5_000
_WARNINGS_AT_ONCE = 100
_ASKED_AT_ONCE = 20
_LONGEST_PAUSE = 0.2  # seconds
_NEVER = threading.Event()  # time.sleep() fails under libfaketime, which drills set clocks with
_ENDED_AT_ONCE = 50  # sessions: each with a notice for every app, in one transaction

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Round:
    """Something to do every so often."""

    name: str
    every: timedelta
    work: Callable[[], int]
    """Does it and says how much there was to do."""
    batch: int | None = None
    """Having done this much, there may be more: it is due again at once."""
    due_at: datetime | None = None


@dataclass(slots=True)
class Loop:
    """Runs rounds when they are due. A round that fails is logged and comes again.

    Each has a thread of its own: a mail server that hangs delays no sign-out.
    """

    rounds: list[Round]
    clock: Clock
    stopping: threading.Event = field(default_factory=threading.Event)
    beat: datetime | None = None

    def run(self) -> None:
        """Run until :attr:`stopping` is set; looks for due rounds every second at least."""
        threads = [
            threading.Thread(target=self._repeat, args=[one], name=f"round-{one.name}")
            for one in self.rounds
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def run_due(self) -> None:
        """Run every round that is due now, one after the other, until none is."""
        for one in self.rounds:
            while self._is_due(one):
                self._run(one)

    def _repeat(self, one: Round) -> None:
        while not self.stopping.is_set():
            if self._is_due(one):
                self._run(one)
            else:
                self.stopping.wait(0.5)

    def _is_due(self, one: Round) -> bool:
        self.beat = self.clock()
        return one.due_at is None or one.due_at <= self.beat

    def _run(self, one: Round) -> None:
        began, done = self.clock(), 0
        try:
            done = one.work()
        except Exception:
            log.exception("round failed", extra={"round": one.name})
        more = one.batch is not None and done >= one.batch
        one.due_at = began if more else began + one.every


def rounds(portico: Provider) -> list[Round]:
    """List what the worker of a provider does."""
    config = portico.config
    poll = timedelta(seconds=config.outbox.poll_seconds)
    return [
        Round("mail", poll, lambda: deliver(portico, "mail", _send_mail), batch=1),
        Round(
            "logout",
            poll,
            lambda: deliver(portico, "logout_token", _send_logout_token, _NOTICES_AT_ONCE),
            batch=_NOTICES_AT_ONCE,
        ),
        Round("recovery", poll, lambda: deliver(portico, "recovery", answer_recovery), batch=1),
        Round("ciba", poll, lambda: deliver(portico, "ciba_ping", send_ciba_ping), batch=1),
        Round(
            "links",
            poll,
            lambda: deliver(portico, "link_event", _send_link_event, _NOTICES_AT_ONCE),
            batch=_NOTICES_AT_ONCE,
        ),
        Round(
            "open-links",
            timedelta(seconds=10),
            lambda: ask_about_links(portico),
            batch=_NOTICES_AT_ONCE,
        ),
        Round("password-works", timedelta(hours=6), lambda: count_password_works(portico)),
        Round("keys", timedelta(minutes=10), lambda: rotate_keys(portico)),
        Round("card-lists", timedelta(minutes=1), lambda: fetch_card_lists(portico)),
        Round("card-roots", timedelta(hours=6), lambda: watch_card_authorities(portico)),
        Round(
            "national-ids",
            timedelta(minutes=1),
            lambda: confirm_national_ids(portico),
            batch=_ASKED_AT_ONCE,
        ),
        Round(
            "card-warnings",
            timedelta(hours=1),
            lambda: warn_of_cards(portico),
            batch=_WARNINGS_AT_ONCE,
        ),
        Round(
            "sessions",
            timedelta(minutes=1),
            lambda: end_sessions(portico),
            batch=_ENDED_AT_ONCE,
        ),
        *_of_directories(portico),
        Round("sweep", timedelta(minutes=1), lambda: sweep(portico), batch=BATCH),
        Round(
            "checkpoint",
            timedelta(minutes=config.audit.checkpoint_minutes),
            lambda: tie_chains(portico),
        ),
    ]


def _of_directories(portico: Provider) -> list[Round]:
    every = min((one.recheck_minutes for one in portico.config.directories), default=0)
    asking = Round("directories", timedelta(minutes=every), lambda: ask_of_those_signed_in(portico))
    return [asking] if every else []


class _Failed(Exception):
    """It did not go out. ``for_good``: nor will it. ``outage``: for no fault of its own."""

    def __init__(self, why: str, *, for_good: bool = False, outage: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good
        self.outage = outage


def deliver(
    portico: Provider, kind: Kind, send: Callable[[Provider, Leased], None], at_once: int = 1
) -> int:
    """Send what is due of one kind. Each row is marked right after its own sending.

    Notices go out side by side, so that one app that hangs delays no other; mails one by
    one, so that a sender that dies repeats one at most. Every leased row is begun at once:
    no lease runs out in a queue.
    """
    with portico.database.write(WORKER) as tx:
        leased = portico.outbox.lease(tx, kind, at_once)
    if not leased:
        return 0
    with ThreadPoolExecutor(at_once, thread_name_prefix=f"send-{kind}") as senders:
        list(senders.map(lambda row: _deliver_one(portico, kind, row, send), leased))
    return len(leased)


def _deliver_one(
    portico: Provider, kind: Kind, row: Leased, send: Callable[[Provider, Leased], None]
) -> None:
    failed = _try(portico, row, send)
    with portico.database.write(WORKER) as tx:
        if failed is None:
            portico.outbox.mark_sent(tx, row.id)
        elif failed.outage:
            portico.outbox.mark_unreachable(tx, row, str(failed))
        elif portico.outbox.mark_failed(tx, row, str(failed), for_good=failed.for_good):
            portico.trail.append(tx, OutboxAbandoned(kind=kind, attempts=row.attempts))
    if failed is not None:
        log.warning("not delivered", extra={"kind": kind, "why": str(failed)})


def _try(
    portico: Provider, row: Leased, send: Callable[[Provider, Leased], None]
) -> _Failed | None:
    try:
        send(portico, row)
    except _Failed as failed:
        return failed
    except Exception as trouble:
        # A row that nobody can send is to be given up in the end, not leased for ever.
        log.exception("cannot be sent")
        return _Failed(type(trouble).__name__)
    return None


def ask_of_those_signed_in(portico: Provider) -> int:
    """Ask the directories about everybody of theirs who is signed in; gives how many have to go.

    A directory that cannot be asked is left alone until the next round, and nobody goes for it.
    """
    idle = timedelta(minutes=portico.config.sessions.idle_minutes)
    with portico.database.read() as tx:
        held = vouching.signed_in(tx, idle)
    ended, silent = 0, set[str]()
    for one in held:
        directory = one.key.partition(":")[0]
        voucher = None if directory in silent else vouching.ask(portico.directories, one.key)
        if voucher is None or voucher.word is Word.STANDS:
            continue
        if voucher.word is Word.NOT_NOW:
            if voucher.why in {Standing.UNREACHABLE, Standing.MISCONFIGURED}:
                silent.add(directory)
            continue
        with portico.database.write(WORKER) as tx:
            told = logout.reach(tx)
            portico.oidc.parts.vouching.withdraw(tx, one.account_id, told, voucher.why)
        ended += 1
    return ended


def _send_mail(portico: Provider, row: Leased) -> None:
    try:
        portico.smtp.send(portico.stationery.compose(row))
    except Unreachable as why:
        raise _Failed(f"unreachable: {why}", outage=True) from why
    except Refused as why:
        raise _Failed(str(why), for_good=why.permanent, outage=why.of_us) from why


def _send_logout_token(portico: Provider, row: Leased) -> None:
    notice = msgspec.json.decode(row.payload, type=LogoutNotice)
    with portico.database.read() as tx:
        token = logout.logout_token(tx, portico.oidc.parts, notice)
        client = clients.read(tx, notice.client_id)
    stranger = client is None or client.is_stranger
    try:
        reply = portico.fetch.post_form(
            notice.uri,
            {"logout_token": token},
            errand=Errand("sign-out", notice.client_id, stranger),
        )
    except (NoAnswer, Forbidden) as why:
        raise _Failed(f"{type(why).__name__}: {why}") from why
    if not 200 <= reply.status < 300:
        raise _Failed(f"HTTP {reply.status}")


def answer_recovery(portico: Provider, row: Leased) -> None:
    """Look up who asked for a new password; a mail goes where there is one to send."""
    question = msgspec.json.decode(row.payload, type=Question)
    asker = Origin(question.asked_from, operator=WORKER.operator, browser=question.browser)
    with portico.database.write(asker) as tx:
        portico.recovery.answer(tx, question)


def send_ciba_ping(portico: Provider, row: Leased) -> None:
    """Tell one service that its request was decided (CIBA Core section 10.2).

    A service that refuses, or sends us elsewhere, will do so again: it is told once.
    """
    ping = msgspec.json.decode(row.payload, type=Ping)
    document = msgspec.json.encode({"auth_req_id": ping.auth_req_id})
    try:
        reply = portico.fetch.post_json(
            ping.uri, document, bearer=ping.token, errand=Errand("ping", ping.client_id)
        )
    except (NoAnswer, Forbidden) as why:
        raise _Failed(f"{type(why).__name__}: {why}") from why
    if not 200 <= reply.status < 300:
        raise _Failed(f"HTTP {reply.status}", for_good=reply.status < 500)


def _send_link_event(portico: Provider, row: Leased) -> None:
    event = msgspec.json.decode(row.payload, type=LinkEvent)
    with portico.database.read() as tx:
        uri, token = portico.linking.event(tx, event)
    if not uri:
        raise _Failed("the app has no link_uri any more", for_good=True)
    try:
        reply = portico.fetch.post_form(uri, {"event": token})
    except (NoAnswer, Forbidden) as why:
        raise _Failed(f"{type(why).__name__}: {why}") from why
    if not 200 <= reply.status < 300:
        raise _Failed(f"HTTP {reply.status}")


def ask_about_links(portico: Provider) -> int:
    """Ask apps about tries to link that nobody answered, or nobody heard the answer of."""
    with portico.database.write(WORKER) as tx:
        overdue = portico.linking.overdue(tx, _NOTICES_AT_ONCE)
    for begun in overdue:
        heard = portico.linking.ask_again(begun)
        with portico.database.write(WORKER) as tx:
            portico.linking.settle(tx, begun, heard)
    return len(overdue)


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


def fetch_card_lists(portico: Provider) -> int:
    """Fetch the whole lists of revoked cards that are due; gives how many were taken over."""
    if not portico.config.cards.enabled:
        return 0
    with portico.database.read() as tx:
        wanted = [one for one in trust.everyone(tx) if one.is_on and one.crl_url]
    fetched = 0
    for one in wanted:
        entries = portico.card_lists.refresh(
            one, lambda: portico.database.write(WORKER), clock=system_clock
        )
        fetched += entries is not None
    if fetched:
        ask_card_roots(portico)
    return fetched


def ask_card_roots(portico: Provider) -> int:
    """Have the roots say what they think of the authorities; gives of how many something new."""
    with portico.database.write(WORKER) as tx:
        news = roots.ask(tx)
        for one, said in news:
            fingerprint = one.authority.fingerprint.hex()
            portico.trail.append(tx, AuthorityStanding(fingerprint=fingerprint, standing=said))
    for one, said in news:
        log.warning("an authority of cards", extra={"authority": one.name, "standing": said})
    return len(news)


def watch_card_authorities(portico: Provider) -> int:
    """Ask the roots, and say in the log what an administrator has to see to."""
    if not portico.config.cards.enabled:
        return 0
    ask_card_roots(portico)
    patience = timedelta(hours=portico.config.cards.root_alarm_hours)
    with portico.database.read() as tx:
        found = [
            (one.installed.name, why)
            for one in roots.healths(tx)
            for why in roots.worries(one, tx.now, patience)
        ]
    for name, why in found:
        log.warning("an authority of cards", extra={"authority": name, "why": why})
    return len(found)


def confirm_national_ids(portico: Provider) -> int:
    """Ask the authority about ids that only four characters vouch for; gives how many answers.

    Whoever is not answered asks again later; a service that is down is asked once a round.
    """
    if not portico.ics.is_on:
        return 0
    with portico.database.read() as tx:
        questions = portico.confirming.questions(tx, _ASKED_AT_ONCE)
    for number, one in enumerate(questions):
        now = portico.database.clock()
        said = portico.ics.ask(one.subject_number, one.national_id, now)
        with portico.database.write(WORKER) as tx:
            portico.confirming.settle(tx, one, said)
        if said is Said.UNKNOWN and one.subject_number and one.national_id:
            return number
    return len(questions)


def warn_of_cards(portico: Provider) -> int:
    """Tell the owners of cards that expire soon, once for each of ``[cards] warn_days``.

    The latest warning first: a card that was added late gets that one and none before it.
    """
    section = portico.config.cards
    if not section.enabled:
        return 0
    for days in sorted(section.warn_days):
        with portico.database.read() as tx:
            found = cards.ending(tx, days, _WARNINGS_AT_ONCE)
        for one in found:
            _warn_of_card(portico, one, days)
        if len(found) == _WARNINGS_AT_ONCE:
            return _WARNINGS_AT_ONCE
    return 0


def _warn_of_card(portico: Provider, one: cards.Ending, days: int) -> None:
    with portico.database.write(WORKER) as tx:
        if not cards.warned(tx, one.id, days):
            return
        message = CardExpires(
            at=tx.now,
            kind=one.profile_id,
            serial=cards.short(one.serial),
            until=one.not_after,
            days=cards.days_left(one.not_after, tx.now),
        )
        unique = f"card/{one.id}/{days}"
        portico.notices.tell(tx, one.account_id, message, unique=unique)


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
