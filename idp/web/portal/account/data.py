"""Taking one's data along, and closing the account."""

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from flask import Blueprint, Response, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _

from idp.accounts import emails, offices, passwords, proofs
from idp.accounts.model import Account, canonical_name
from idp.audit import history
from idp.audit.events.accounts import AccountClosed, DataExported
from idp.authenticators import passkey
from idp.authenticators.card import cards
from idp.consent import store as consents
from idp.database.transaction import Transaction
from idp.linking import store as links
from idp.mail import messages
from idp.oidc import authorizations, logout, tokens
from idp.oidc.vocabulary import TokenType
from idp.provider import Provider
from idp.sessions import store as sessions
from idp.signin import closing, store
from idp.terms import store as terms
from idp.web.forms import FieldError
from idp.web.headers import PAGES
from idp.web.portal.account import losses, place
from idp.web.portal.account.losses import Losses
from idp.web.portal.account.place import Here, Posted
from idp.web.request import origin, take_session
from idp.web.wiring import provider

pages = Blueprint("own_data", __name__)

_HISTORY = 10_000
_NOT_THE_NAME = _("Type your account as it stands above.")


@dataclass(frozen=True, slots=True)
class DataPage:
    """What ``portal/account/data.html`` shows."""

    account_name: str
    losses: Losses
    errors: list[FieldError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ClosedPage:
    """What ``portal/account/closed.html`` shows."""

    help_desk: str


@pages.get("/account/data")
def show() -> ResponseReturnValue:
    """Offer the download and the end."""
    found = place.here("data", sensitive=True)
    return _page(found, [], 200) if isinstance(found, Here) else found


@pages.post("/account/data/export")
def export() -> ResponseReturnValue:
    """下載我的資料: a JSON file, and the same as a JWS that anybody can check by ``/jwks``."""
    posted = place.posted("data")
    if not isinstance(posted, Posted):
        return posted
    found = posted.here
    portico, account = provider(), found.account
    with portico.database.write(origin()) as tx:
        document = _document(tx, portico, account)
        keys = portico.keys.current(tx)
        signed = tokens.sign(keys, "RS256", TokenType.DATA_EXPORT, document)
        portico.trail.append(tx, DataExported(subject=account.subject))
    body = msgspec.json.format(msgspec.json.encode({"document": document, "jws": signed}))
    response = Response(body, content_type="application/json")
    response.headers["Content-Disposition"] = 'attachment; filename="portico-account.json"'
    return PAGES.apply(response)


@pages.post("/account/data/close")
def close() -> ResponseReturnValue:
    """Close the account for good: its data is deleted, its name never given again."""
    posted = place.posted("data")
    if not isinstance(posted, Posted):
        return posted
    found, form = posted.here, posted.form
    account = found.account
    if canonical_name(form.get("username", "")) != account.account_name:
        return _page(found, [FieldError("username", _NOT_THE_NAME)], 422)
    portico = provider()
    with portico.database.write(origin()) as tx:
        letter = messages.AccountClosed(at=tx.now, account_name=account.account_name)
        portico.notices.tell(tx, account.id, letter)
        portico.ending.end_all(
            tx, account.id, logout.reach(tx), subject=account.subject, why="closed"
        )
        for client_id in links.of_account(tx, account.id):
            portico.linking.unlink(tx, found.session, client_id)
        portico.particulars.forget(tx, account.id)
        links.forget(tx, account.id)
        closing.forget(tx, account)
        portico.accounts.close(tx, account.id)
        portico.trail.append(tx, AccountClosed(subject=account.subject))
    return take_session(make_response(redirect(url_for("own_data.closed"), code=303)))


@pages.get("/account/closed")
def closed() -> ResponseReturnValue:
    """Say that the account is closed; whose it was nobody can tell any more."""
    page = ClosedPage(provider().config.provider.help_desk)
    return PAGES.apply(make_response(render_template("portal/account/closed.html", page=page)))


def _document(tx: Transaction, portico: Provider, account: Account) -> dict[str, Any]:
    """Gather what is on record of a person; of secrets only that they exist."""
    password = passwords.state_of(tx, account.id)
    app = portico.totp.in_use(tx, account.id)
    return {
        "iss": portico.config.provider.issuer,
        "exported_at": _moment(tx.now),
        "account": {
            "username": account.account_name,
            "sub": account.subject,
            "kind": account.kind,
            "electronic_id": account.electronic_id,
            "locale": account.locale,
        },
        "profile": msgspec.to_builtins(account.profile),
        "office": _office(tx, account),
        "particulars": {str(k): v for k, v in portico.particulars.of(tx, account.id).items()},
        "proofs": _proofs(tx, account),
        "emails": [
            {"address": one.address, "verified": one.verified}
            for one in emails.of_account(tx, account.id)
        ],
        "password_changed_at": _moment(password.changed_at if password else None),
        "accepted_terms": [
            {"document": document, "version": version, "at": _moment(at)}
            for document, version, at in terms.accepted(tx, account.id)
        ],
        "apps": _apps(tx, account),
        "linked_accounts": [
            {
                "client_id": client_id,
                "sub": link.subject,
                "account": link.local_account,
                "state": link.state,
                "linked_at": _moment(link.linked_at),
            }
            for client_id, link in links.of_account(tx, account.id).items()
        ],
        "passkeys": [
            {
                "name": one.name,
                "added_at": _moment(one.created_at),
                "last_used_at": _moment(one.last_used_at),
            }
            for one in passkey.of_account(tx, account.id)
        ],
        "cards": [
            {
                "kind": one.profile_id,
                "serial": one.serial,
                "number": one.subject_number,
                "rank": one.rank,
                "good_until": _moment(one.not_after),
                "added_at": _moment(one.added_at),
                "last_used_at": _moment(one.last_used_at),
            }
            for one in cards.of_account(tx, account.id)
        ],
        "authenticator_app": {
            "is_set_up": app is not None,
            "added_at": _moment(app.since) if app else None,
            "last_used_at": _moment(app.last_used_at) if app else None,
        },
        "open_sessions": _open_sessions(tx, portico, account),
        "sign_ins": [
            {
                "at": _moment(one.at),
                "method": one.method,
                "refused_for": one.refused_for,
                "address": one.address,
                "browser": one.user_agent,
            }
            for one in store.history(tx, account.id, _HISTORY)
        ],
        "changes": [
            {
                "at": _moment(one.mark.at),
                "what": one.event,
                **one.data,
                "about": one.about,
                "client_id": one.client_id,
                "address": one.address,
                "browser": one.user_agent,
            }
            for one in history.of(tx, account.subject, _HISTORY)
        ],
    }


def _office(tx: Transaction, account: Account) -> dict[str, Any] | None:
    """Tell what the court's directory has said; ``None`` of who is of none."""
    held = offices.of(tx, account.id)
    return asdict(held) if held else None


def _proofs(tx: Transaction, account: Account) -> list[dict[str, Any]]:
    """Say what is proven, how surely, and by which package of which card."""
    return [
        {
            "attribute": one.attribute,
            "assurance": one.assurance,
            "source": one.source,
            "number": one.subject_number,
            "evidence_sha256": one.evidence.hex(),
            "proven_at": _moment(one.proven_at),
        }
        for _, one in sorted(proofs.of(tx, account.id).items())
    ]


def _apps(tx: Transaction, account: Account) -> list[dict[str, Any]]:
    """List what apps may receive: what was agreed to for good, and what they hold now."""
    given = {one.client_id: one for one in consents.of_account(tx, account.id)}
    granted = authorizations.of_account(tx, account.id)
    listed = []
    for client_id in sorted({*given, *granted}):
        remembered, held = given.get(client_id), granted.get(client_id)
        scopes: frozenset[str] = frozenset()
        moments = []
        if remembered is not None:
            scopes |= remembered.scopes
            moments.append(remembered.given_at)
        if held is not None:
            scopes |= held.scopes
            moments.append(held.since)
        listed.append(
            {
                "client_id": client_id,
                "scope": " ".join(sorted(scopes)),
                "since": _moment(min(moments)),
                "has_access": held is not None,
                "is_remembered": remembered is not None,
            }
        )
    return listed


def _open_sessions(tx: Transaction, portico: Provider, account: Account) -> list[dict[str, Any]]:
    idle = timedelta(minutes=portico.config.sessions.idle_minutes)
    return [
        {
            "signed_in_at": _moment(one.authenticated_at),
            "last_used_at": _moment(one.last_seen_at),
            "address": one.address,
            "browser": one.user_agent,
        }
        for one in sessions.live_of(tx, account.id, idle)
    ]


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None


def _page(found: Here, problems: list[FieldError], status: int) -> ResponseReturnValue:
    portico = provider()
    with portico.database.read() as tx:
        page = DataPage(found.account.account_name, losses.of(tx, portico, found.account), problems)
    return place.show("data.html", found, "data", page, status)
