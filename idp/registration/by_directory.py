"""Opening an account for whom a directory knows (P20): its proof, and its part in the last step.

The proof comes from a sign-in, and lies in that one registration of that browser. What the
directory says is asked for again at the last step: between the two somebody may have been
switched off.
"""

from dataclasses import dataclass, replace

import msgspec

from idp.accounts import identities, offices
from idp.accounts import store as accounts
from idp.accounts.model import Account, Profile, canonical_name
from idp.authenticators.directory.courts import Courts
from idp.authenticators.directory.model import DirectoryPerson
from idp.config import Config, ThrottleSection
from idp.database.transaction import Transaction
from idp.registration import directory_proof, flows, store
from idp.registration.directory_proof import DirectoryProof
from idp.registration.flows import Step
from idp.registration.store import FLOW_PREFIX, Answers, Registrations, Under
from idp.secret import Entropy, mint
from idp.signin.counters import Attempt, Gate
from idp.signin.directory import Means, office_of
from idp.signin.throttle import Proceed

_LONGEST = 48
_GATE = "judge_registration"
_BEGINNINGS = 5
_NEVER = 1_000_000


class EntryTaken(Exception):
    """Somebody opened an account for the entry in between; nothing may be kept."""


def per_person(policy: ThrottleSection) -> ThrottleSection:
    """Give the limits of beginnings: whom a directory has proven shares them with nobody.

    A court is behind one address, and all its people come for the first time in one morning.
    """
    return msgspec.structs.replace(
        policy,
        context_failures=_NEVER,
        prefix_per_minute=_NEVER,
        captcha_per_hour=_NEVER,
        strangers_per_hour=_BEGINNINGS,
    )


@dataclass(frozen=True, slots=True)
class ByDirectory:
    """The transactions around a directory's word in a registration."""

    config: Config
    registrations: Registrations
    entropy: Entropy
    gate: Gate
    """Of :func:`per_person` limits."""

    def carry(
        self,
        tx: Transaction,
        person: DirectoryPerson,
        means: Means,
        *,
        browser_hash: bytes,
        journey: str,
    ) -> str:
        """Begin a registration with the proof that a sign-in has just given; gives its id.

        One that this browser has under way for the same person goes on, with the fresh proof.
        Empty: the same person has begun :data:`_BEGINNINGS` within the hour.
        """
        proof = DirectoryProof(person, means.method, means.amr, means.acr, tx.now)
        if earlier := self._renew(tx, proof, browser_hash, journey):
            return earlier
        attempt = Attempt(_GATE, proof.person.identity.key, tx.origin.address)
        if not isinstance(self.gate.reserve(tx, attempt, captcha=True).verdict, Proceed):
            return ""
        flow_id = mint(FLOW_PREFIX, self.entropy)
        self.registrations.begin(
            tx,
            flow_id,
            browser_hash,
            flows.of_directory(),
            Answers(flow=flow_id, journey=journey, directory=proof),
            done=frozenset({Step.PROOF}),
            lifetime=directory_proof.CARRIED,
        )
        return flow_id

    def _renew(
        self, tx: Transaction, proof: DirectoryProof, browser_hash: bytes, journey: str
    ) -> str:
        """Put a fresh proof into what this browser has under way; empty: there is nothing."""
        for under in self.registrations.underway(tx, browser_hash, flows.of_directory()):
            held, flow_id = under.answers.directory, under.answers.flow
            if not flow_id or held is None or held.person.identity != proof.person.identity:
                continue
            answers = msgspec.structs.replace(under.answers, directory=proof, journey=journey)
            done = under.done | {Step.PROOF}
            is_begun = Step.TERMS in under.done
            lifetime = store.LIFETIME if is_begun else directory_proof.CARRIED
            if self.registrations.keep(tx, under, done, answers, lifetime):
                return flow_id
        return ""

    def courts(self, under: Under, locale: str = "") -> dict[str, str]:
        """Give the courts of a registration's directory by their codes, as a language has them.

        Args:
            locale: empty: as they are called on record.
        """
        proof = under.answers.directory
        return Courts(self.config.directories).listed(
            proof.person.directory if proof else "", locale
        )

    def standing(self, tx: Transaction, under: Under) -> DirectoryProof | None:
        """Give the proof of a registration if it still holds."""
        proof = under.answers.directory
        if proof is None or tx.now - proof.proven_at > directory_proof.LIFETIME:
            return None
        return proof

    def drop(self, tx: Transaction, under: Under) -> None:
        """Take a proof that no longer holds out of a registration; what was typed stays."""
        answers = msgspec.structs.replace(under.answers, directory=None)
        self.registrations.keep(tx, under, under.done - {Step.PROOF}, answers)

    def is_taken(self, tx: Transaction, proof: DirectoryProof) -> bool:
        """Tell whether the entry has an account already."""
        identity = proof.person.identity
        return identities.find(tx, identity.kind, identity.key) is not None

    def account_name(self, tx: Transaction, proof: DirectoryProof) -> str:
        """Give a name that nobody has or has had: an account recreated there is another here."""
        person = proof.person
        wanted = canonical_name(f"{person.account[:_LONGEST]}@{person.directory}")[:56]
        name, number = wanted, 1
        while accounts.is_taken(tx, name):
            number += 1
            name = f"{wanted}-{number}"
        return name

    def settle(self, tx: Transaction, account: Account, under: Under) -> None:
        """Give the new account its entry, and what the directory says of its office.

        Raises:
            EntryTaken: somebody was quicker, or the proof is gone.
        """
        proof = under.answers.directory
        if proof is None:
            raise EntryTaken
        identity = proof.person.identity
        if not identities.take(tx, identity.kind, identity.key, account.id):
            raise EntryTaken
        office = office_of(proof.person)
        if not office.court and under.answers.court:
            chosen = under.answers.court
            name = self.courts(under).get(chosen, "")
            office = replace(office, court=chosen, court_name=name, court_is_chosen=True)
        offices.put(tx, account.id, office)


def profile_of(proof: DirectoryProof) -> Profile:
    """Write what a directory told by the names of the standard claims."""
    return Profile(name=proof.person.name, preferred_username=proof.person.account)
