"""Proving in a registration by card who it is for (P10, P11, B07).

The card signs as it does to sign in, and is verified as there; what differs is that a list past
its time never registers anybody, and that a card which opens an account opens no second one.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import msgspec

from idp.accounts import identities
from idp.accounts.model import Account
from idp.accounts.particulars import Field, Particulars
from idp.audit.events.accounts import RegistrationRefused
from idp.audit.events.cards import CardPresented
from idp.audit.store import Trail
from idp.authenticators.card import cards, challenges
from idp.authenticators.card.candidate import Candidate, Proven, without_grace
from idp.authenticators.card.challenges import Purpose, Wanted
from idp.authenticators.card.evidence import Evidence, Presented
from idp.authenticators.card.holders import Holders
from idp.authenticators.card.profiles import all_profiles
from idp.authenticators.card.reasons import Unfit
from idp.config import Config
from idp.database.transaction import Transaction
from idp.registration import card_proof, flows
from idp.registration.card_proof import CardProof
from idp.registration.flows import Step, Track
from idp.registration.store import FLOW_PREFIX, Answers, Registrations, Under
from idp.secret import Entropy, mint
from idp.signin import proving


class Misfit(StrEnum):
    """Why a card does not serve in a registration, good as it may be."""

    NOT_ASKED = "not_asked"
    """It signed nothing, or what this registration had not asked for."""
    OTHER_KIND = "other_kind"
    """It is of another kind of holder than the account that was chosen."""
    KNOWN = "known"
    """It, or another card of its holder, opens an account."""
    LOOK_AGAIN = "look_again"
    """Another tab has changed the registration meanwhile."""


class CardTaken(Exception):
    """Somebody opened an account with the card in between; nothing may be kept."""


@dataclass(frozen=True, slots=True)
class ByCard:
    """The transactions around a card in a registration, and its part in the last one."""

    config: Config
    holders: Holders
    registrations: Registrations
    particulars: Particulars
    evidence: Evidence
    trail: Trail
    entropy: Entropy

    def kinds(self, tx: Transaction, track: Track) -> list[str]:
        """List the kinds of card that open an account of this track here."""
        of_kind = {one.id for one in all_profiles().values() if one.account_kind == track.kind}
        return [kind for kind in self.holders.trust.kinds(tx) if kind in of_kind]

    def ask(self, tx: Transaction, under: Under) -> str:
        """Give the card something to sign, for this registration alone."""
        lifetime = timedelta(minutes=self.config.cards.challenge_minutes)
        return challenges.issue(tx, _wanted(under), lifetime, self.entropy)

    def claim(self, tx: Transaction, challenge: str, under: Under) -> bool:
        """Use the challenge up first, whatever else is wrong with what came back."""
        return challenges.claim(tx, challenge, _wanted(under))

    def refuse(self, tx: Transaction, why: str) -> None:
        """Note a try that came to nothing."""
        self.trail.append(tx, RegistrationRefused(why=why))

    def record(
        self,
        tx: Transaction,
        under: Under,
        presented: Presented,
        candidate: Candidate,
        outcome: Proven | Unfit,
    ) -> Unfit | Misfit | None:
        """Write down what came of a card; ``None``: this registration rests on it."""
        outcome = without_grace(outcome)
        kept = self._keep_evidence(tx, presented, candidate, outcome)
        found = outcome if isinstance(outcome, Unfit) else self._misfit(tx, under, candidate)
        if found is None:
            proof = CardProof(candidate.leaf.der, candidate.holder, kept, tx.now)
            answers = msgspec.structs.replace(under.answers, card=proof)
            done = flows.redo(under.track, under.done, Step.PROOF)
            found = None if self.registrations.keep(tx, under, done, answers) else Misfit.LOOK_AGAIN
        if found is not None:
            self.refuse(tx, found.flaw if isinstance(found, Unfit) else found)
        return found

    def _keep_evidence(
        self,
        tx: Transaction,
        presented: Presented,
        candidate: Candidate,
        outcome: Proven | Unfit,
    ) -> str:
        kept = self.evidence.record(tx, presented, candidate, outcome, None)
        decision = outcome.flaw if isinstance(outcome, Unfit) else "accepted"
        self.trail.append(tx, CardPresented(decision=decision, evidence=kept))
        return kept

    def _misfit(self, tx: Transaction, under: Under, candidate: Candidate) -> Misfit | None:
        if candidate.profile.account_kind != under.track.kind:
            return Misfit.OTHER_KIND
        return Misfit.KNOWN if is_known(tx, candidate) else None

    def carry(
        self,
        tx: Transaction,
        candidate: Candidate,
        track: Track,
        *,
        browser_hash: bytes,
        kept: str,
        journey: str,
    ) -> str:
        """Begin a registration with the proof that a sign-in has just given (B07).

        The proof lies in that one registration, of this browser, and nowhere else; the terms
        come first as ever. Gives the id.

        Args:
            kept: the SHA-256 of the sign-in's evidence, hex.
        """
        flow_id = mint(FLOW_PREFIX, self.entropy)
        proof = CardProof(candidate.leaf.der, candidate.holder, kept, tx.now)
        self.registrations.begin(
            tx,
            flow_id,
            browser_hash,
            track,
            Answers(journey=journey, card=proof),
            done=frozenset({Step.PROOF}),
            lifetime=card_proof.CARRIED,
        )
        return flow_id

    def standing(self, tx: Transaction, under: Under) -> Candidate | None:
        """Give the card of a registration if its proof still holds; two round trips at most.

        The responder is not asked again: what has become of the card since then shows at its
        next use. What is on record here is looked at.
        """
        proof = under.answers.card
        if proof is None or tx.now - proof.proven_at > card_proof.LIFETIME:
            return None
        traced = self.holders.trace(tx, proof.certificate)
        if isinstance(traced, Unfit) or traced.leaf.not_after <= tx.now:
            return None
        is_listed = traced.listed is not None and traced.listed.entry is not None
        return None if is_listed else traced

    def drop(self, tx: Transaction, under: Under) -> None:
        """Take a proof that no longer holds out of a registration; what was typed stays."""
        answers = msgspec.structs.replace(under.answers, card=None)
        self.registrations.keep(tx, under, under.done - {Step.PROOF}, answers)

    def is_taken(self, tx: Transaction, under: Under, candidate: Candidate) -> bool:
        """Tell whether the card, its holder or a number of theirs has an account already."""
        if is_known(tx, candidate):
            return True
        claimed = numbers_of(under.answers).items()
        unproven = _unseen_of(under.answers)
        return any(
            self.particulars.is_claimed(tx, under.track.kind, name, value)
            for name, value in claimed
            if value and name not in unproven
        )

    def settle(self, tx: Transaction, account: Account, under: Under, candidate: Candidate) -> None:
        """Give the new account its card, and say what the card proves of it.

        Raises:
            CardTaken: somebody was quicker.
        """
        is_first = identities.take(tx, *_identity(candidate), account.id)
        if not is_first or not cards.add(tx, account.id, candidate, self.entropy):
            raise CardTaken
        proof = under.answers.card
        if proof is not None:
            self.evidence.assign(tx, proof.evidence, account.id)
            proving.prove(
                tx,
                self.particulars,
                account,
                proof.holder,
                kept=proof.evidence,
                at=proof.proven_at,
            )


def numbers_of(answers: Answers) -> dict[Field, str]:
    """Give what a registration knows beside the profile."""
    card = answers.card
    return {
        Field.NATIONAL_ID: answers.national_id,
        Field.UNIFORM_NUMBER: answers.uniform_number,
        Field.ORGANISATION_OID: card.holder.organisation_oid if card else "",
    }


def unproven_of(answers: Answers) -> frozenset[Field]:
    """Name the numbers that anybody could have typed, and that are nobody's alone.

    Of a national id the certificate has four characters: it is claimed once it is confirmed.
    """
    return _unseen_of(answers) | {Field.NATIONAL_ID}


def _unseen_of(answers: Answers) -> frozenset[Field]:
    """Name the numbers of which no certificate says a character."""
    card = answers.card
    holder = card.holder if card else None
    proven = {
        Field.NATIONAL_ID: holder.id_tail if holder else "",
        Field.UNIFORM_NUMBER: holder.uniform_number if holder else "",
        Field.ORGANISATION_OID: holder.organisation_oid if holder else "",
    }
    return frozenset(name for name, value in proven.items() if not value)


def is_known(tx: Transaction, candidate: Candidate) -> bool:
    """Tell whether a certificate, or another card of its holder, has an account."""
    if cards.find(tx, candidate.leaf.fingerprint) is not None:
        return True
    if cards.of_same_holder(tx, candidate):
        return True
    return identities.find(tx, *_identity(candidate)) is not None


def _identity(candidate: Candidate) -> tuple[str, str]:
    """Give the kind and the key that an account is found by."""
    return candidate.holder.profile_id, candidate.holder.subject_number


def _wanted(under: Under) -> Wanted:
    # A registration is found from its own browser alone: what is bound to it is bound to both.
    return Wanted(under.id_hash, Purpose.REGISTER)
