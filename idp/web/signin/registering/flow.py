"""What every page of a registration needs: the flow of this browser, its steps, its frame."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString

from idp.provider import Provider
from idp.registration import flows
from idp.registration.flows import ProofKind, Step
from idp.registration.store import Under
from idp.web import errors, returning
from idp.web.headers import PAGES, Policy
from idp.web.request import browser_hash, demand_csrf, single_form
from idp.web.wiring import provider
from idp.web.wording.account import KINDS
from idp.web.wording.registering import STEPS

PAGE_OF: Mapping[Step, str] = {
    Step.TERMS: "register_terms.show",
    Step.PROOF: "register_proof.show",
    Step.DETAILS: "register_details.show",
    Step.EMAIL: "register_email.show",
    Step.CHECK: "register_check.show",
}


@dataclass(frozen=True, slots=True)
class StepView:
    """One entry of the list of steps."""

    label: LazyString | str
    url: str
    """Empty for a step that cannot be gone to."""
    is_current: bool
    is_done: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """What is the same on all pages of a registration."""

    flow: str
    kind_label: LazyString | str
    steps: list[StepView]
    number: int
    of: int
    cancel_url: str


@dataclass(frozen=True, slots=True)
class At:
    """A flow of this browser, at one of its steps."""

    flow_id: str
    under: Under


@dataclass(frozen=True, slots=True)
class Posted:
    """A form of this browser's, and what it belongs to."""

    place: At
    form: dict[str, str]


def at(step: Step, flow_id: str) -> At | ResponseReturnValue:
    """Find the flow, or say where to go instead: its open step, its end, or the beginning."""
    portico = provider()
    under = found(portico, flow_id)
    if under is None:
        return errors.registration_lost()
    if under.completed:
        return redirect(end_of(under, flow_id), code=303)
    if not flows.may_do(under.track, under.done, step):
        return go_on(flow_id, under)
    return At(flow_id, under)


def end_of(under: Under, flow_id: str) -> str:
    """Give where a finished registration goes on: who is signed in by it is on the way already."""
    if under.track.proof is ProofKind.DIRECTORY:
        return returning.onward(under.answers.journey)
    return url_for("register_check.done", flow=flow_id)


def posted(step: Step) -> Posted | ResponseReturnValue:
    """Read a step's form and find its flow; a form that is not ours is refused."""
    form = single_form()
    demand_csrf(form)
    place = at(step, form.get("flow", ""))
    return Posted(place, form) if isinstance(place, At) else place


def found(portico: Provider, flow_id: str) -> Under | None:
    """Find this browser's flow, finished or not."""
    if not flow_id:
        return None
    with portico.database.read() as tx:
        return portico.registering.registrations.find(tx, flow_id, browser_hash())


def go_on(flow_id: str, under: Under) -> Response:
    """Send the browser to the step that is open."""
    step = flows.next_open(under.track, under.done) or Step.CHECK
    response = redirect(url_for(PAGE_OF[step], flow=flow_id), code=303)
    return make_response(response)


def again(flow_id: str) -> ResponseReturnValue:
    """Look at the record once more and go to the step that is open now."""
    under = found(provider(), flow_id)
    return go_on(flow_id, under) if under else errors.registration_lost()


def show(
    template: str, place: At, step: Step, page: Any, status: int = 200, *, policy: Policy = PAGES
) -> ResponseReturnValue:
    """Render a step's page in the frame of its registration."""
    steps = flows.steps_of(place.under.track)
    frame = Frame(
        flow=place.flow_id,
        kind_label=KINDS[place.under.track.kind],
        steps=[_view(place, one, step) for one in steps],
        number=steps.index(step) + 1,
        of=len(steps),
        cancel_url=url_for("register.cancel"),
    )
    shown = render_template(f"signin/register/{template}", page=page, frame=frame)
    return policy.apply(make_response(shown, status))


def _view(place: At, one: Step, current: Step) -> StepView:
    reachable = flows.may_do(place.under.track, place.under.done, one) and one is not current
    return StepView(
        label=STEPS[one],
        url=url_for(PAGE_OF[one], flow=place.flow_id) if reachable else "",
        is_current=one is current,
        is_done=one in place.under.done,
    )


def asked_flow() -> str:
    """Read which flow a page is asked for."""
    return request.args.get("flow", "")
