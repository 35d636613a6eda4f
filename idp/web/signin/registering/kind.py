"""A page for each kind of account: what it is for, what it needs, what to do meanwhile (P01)."""

from dataclasses import dataclass

from flask import Response, make_response, render_template, url_for
from flask_babel import LazyString

from idp.provider import Provider
from idp.registration import flows
from idp.registration.flows import ProofKind, Track
from idp.web.headers import PAGES
from idp.web.wiring import provider
from idp.web.wording.account import KINDS
from idp.web.wording.registering import ENTRIES, INSTEAD, NOT_OFFERED, PROOFS, TRACKS


@dataclass(frozen=True, slots=True)
class KindView:
    """A kind of account, as the pages tell of it."""

    track: str
    label: LazyString | str
    purpose: LazyString | str
    needs: LazyString | str
    instead: LazyString | str
    """What to do as long as it is not open; empty where it is."""
    url: str
    """Its own page."""

    @property
    def is_open(self) -> bool:
        """Whether it can be gone through today, on this site."""
        return not self.instead


@dataclass(frozen=True, slots=True)
class KindPage:
    """What ``signin/register/kind.html`` shows."""

    title: LazyString | str
    kinds: list[KindView]
    instead: list[KindView]
    """Those that can be opened today, where none of ``kinds`` can."""
    action: str
    journey: str
    signin_url: str
    all_url: str
    help_desk: str


def show(tracks: list[Track], word: str, journey: str) -> Response:
    """Show one kind of account, or the few that a link of the sign-in page stands for."""
    portico = provider()
    kinds = [view(portico, track, journey) for track in tracks]
    everything = (view(portico, track, journey) for track in flows.TRACKS.values())
    some_open = any(kind.is_open for kind in kinds)
    page = KindPage(
        title=kinds[0].label if len(kinds) == 1 else ENTRIES[flows.Entry(word)],
        kinds=kinds,
        instead=[] if some_open else [kind for kind in everything if kind.is_open],
        action=url_for("register.begin"),
        journey=journey,
        signin_url=url_for("password.show", journey=journey or None),
        all_url=url_for("register.show", journey=journey or None),
        help_desk=portico.config.provider.help_desk,
    )
    return PAGES.apply(make_response(render_template("signin/register/kind.html", page=page)))


def view(portico: Provider, track: Track, journey: str) -> KindView:
    """Tell of a kind of account."""
    return KindView(
        track.id,
        KINDS[track.kind],
        TRACKS.get(track.id, ""),
        PROOFS[track.proof],
        _instead(portico, track),
        url_for("register.show", kind=track.id, journey=journey or None),
    )


def _instead(portico: Provider, track: Track) -> LazyString | str:
    if track.id in open_tracks(portico):
        return ""
    if _is_provable(portico, track):
        return NOT_OFFERED
    return INSTEAD[track.proof]


def open_tracks(portico: Provider) -> dict[str, Track]:
    """List what a person can go through today, on this site."""
    return {
        track.id: track
        for track in flows.open_tracks()
        if _is_offered(portico, track) and _is_provable(portico, track)
    }


def _is_offered(portico: Provider, track: Track) -> bool:
    """Tell whether an operator opens accounts of a kind: for judges, by naming their directory."""
    is_directory = track.proof is ProofKind.DIRECTORY
    return is_directory or track.id in portico.config.accounts.open_to


def _is_provable(portico: Provider, track: Track) -> bool:
    if track.proof is ProofKind.CARD and not portico.config.cards.enabled:
        return False
    if track.proof is ProofKind.DIRECTORY and not portico.config.directories:
        return False
    return track.proof in flows.PROVABLE
