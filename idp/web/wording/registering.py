"""Words of the way to a new account: its kinds, proofs, steps and obstacles."""

from collections.abc import Mapping

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.registration.actions import Obstacle
from idp.registration.by_card import Misfit
from idp.registration.flows import Entry, ProofKind, Step
from idp.web.wording.cards import CARD_NOT_ASKED

STEPS: Mapping[Step, LazyString] = {
    Step.TERMS: _("Terms"),
    Step.PROOF: _("Proof"),
    Step.DETAILS: _("Basic details"),
    Step.EMAIL: _("E-mail"),
    Step.CHECK: _("Check"),
}
TRACKS: Mapping[str, LazyString] = {
    "uncertified": _("With an e-mail address alone. You can add a card later."),
    "citizen": _("For everybody who has a natural-person certificate. The name comes from it."),
    "organisation": _(
        "For organisations, agencies and companies. The name comes from the certificate, and one "
        "person represents it."
    ),
    "lawyer": _("For lawyers: services that are open to lawyers alone, like prison visits."),
    "accountant": _("For accountants who act before the courts."),
    "patent_attorney": _("For patent attorneys who act before the courts."),
    "patent_agent": _("For patent agents who act before the courts."),
    "firm_administrator": _("For whoever looks after the accounts of a firm and its members."),
    "judge": _("For judges of the courts."),
}
"""What a kind of account is for."""
ENTRIES: Mapping[Entry, LazyString] = {
    # Translators: 憑證註冊, manual P01
    Entry.CARD: _("Register with a certificate"),
    # Translators: 律師註冊, manual P01
    Entry.LAWYER: _("Lawyers: register"),
    # Translators: 會計師、專利師、專利代理人註冊, manual P01
    Entry.PROFESSIONAL: _("Accountants, patent attorneys and agents: register"),
    # Translators: 事務所管理者註冊, manual P01
    Entry.FIRM: _("Firm administrators: register"),
}
PROOFS: Mapping[ProofKind, LazyString] = {
    ProofKind.NOTHING: _("An e-mail address whose mail you can read, and a telephone number."),
    ProofKind.CARD: _("Your certificate card, its PIN and a card reader."),
    ProofKind.DIRECTORY: _(
        "Your account in the directory of the courts. Sign in with it: the first time, the account "
        "here is opened on the way."
    ),
    ProofKind.APPLICATION: _("A form with your signature, which the court compares with its roll."),
}
"""What a registration needs."""
INSTEAD: Mapping[ProofKind, LazyString] = {
    ProofKind.CARD: _(
        "This site does not take cards yet. Bring your identity document, or for an organisation "
        "its certificate, to the service centre of any court."
    ),
    ProofKind.DIRECTORY: _(
        "This site is not connected with the directory of any court. Ask the information office of "
        "your court."
    ),
    ProofKind.APPLICATION: _(
        "It cannot be sent from here yet. Hand the form in at the service centre of any court."
    ),
}
"""What to do while a proof cannot be shown here."""
NOT_OFFERED: LazyString = _("Not offered on this site.")
OBSTACLES: Mapping[Obstacle, LazyString] = {
    Obstacle.NAME_TAKEN: _("This account name is taken. Choose another."),
    Obstacle.EMAIL_TAKEN: _("This e-mail address belongs to an account already. Use another."),
    Obstacle.KNOWN: _(
        "No further account can be opened with this card and these numbers: there is one already. "
        "Sign in to it, or recover it."
    ),
    Obstacle.PROVE_AGAIN: _(
        "The card was shown too long ago, or its standing has changed. Confirm, and you are asked "
        "for it once more; what you typed stays."
    ),
}
MISFITS: Mapping[Misfit, LazyString] = {
    Misfit.NOT_ASKED: CARD_NOT_ASKED,
    Misfit.OTHER_KIND: _(
        "This card is good, but it is of another kind of holder than the account that you chose. "
        "Take the right card, or open the account that this one is for."
    ),
    Misfit.KNOWN: _(
        "No further account can be opened with this card: its holder has one already. Sign in to "
        "it, or recover it."
    ),
    Misfit.LOOK_AGAIN: _(
        "This registration was changed in another window meanwhile. Show the card once more."
    ),
}
