"""What each step of a registration does to the record, inside the caller's transaction."""

from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

import msgspec

from idp.accounts import emails, status
from idp.accounts import store as accounts
from idp.accounts.model import NOBODY, Account, Email, Profile, State
from idp.accounts.particulars import Field, Particulars
from idp.accounts.store import Accounts, NewAccount
from idp.audit.events.accounts import AccountActivated, AccountRegistered
from idp.audit.store import Trail
from idp.database.transaction import Transaction
from idp.mail import messages
from idp.mail.messages import Post
from idp.registration import by_card, by_directory, flows
from idp.registration.by_card import ByCard, CardTaken
from idp.registration.by_directory import ByDirectory
from idp.registration.flows import ProofKind, Step, Track
from idp.registration.forms import Details
from idp.registration.store import FLOW_PREFIX, Answers, Registrations, Under
from idp.secret import Entropy, mint
from idp.signin import tickets
from idp.signin.activation import Activation
from idp.signin.codes import Codes, Purpose, Sending, Typing
from idp.signin.confirming import Confirming
from idp.signin.directory import note_court, office_of
from idp.signin.tickets import Errand
from idp.terms import documents
from idp.terms import store as terms

_ELECTRONIC_ID_DIGITS = 10


class Obstacle(StrEnum):
    """Why the last step cannot be done."""

    NAME_TAKEN = "name_taken"
    EMAIL_TAKEN = "email_taken"
    KNOWN = "known"
    """The card, its holder or the number has an account already; which one is not told."""
    PROVE_AGAIN = "prove_again"
    """The card was shown too long ago, or is no longer good for what is on record."""
    LOOK_AGAIN = "look_again"
    """Another tab has changed or finished it meanwhile."""


@dataclass(frozen=True, slots=True)
class Registered:
    """The account is on record."""

    account_id: UUID
    activation: bool
    """Whether the link of the confirmation mail has to be used first."""


@dataclass(frozen=True, slots=True)
class Registering:
    """Carries a person from the terms to an account."""

    registrations: Registrations
    accounts: Accounts
    particulars: Particulars
    codes: Codes
    trail: Trail
    post: Post
    entropy: Entropy
    by_card: ByCard
    by_directory: ByDirectory
    confirming: Confirming

    def begin(self, tx: Transaction, browser_hash: bytes, track: Track, journey: str) -> str:
        """Begin a flow for this browser; gives its id, which goes into addresses."""
        flow_id = mint(FLOW_PREFIX, self.entropy)
        self.registrations.begin(tx, flow_id, browser_hash, track, Answers(journey=journey))
        return flow_id

    def cancel(self, tx: Transaction, flow_id: str, browser_hash: bytes) -> str:
        """Forget a flow that is not finished; gives the journey it was begun on."""
        under = self.registrations.find(tx, flow_id, browser_hash)
        if under is None or under.completed:
            return ""
        self.registrations.forget(tx, under)
        return under.answers.journey

    def accept_terms(self, tx: Transaction, under: Under, shown: str) -> bool:
        """Note the version that was shown and accepted; ``False`` if it is not in force."""
        if shown != documents.in_force(tx.now):
            return False
        accepted = msgspec.structs.replace(under.answers, terms=shown)
        self._keep(tx, under, Step.TERMS, accepted)
        return True

    def describe(
        self,
        tx: Transaction,
        under: Under,
        details: Details,
        *,
        typed: dict[str, str],
        phc_hash: str,
    ) -> bool:
        """Note the details; with the same first address, its proof stands."""
        before = under.answers
        proven = before.verified_email if before.verified_email in details.emails[:1] else ""
        answers = msgspec.structs.replace(
            before,
            name=details.name,
            representative=details.representative,
            representative_title=details.representative_title,
            account_name=details.account_name,
            national_id=details.national_id,
            uniform_number=details.uniform_number,
            phc_hash=phc_hash or before.phc_hash,
            birth_date=details.birth_date.isoformat() if details.birth_date else "",
            phone=details.phone,
            mobile=details.mobile,
            address=details.address,
            emails=details.emails,
            court=details.court,
            verified_email=proven,
            typed=typed,
        )
        done = flows.redo(under.track, under.done, Step.DETAILS)
        if proven:
            done |= {Step.EMAIL}
        return self.registrations.keep(tx, under, done, answers)

    def send_code(self, tx: Transaction, under: Under, locale: str) -> Sending:
        """Mail a code to the first address; a stranger's address gets another mail instead."""
        address = under.answers.emails[0]
        holder = emails.holder_of(tx, address)
        # Asked for whether or not there is one: the same statements for a stranger's address.
        owner = self.accounts.find(tx, holder or NOBODY)
        instead = None
        if owner is not None:
            instead = messages.AlreadyRegistered(at=tx.now, account_name=owner.account_name)
        return self.codes.send(
            tx, under.id_hash, Purpose.REGISTRATION, address, locale, instead=instead
        )

    def prove_email(self, tx: Transaction, under: Under, typed: str) -> Typing | None:
        """Compare the code; ``None`` when the first address is proven."""
        outcome = self.codes.claim(tx, under.id_hash, Purpose.REGISTRATION, typed)
        if isinstance(outcome, Typing):
            return outcome
        (address,) = outcome
        if address not in under.answers.emails[:1]:
            return Typing.OVER  # the address was changed in another tab after the code was sent
        answers = msgspec.structs.replace(under.answers, verified_email=address)
        return None if self._keep(tx, under, Step.EMAIL, answers) else Typing.OVER

    def obstacle(self, tx: Transaction, under: Under) -> Obstacle | None:
        """Tell what stands in the way of the last step, to whom has proven a mailbox."""
        found = self._obstacle_of_proof(tx, under)
        if found is not None:
            return found
        named = under.answers.account_name
        if named and accounts.is_taken(tx, named):
            return Obstacle.NAME_TAKEN
        if emails.holder_of(tx, under.answers.verified_email) is not None:
            return Obstacle.EMAIL_TAKEN
        return None

    def _obstacle_of_proof(self, tx: Transaction, under: Under) -> Obstacle | None:
        if under.track.proof is ProofKind.CARD:
            candidate = self.by_card.standing(tx, under)
            if candidate is None:
                return Obstacle.PROVE_AGAIN
            if self.by_card.is_taken(tx, under, candidate):
                return Obstacle.KNOWN
        if under.track.proof is ProofKind.DIRECTORY:
            proof = self.by_directory.standing(tx, under)
            if proof is None:
                return Obstacle.PROVE_AGAIN
            if self.by_directory.is_taken(tx, proof):
                return Obstacle.KNOWN
        return None

    def finish(self, tx: Transaction, under: Under, locale: str) -> Registered | Obstacle:
        """Open the account; of any number of concurrent callers exactly one does.

        Raises:
            sqlalchemy.exc.IntegrityError: somebody took the name or the number in between.
            CardTaken: or opened an account with the card. Nothing is kept.
            EntryTaken: or with the entry of the directory.
        """
        if not flows.may_do(under.track, under.done, Step.CHECK) or under.completed:
            return Obstacle.LOOK_AGAIN
        if found := self.obstacle(tx, under):
            if found is Obstacle.PROVE_AGAIN:
                self._drop_proof(tx, under)
            return found
        if not self.registrations.complete(tx, under):
            return Obstacle.LOOK_AGAIN
        return self._open(tx, under, locale)

    def _drop_proof(self, tx: Transaction, under: Under) -> None:
        if under.track.proof is ProofKind.DIRECTORY:
            self.by_directory.drop(tx, under)
        else:
            self.by_card.drop(tx, under)

    def _open(self, tx: Transaction, under: Under, locale: str) -> Registered:
        answers, track = under.answers, under.track
        electronic_id = _electronic_id(self.entropy)
        addresses = tuple(
            Email(address, verified=address == answers.verified_email) for address in answers.emails
        )
        new = NewAccount(
            account_name=self._account_name(tx, answers),
            kind=track.kind,
            profile=profile_of(answers),
            emails=(),
            phc_hash=answers.phc_hash,
            locale=locale,
            state=State.PENDING if track.activation else State.ACTIVE,
            electronic_id=electronic_id,
        )
        account = self.accounts.add(tx, new)
        emails.replace(tx, account.id, addresses)
        self._keep_particulars(tx, account, answers)
        self._keep_card(tx, account, under)
        if track.proof is ProofKind.DIRECTORY:
            self.by_directory.settle(tx, account, under)
        terms.accept(tx, account.id, answers.terms)
        self.registrations.opened(tx, under, account.id)
        registered = AccountRegistered(
            subject=account.subject,
            kind=account.kind,
            proof=track.proof,
            terms=answers.terms,
            evidence=answers.card.evidence if answers.card else "",
        )
        self.trail.append(tx, registered)
        if answers.directory is not None:
            note_court(tx, self.trail, account, office_of(answers.directory.person))
        self._tell(tx, replace(account, email=addresses[0]), under)
        return Registered(account.id, track.activation)

    def _account_name(self, tx: Transaction, answers: Answers) -> str:
        proof = answers.directory
        return self.by_directory.account_name(tx, proof) if proof else answers.account_name

    def _tell(self, tx: Transaction, account: Account, under: Under) -> None:
        """Mail the electronic id, and the link of activation where the kind has one (B03)."""
        if under.track.activation:
            Activation(self.post, self.entropy).send(tx, account)
            return
        opened = _opened(tx, account, under.answers)
        if opened is not None and account.email is not None:
            self.post.put(tx, account.email.address, account.locale, opened, unique=None)

    def _keep_particulars(self, tx: Transaction, account: Account, answers: Answers) -> None:
        told = by_card.numbers_of(answers) | {
            Field.REPRESENTATIVE: answers.representative,
            Field.REPRESENTATIVE_TITLE: answers.representative_title,
            Field.PHONE: answers.phone,
            Field.MOBILE: answers.mobile,
        }
        unproven = by_card.unproven_of(answers)
        if answers.national_id:
            self.confirming.note_shared(tx, account, answers.national_id)
        self.particulars.put(tx, account.id, account.kind, told, unproven=unproven)

    def _keep_card(self, tx: Transaction, account: Account, under: Under) -> None:
        if under.track.proof is not ProofKind.CARD:
            return
        candidate = self.by_card.standing(tx, under)
        if candidate is None:
            raise CardTaken
        self.by_card.settle(tx, account, under, candidate)

    def activate(self, tx: Transaction, token: str) -> bool:
        """Use the link; ``True`` once."""
        held = tickets.claim(tx, token, Errand.ACTIVATION)
        if held is None or not status.activate(tx, held.account_id):
            return False
        account = self.accounts.find(tx, held.account_id)
        self.trail.append(tx, AccountActivated(subject=account.subject if account else ""))
        return True

    def _keep(self, tx: Transaction, under: Under, step: Step, answers: Answers) -> bool:
        if not flows.may_do(under.track, under.done, step):
            return False
        # A step that stands on its own address is not undone by the terms being read again.
        done = under.done | {step}
        return self.registrations.keep(tx, under, done, answers)


def _opened(tx: Transaction, account: Account, answers: Answers) -> messages.AnyMessage | None:
    """Write that the account is open, in the words of what opens it."""
    name, electronic_id = account.account_name, account.electronic_id
    if answers.card is not None:
        kind = answers.card.holder.profile_id
        return messages.AccountOpened(
            at=tx.now, account_name=name, electronic_id=electronic_id, kind=kind
        )
    if answers.directory is not None:
        ad_account = answers.directory.person.account
        return messages.JudgeAccountOpened(
            at=tx.now, electronic_id=electronic_id, ad_account=ad_account
        )
    return None


def profile_of(answers: Answers) -> Profile:
    """Write what a registration told by the names of the standard claims."""
    if answers.directory is not None:
        return by_directory.profile_of(answers.directory)
    return Profile(
        name=answers.name,
        birthdate=answers.birth_date,
        phone_number=answers.mobile or answers.phone,
        address=answers.address,
    )


def _electronic_id(entropy: Entropy) -> str:
    number = int.from_bytes(entropy(8), "big") % 10**_ELECTRONIC_ID_DIGITS
    return f"IC{number:0{_ELECTRONIC_ID_DIGITS}}"
