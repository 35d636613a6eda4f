"""The captcha: six digits to read or to hear. A speed bump, never counted as security.

A challenge is a row; the browser holds its random id and a cookie that it is bound to.
The digits are derived from the id with a key that never leaves the server, so nothing
that is kept, sent or shown as text holds them. One answer is one attempt.
"""

import hmac
import random
import unicodedata
from datetime import datetime, timedelta

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.config import CaptchaSection
from idp.database.columns import Table
from idp.database.prepared import Prepared
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction
from idp.secret import Entropy, digest, mint, well_formed

PREFIX = "pcc"
DIGITS = 6


class CaptchaChallenge(Table):
    """A challenge shown to one browser; neither its id nor its answer is kept."""

    __tablename__ = "captcha_challenges"

    id_hash: Mapped[bytes] = mapped_column(primary_key=True)
    browser_hash: Mapped[bytes]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    consumed_at: Mapped[datetime | None] = mapped_column(default=None)


class Captcha:
    """Issues, draws, speaks and claims challenges."""

    def __init__(self, key: bytes, section: CaptchaSection, entropy: Entropy) -> None:
        self._key = key
        self._lifetime = timedelta(minutes=section.lifetime_minutes)
        self._entropy = entropy

    def issue(self, tx: Transaction, browser_hash: bytes) -> str:
        """Begin a challenge for a browser and give its id."""
        captcha_id = mint(PREFIX, self._entropy)
        tx.put(
            _ISSUE,
            {
                "id_hash": digest(captcha_id),
                "browser_hash": browser_hash,
                "expires_at": tx.now + self._lifetime,
            },
        )
        return captcha_id

    def claim(self, tx: Transaction, captcha_id: str, browser_hash: bytes, typed: str) -> bool:
        """Use the challenge up, whatever was typed, and tell whether it was right.

        ``False`` as well for a challenge that is unknown, used, expired or another
        browser's; of any number of concurrent callers at most one hears ``True``.
        """
        presented = {"presented": digest(captcha_id), "browser": browser_hash, "instant": tx.now}
        claimed = tx.ask(_CLAIM, presented) is not None
        right = hmac.compare_digest(_as_typed(typed).encode(), self.answer(captcha_id).encode())
        return claimed and right

    def is_alive(self, tx: Transaction, captcha_id: str, browser_hash: bytes) -> bool:
        """Tell whether a challenge may still be drawn or spoken for this browser."""
        if not well_formed(PREFIX, captcha_id):
            return False
        presented = {"presented": digest(captcha_id), "browser": browser_hash, "instant": tx.now}
        return tx.ask(_ALIVE, presented) is not None

    def answer(self, captcha_id: str) -> str:
        """Derive the digits of a challenge. Never leaves the server as text."""
        derived = hmac.digest(self._key, captcha_id.encode("utf-8", "surrogatepass"), "sha256")
        return f"{int.from_bytes(derived[:8]) % 10**DIGITS:0{DIGITS}d}"

    def chance(self, captcha_id: str) -> random.Random:
        """Give the distortion of a challenge: the same picture each time it is asked for."""
        seed = hmac.digest(self._key, f"distortion {captcha_id}".encode(), "sha256")
        return random.Random(seed)  # noqa: S311 - it bends lines, it keeps no secret


def _as_typed(text: str) -> str:
    """Take digits as people type them: in full width, with blanks between."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def sweep(tx: Transaction) -> int:
    """Forget challenges whose time is over."""
    return _BROOM.sweep(tx, tx.now)


_ISSUE = Prepared(insert(CaptchaChallenge))
_LIVE = (
    CaptchaChallenge.id_hash == bindparam("presented"),
    CaptchaChallenge.browser_hash == bindparam("browser"),
    CaptchaChallenge.consumed_at.is_(None),
    CaptchaChallenge.expires_at > bindparam("instant"),
)
_CLAIM = Prepared(
    update(CaptchaChallenge)
    .where(*_LIVE)
    .values(consumed_at=bindparam("instant"))
    .returning(CaptchaChallenge.id_hash)
)
_ALIVE = Prepared(select(CaptchaChallenge.expires_at).where(*_LIVE))
_BROOM = Broom(CaptchaChallenge, CaptchaChallenge.expires_at)
