"""``cardbridge softcard``: cards in software, for a demo and for tests.

A command loads what it runs; naming this group costs the bridge nothing but click.
"""

import contextlib
import json
import re
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cardbridge.lab.faults import Faults
    from cardbridge.lab.holders import Holder
    from cardbridge.lab.responder import Responder
    from cardbridge.lab.shelf import Shelf
    from cardbridge.lab.tokens import SoftCard

_PROFILES = ("moica", "moeaca", "xca", "gca")
_KEYS = ("rsa1024", "rsa2048", "rsa3072", "p256", "p384")


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Say in one line what was wrong, and end with status 1."""
    from cardbridge.lab.tokens import NoModule

    try:
        yield
    except (LookupError, ValueError, FileExistsError, NoModule) as refused:
        raise click.ClickException(str(refused.args[0] if refused.args else refused)) from refused


@click.group(name="softcard")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="CARDBRIDGE_SOFTCARDS",
    help="Where the authorities and the cards are kept. [default: below $XDG_STATE_HOME]",
)
@click.pass_context
def softcard(context: click.Context, directory: Path | None) -> None:
    """Make cards in software, of the four kinds of Taiwan's government certificates.

    They are SoftHSM tokens from certificate authorities of nobody, for a demo and for tests.
    The first "new" founds the authorities. "serve" answers for them about revocation; without
    it a verifier that asks hears nothing, and refuses.
    """
    from cardbridge.lab.shelf import default_directory

    context.obj = directory or default_directory()


def _open(directory: Path) -> "Shelf":
    from cardbridge.lab.shelf import Shelf

    try:
        return Shelf.open(directory)
    except FileNotFoundError as missing:
        raise click.ClickException(
            f"there are no soft cards in {directory} yet; make some with: softcard new --demo"
        ) from missing


@softcard.command()
@click.option("--demo", is_flag=True, help="The four cards of the demo, unless they are there.")
@click.option("--profile", type=click.Choice(_PROFILES), help="Which of the four kinds.")
@click.option("--holder", help="Name of the person or organisation. [default: the demo's]")
@click.option("--national-id", help="Of a citizen; its last four stand in the certificate.")
@click.option("--subject-number", help="The authority's number of a citizen, 16 digits.")
@click.option("--uniform-number", help="統一編號 of a company, 8 digits.")
@click.option("--organisation-oid", help="Of an agency or organisation, below 2.16.886.")
@click.option("--rank", type=click.Choice(["primary", "secondary", "mobile", "none"]))
@click.option("--email", help="Stands in the certificate.")
@click.option("--variant", default="good", help='What is wrong with it; see "variants".')
@click.option("--key", type=click.Choice(_KEYS), default="rsa2048", show_default=True)
@click.option("--days", type=click.IntRange(1, 36500), help="How long it is valid from now.")
@click.option("--pin", default="123456", show_default=True, help="6 to 8 digits.")
@click.option("--name", default="", help="What these commands call the card. [default: moica-1, …]")
@click.option("--label", default="", help="Of the token, as programs see it.")
@click.option("--drawer", is_flag=True, help="Leave it in the drawer, not in the reader.")
@click.option("--port", type=click.IntRange(1, 65535), help="Of the responder, the first time.")
@click.pass_obj
def new(directory: Path, /, demo: bool, port: int | None, **wish: Any) -> None:
    """Make a card and put it into the reader.

    Numbers that are not said are made up, with check digits that hold.
    """
    from cardbridge.lab.shelf import Shelf

    if demo == bool(wish["profile"]):
        raise click.UsageError("say either --demo or --profile")
    with _told():
        shelf = Shelf.open_or_create(directory, port=port)
        made = shelf.add_demo() if demo else [_make(shelf, **wish)]
        names = [card.name for card in made]
        for name in names if wish["drawer"] else ():
            shelf.tokens.remove(name)
    if names:
        _print(shelf, *names)
    else:
        click.echo("The four cards of the demo are there already.")
    click.echo(f"PIN {wish['pin']}. Programs see the cards with: {_exported(shelf)}", err=True)


def _make(shelf: "Shelf", **wish: Any) -> "SoftCard":
    from datetime import timedelta

    if not re.fullmatch(r"[0-9]{6,8}", wish["pin"]):
        raise ValueError("a PIN has six to eight digits")
    holder = _holder(wish)
    now = shelf.pki.clock()
    files = shelf.pki.issue(
        wish["profile"],
        holder,
        variant=wish["variant"],
        key=wish["key"],
        not_after=now + timedelta(days=wish["days"]) if wish["days"] else None,
    )
    return shelf.tokens.add(files, name=wish["name"], label=wish["label"], pin=wish["pin"])


def _holder(wish: dict[str, Any]) -> "Holder":
    """Take the demo's holder, or make one up, and change what was said."""
    from dataclasses import replace

    from cardbridge.lab.holders import DEMO
    from cardbridge.lab.strangers import make_up

    profile, name = wish["profile"], wish["holder"]
    holder = make_up(profile, name) if name else DEMO[profile]
    said = ("national_id", "subject_number", "uniform_number", "organisation_oid", "email")
    holder = replace(holder, **{key: wish[key] for key in said if wish[key] is not None})
    if wish["rank"]:
        holder = replace(holder, rank=None if wish["rank"] == "none" else wish["rank"])
    holder.check()
    return holder


@softcard.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def list_cards(directory: Path, as_json: bool) -> None:
    """Show the cards, where they are, and what the authorities say of them today."""
    from cardbridge.lab.showing import plain

    shelf = _open(directory)
    if as_json:
        click.echo(json.dumps([plain(one) for one in shelf.list()], ensure_ascii=False))
    else:
        _print(shelf)


@softcard.command()
def variants() -> None:
    """Show in what ways a card can be wrong."""
    from cardbridge.lab.variants import VARIANTS

    for name, variant in VARIANTS.items():
        click.echo(f"{name:20} {variant.about}")


@softcard.command()
@click.argument("card")
@click.option("--reason", default="key_compromise", show_default=True, help="RFC 5280, 5.3.1.")
@click.pass_obj
def revoke(directory: Path, card: str, reason: str) -> None:
    """Revoke both certificates of a card, for good."""
    _change(directory, card, lambda shelf, serial: shelf.pki.revoke(serial, reason))


@softcard.command()
@click.argument("card")
@click.pass_obj
def suspend(directory: Path, card: str) -> None:
    """Suspend both certificates of a card; "resume" takes it back."""
    _change(directory, card, lambda shelf, serial: shelf.pki.suspend(serial))


@softcard.command()
@click.argument("card")
@click.pass_obj
def resume(directory: Path, card: str) -> None:
    """Let a suspended card hold again."""
    _change(directory, card, lambda shelf, serial: shelf.pki.resume(serial))


def _change(directory: Path, text: str, change: Callable[["Shelf", int], None]) -> None:
    shelf = _open(directory)
    with _told():
        card = shelf.find(text)
        for serial in card.serials:
            change(shelf, serial)
    _print(shelf, card.name)


@softcard.command()
@click.argument("card")
@click.option("--alone", is_flag=True, help="And take out every other one.")
@click.pass_obj
def insert(directory: Path, card: str, alone: bool) -> None:
    """Put a card into the reader."""

    def move(shelf: "Shelf", name: str) -> None:
        for other in shelf.tokens.cards() if alone else ():
            if other.name != name:
                shelf.tokens.remove(other.name)
        shelf.tokens.insert(name)

    _move(directory, card, move)


@softcard.command()
@click.argument("card")
@click.pass_obj
def remove(directory: Path, card: str) -> None:
    """Take a card out of the reader, into the drawer."""
    _move(directory, card, lambda shelf, name: shelf.tokens.remove(name))


def _move(directory: Path, text: str, move: Callable[["Shelf", str], None]) -> None:
    shelf = _open(directory)
    with _told():
        card = shelf.find(text)
        move(shelf, card.name)
    _print(shelf, card.name)


@softcard.command()
@click.argument("card")
@click.pass_obj
def destroy(directory: Path, card: str) -> None:
    """Break a card. Its certificates stay what they are; revoke them first if they should not."""
    shelf = _open(directory)
    with _told():
        shelf.tokens.destroy(shelf.find(card).name)


@softcard.command()
@click.pass_obj
def env(directory: Path) -> None:
    """Print what a shell must set for a program to see the cards."""
    click.echo(f"export {_exported(_open(directory))}")


@softcard.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.pass_obj
def trust(directory: Path, folder: Path) -> None:
    """Write the certificates of the root and the four into FOLDER, for who is to trust them.

    Trust them on a machine of tests only: whoever reads the directory of the lab can issue.
    """
    import hashlib

    shelf = _open(directory)
    folder.mkdir(parents=True, exist_ok=True)
    for name, der in {"root": shelf.pki.root, **shelf.pki.issuers}.items():
        path = folder / f"{name}.cer"
        path.write_bytes(der)
        click.echo(f"{hashlib.sha256(der).hexdigest()}  {path}")


@softcard.command()
@click.option("--port", type=click.IntRange(1, 65535), help="The first time only; it is kept.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="AUTHORITY/SERVICE=FAULT",
    help="Answer wrongly, for instance moica/ocsp=stale. Services: ocsp, crl, issuer.",
)
@click.pass_obj
def serve(directory: Path, port: int | None, faults: Sequence[str]) -> None:
    """Answer about revocation on loopback, until interrupted."""
    from cardbridge.lab.faults import Faults
    from cardbridge.lab.shelf import Shelf

    with _told():
        shelf = Shelf.open_or_create(directory, port=port)
        on = Faults()
        for text in faults:
            on.set_named(text)
        responder = _responder(shelf, on)
    # Stopping waits for the loop that the signal interrupted, so another thread must.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: threading.Thread(target=responder.stop).start())
    click.echo(f"Answers about revocation at {responder.base_url} (Ctrl-C ends it).")
    sys.stdout.flush()
    responder.serve_forever(shelf.pki)


def _responder(shelf: "Shelf", faults: "Faults") -> "Responder":
    from cardbridge.lab.responder import Responder

    try:
        return Responder(port=shelf.port, faults=faults)
    except OSError as taken:
        raise click.ClickException(f"port {shelf.port} cannot be had: {taken}") from taken


def _print(shelf: "Shelf", *names: str) -> None:
    """Print the table of these cards, or of all."""
    from cardbridge.lab.showing import table

    for line in table([one for one in shelf.list() if not names or one.card.name in names]):
        click.echo(line)


def _exported(shelf: "Shelf") -> str:
    return " ".join(
        f"{key}={shlex.quote(value)}" for key, value in shelf.tokens.environment.items()
    )
