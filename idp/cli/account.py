"""``idp account``: making accounts from the command line, for bootstrap and tests."""

import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import msgspec

from idp.accounts.model import Email, Kind, Profile, canonical_name
from idp.accounts.store import NewAccount
from idp.audit.events.accounts import AccountAdded
from idp.authenticators.card import cards
from idp.authenticators.card.candidate import Candidate, without_grace
from idp.authenticators.card.reasons import Unfit
from idp.cli.context import Invocation, fail, json_option, operator, say
from idp.cli.operate import built
from idp.provider import Provider
from idp.secret import Secret
from idp.signin.account_cards import Added, Bar
from idp.terms import documents
from idp.terms import store as terms


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One account of a people file."""

    username: str
    password: str
    kind: Kind = Kind.CITIZEN
    email: str = ""
    locale: str = "zh-Hant"
    profile: Profile = Profile()


class People(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A people file: ``[[people]]`` tables."""

    people: list[Person]


@click.group()
def account() -> None:
    """Accounts of people and organisations."""


@account.command("add")
@click.option("--username", default="")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--name", default="")
@click.option("--email", default="", help="Taken as verified.")
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), default="citizen")
@click.option(
    "--from-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TOML file of [[people]] instead of one person.",
)
@click.option("--if-missing", is_flag=True, help="Leave accounts that exist as they are.")
@json_option
@click.pass_obj
def add(
    invocation: Invocation, /, from_file: Path | None, if_missing: bool, as_json: bool, **given: Any
) -> None:
    """Make an active account, or many."""
    portico = built(invocation.config())
    people = _read(from_file) if from_file else [_one(given)]
    added = [_add(portico, person, if_missing=if_missing) for person in people]
    say(added if from_file else added[0], as_json=as_json)


@account.command("forget-factors")
@click.argument("username")
@json_option
@click.pass_obj
def forget_factors(invocation: Invocation, username: str, as_json: bool) -> None:
    """Remove every second factor of somebody who has lost them all.

    The help desk has made sure who asks: from then on the password alone opens the account.
    """
    portico, name = built(invocation.config()), canonical_name(username)
    with portico.database.write(operator()) as tx:
        found = portico.accounts.named(tx, name)
        forgot = found is not None and portico.factors.forget(tx, found)
    if found is None:
        fail(f"there is no account {name!r}")
    say({"username": name, "forgot": forgot}, as_json=as_json)


@account.command("add-card")
@click.option("--username", required=True)
@click.option("--if-missing", is_flag=True, help="Leave a card alone that opens an account.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def add_card(invocation: Invocation, username: str, if_missing: bool, file: Path) -> None:
    """Let a card open an account: FILE is its signature certificate, as DER.

    For the help desk, which has seen the card and its holder. Path, revocation and owner are
    compared as on the page, and the owner is told by mail.
    """
    portico, name = built(invocation.config()), canonical_name(username)
    with portico.database.read() as tx:
        traced = portico.card_holders.trace(tx, file.read_bytes())
        is_taken = isinstance(traced, Candidate) and cards.find(tx, traced.leaf.fingerprint)
    if isinstance(traced, Unfit):
        fail(f"{file}: {traced.flaw} {traced.detail}")
    if not (is_taken and if_missing):
        _give(portico, name, traced, file)
    click.echo(f"{traced.holder.name}: {traced.leaf.fingerprint_hex}")


def _give(portico: Provider, name: str, candidate: Candidate, file: Path) -> None:
    verified = without_grace(portico.card_holders.verify(candidate, clock=portico.database.clock))
    if isinstance(verified, Unfit):
        fail(f"{file}: {verified.flaw} {verified.detail}")
    with portico.database.write(operator()) as tx:
        found = portico.accounts.named(tx, name)
        outcome = portico.account_cards.give(tx, found, candidate) if found else None
    if outcome is None:
        fail(f"there is no account {name!r}")
    if outcome is Bar.TAKEN:
        fail(f"{file}: this certificate opens an account already")
    if not isinstance(outcome, Added):
        fail(f"{file}: this certificate is not the account's: {outcome}")


def _read(path: Path) -> list[Person]:
    try:
        tree = tomllib.loads(path.read_text("utf-8"))
        return msgspec.convert(tree, People).people
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as wrong:
        fail(f"{path}: {wrong}")


def _one(given: dict[str, Any]) -> Person:
    if not given["username"] or not given["password_stdin"]:
        fail("--username and --password-stdin are needed (or --from-file)")
    password = sys.stdin.readline().rstrip("\n")
    if not password:
        fail("standard input holds no password")
    return Person(
        given["username"],
        password,
        Kind(given["kind"]),
        given["email"],
        profile=Profile(name=given["name"]),
    )


def _add(portico: Provider, person: Person, *, if_missing: bool) -> dict[str, Any]:
    name = canonical_name(person.username)
    with portico.database.read() as tx:
        existing = portico.accounts.named(tx, name)
    if existing is not None:
        if not if_missing:
            fail(f"there is an account {name!r} already")
        return {"username": name, "sub": existing.subject, "existed": True}
    new = NewAccount(
        account_name=name,
        kind=person.kind,
        profile=person.profile,
        emails=(Email(person.email, verified=True),) if person.email else (),
        phc_hash=portico.password.hash(Secret(person.password)),
        locale=person.locale,
        accepted_terms=documents.in_force(portico.database.clock()),
    )
    with portico.database.write(operator()) as tx:
        made = portico.accounts.add(tx, new)
        # Who opens an account at the counter signs the terms there.
        terms.accept(tx, made.id, documents.in_force(tx.now))
        portico.trail.append(tx, AccountAdded(subject=made.subject, kind=made.kind))
    return {"username": name, "sub": made.subject, "existed": False}
