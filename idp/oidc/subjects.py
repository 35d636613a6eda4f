"""The ``sub`` that a client knows a person by (OIDC Core section 8). Pure.

``public``: the same for every client. ``pairwise``: another for each sector, so that apps
of different owners cannot compare notes. It is derived, not stored: as long as the key and
the sector stay, so does the subject.
"""

import hmac
from urllib.parse import urlsplit

from idp.accounts.model import SUBJECT_PREFIX
from idp.config import ClientSection
from idp.secret import base64url


class Subjects:
    """Derives subjects with a key of its own."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, registration: ClientSection, account_subject: str) -> str:
        """Give the subject that a client knows the account by."""
        if registration.subject_type == "public":
            return account_subject
        told = f"{sector(registration)}\n{account_subject}".encode()
        return SUBJECT_PREFIX + base64url(hmac.digest(self._key, told, "sha256"))


def sector(registration: ClientSection) -> str:
    """Give the host that clients of one owner share (section 8.1); empty: it is not clear."""
    if registration.sector_identifier_uri:
        return urlsplit(registration.sector_identifier_uri).hostname or ""
    hosts = {urlsplit(uri).hostname or "" for uri in registration.redirect_uris}
    return hosts.pop() if len(hosts) == 1 else ""
