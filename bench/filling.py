"""Rows of years, made by the database itself: nothing of them could still be used."""

from dataclasses import dataclass

import psycopg

_DAY = 86_400_000_000  # microseconds
_BROWSER = "'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0'"
_NOW = "(extract(epoch FROM now()) * 1000000)::bigint"


@dataclass(frozen=True, slots=True)
class Filling:
    """How much there is to be of what."""

    tokens: int
    """Expired codes and refresh tokens, together; the other tables in proportion."""
    accounts: int

    def rows(self) -> dict[str, int]:
        """Give the number of rows of each table."""
        half, tenth, twentieth = self.tokens // 2, self.tokens // 10, self.tokens // 20
        passing = dict.fromkeys(_PASSING, twentieth)
        return {
            **dict.fromkeys(_OF_ACCOUNT, self.accounts),
            "browser_sessions": tenth,
            "session_clients": tenth,
            "authorizations": half,
            "refresh_tokens": half,
            **passing,
            "outbox": tenth,
            "signin_attempts": 2 * tenth,
            "audit_rows": 2 * tenth,
        }


def fill(url: str, filling: Filling) -> None:
    """Fill a PostgreSQL database; indexes are built afterwards, which is much faster."""
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("SET synchronous_commit = off")
        restore = _strip(database)
        for table, rows in filling.rows().items():
            database.execute(_insert(table, _columns(table, filling), rows).encode())
        for statement in restore:
            database.execute(statement.encode())
        database.execute("VACUUM ANALYZE")
        database.execute("CHECKPOINT")


def _insert(table: str, columns: dict[str, str], rows: int) -> str:
    names, values = ", ".join(columns), ", ".join(columns.values())
    return f"INSERT INTO {table} ({names}) SELECT {values} FROM generate_series(1, {rows}) AS n"  # noqa: S608


def _strip(database: "psycopg.Connection[tuple[str, ...]]") -> list[str]:
    """Drop indexes and constraints; gives the statements that bring them back, keys first."""
    keys: list[tuple[str, str]] = []
    others: list[tuple[str, str]] = []
    back: list[str] = []
    for table, name, kind, definition in database.execute(_CONSTRAINTS):
        kept = f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"
        (others if kind == "f" else keys).append(
            (f"ALTER TABLE {table} DROP CONSTRAINT {name}", kept)
        )
    for drop, _kept in others + keys:
        database.execute(drop.encode())
    for name, definition in database.execute(_INDEXES).fetchall():
        database.execute(f"DROP INDEX {name}".encode())
        back.append(definition)
    return [kept for _, kept in keys] + back + [kept for _, kept in others]


_CONSTRAINTS = """SELECT conrelid::regclass::text, quote_ident(conname), contype::text,
    pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f')
    AND conrelid <> 'alembic_version'::regclass"""
_INDEXES = """SELECT quote_ident(indexname), indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename <> 'alembic_version'"""


def _hash(kind: str, number: str = "n") -> str:
    return f"sha256(('{kind}' || ({number}))::bytea)"


def _dated(kind: str) -> str:
    """Write a digest that grows with time, as those of codes and refresh tokens do."""
    return f"decode(lpad(to_hex(n::bigint), 12, '0'), 'hex') || substr({_hash(kind)}, 1, 26)"


def _id(kind: str, number: str = "n") -> str:
    """Write an id that grows with time, as ours do."""
    return (
        f"(lpad(to_hex(({number})::bigint), 12, '0') || '7'"
        f" || substr(md5('{kind}' || ({number})), 1, 19))::uuid"
    )


def _columns(table: str, filling: Filling) -> dict[str, str]:
    account = _id("account", f"1 + n % {max(filling.accounts, 1)}")
    session = _id("session", f"1 + n % {max(filling.tokens // 10, 1)}")
    old = f"{_NOW} - {_DAY} * (8 + n % 80)"
    live = "n % 20 = 0"
    """One family of twenty was granted offline_access, and is good for weeks to come."""
    until = f"CASE WHEN {live} THEN {_NOW} + {_DAY} * (10 + n % 60) ELSE {old} END"
    of = {"account_id": account, "expires_at": old}
    found: dict[str, dict[str, str]] = {
        "accounts": {
            "id": _id("account"),
            "subject": "'s_' || md5('subject' || n)",
            "account_name": "'FILLED' || n",
            "kind": "'citizen'",
            "state": "'active'",
            "epoch": "0",
            "locale": "'zh-Hant'",
            "accepted_terms": "''",
            "profile_sealed": f"{_hash('a')} || {_hash('b')} || {_hash('c')} || {_hash('d')}",
            "created_at": old,
            "updated_at": old,
            "second_factor": "'none'",
        },
        "password_credentials": {
            "account_id": _id("account"),
            "phc_hash": "'$argon2id$v=19$m=19456,t=2,p=1$' || md5('salt' || n) || md5('hash' || n)",
            "changed_at": old,
        },
        "account_emails": {
            "account_id": _id("account"),
            "position": "0",
            "address": "'person' || n || '@people.example'",
            "address_key": "'person' || n || '@people.example'",
            "verified_at": old,
        },
        "known_devices": {
            "device_hash": _hash("device"),
            "account_id": _id("account"),
            "first_seen_at": old,
            "last_seen_at": old,
        },
        "totp_credentials": {
            "account_id": _id("account"),
            "secret_sealed": _hash("secret"),
            "created_at": old,
            "confirmed_at": f"CASE WHEN {live} THEN NULL ELSE {old} END",
            "last_step": "0",
        },
        "card_evidence": {
            "id": _id("evidence"),
            "at": old,
            "account_id": f"CASE WHEN n % 10 = 0 THEN NULL ELSE {account} END",
            "digest": _hash("evidence"),
            "sealed": f"{_hash('a')} || {_hash('b')} || {_hash('c')} || {_hash('d')}",
        },
        "browser_sessions": of | {
            "id": _id("session"),
            "cookie_hash": _hash("cookie"),
            "epoch": "0",
            "acr": "'urn:portico:acr:password'",
            "amr": "'pwd'",
            "two_factors": "false",
            "address": "'192.0.2.' || n % 256",
            "user_agent": _BROWSER,
            "authenticated_at": old,
            "last_seen_at": old,
            "ended_at": f"CASE WHEN {live} THEN NULL ELSE {old} END",
            "expires_at": f"CASE WHEN {live} THEN {_NOW} + {_DAY} / 3 ELSE {old} END",
        },
        "session_clients": {
            "session_id": _id("session"),
            "client_id": "'app' || n % 40",
            "subject": "'s_' || md5('subject' || n)",
        },
        "authorizations": {
            "id": _id("family"),
            "code_hash": _dated("code"),
            "client_id": "'app' || n % 40",
            "account_id": account,
            "epoch": "0",
            "session_id": session,
            "outlives_session": live,
            "subject": "'s_' || md5('subject' || n)",
            "redirect_uri": "'https://app' || n % 40 || '.example/callback'",
            "scope": "'openid profile email'",
            "code_challenge": "md5('challenge' || n)",
            "acr": "'urn:portico:acr:password'",
            "amr": "'pwd'",
            "auth_time": old,
            "created_at": old,
            "code_expires_at": old,
            "code_consumed_at": old,
            "expires_at": until,
        },
        "refresh_tokens": {
            "token_hash": _dated("token"),
            "family_id": _id("family"),
            "client_id": "'app' || n % 40",
            "account_id": account,
            "session_id": session,
            "subject": "'s_' || md5('subject' || n)",
            "scope": "'openid profile email'",
            "acr": "'urn:portico:acr:password'",
            "amr": "'pwd'",
            "auth_time": old,
            "issued_at": old,
            "idle_expires_at": until,
            "expires_at": until,
        },
        "journeys": {
            "id_hash": _hash("journey"),
            "browser_hash": _hash("browser"),
            "client_id": "'app' || n % 40",
            "parameters": "json_build_object('client_id', 'app', 'state', md5('state' || n))",
            "asked_at": old,
            "expires_at": old,
        },
        "pushed_requests": {
            "reference_hash": _hash("pushed"),
            "client_id": "'app' || n % 40",
            "parameters": "json_build_object('client_id', 'app', 'state', md5('state' || n))",
            "expires_at": old,
        },
        "pending_requests": of | {
            "handle_hash": _hash("handle"),
            "user_code_hash": _hash("user_code"),
            "client_id": "'app' || n % 40",
            "scope": "'openid'",
            "binding_message": "''",
            "created_at": old,
            "poll_every": "5",
        },
        "used_assertions": {
            "jti_hash": _hash("jti"),
            "client_id": "'app' || n % 40",
            "expires_at": old,
        },
        "revoked_access_tokens": {"jti_hash": _hash("revoked"), "expires_at": old},
        "captcha_challenges": {
            "id_hash": _hash("captcha"),
            "browser_hash": _hash("browser"),
            "expires_at": old,
        },
        "passkey_challenges": {
            "challenge_hash": _hash("challenge"),
            "browser_hash": _hash("browser"),
            "purpose": "'sign_in'",
            "expires_at": old,
        },
        "email_codes": {
            "owner": _hash("owner"),
            "purpose": "'registration'",
            "address": "'person' || n || '@people.example'",
            "code_hash": _hash("code"),
            "sent_at": old,
            "expires_at": old,
            "tries": "0",
            "sends": "1",
        },
        "mail_tickets": of | {
            "token_hash": _hash("ticket"),
            "errand": "'recovery'",
            "address_key": "'person' || n || '@people.example'",
            "issued_at": old,
        },
        "registrations": {
            "id_hash": _hash("registration"),
            "browser_hash": _hash("browser"),
            "track": "'uncertified'",
            "done": "'[]'::json",
            "answers_sealed": f"{_hash('a')} || {_hash('b')}",
            "version": "3",
            "expires_at": old,
        },
        "throttle_counters": {
            "key": _hash("counter"),
            "failures": "1",
            "last_at": old,
            "window_ends_at": old,
        },
        "outbox": {
            "id": _id("outbox"),
            "kind": "'mail'",
            "dedupe_key": "md5('dedupe' || n)",
            "payload_sealed": "''::bytea",
            "created_at": f"{old} - 40 * {_DAY}",
            "not_before": f"{old} - 40 * {_DAY}",
            "attempts": "1",
            "sent_at": f"{old} - 40 * {_DAY}",
        },
        "signin_attempts": {
            "id": _id("attempt"),
            "account_id": account,
            "at": f"{_NOW} - {_DAY} * (n % 1460)",
            "method": "'password'",
            "address": "'192.0.2.' || n % 256",
            "user_agent": _BROWSER,
            "client_id": "'app' || n % 40",
        },
        "audit_rows": {
            "chain_id": _id("chain", "n / 5000"),
            "seq": "n % 5000 + 1",
            "at": old,
            "event": "'token.issued'",
            "subject": "'s_' || md5('subject' || n % 100000)",
            "client_id": "'app' || n % 40",
            "source": "'192.0.2.' || n % 256",
            "operator": "''",
            "request_id": "md5('request' || n)",
            "data": "'{\"grant_type\":\"authorization_code\",\"scope\":\"openid profile\"}'",
            "prev_hash": _hash("prev"),
            "hash": _hash("hash"),
        },
    }  # fmt: skip
    return found[table]


_OF_ACCOUNT = (
    "accounts",
    "password_credentials",
    "account_emails",
    "known_devices",
    "totp_credentials",
    "card_evidence",
)
_PASSING = (
    "journeys",
    "pushed_requests",
    "pending_requests",
    "used_assertions",
    "revoked_access_tokens",
    "captcha_challenges",
    "passkey_challenges",
    "email_codes",
    "mail_tickets",
    "registrations",
    "throttle_counters",
)
