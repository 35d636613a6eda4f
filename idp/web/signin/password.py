"""The sign-in page: account, password and captcha (P01)."""

from dataclasses import dataclass, field

import msgspec
from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.authenticators import Reason, Refusal
from idp.database.transaction import Transaction
from idp.provider import Provider
from idp.signin import store
from idp.signin.actions import Browser, SignedIn
from idp.web import errors, metrics, waiting
from idp.web.forms import FieldError
from idp.web.last_way import PASSWORD
from idp.web.request import (
    browser_hash,
    csrf_token,
    demand_csrf,
    device,
    give_session,
    new_binding,
    origin,
    session_hash,
    single_form,
    speaks,
)
from idp.web.signin import arriving
from idp.web.signin.arriving import Challenges
from idp.web.signin.journeys import App, Underway, underway
from idp.web.signin.trying import PasswordForm, Try, attempt, tried
from idp.web.signin.ways import Way, ways
from idp.web.who import signed_in_as
from idp.web.wiring import pages_kept, provider
from idp.web.wording.registering import ENTRIES
from idp.web.wording.ways import REFUSED, refusal_error
from ui import look

pages = Blueprint("password", __name__)


@dataclass(frozen=True, slots=True)
class Link:
    """A link beside the form."""

    id: str
    label: LazyString
    url: str


@dataclass(frozen=True, slots=True)
class CaptchaView:
    """The challenge as the page shows it."""

    id: str
    image_url: str
    audio_url: str


@dataclass(frozen=True, slots=True)
class PasskeyView:
    """The other way in: where its answer goes, and what the browser is asked."""

    action: str
    options: str


@dataclass(frozen=True, slots=True)
class SignInPage:
    """What ``signin/password.html`` shows."""

    action: str
    journey: str
    app: App | None
    username: str
    captcha: CaptchaView | None
    passkey: PasskeyView
    links: list[Link]
    can_cancel: bool
    ways: list[Way] = field(default_factory=list)
    errors: list[FieldError] = field(default_factory=list)
    signed_in_as: str = ""
    """Who is there already, in this browser."""

    @property
    def focus(self) -> str:
        """Which field is typed into next; empty: the reasons are read first."""
        if any(one.field != "captcha" for one in self.errors):
            return ""
        # What was typed comes back, the password never: after other digits it is all that lacks.
        return "password" if self.username else "username"


@pages.get("/signin/password")
def show() -> ResponseReturnValue:
    """Show the form; ``login_hint`` fills in the account."""
    journey = underway(provider(), request.args.get("journey", ""))
    if journey is None:
        return errors.journey_lost()
    return plain(journey)


def plain(journey: Underway) -> Response:
    """Give the page as it is first shown; also below a question for a ticket."""
    look.stands_for(url_for("password.show"))
    if not arriving.is_bare(journey):
        return _page(journey, journey.login_hint[:64], [], 200)
    challenges = _challenges(challenge=False)
    key = arriving.key(journey, speaks(), asks_digits=bool(challenges.captcha_id))
    words = challenges.words(journey.id, csrf_token())
    markup = pages_kept().filled(key, words)
    if markup is None:
        markup = _drawn(journey, "", [], challenges)
        pages_kept().keep(key, markup, words)
    return journey.protect(make_response(markup))


@pages.post("/signin/password")
def submit() -> ResponseReturnValue:
    """Check the form and return to the journey, or show it again with the reason."""
    if (one := tried(request.environ)) is not None:
        journey = underway(provider(), one.form.journey)  # the page speaks the app's language
        return _refused(journey or one.journey, one.form, one.refusal)
    form = msgspec.convert(single_form(), PasswordForm)
    demand_csrf({"csrf_token": form.csrf_token})
    portico = provider()
    journey = underway(portico, form.journey)
    if journey is None:
        return errors.journey_lost()
    if form.action == "cancel":
        return _cancel(portico, journey)
    if form.action == "refresh":
        return _page(journey, form.username, [], 200, challenge=bool(form.captcha_id))
    missing = _missing(form)
    if missing:
        return _page(journey, form.username, missing, 422, challenge=bool(form.captcha_id))
    return _try(portico, journey, form)


def _try(portico: Provider, journey: Underway, form: PasswordForm) -> ResponseReturnValue:
    browser = Browser(
        browser_hash(), device(), request.headers.get("User-Agent", "")[:255], speaks()
    )
    one = Try(journey, form, browser, session_hash(), origin(), new_binding())
    outcome = attempt(portico, one)
    if isinstance(outcome, Refusal):
        return _refused(journey, form, outcome)
    response = make_response(redirect(_onward(journey, outcome), code=303))
    cookie, binding = outcome.session.cookie, one.new_binding
    return give_session(response, cookie, browser.device, binding=binding, way=PASSWORD)


def _onward(journey: Underway, signed_in: SignedIn) -> str:
    """Go on; where no app asked there is no hub to see that the second factor is missing."""
    if signed_in.is_whole or journey.client is not None:
        return journey.next_url
    return url_for("second_factor.show", journey=journey.id or None)


def _missing(form: PasswordForm) -> list[FieldError]:
    wanted = (
        ("username", form.username.strip(), _("Type your account.")),
        ("password", form.password, _("Type your password.")),
    )
    missing = [FieldError(name, sentence) for name, value, sentence in wanted if not value]
    # Digits alone that lack are for the gate to refuse, which counts.
    if missing and form.captcha_id and not form.captcha.strip():
        missing.append(FieldError("captcha", REFUSED[Reason.CAPTCHA_MISSING]))
    return missing


def _refused(journey: Underway, form: PasswordForm, refusal: Refusal) -> Response:
    metrics.signin("password", refusal.reason)
    now = provider().database.clock()
    statuses = {Reason.BUSY: 503, Reason.TOO_MANY_ATTEMPTS: 429}
    response = _page(
        journey,
        form.username,
        [waiting.problem(refusal, now)],
        statuses.get(refusal.reason, 422),
        challenge=refusal.reason is Reason.CAPTCHA_MISSING,
    )
    if response.status_code in {429, 503}:
        waits = waiting.seconds(refusal, now) if response.status_code == 429 else 5
        response.headers["Retry-After"] = str(waits)
    return response


def _cancel(portico: Provider, journey: Underway) -> ResponseReturnValue:
    with portico.database.write(origin()) as tx:
        store.deny_journey(tx, journey.id_hash)
    return redirect(journey.next_url, code=303)


def refused(journey: Underway, reason: Reason) -> Response:
    """Show the page again after another way in has failed."""
    look.stands_for(url_for("password.show"))
    return _page(journey, "", [refusal_error(reason)], 422)


def _page(
    journey: Underway,
    username: str,
    problems: list[FieldError],
    status: int,
    *,
    challenge: bool = False,
) -> Response:
    markup = _drawn(journey, username, problems, _challenges(challenge=challenge))
    return journey.protect(make_response(markup, status))


def _drawn(
    journey: Underway, username: str, problems: list[FieldError], challenges: Challenges
) -> str:
    page = SignInPage(
        action=url_for("password.submit"),
        journey=journey.id,
        app=journey.app,
        username=username,
        captcha=_view(challenges.captcha_id) if challenges.captcha_id else None,
        passkey=PasskeyView(
            url_for("passkey.submit"), provider().passkeys.asking(challenges.passkey)
        ),
        links=_links(journey.id),
        can_cancel=journey.client is not None,
        ways=ways(provider(), "password", journey.id),
        errors=problems,
        signed_in_as=signed_in_as(provider()),
    )
    return render_template("signin/password.html", page=page)


def _challenges(*, challenge: bool) -> Challenges:
    """Issue what the page carries, in one transaction: six digits, and a passkey's challenge."""
    portico = provider()
    mode, before = portico.config.captcha.mode, look.typed("captcha_id")
    asks = mode != "off" and (mode != "adaptive" or challenge or bool(before))
    with portico.database.write(origin()) as tx:
        captcha_id = _digits(tx, portico, before) if asks else ""
        return Challenges(captcha_id, portico.passkeys.challenge(tx, browser_hash()))


def _digits(tx: Transaction, portico: Provider, before: str) -> str:
    """Give the six digits of now; those of before, where only the language is another."""
    if before and portico.captcha.is_alive(tx, before, browser_hash()):
        return before
    return portico.captcha.issue(tx, browser_hash())


def _view(captcha_id: str) -> CaptchaView:
    return CaptchaView(
        captcha_id,
        url_for("captcha.picture", captcha_id=captcha_id),
        url_for("captcha.sound", captcha_id=captcha_id, voice=speaks()),
    )


def _links(journey: str) -> list[Link]:
    """List the links of P01; each way to register has its page, which says what it needs."""
    first, *others = (
        Link(
            f"link-register-{entry}",
            label,
            url_for("register.show", kind=entry.value, journey=journey or None),
        )
        for entry, label in ENTRIES.items()
    )
    register = url_for("register.show", journey=journey or None)
    return [
        Link("link-forgotten", _("Forgotten password"), url_for("recovery.show")),
        Link("link-register", _("Open an account"), register),
        first,
        Link("link-guide", _("Beginners' guide"), url_for("guide.show")),
        *others,
    ]
