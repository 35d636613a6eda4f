"""The pages of ``/developers``: the list of flows, and one flow's messages."""

from dataclasses import dataclass

from flask import Blueprint, Response, abort, make_response, redirect, render_template, url_for
from flask import request as browser_request
from flask.typing import ResponseReturnValue

from idp.provider import Provider
from idp.web.developers import steps
from idp.web.developers.flows import BY_NAME, FLOWS, Flow
from idp.web.developers.runs import Run, Runs
from idp.web.headers import PAGES
from idp.web.request import demand_csrf, single_form
from idp.web.wiring import provider


@dataclass(frozen=True, slots=True)
class DevelopersPage:
    """What ``developers/page.html`` shows: all flows, and one under way."""

    flows: tuple[Flow, ...]
    run: Run | None = None
    name: str = ""
    too_early: int = 0
    """For how many seconds the device has to wait yet, where somebody did not."""


def pages(portico: Provider) -> Blueprint:
    """Make the blueprint; mounted only where the configuration asks for it."""
    blueprint, runs = Blueprint("developers", __name__), Runs(portico.entropy)

    @blueprint.get("/developers")
    def show() -> ResponseReturnValue:
        name = browser_request.args.get("run", "")
        run = runs.find(name)
        hurried = run if "early" in browser_request.args else None
        wait = hurried.must_wait(provider().database.clock()) if hurried else 0
        return _page(DevelopersPage(FLOWS, run, name, wait))

    @blueprint.post("/developers")
    def go_on() -> ResponseReturnValue:
        form = single_form()
        demand_csrf(form)
        if form.get("flow") in BY_NAME:
            name = runs.begin(BY_NAME[form["flow"]])
            return _back(name)
        run = runs.find(form.get("run", ""))
        if run is None or not run.next_step:
            abort(404)
        if run.next_step == "authorize":
            run.waits = True
            return redirect(steps.authorization_address(provider(), run), code=303)
        if run.next_step == "sign_out":
            run.waits = True
            return redirect(steps.sign_out_address(provider(), run), code=303)
        if run.must_wait(provider().database.clock()):
            return _back(form["run"], early=True)
        steps.take(provider(), run)
        return _back(form["run"])

    @blueprint.route("/developers/callback", methods=["GET", "POST"])
    def callback() -> ResponseReturnValue:
        sent = browser_request.form if browser_request.method == "POST" else browser_request.args
        answer = dict(sent.items())
        run = runs.find(answer.get("state", "") or _state_in(answer.get("response", "")))
        if run is None or not run.waits:
            abort(404)
        steps.hear(run, answer)
        return _back(run.state)

    return blueprint


def _state_in(response: str) -> str:
    """Find which demonstration a signed response belongs to."""
    return str(steps.claims_of(response).get("state", "")) if response else ""


def _back(name: str, *, early: bool = False) -> ResponseReturnValue:
    place = url_for("developers.show", run=name, early="1" if early else None)
    return redirect(f"{place}#latest", code=303)


def _page(page: DevelopersPage) -> Response:
    return PAGES.apply(make_response(render_template("developers/page.html", page=page)))
