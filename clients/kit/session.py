"""The app's own session: a row here, an opaque cookie in the browser."""

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import Text, bindparam, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from clients.kit.config import SessionsSection
from clients.kit.database import Table, Transaction


class AppSession(Table):
    """One browser, signed in to this app. Never written back once it has ended."""

    __tablename__ = "app_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    cookie_hash: Mapped[bytes] = mapped_column(unique=True)
    issuer: Mapped[str]
    sub: Mapped[str] = mapped_column(index=True)
    sid: Mapped[str] = mapped_column(index=True)
    """The provider's session: what a logout token names."""
    name: Mapped[str]
    office: Mapped[str] = mapped_column(Text, server_default="")
    """Of a judge: court and title, as the provider told them; JSON, empty for who has none."""
    id_token: Mapped[str] = mapped_column(Text)
    began_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column(default=None)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is there."""

    id: UUID
    issuer: str
    sub: str
    name: str
    id_token: str
    """Comes back to the provider as a hint at sign-out."""
    office: str = ""

    def office_in(self, language: str) -> str:
        """Write court and title in a language, as far as the provider told them in it."""
        told: dict[str, str] = json.loads(self.office) if self.office else {}
        court = told.get(f"court_name#{language}") or told.get("court_name", "")
        return " ".join(filter(None, (court, told.get("title", ""))))


def digest(secret: str) -> bytes:
    """Give what is kept of a random secret: its SHA-256."""
    return hashlib.sha256(secret.encode()).digest()


def begin(tx: Transaction, *, issuer: str, claims: dict[str, object], id_token: str) -> str:
    """Open a session with a new id and give its cookie; nothing from before is carried on."""
    cookie = secrets.token_urlsafe(32)
    tx.execute(
        _ADD,
        {
            "id": uuid4(),
            "cookie_hash": digest(cookie),
            "issuer": issuer,
            "sub": claims["sub"],
            "sid": str(claims.get("sid", "")),
            "name": str(claims.get("name", "")),
            "office": _office(claims),
            "id_token": id_token,
            "began_at": tx.now,
            "last_seen_at": tx.now,
        },
    )
    return cookie


def _office(claims: dict[str, object]) -> str:
    """Keep what the scope ``judiciary`` brings to this app's pages, the names by language too."""
    wanted = {
        name: str(value)
        for name, value in claims.items()
        if name.partition("#")[0] in {"court_name", "title"}
    }
    return json.dumps(wanted, ensure_ascii=False) if wanted else ""


def find(tx: Transaction, cookie: str, limits: SessionsSection) -> SignedIn | None:
    """Find the live session of a cookie."""
    row = tx.execute(
        _FIND,
        {
            "presented": digest(cookie),
            "idle_since": tx.now - timedelta(minutes=limits.idle_minutes),
            "oldest": tx.now - timedelta(hours=limits.absolute_hours),
        },
    ).one_or_none()
    return SignedIn(*row) if row else None


def touch(tx: Transaction, session_id: UUID) -> None:
    """Note that a session is in use; never revives one that has ended."""
    tx.execute(_TOUCH, {"which": session_id, "instant": tx.now})


def end(tx: Transaction, session_id: UUID) -> None:
    """End one session."""
    tx.execute(_END, {"which": session_id, "instant": tx.now})


def end_of_person(tx: Transaction, issuer: str, sub: str) -> int:
    """End every session of one person here."""
    whose = {"at": issuer, "named": sub, "instant": tx.now}
    return int(tx.execute(_END_OF_PERSON, whose).rowcount)


def end_of_provider(tx: Transaction, *, sid: str, sub: str) -> int:
    """End the sessions a logout token names: by ``sid`` where there is one, else by ``sub``."""
    if sid:
        return int(tx.execute(_END_OF_SID, {"named": sid, "instant": tx.now}).rowcount)
    return int(tx.execute(_END_OF_SUB, {"named": sub, "instant": tx.now}).rowcount)


_ADD = insert(AppSession)
_FIND = select(
    AppSession.id,
    AppSession.issuer,
    AppSession.sub,
    AppSession.name,
    AppSession.id_token,
    AppSession.office,
).where(
    AppSession.cookie_hash == bindparam("presented"),
    AppSession.ended_at.is_(None),
    AppSession.last_seen_at > bindparam("idle_since"),
    AppSession.began_at > bindparam("oldest"),
)
_OPEN = update(AppSession).where(AppSession.ended_at.is_(None))
_TOUCH = _OPEN.where(AppSession.id == bindparam("which")).values(last_seen_at=bindparam("instant"))
_END = _OPEN.where(AppSession.id == bindparam("which")).values(ended_at=bindparam("instant"))
_END_OF_SID = _OPEN.where(AppSession.sid == bindparam("named")).values(
    ended_at=bindparam("instant")
)
_END_OF_SUB = _OPEN.where(AppSession.sub == bindparam("named")).values(
    ended_at=bindparam("instant")
)
_END_OF_PERSON = _OPEN.where(
    AppSession.issuer == bindparam("at"), AppSession.sub == bindparam("named")
).values(ended_at=bindparam("instant"))
