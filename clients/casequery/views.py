"""The pages: a welcome, the list, one case, the published list of case words."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from clients.casequery import accounts, cases
from clients.casequery.cases import Case, Kind
from clients.kit import linking
from clients.kit.pages import app_of, here, signed_in, who_of
from clients.kit.session import SignedIn
from clients.kit.signin import signin_url

pages = Blueprint("cases", __name__)

KINDS: Mapping[Kind, LazyString] = {
    Kind.CIVIL: _("Civil"),
    Kind.FAMILY: _("Family"),
    Kind.CRIMINAL: _("Criminal"),
    Kind.ADMINISTRATIVE: _("Administrative"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A case with its kind in words."""

    case: Case
    kind: LazyString

    @property
    def url(self) -> str:
        """Where it is shown alone."""
        return url_for("cases.one", number=self.case.number)


@pages.get("/")
def welcome() -> ResponseReturnValue:
    """Say what the service is; who is signed in goes straight to the cases."""
    if signed_in() is not None:
        return redirect(url_for("cases.all_cases"), code=303)
    return render_template("casequery/welcome.html", signin_url=signin_url("/cases"))


@pages.get("/cases")
def all_cases() -> ResponseReturnValue:
    """List the cases: all, or the one chosen (全部案件 or 選一案件)."""
    person = signed_in()
    if person is None:
        return redirect(signin_url(here()), code=303)
    with app_of().database.read() as tx:
        account = accounts.of(tx, person)
        found = cases.of_account(tx, account) if account else []
    if account is None:
        return _unlinked(person)
    chosen = request.args.get("number", "")
    shown = [Shown(one, KINDS[one.kind]) for one in found if chosen in {"", one.number}]
    page = {"shown": shown, "all": found, "chosen": chosen, "account": account}
    return render_template("casequery/cases.html", page=page, who=who_of(person))


@pages.get("/cases/<number>")
def one(number: str) -> ResponseReturnValue:
    """Show one case; somebody else's is not there."""
    person = signed_in()
    if person is None:
        return redirect(signin_url(here()), code=303)
    with app_of().database.read() as tx:
        account = accounts.of(tx, person)
        found = cases.find(tx, account, number) if account else None
    if account is None and app_of().config.linking.required:
        return _unlinked(person)
    if found is None:
        abort(404)
    shown = Shown(found, KINDS[found.kind])
    return render_template("casequery/case.html", shown=shown, who=who_of(person))


@pages.get("/open-case-words")
def open_case_words() -> ResponseReturnValue:
    """Show which case words are open to query (Q05); open to everybody."""
    with app_of().database.read() as tx:
        words = cases.open_words(tx)
    by_kind = {KINDS[kind]: [word for of, word in words if of is kind] for kind in Kind}
    return render_template("casequery/open_case_words.html", by_kind=by_kind)


@pages.get("/open-case-words.csv")
def open_case_words_csv() -> Response:
    """Give the same list as a file (開放查詢字別下載)."""
    with app_of().database.read() as tx:
        words = cases.open_words(tx)
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["kind", "word"])
    writer.writerows((kind.value, word) for kind, word in words)
    # A byte-order mark: without one, spreadsheets here take the file for Big5.
    response = Response("\ufeff" + written.getvalue(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = "attachment; filename=open-case-words.csv"
    return response


def _unlinked(person: SignedIn) -> ResponseReturnValue:
    """Meet somebody who has no account here yet: let them link one, or say how to get one."""
    config = app_of().config
    if config.linking.required:
        return redirect(linking.page_url(config, here()), code=303)
    return render_template("casequery/unlinked.html", who=who_of(person)), 403
