"""Sentences for people, one for each outcome of the features, in one place.

Features return reasons; only this module and the templates know languages.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.accounts.model import Kind
from idp.authenticators import Reason
from idp.authenticators.card.ownership import Mismatch
from idp.authenticators.card.reasons import Flaw
from idp.authenticators.directory.model import Standing
from idp.authenticators.password.policy import PasswordPolicy, Weakness
from idp.linking.rules import Outcome
from idp.oidc.vocabulary import JUDICIARY, NATIONAL_ID, VERIFIED_IDENTITY, Scope
from idp.registration.actions import Obstacle
from idp.registration.by_card import Misfit
from idp.registration.fields import Problem
from idp.registration.flows import Entry, ProofKind, Step
from idp.registration.forms import ADDRESS, KEPT
from idp.signin.account_cards import Bar
from idp.signin.codes import Sending, Typing
from idp.signin.journey import ACR_OUT_OF_REACH, KIND_NOT_ALLOWED
from idp.web.forms import FieldError

REFUSED: Mapping[Reason, LazyString] = {
    Reason.WRONG_CREDENTIALS: _("The account or the password is not right."),
    Reason.NOT_ACTIVATED: _(
        "This account is not activated yet. We have sent you the mail with the link again."
    ),
    Reason.PASSWORD_EXPIRED: _(
        "Your password is too old for this kind of account. We have mailed you a link to set a "
        "new one."
    ),
    Reason.CAPTCHA_WRONG: _("The six digits were not right. Here are new ones."),
    Reason.CAPTCHA_MISSING: _("Type the six digits of the picture, or listen to them."),
    Reason.TOO_MANY_ATTEMPTS: _(
        "Too many attempts from here. Wait a while, or sign in from a browser you have used before."
    ),
    Reason.CODE_WRONG: _(
        "The code is not right, or was used already. Wait for the next one; if that is refused "
        "too, see whether the clock of the device that makes it is right."
    ),
    Reason.PASSKEY_REFUSED: _(
        "The passkey could not be used. It may have been removed from your account. "
        "Try again, or take another way."
    ),
    Reason.BUSY: _("Many people are signing in at this moment. Please try again in a few seconds."),
}
RECOVERY_CODE_WRONG: LazyString = _(
    "This recovery code is not right, or was used already. Compare it with your list, or take the "
    "next one."
)
FIELD_OF: Mapping[Reason, str] = {
    Reason.WRONG_CREDENTIALS: "username",
    Reason.NOT_ACTIVATED: "",
    Reason.PASSWORD_EXPIRED: "",
    Reason.CAPTCHA_WRONG: "captcha",
    Reason.CAPTCHA_MISSING: "captcha",
    Reason.TOO_MANY_ATTEMPTS: "",
    Reason.CODE_WRONG: "code",
    Reason.PASSKEY_REFUSED: "",
    Reason.BUSY: "",
}
_CANNOT_BE_ASKED = _(
    "The court's directory cannot be asked at the moment. Try again in a few minutes, or take "
    "another way to sign in."
)
STANDINGS: Mapping[Standing, LazyString] = {
    Standing.WRONG_CREDENTIALS: REFUSED[Reason.WRONG_CREDENTIALS],
    Standing.DISABLED: _(
        "Your account in the court's directory is switched off. Ask the information office of "
        "your court."
    ),
    Standing.EXPIRED: _(
        "Your account in the court's directory has expired. Ask the information office of your "
        "court."
    ),
    Standing.PASSWORD_EXPIRED: _(
        "Your password in the court's directory is past its time. Change it on a computer of the "
        "court network, then sign in here with the new one."
    ),
    Standing.MUST_CHANGE: _(
        "Your password in the court's directory has to be changed before it can be used. Do so on "
        "a computer of the court network, then sign in here with the new one."
    ),
    Standing.LOCKED: _(
        "The court's directory has locked this account after too many wrong passwords. It opens "
        "again after a while; if you are in a hurry, ask the information office of your court."
    ),
    Standing.OUTSIDE_HOURS: _(
        "The court's directory does not let this account in at this hour. Ask the information "
        "office of your court."
    ),
    Standing.OTHER_WORKSTATION: _(
        "The court's directory lets this account in on certain computers alone, and so not here. "
        "Ask the information office of your court."
    ),
    Standing.NOT_ALLOWED: _(
        "Your account in the court's directory is not one of those that sign in here. Ask the "
        "information office of your court."
    ),
    Standing.BUSY: REFUSED[Reason.BUSY],
    Standing.UNREACHABLE: _CANNOT_BE_ASKED,
    Standing.UNANSWERED: _CANNOT_BE_ASKED,
    Standing.MISCONFIGURED: _CANNOT_BE_ASKED,
}
"""What people are told. A directory says what it says of a state to the right password alone, and
of a lock to everybody; the rest reads like a wrong password."""
_WAIT = _("Please wait before you try again")
_NOT_NOW = _("This cannot be checked at the moment")
_CLOSED = _("This account cannot sign in now")
_MAILED = _("We have sent you a mail")
_CHANGE_FIRST = _("Change your password at the court first")
_HEADINGS: Mapping[Reason | Standing, LazyString] = {
    Reason.NOT_ACTIVATED: _MAILED,
    Reason.PASSWORD_EXPIRED: _MAILED,
    Reason.TOO_MANY_ATTEMPTS: _WAIT,
    Reason.BUSY: _WAIT,
    Standing.DISABLED: _CLOSED,
    Standing.EXPIRED: _CLOSED,
    Standing.LOCKED: _CLOSED,
    Standing.OUTSIDE_HOURS: _CLOSED,
    Standing.OTHER_WORKSTATION: _CLOSED,
    Standing.NOT_ALLOWED: _CLOSED,
    Standing.PASSWORD_EXPIRED: _CHANGE_FIRST,
    Standing.MUST_CHANGE: _CHANGE_FIRST,
    Standing.BUSY: _WAIT,
    Standing.UNREACHABLE: _NOT_NOW,
    Standing.UNANSWERED: _NOT_NOW,
    Standing.MISCONFIGURED: _NOT_NOW,
}
"""What stands over a reason that nothing which was typed has to do with."""
LINKING: Mapping[Outcome, tuple[LazyString, str]] = {
    Outcome.REFUSED: (_("This account or this password is not right there."), "account"),
    Outcome.TAKEN: (_("This account is linked with somebody else already."), "account"),
    Outcome.THROTTLED: (_("Too many tries. Wait a while before the next one."), ""),
    Outcome.UNSENT: (_("The system cannot be asked at the moment. Nothing was sent to it."), ""),
}
"""A sentence, and the field it is about; what is not here has a page of its own."""
KINDS: Mapping[str, LazyString] = {
    Kind.CITIZEN: _("Natural person"),
    # Translators: 非憑證帳號, manual B01
    Kind.UNCERTIFIED: _("Person without certificate"),
    Kind.ORGANISATION: _("Legal person"),
    Kind.LAWYER: _("Lawyer"),
    Kind.ACCOUNTANT: _("Accountant"),
    Kind.PATENT_ATTORNEY: _("Patent attorney"),
    Kind.PATENT_AGENT: _("Patent agent"),
    Kind.FIRM_ADMINISTRATOR: _("Firm administrator"),
    Kind.JUDGE: _("Judge"),
    Kind.STAFF: _("Court staff"),
}
KIND_OF_ACCOUNT: LazyString = _("Kind of account")
CARDS_PAGE = "cards"
"""The account page that is there only where cards are taken."""
ACCOUNT_PAGES: Mapping[str, tuple[str, LazyString]] = {
    # page: its endpoint, its name
    "account": ("account.show", _("Basic details")),
    "emails": ("emails.show", _("E-mail")),
    # Translators: 修改密碼, manual P31
    "password": ("own_password.show", _("Password")),
    "passkeys": ("passkeys.show", _("Passkeys")),
    "totp": ("totp.show", _("Authenticator app")),
    CARDS_PAGE: ("own_cards.show", _("Certificate cards")),
    "sessions": ("own_sessions.show", _("Signed-in browsers")),
    "apps": ("own_apps.show", _("Apps with access")),
    # Translators: 帳號綁定, manual P32
    "links": ("links.show", _("Linked accounts")),
    "history": ("own_history.show", _("History")),
    "data": ("own_data.show", _("My data")),
}
METHODS: Mapping[str, LazyString] = {
    "password": _("Account and password"),
    "passkey": _("Passkey"),
    "totp": _("Code of the authenticator app"),
    "recovery_code": _("Recovery code"),
    "password+totp": _("Password and authenticator app"),
    "password+recovery_code": _("Password and recovery code"),
    "password+passkey": _("Password and passkey"),
    "card": _("Certificate card"),
    "directory": _("Account of the court's directory"),
    "ticket": _("Computer of the court network"),
    "directory+totp": _("Account of the court's directory and authenticator app"),
    "directory+recovery_code": _("Account of the court's directory and recovery code"),
    "directory+passkey": _("Account of the court's directory and passkey"),
    "ticket+totp": _("Computer of the court network and authenticator app"),
    "ticket+recovery_code": _("Computer of the court network and recovery code"),
    "ticket+passkey": _("Computer of the court network and passkey"),
}
HISTORY: Mapping[str, LazyString] = {
    "second_factor": _("Right password, but no second factor"),
    "wrong_code": _("Wrong code"),
    "passkey_refused": _("Passkey not verified"),
    "wrong_password": _("Wrong password"),
    "changed_meanwhile": _("Password changed meanwhile"),
    "not_activated": _("Not activated yet"),
    "password_expired": _("Right password, but too old"),
    "disabled": _("Account or password switched off"),
    "busy": _("Too busy to check"),
    **dict.fromkeys(Flaw, _("Card not taken")),
    Flaw.EXPIRED: _("Card expired"),
    Flaw.REVOKED: _("Card revoked"),
    Flaw.SUSPENDED: _("Card suspended"),
    Flaw.COULD_NOT_CHECK: _("Card could not be checked"),
    "directory_disabled": _("Switched off in the directory"),
    "directory_expired": _("Expired in the directory"),
    "directory_password_expired": _("Right password, but too old"),
    "directory_must_change": _("Right password, but to be changed first"),
    "directory_locked": _("Locked in the directory"),
    "directory_outside_hours": _("Not at this hour, by the directory"),
    "directory_other_workstation": _("Not from here, by the directory"),
    "directory_not_allowed": _("Not one of those who sign in here"),
    "directory_busy": _("Too busy to check"),
    "directory_unreachable": _("Directory could not be asked"),
    "directory_unanswered": _("Directory could not be asked"),
    "directory_misconfigured": _("Directory could not be asked"),
}
SCOPES: Mapping[str, tuple[LazyString, LazyString]] = {
    Scope.OPENID: (_("That it is you"), _("A number that stands for you, not your name.")),
    Scope.PROFILE: (
        _("Your name and profile"),
        _("Name, account name, language, sex, birth date."),
    ),
    Scope.EMAIL: (_("Your e-mail address"), _("The first address of your account.")),
    Scope.ADDRESS: (_("Your postal address"), _("The address of your account.")),
    Scope.PHONE: (_("Your telephone number"), _("The number of your account.")),
    VERIFIED_IDENTITY: (
        _("Your name, verified"),
        _("The name that your certificate card has shown, and since when."),
    ),
    NATIONAL_ID: (
        _("Your national id"),
        _("The whole number, and whether its authority has confirmed it."),
    ),
    JUDICIARY: (
        _("Your office"),
        _("Court, department, title, AD account and roles, as the court's directory has them."),
    ),
    Scope.OFFLINE_ACCESS: (
        _("Access while you are away"),
        _("It may ask for the same data again after you have signed out."),
    ),
}
OWN_SCOPE: LazyString = _("A service of this app.")
RESOURCE: LazyString = _("A service that the app may use in your name.")
REFUSALS: Mapping[str, tuple[LazyString, LazyString]] = {
    KIND_NOT_ALLOWED: (
        _("This app is not for your kind of account"),
        _("Go back to the portal, or sign in with another account."),
    ),
    ACR_OUT_OF_REACH: (
        _("This app asks for a stronger way to sign in"),
        _("Your account has no such way yet. Ask the help desk."),
    ),
}
ERRORS: Mapping[int, tuple[LazyString, LazyString, LazyString]] = {
    400: (
        _("This request cannot be used"),
        _("Something in the address or the form is missing or not right. Nothing was changed."),
        _("Go back to the app you came from and begin again."),
    ),
    403: (
        _("This form is no longer valid"),
        _("It was open too long, or sent from another page. Nothing was changed."),
        _("Go back, reload the page and send it again."),
    ),
    404: (
        _("There is no such page"),
        _("The address may be mistyped, or the page has moved."),
        _("Begin at the portal's front page."),
    ),
    405: (
        _("This page cannot be used that way"),
        _("The browser asked in a way that this address does not answer."),
        _("Begin at the portal's front page."),
    ),
    413: (
        _("That was too much"),
        _("What was sent is larger than this page takes. Nothing was changed."),
        _("Go back and send less."),
    ),
    429: (
        _("Too many requests"),
        _("From your network, too many requests came in a short time."),
        _("Wait a minute and try again."),
    ),
    500: (
        _("Something went wrong on our side"),
        _("Nothing was changed. The operators can find out more by the reference number."),
        _("Try again in a few minutes. If it happens again, tell the help desk the number."),
    ),
    503: (
        _("The portal is busy or being repaired"),
        _("Nothing was changed."),
        _("Try again in a minute."),
    ),
}
JOURNEY_LOST = (
    _("This sign-in is no longer open"),
    _("It took too long, was finished already, or was begun in another browser."),
    _("Go back to the app you came from and sign in again."),
)
REGISTRATION_LOST = (
    _("This registration is no longer open"),
    _("It took too long, was cancelled, or was begun in another browser. Nothing was kept."),
    _("Begin again on the sign-in page."),
)
CODES_LOST = (
    _("These recovery codes are shown no longer"),
    _(
        "They were shown for a quarter of an hour, or newer ones have replaced them. Nothing was "
        "changed."
    ),
    _("If you have not kept them, make new ones on the page of your authenticator app."),
)
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
FIELDS: Mapping[str, LazyString] = {
    "name": _("Name"),
    # Translators: 代表人姓名, manual P11
    "representative": _("Name of the representative"),
    # Translators: 代表人職稱, manual P11
    "representative_title": _("Title of the representative"),
    "username": _("Account"),
    # Translators: 身分證字號, manual P10
    "national_id": _("National id or resident number"),
    # Translators: 統一編號, manual P11
    "uniform_number": _("Uniform number"),
    "birth_date": _("Birth date"),
    # Translators: 聯絡電話, manual P10
    "phone": _("Telephone"),
    # Translators: 行動電話, manual P10
    "mobile": _("Mobile phone"),
    # Translators: 通訊地址, manual P10
    "address": _("Postal address"),
    "email_1": _("E-mail"),
    # Translators: 所屬法院, manual P20
    "court": _("Court"),
    "email_list": _("E-mail"),
}
INPUTS: Mapping[str, LazyString] = {
    **FIELDS,
    "street": _("Street and number"),
    "email_1": _("First address"),
    "email_2": _("Second address"),
    "email_3": _("Third address"),
}
"""What the fields of the form are called, where one line of ``FIELDS`` is several of them."""
PROVEN: dict[str, LazyString] = {
    "card": _("Card"),
    "name": _("Name"),
    "id_tail": _("Last four digits of the national id"),
    "uniform_number": _("Uniform number"),
    "organisation_oid": _("Object identifier of the organisation"),
    "rank": _("Rank of the card"),
    # Translators: AD帳號, manual P20
    "ad_account": _("AD account"),
    "court": _("Court"),
}
"""What a certificate says of its holder, and a directory of its people."""
PROVEN_OF_ORGANISATION: dict[str, LazyString] = {"name": _("Name of the organisation")}
"""What of that is called otherwise where the holder is no person."""
NAME_HERE: LazyString = _("Name of the account on this site")
"""Of who signs in by a directory: the AD account, ``@`` and which directory it is of."""
COURT_CHOSEN: LazyString = _("Court (chosen by you)")
OFFICE: Mapping[str, LazyString] = {
    "ad_account": PROVEN["ad_account"],
    "court": PROVEN["court"],
    "department": _("Department"),
    "title": _("Title"),
    "employee_number": _("Staff number"),
    "roles": _("Roles"),
}
"""What a directory says of a person's office."""
PROBLEMS: Mapping[Problem, LazyString] = {
    Problem.EMPTY: _("Fill in this field."),
    Problem.TOO_SHORT: _("This is too short."),
    Problem.TOO_LONG: _("This is too long."),
    Problem.CONTROL_CHARACTERS: _("This holds characters that cannot be seen. Type it anew."),
    Problem.MARKUP: _("The signs < > { } cannot be used here."),
    Problem.NOT_A_NAME: _("A name has letters, spaces, hyphens and dots; no other signs."),
    Problem.NO_LETTER_FIRST: _("Begin with a letter."),
    Problem.WRONG_SHAPE: _("Use the letters A to Z and digits, nothing else."),
    Problem.WRONG_CHECKSUM: _("This number cannot be right. Compare it digit by digit."),
    Problem.LOOKS_LIKE_NATIONAL_ID: _("Do not use a national id as the account."),
    Problem.IS_A_NATIONAL_ID: _("This is a national id, not a resident number."),
    Problem.IS_A_RESIDENT_NUMBER: _("This is a resident number, not a national id."),
    Problem.NOT_A_DATE: _("Write the date like 0611218 or 1972-12-18."),
    Problem.IN_THE_FUTURE: _("This date has not come yet."),
    Problem.TOO_OLD: _("This date is too long ago."),
    Problem.NOT_A_PHONE_NUMBER: _("This is no telephone number. Write it like 02-2311-3456#123."),
    Problem.NO_AREA_CODE: _("Add the area code, like 02."),
    Problem.NOT_TAIWAN: _("Give a number in Taiwan."),
    Problem.NOT_MOBILE: _("This is no mobile number. Write it like 0912-345-678."),
    Problem.HAS_EXTENSION: _("A mobile number has no extension."),
    Problem.NOT_A_POSTAL_CODE: _("A postal code has three, five or six digits."),
    Problem.NOT_A_REGION: _("Choose the county or city."),
    Problem.NOT_AN_ADDRESS: _("This is no e-mail address. Write it like name@example.com."),
    Problem.NOT_THE_CARDS: _("This is not the number that the card has. Compare it with the card."),
    Problem.DUPLICATE: _("This address is there already."),
    Problem.TOO_MANY: _("There can be three addresses."),
}
_PROBLEMS_OF: Mapping[tuple[str, Problem], LazyString] = {
    **dict.fromkeys(
        (("mobile", Problem.NOT_A_PHONE_NUMBER), ("mobile", Problem.NO_AREA_CODE)),
        PROBLEMS[Problem.NOT_MOBILE],
    ),
    **dict.fromkeys(
        ((part, Problem.EMPTY) for part in ADDRESS),
        _("Give postal code, county or city, and street together."),
    ),
    ("national_id", Problem.WRONG_SHAPE): _(
        "A national id is a letter and nine digits; older resident numbers have two letters."
    ),
    ("national_id", Problem.NOT_THE_CARDS): _(
        "Its last four digits are not those on your card. Only the holder of the card can open "
        "an account with it."
    ),
    ("uniform_number", Problem.WRONG_SHAPE): _("A uniform number has eight digits."),
}
"""Where the sentence of a problem would advise the wrong thing."""
SENDING: Mapping[Sending, LazyString] = {
    Sending.TOO_SOON: _("A code was sent a moment ago. It may take a minute to arrive."),
    Sending.TOO_MANY: _("Too many codes were sent. Wait a quarter of an hour and ask again."),
}
TYPING: Mapping[Typing, LazyString] = {
    Typing.WRONG: _("This is not the code. Look at the newest mail."),
    Typing.OVER: _("This code no longer works. Ask for another."),
}
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
APP_REFUSED = (
    _("The app's request cannot be used"),
    _("The app that sent you here made a mistake, so you were not sent back to it."),
    _("Tell the people who run the app; they will need the text below."),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One scope in plain words, or something that an app asks for in its own."""

    scope: str
    title: LazyString | str
    detail: LazyString | str


def lines_of(scopes: frozenset[str]) -> list[Line]:
    """Say in plain words what scopes stand for."""
    known = [scope for scope in SCOPES if scope in scopes]
    own = sorted(scopes - set(SCOPES))
    return [
        *(Line(scope, *SCOPES[scope]) for scope in known),
        *(Line(scope, scope, OWN_SCOPE) for scope in own),
    ]


def weakness(why: Weakness, policy: PasswordPolicy) -> LazyString:
    """Say what is wrong with a password, and what would be right."""
    return {
        Weakness.EMPTY: _("Choose a password."),
        Weakness.TOO_SHORT: _(
            "The password needs at least %(least)d characters.", least=policy.minimum
        ),
        Weakness.TOO_LONG: _(
            "The password can have %(most)d characters at most.", most=policy.maximum
        ),
        Weakness.TOO_FEW_KINDS: _(
            "Use at least %(kinds)d of: capitals, small letters, digits, other signs.",
            kinds=policy.kinds,
        ),
        Weakness.KNOWN: _("This password is among the first that attackers try. Choose another."),
        Weakness.ABOUT_YOU: _(
            "This password is too close to your name, account or e-mail address."
        ),
        Weakness.USED_BEFORE: _("You have used this password before. Choose another."),
        Weakness.TOO_SOON: _(
            "The password was changed a short while ago. It can be changed once a day."
        ),
        Weakness.TOO_BUSY: REFUSED[Reason.BUSY],
        Weakness.NOT_REPEATED: _("The two passwords are not the same."),
    }[why]


def refused(reason: Reason) -> FieldError:
    """Tell a refusal at the field that it is about."""
    return FieldError(FIELD_OF[reason], REFUSED[reason], heading=heading_of(reason))


def standing(found: Standing) -> FieldError:
    """Tell what a directory says of an account."""
    at = "username" if found is Standing.WRONG_CREDENTIALS else ""
    return FieldError(at, STANDINGS[found], heading=heading_of(found))


def heading_of(why: Reason | Standing) -> LazyString | str:
    """Say what stands over a reason; empty where something can be corrected."""
    return _HEADINGS.get(why, "")


def details_errors(found: Mapping[str, Problem]) -> list[FieldError]:
    """Put what is wrong with details at their fields, in the order of the page."""
    return [
        FieldError(name, _PROBLEMS_OF.get((name, why), PROBLEMS[why]), INPUTS.get(name, ""))
        for name, why in sorted(found.items(), key=lambda one: KEPT.index(one[0]))
    ]


def password_errors(found: Iterable[Weakness], policy: PasswordPolicy) -> list[FieldError]:
    """Put what is wrong with a new password at its field."""
    return [
        FieldError(
            "password_again" if why is Weakness.NOT_REPEATED else "password",
            weakness(why, policy),
        )
        for why in found
    ]


def password_help(policy: PasswordPolicy) -> list[LazyString | str]:
    """Explain a policy in words: made from the policy itself, so that it never says otherwise."""
    told = [
        _("At least %(least)d characters; spaces and any script are fine.", least=policy.minimum)
    ]
    if policy.kinds:
        told.append(weakness(Weakness.TOO_FEW_KINDS, policy))
    if policy.advises_composition:
        told.append(_("Better with capitals, small letters, digits and signs like @!?.~"))
    if policy.history:
        told.append(_("None of your last %(count)d passwords.", count=policy.history))
    if policy.max_age:
        told.append(_("It has to be changed every %(days)d days.", days=policy.max_age.days))
    told.append(_("A sentence of four or more words is easy to keep and hard to guess."))
    return list(told)


CARD_NOT_ASKED: LazyString = _(
    "This page was open for too long, or its answer was used already. Try again."
)
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
CARD_REFUSED: Mapping[Flaw, LazyString] = {
    Flaw.MALFORMED: _("This card's certificate cannot be read."),
    Flaw.WEAK_KEY: _("This card's key is too short to be safe. Ask for a new card."),
    Flaw.WEAK_SIGNATURE: _("This card's certificate is signed in a way that is no longer safe."),
    Flaw.WRONG_PURPOSE: _("This certificate is not for signing in. Use the card's other one."),
    Flaw.UNKNOWN_CRITICAL: _("This card's certificate holds something that is not known here."),
    Flaw.UNKNOWN_ISSUER: _("Cards of this authority are not taken here."),
    Flaw.WRONG_HOLDER_TYPE: _("This card is for another kind of holder."),
    Flaw.WRONG_ATTRIBUTES: _(
        "This card's certificate does not say who its holder is, in the way it should."
    ),
    Flaw.WRONG_POLICY: _("This card is not of the level of assurance that is needed here."),
    Flaw.NOT_YET_VALID: _("This card is not valid yet."),
    Flaw.EXPIRED: _("This card has expired. Its authority renews it."),
    Flaw.WRONG_PATH: _("This card's certificate was not issued by the authority it names."),
    Flaw.REVOKED: _(
        "This card has been revoked and cannot be used any more. Ask its authority for a new one. "
        "To sign in meanwhile, take another way."
    ),
    # Translators: 停用, cards of the authorities
    Flaw.SUSPENDED: _(
        "This card is suspended. Its authority resumes it when you ask for it; your account stays."
    ),
    Flaw.COULD_NOT_CHECK: _(
        "Whether this card is revoked cannot be checked at the moment. Try again in some minutes, "
        "or take another way."
    ),
}
CARD_NOT_ADDED: Mapping[Mismatch | Bar, LazyString] = {
    Bar.OF_DIRECTORY: _(
        "This account opens by your court's directory alone: no card is added to it."
    ),
    Mismatch.KIND: _(
        "This card is of another kind of holder than this account: persons and organisations have "
        "accounts of their own."
    ),
    Mismatch.NAME: _(
        "The name on this card is not the name of this account. Only your own card can be added."
    ),
    Mismatch.HOLDER: _(
        "The authority of this card knows its holder by another number than that of this account's "
        "other card. If the card is yours, remove the other card first."
    ),
    Mismatch.NATIONAL_ID: _(
        "The national id on this card is not that of this account. Only your own card can be added."
    ),
    Mismatch.UNIFORM_NUMBER: _(
        "The uniform number on this card is not that of this account. Only a card of the same "
        "organisation can be added."
    ),
    Mismatch.ORGANISATION: _(
        "This card is of another organisation than this account's other card."
    ),
    Bar.TAKEN: _("This card cannot be added: it was added before."),
    Bar.UNREACHED: _(
        "The first card of this account takes more than the password: a code to a verified e-mail "
        "address, or a second factor. Set up one of them first."
    ),
    Bar.NOT_NOW: _("That took too long, or was done already. Try again."),
}
CARD_IS_LAST: LazyString = _(
    "This card is the last way into your account. Set a password or add another card first."
)
CARD_KINDS: Mapping[str, LazyString] = {
    # Translators: 自然人憑證, a kind of card
    "moica": _("Citizen certificate"),
    # Translators: 工商憑證, a kind of card
    "moeaca": _("Business certificate"),
    # Translators: 組織及團體憑證, a kind of card
    "xca": _("Organisation certificate"),
    # Translators: 政府機關憑證, a kind of card
    "gca": _("Agency certificate"),
    "": _("Certificate card"),
}
"""By the id of the profile."""
CARD_RANKS: Mapping[str, LazyString] = {
    # Translators: 正卡, of an organisation
    "primary": _("Primary card"),
    # Translators: 附卡, of an organisation
    "secondary": _("Secondary card"),
    # Translators: 行動自然人憑證, a kind of card
    "mobile": _("In a telephone"),
}
CARD_STATES: Mapping[str, LazyString] = {
    "looking": _("Looking for the card component …"),
    "not_running": _(
        "The card component does not answer. Start it, or install it first. This page then goes "
        "on by itself. If it is running already, open its window."
    ),
    "bridge_lost": _(
        "The card component has stopped. Nothing was signed. Start it again. This page then goes "
        "on by itself."
    ),
    "asking": _(
        "The card component has not answered yet. If your browser asks whether this site may "
        "reach other programs on this computer, choose Allow. If it does not ask, the component "
        "may hang: start it again, or open its window."
    ),
    "blocked": _(
        "Your browser does not let this site reach the card component. Open the component's window "
        "instead, or allow it in the settings of this site."
    ),
    "too_old": _("The card component on this computer is too old. Install the current one."),
    "origin_denied": _(
        "The card component does not know this site yet. Let it know once, with this line in a "
        "terminal; then try again."
    ),
    "no_module": _(
        "The driver of your card was not found. Install it, then start the component again."
    ),
    "no_reader": _("No card reader is connected. Plug it in."),
    "no_card": _("Put your card into the reader."),
    "wrong_card": _("This card is of a kind that is not taken here. Put another one in."),
    "ready": _("Your card is ready. Press the button."),
    "refused": _(
        "The card in the reader is the one that was not accepted. Put another one in, or try again."
    ),
    "busy": _("The card is in use in another window. End that first, then try again."),
    "waiting": _("Go to the component's window: compare the digits and type your PIN there."),
    "sending": _("Your card has signed. One moment …"),
    "cancelled": _("You have cancelled it. Nothing was signed."),
    "window_closed": _("The component's window was closed. Nothing was signed. Try again."),
    "timeout": _("That took too long. Nothing was signed. Try again."),
    "card_removed": _("The card was taken out. Nothing was signed. Put it in and try again."),
    "no_credential": _("No certificate to sign in with was found on this card."),
    "pin_incorrect": _("The PIN was wrong. Wrong ones in a row lock the card."),
    "pin_incorrect_last": _(
        "The PIN was wrong, and one more wrong one locks the card. If you are not sure of it, ask "
        "the authority that issued your card first."
    ),
    "pin_last_try": _(
        "One try is left, and you did not spend it. If you are not sure of the PIN, ask the "
        "authority that issued your card."
    ),
    "pin_locked": _(
        "The PIN is locked after too many wrong tries. The authority that issued your card "
        "unlocks it, at its site or at a counter."
    ),
    "pin_length": _("A PIN of this length cannot be right. No try was spent."),
    "too_many": _("Too many requests in a short time. Wait a minute, then try again."),
    "popup_blocked": _(
        "The browser has blocked the component's window. Allow windows of this site, mostly at the "
        "end of the address bar, then try again."
    ),
    "unsupported": _("The card component cannot do this. Install the current one."),
    "bad_request": _("The card component did not understand this page. Install the current one."),
    "ticket_invalid": _("The card component has let go of this page. Try again."),
    "module_error": _(
        "The card or its driver has failed. Take the card out, put it in, try again."
    ),
}
"""What the script may say, by the bridge's own codes; it shows one at a time."""
CARD_FAILURES = frozenset(
    {
        "bridge_lost",
        "timeout",
        "card_removed",
        "no_credential",
        "pin_incorrect",
        "pin_incorrect_last",
        "pin_last_try",
        "pin_locked",
        "pin_length",
        "too_many",
        "popup_blocked",
        "unsupported",
        "bad_request",
        "ticket_invalid",
        "module_error",
        "cert_expired",
    }
)
"""Those that say how a try has failed; the others say how things stand, or what was chosen."""
HIPKI_STATES: Mapping[str, LazyString] = {
    code: CARD_STATES[code]
    for code in (
        "sending",
        "cancelled",
        "timeout",
        "no_reader",
        "no_card",
        "wrong_card",
        "no_credential",
        "pin_incorrect",
        "pin_incorrect_last",
        "pin_locked",
        "module_error",
    )
} | {
    "ready": _("Put your card into the reader and type its PIN."),
    "waiting": _("The component's window is at work. Leave the card in the reader."),
    "not_installed": _(
        "The component does not answer. Start it, or install it first, then try again."
    ),
    "origin_denied": _("The component does not know this site yet. Let it know, then try again."),
    "no_module": _("The component cannot load the driver of your card. Install HiCOS anew."),
    "unsupported": _("The component is too old for this. Install the current one."),
    "cert_expired": _("This card is not valid yet, or not any more. Its authority renews it."),
    "pin_length": _("The PIN has six to eight digits. No try was spent."),
    "window_closed": _("The component's window was closed. Nothing was signed. Try again."),
    "popup_blocked": _(
        "The browser has blocked the component's window. Allow windows of this site, mostly at "
        "the end of the address bar, then try again."
    ),
}
"""How the other component stands, and how a try with it ends; its codes are in ``hipki.js``."""
