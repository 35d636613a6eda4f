"""The mail that lets a registered account be used (B03)."""

from dataclasses import dataclass

from idp.accounts.model import Account
from idp.database.transaction import Transaction
from idp.mail import messages
from idp.mail.messages import Post
from idp.secret import Entropy
from idp.signin import tickets
from idp.signin.tickets import LIFETIMES, Errand


@dataclass(frozen=True, slots=True)
class Activation:
    """Sends the link; who opens it is in ``idp.registration.actions``."""

    post: Post
    entropy: Entropy

    def send(self, tx: Transaction, account: Account) -> bool:
        """Mail a link to the account's proven address; links sent before are void."""
        if account.email is None or not account.email.verified:
            return False
        address = account.email.address
        token = tickets.issue(tx, self.entropy, account.id, Errand.ACTIVATION, address)
        message = messages.Activation(
            at=tx.now,
            account_name=account.account_name,
            electronic_id=account.electronic_id,
            token=token,
            days=LIFETIMES[Errand.ACTIVATION].days,
        )
        self.post.put(tx, address, account.locale, message, unique=None)
        return True
