"""Examining an installation: what an operator would look at first, in one table."""

import smtplib
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, delete, insert
from sqlalchemy.exc import SQLAlchemyError

from idp import assembly
from idp.accounts import identities, offices
from idp.authenticators.card import roots
from idp.authenticators.directory.courts import code_of
from idp.authenticators.directory.model import IDENTITY_KIND, Standing
from idp.cli.context import operator
from idp.config import Config, ConfigError, DirectorySection
from idp.database.columns import Table
from idp.database.prepared import Prepared
from idp.gateways.kerberos import Tickets
from idp.keys import ring
from idp.keys import store as keys
from idp.oidc import withdrawals
from idp.oidc.client_authentication import UsedAssertion
from idp.outbox import store as outbox
from idp.provider import Provider
from idp.secret import Secret
from migrations import revisions

GOOD, WARN, BAD = "good", "look", "bad"
_MAIL_PATIENCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    check: str
    result: str
    advice: str = ""


def examine(config: Config) -> list[Finding]:
    """Look at everything that can be looked at; one trouble hides no other."""
    try:
        portico = assembly.build(config)
    except ConfigError as wrong:
        return [Finding("configuration and key-encryption key", BAD, str(wrong))]
    found = [Finding("configuration and key-encryption key", GOOD)]
    for name, check in _CHECKS:
        try:
            found.append(check(name, portico))
        except SQLAlchemyError as broken:
            found.append(Finding(name, BAD, f"database: {type(broken).__name__}"))
    portico.database.dispose()
    return found


def _schema(name: str, portico: Provider) -> Finding:
    with portico.database.read() as tx:
        found, wanted = revisions.current(tx.connection), revisions.newest("idp")
    if found == wanted:
        return Finding(name, GOOD, f"revision {found}, {len(Table.metadata.tables)} tables")
    return Finding(name, BAD, f"at {found}, wants {wanted}: run `idp migrate`")


def _writing(name: str, portico: Provider) -> Finding:
    """Have a row written and taken back: a full disk answers every question but this one."""
    with portico.database.write(operator()) as tx:
        probe = portico.entropy(32)
        tx.put(_PROBE, {"jti_hash": probe, "client_id": "", "expires_at": tx.now})
    with portico.database.write(operator()) as tx:
        tx.execute(_TAKE_BACK, {"probe": probe})
    return Finding(name, GOOD, "the database takes changes")


def _signing_keys(name: str, portico: Provider) -> Finding:
    with portico.database.read() as tx:
        lives = [life for life, _ in keys.lives(tx)]
        now = tx.now
    missing = [
        alg for alg in portico.config.keys.algorithms if ring.signer(lives, alg, now) is None
    ]
    if missing:
        return Finding(name, BAD, f"none for {', '.join(missing)}: run `idp keys rotate`")
    return Finding(name, GOOD, f"{len(ring.published(lives, now))} published")


def _mail_queue(name: str, portico: Provider) -> Finding:
    with portico.database.read() as tx:
        oldest, now = outbox.oldest_waiting(tx), tx.now
    if oldest is None:
        return Finding(name, GOOD, "empty")
    waits = now - oldest
    if waits > _MAIL_PATIENCE:
        return Finding(name, BAD, f"oldest waits {waits}: is `idp worker` running, is SMTP up?")
    return Finding(name, GOOD, f"oldest waits {waits}")


def _smtp(name: str, portico: Provider) -> Finding:
    section = portico.config.smtp
    try:
        with smtplib.SMTP(section.host, section.port, timeout=3) as server:
            server.noop()
    except (smtplib.SMTPException, OSError) as broken:
        where = f"{section.host}:{section.port}"
        return Finding(name, WARN, f"{where} {type(broken).__name__}: mails wait in the outbox")
    return Finding(name, GOOD, f"{section.host}:{section.port} answers")


def _password_cost(name: str, portico: Provider) -> Finding:
    began = time.perf_counter()
    portico.password.hash(Secret("a password of nobody"))
    took = (time.perf_counter() - began) * 1000
    result = GOOD if 10 <= took <= 500 else WARN
    return Finding(name, result, f"{took:.0f} ms a hash on this machine")


def _password_policy(name: str, portico: Provider) -> Finding:
    section = portico.config.password
    if section.accept_unsafe_policy and section.maximum_length:
        most = section.maximum_length
        return Finding(name, WARN, f"no password may be longer than {most} characters: unsafe")
    return Finding(name, GOOD, f"{section.policy}; staff: {section.staff_policy}")


def _issuer(name: str, portico: Provider) -> Finding:
    issuer = portico.config.provider.issuer
    if issuer.startswith("https://"):
        return Finding(name, GOOD, issuer)
    return Finding(name, WARN, f"{issuer}: for development only")


def look_at_cards(name: str, portico: Provider) -> Finding:
    """Look whether the authorities of cards stand, and whether anybody has lately said so."""
    section = portico.config.cards
    if not section.enabled:
        return Finding(name, GOOD, "no sign-in by card")
    with portico.database.read() as tx:
        healths, now = roots.healths(tx), tx.now
    patience = timedelta(hours=section.root_alarm_hours)
    worries = [
        f"{one.installed.name}: {why}"
        for one in healths
        for why in roots.worries(one, now, patience)
    ]
    if worries:
        return Finding(name, WARN, "; ".join(worries))
    serving = sum(one.installed.serves(now) and not one.installed.is_root for one in healths)
    if not serving:
        return Finding(name, WARN, "no authority is on: no card is taken; see `idp pki known`")
    return Finding(name, GOOD, f"{serving} stand")


def look_at_directories(name: str, portico: Provider) -> Finding:
    """Ask each directory about nobody, and look whether tickets can be taken where wanted."""
    sections = portico.config.directories
    with portico.database.read() as tx:
        held = withdrawals.held(tx)
        stray = identities.front_but(tx, IDENTITY_KIND, [one.id for one in sections])
    if held:
        return Finding(name, BAD, "; ".join(map(_held, held)))
    if stray:
        what = f"{stray}: people are of it, but no [[directories]] is: nobody of them can sign in"
        return Finding(name, BAD, what)
    if not sections:
        return Finding(name, GOOD, "no sign-in by directory")
    nobody = UUID(int=0)
    silent = [
        f"{one.id} ({found})"
        for one in sections
        if (found := portico.directories.by_guid(f"{one.id}:{nobody}")) in _CANNOT_BE_ASKED
    ]
    if silent:
        what = f"{', '.join(silent)}: cannot be asked; `idp directory test` says why"
        return Finding(name, WARN, what)
    if worry := _unknown_courts(portico) or _without_tickets(sections):
        return Finding(name, WARN, worry)
    listed = ", ".join(one.id for one in sections)
    return Finding(name, GOOD, f"{listed} can be asked; `idp directory test` tries more")


def _unknown_courts(portico: Provider) -> str:
    """List what directories have in the place of courts; what was added meanwhile is known."""
    known = {one.id: one.courts for one in portico.config.directories}
    with portico.database.read() as tx:
        told = offices.courts_told(tx)
    unknown = ", ".join(
        f"{directory} has “{value}”"
        for directory, value in told
        if not code_of(known.get(directory, {}), value)
    )
    return unknown and (
        f"{unknown}: named as courts, and none of `courts`; their people have none, or choose one"
    )


def _without_tickets(sections: Sequence[DirectorySection]) -> str:
    listed = ", ".join(one.id for one in sections if one.keytab_file)
    if not listed or Tickets.available():
        return ""
    return (
        f"{listed}: a keytab is set and gssapi is not installed, so no ticket is taken and the "
        "form remains: install portico[kerberos]"
    )


def _held(one: withdrawals.Held) -> str:
    return (
        f"{one.directory} puts out too many at once ({one.waiting} or more, of {one.asked} signed "
        f"in), so since {one.since:%Y-%m-%d %H:%M} UTC nobody goes: see `idp directory test` and "
        f"the log; if they all have to go, `idp directory confirm {one.directory}`"
    )


def _port(name: str, portico: Provider) -> Finding:
    section = portico.config.server
    with socket.socket() as probe:
        probe.settimeout(1)
        taken = probe.connect_ex((section.host, section.port)) == 0
    return Finding(name, GOOD, f"{section.host}:{section.port} {'answers' if taken else 'is free'}")


_CANNOT_BE_ASKED = {Standing.UNREACHABLE, Standing.MISCONFIGURED, Standing.BUSY}
_PROBE = Prepared(insert(UsedAssertion))
_TAKE_BACK = delete(UsedAssertion).where(UsedAssertion.jti_hash == bindparam("probe"))
_CHECKS: tuple[tuple[str, Callable[[str, Provider], Finding]], ...] = (
    ("issuer", _issuer),
    ("schema", _schema),
    ("writing", _writing),
    ("signing keys", _signing_keys),
    ("outbox", _mail_queue),
    ("smtp", _smtp),
    ("password hashing", _password_cost),
    ("password policy", _password_policy),
    ("authorities of cards", look_at_cards),
    ("directories", look_at_directories),
    ("listening port", _port),
)
