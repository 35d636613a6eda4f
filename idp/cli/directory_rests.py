"""``idp directory rests`` and ``lift``: who has to wait after wrong passwords, and no longer."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

import click
import msgspec

from idp.audit.events.signin import ThrottleLifted
from idp.authenticators.directory import lockout, people
from idp.authenticators.directory.lockout import Heard
from idp.cli.context import Invocation, fail, json_option, operator, say
from idp.cli.operate import built
from idp.config import DirectorySection
from idp.provider import Provider
from idp.signin import rests
from idp.signin.directory import GATE, INSIDE, OUTSIDE
from idp.signin.rests import Counted, Place

if TYPE_CHECKING:
    from idp.gateways.ldap import Session

_LONGEST_REASON = 200
_MOST_ENTRIES = 20
_POOLS = {
    OUTSIDE: "all browsers that nobody has signed in from",
    INSIDE: "the same, in `ticket_networks`",
}


@click.command("rests")
@click.argument("name")
@json_option
@click.pass_obj
def show_rests(invocation: Invocation, /, *, name: str, as_json: bool) -> None:
    """Show what rests of the tries at NAME, as it is typed on the sign-in page, and until when.

    Beside it stands what the directory itself counts: `idp directory lift` waits for that.
    """
    portico = built(invocation.config())
    counted, section = _counted(portico, name)
    if as_json:
        heard = _heard(portico, section, counted, name)
        say(_document(portico, counted, section, heard), as_json=True)
        return
    if counted.places:
        say([_row(one) for one in counted.places], as_json=False)
    if not counted.resting:
        click.echo(f"Nothing rests: the next try at {counted.name} goes to the directory.")
    click.echo(_told(_heard(portico, section, counted, name)))  # last: it may not be told


@click.command("lift")
@click.argument("name")
@click.option("--reason", required=True, help="Why, for the audit log.")
@json_option
@click.pass_obj
def lift(invocation: Invocation, /, *, name: str, reason: str, as_json: bool) -> None:
    """End what rests of the tries at NAME, once the directory counts nothing against it.

    Before that it is refused: more wrong passwords would lock the account in the directory.
    """
    why = _reason(reason)
    portico = built(invocation.config())
    counted, section = _counted(portico, name)
    if counted.resting:
        _refuse_unless_safe(portico, section, counted, name)
        _lift(portico, counted, section, why)
    if as_json:
        say({"name": counted.name, "lifted": len(counted.resting)}, as_json=True)
    elif counted.resting:
        click.echo(f"{len(counted.resting)} lifted: {counted.name} may be tried at once.")
    else:
        click.echo(f"Nothing rests: the next try at {counted.name} goes to the directory.")


def _reason(text: str) -> str:
    reason = " ".join(text.split())
    if not reason or len(reason) > _LONGEST_REASON or not reason.isprintable():
        fail(f"--reason: say why in 1 to {_LONGEST_REASON} characters, in one line")
    return reason


def _counted(portico: Provider, login: str) -> tuple[Counted, DirectorySection]:
    claimed = portico.directories.claims(login)
    if claimed is None:
        fail(f"{login}: no [[directories]] has names like this: compare `domain`, `upn_suffixes`")
    with portico.database.read() as tx:
        counted = rests.of(tx, portico.directory_signing_in, login, claimed)
    sections = {one.id: one for one in portico.config.directories}
    return counted, sections[counted.name.partition(":")[0]]


def _refuse_unless_safe(
    portico: Provider, section: DirectorySection, counted: Counted, login: str
) -> None:
    heard = _heard(portico, section, counted, login)
    window, now = timedelta(minutes=section.lockout_minutes), portico.database.clock()
    until = rests.holds_until(counted, heard, window, now)
    if until is not None:
        fail(f"not lifted: {_told(heard)} {_remedy(heard, until)}")


def _remedy(heard: Sequence[Heard] | None, until: datetime) -> str:
    if heard and any(one.wrong or one.is_locked for one in heard):
        return (
            f"More would lock the account there. Wait until {_at(until)}, or unlock it there, "
            "which sets the count to nothing: Unlock-ADAccount, samba-tool user unlock"
        )
    return f"The last try is too young to be sure that it is forgotten: wait until {_at(until)}"


def _lift(portico: Provider, counted: Counted, section: DirectorySection, reason: str) -> None:
    with portico.database.write(operator()) as tx:
        if not rests.lift(tx, counted):
            fail("not lifted: it has changed while the directory was asked; look again")
        account = portico.accounts.find(tx, counted.account_id) if counted.account_id else None
        lifted = ThrottleLifted(
            subject=account.subject if account else "",
            gate=GATE,
            directory=section.id,
            rests=len(counted.resting),
            reason=reason,
        )
        portico.trail.append(tx, lifted)


def _heard(
    portico: Provider, section: DirectorySection, counted: Counted, login: str
) -> list[Heard] | None:
    """Ask every controller what it counts; ``None``: it does not tell."""
    claimed = portico.directories.claims(login) or counted.name
    accounts = {one.partition(":")[2] for one in (counted.name, claimed)}
    return rests.told([_ask(portico, section, host, accounts) for host in section.hosts])


def _ask(
    portico: Provider, section: DirectorySection, host: str, accounts: set[str]
) -> list[Heard | None]:
    from idp.cli.directory_asking import until
    from idp.gateways.ldap import Ldap, Misconfigured, Unreachable

    window, now = timedelta(minutes=section.lockout_minutes), portico.database.clock()

    def question(session: "Session") -> list[Heard | None]:
        names = [people.by_any_name(section, one) for one in accounts]
        named = [one for name in names for one in session.below(section.base, name, _MOST_ENTRIES)]
        looked = [session.look(one.dn, "(objectClass=*)", lockout.ATTRIBUTES) for one in named]
        return [
            lockout.of_entry(host, found[0].dn, found[0].values, window, now) if found else None
            for found in looked
        ]

    try:
        return Ldap(msgspec.structs.replace(section, hosts=[host])).ask(question, until())
    except (Unreachable, Misconfigured, OSError) as wrong:
        _silent(host, wrong)


def _silent(host: str, wrong: Exception) -> NoReturn:
    fail(f"{host} does not say what it counts ({wrong}): see `idp directory test`")


def _told(heard: Sequence[Heard] | None) -> str:
    if heard is None:
        return "What the directory counts cannot be seen."
    held = [
        f"{one.host} has locked {one.dn}." if one.is_locked else
        f"{one.host} counts {one.wrong} against {one.dn} until {_at(one.until)}."
        for one in heard
        if one.wrong or one.is_locked
    ]  # fmt: skip
    return " ".join(held) or "The directory counts nothing against it."


def _row(one: Place) -> dict[str, Any]:
    seen = (
        f"a browser of the holder, last {_at(one.browser_seen_at)}" if one.browser_seen_at else ""
    )
    return {
        "who": _POOLS.get(one.pool, seen),
        "tries": one.count.failures,
        "last": _at(one.count.last_at),
        "rests_until": _at(one.until) or "does not rest",
    }


def _document(
    portico: Provider,
    counted: Counted,
    section: DirectorySection,
    heard: Sequence[Heard] | None,
) -> dict[str, Any]:
    window, now = timedelta(minutes=section.lockout_minutes), portico.database.clock()
    return {
        "name": counted.name,
        "places": [_row(one) | {"rests_until": _at(one.until)} for one in counted.places],
        "directory_counts": None if heard is None else [msgspec.to_builtins(one) for one in heard],
        "may_be_lifted_from": _at(rests.holds_until(counted, heard, window, now)),
    }


def _at(when: datetime | None) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC" if when else ""
