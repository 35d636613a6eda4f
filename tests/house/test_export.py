"""My data: every table that knows an account is taken along, or stays for a reason."""

import ast
from pathlib import Path

from idp.database.columns import Table
from idp.web.portal.account import data

EXPORTED = {
    "accounts": "account",
    "account_emails": "emails",
    "account_events": "changes",
    "account_links": "linked_accounts",
    "account_offices": "office",
    "account_particulars": "particulars",
    "account_proofs": "proofs",
    "accepted_terms": "accepted_terms",
    "authorizations": "apps",
    "browser_sessions": "open_sessions",
    "cards": "cards",
    "consents": "apps",
    "passkeys": "passkeys",
    "password_credentials": "password_changed_at",
    "signin_attempts": "sign_ins",
    "totp_credentials": "authenticator_app",
}
"""Where in the document a table is found."""
STAYS = {
    "account_identities": "what it is found by: the numbers of its cards, the entry of its office",
    "audit_rows": "the operator's log; what its owner may read of it is in account_events",
    "card_challenges": "two minutes of a question to a card",
    "card_evidence": "the package itself; its hash is among the proofs",
    "card_offers": "the hash of a link that was mailed",
    "email_codes": "minutes of a code, by the address that it was sent to",
    "known_devices": "the hash of a cookie; when it was used is among the sign-ins",
    "mail_tickets": "the hash of a link that was mailed",
    "notice_links": "the hash of a link that was mailed",
    "passkey_challenges": "minutes of a question to a passkey",
    "past_passwords": "hashes of secrets",
    "pending_requests": "minutes of what a device asks; what it was given is among the apps",
    "recovery_codes": "hashes of secrets",
    "refresh_tokens": "hashes of secrets; what they stand on is among the apps",
    "registrations": "an account has none open: its answers are the account",
    "removed_emails": "whoever is in the account unasked must not learn where its owner is reached",
    "session_clients": "the sessions' own book-keeping for signing out",
}
WHO = {"account_id", "subject", "owner"}


def test_every_table_that_knows_an_account_is_taken_along_or_stays_for_a_reason() -> None:
    found = {
        table.name for table in Table.metadata.tables.values() if WHO & set(table.columns.keys())
    }

    assert found == set(EXPORTED) | set(STAYS)
    assert not set(EXPORTED) & set(STAYS)


def test_the_document_has_a_place_for_each_table_that_is_taken_along() -> None:
    tree = ast.parse(Path(data.__file__).read_text("utf-8"))
    (document,) = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "_document"
    ]
    (returned,) = [node.value for node in document.body if isinstance(node, ast.Return)]
    assert isinstance(returned, ast.Dict)
    places = {key.value for key in returned.keys if isinstance(key, ast.Constant)}

    assert set(EXPORTED.values()) <= places
