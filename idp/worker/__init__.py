"""The door of time: mails and notices go out, keys rotate, old rows go, chains are tied.

Each round is short and its writes are transactions of their own; nothing slow happens
inside one. Several workers may run at once. A module a reason to change: each lists its rounds.
"""

from idp.provider import Provider
from idp.worker import cards, delivering, directories, housekeeping
from idp.worker.cards import (
    ask_card_roots,
    confirm_national_ids,
    fetch_card_lists,
    warn_of_cards,
    watch_card_authorities,
)
from idp.worker.delivering import answer_recovery, ask_about_links, deliver, send_ciba_ping
from idp.worker.directories import ask_of_those_signed_in
from idp.worker.housekeeping import (
    add_key,
    count_password_works,
    end_sessions,
    rotate_keys,
    sweep,
    tie_chains,
)
from idp.worker.loop import Loop, Round

__all__ = [
    "Loop",
    "Round",
    "add_key",
    "answer_recovery",
    "ask_about_links",
    "ask_card_roots",
    "ask_of_those_signed_in",
    "confirm_national_ids",
    "count_password_works",
    "deliver",
    "end_sessions",
    "fetch_card_lists",
    "rotate_keys",
    "rounds",
    "send_ciba_ping",
    "sweep",
    "tie_chains",
    "warn_of_cards",
    "watch_card_authorities",
]


def rounds(portico: Provider) -> list[Round]:
    """List what the worker of a provider does."""
    found = (one.rounds(portico) for one in (delivering, cards, directories, housekeeping))
    return [round_ for some in found for round_ in some]
