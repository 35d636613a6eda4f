"""``idp pki``: whose cards are taken, the lists of revoked ones, and what is wrong with a card."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import click

from idp.audit.events.cards import AuthorityInstalled, AuthorityRemoved, AuthoritySwitched
from idp.authenticators.card import authority, published, roots, trust
from idp.authenticators.card.authority import Authority, NotAnAuthority
from idp.authenticators.card.profiles import all_profiles
from idp.authenticators.card.published import Published
from idp.authenticators.card.reasons import Unfit
from idp.authenticators.card.roots import Health
from idp.cli.context import Invocation, fail, json_option, operator, say, say_record
from idp.cli.operate import built
from idp.clock import system_clock
from idp.database.transaction import Transaction
from idp.provider import Provider
from idp.worker import ask_card_roots

_SHOWN = ("kind", "name", "state", "root heard", "expires", "entries", "fingerprint", "worries")
_KNOWN = ("name", "kind", "below", "valid", "ships", "sha256")
_ROOT = "root"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def pki() -> None:
    """Authorities of smart cards: install, switch on and off, look at, fetch their lists."""


@pki.command("known")
@json_option
@click.pass_obj
def known(_invocation: Invocation, as_json: bool) -> None:
    """List the authorities that were found published, and which of them ship."""
    rows = [_described(one) for one in published.everything().values()]
    say(rows, as_json=as_json, columns=_KNOWN)
    if not as_json:
        click.echo(
            "\nWhat ships: `idp pki install NAME --on`. What does not: fetch it, compare it, "
            "`idp pki install FILE --kind KIND --on`. With --json: where each is from."
        )


@pki.command("install")
@click.argument("file", metavar="NAME_OR_FILE")
@click.option("--kind", default="", help="What it issues: moica, moeaca, xca, gca; or root.")
@click.option("--provenance", default="", help="Where you compared its fingerprint.")
@click.option("--crl-url", default="", help="Its whole list; without it, the kind's own.")
@click.option("--on", is_flag=True, help="Take its cards at once.")
@json_option
@click.pass_obj
def install(
    invocation: Invocation, /, *, file: str, kind: str, provenance: str, crl_url: str,
    on: bool, as_json: bool,
) -> None:  # fmt: skip
    """Install an authority: one that ships, by its name, or a certificate, PEM or DER."""
    portico = built(invocation.config())
    found, seen = _read(file, kind)
    if seen is None and not provenance:
        fail(
            f"{file}: fingerprint {found.fingerprint.hex()} is none that {kind} is known by. "
            "Compare it with what its authority publishes, then say where: --provenance"
        )
    where = provenance or (seen.provenance if seen else "")
    url = crl_url or _list_of(found, seen)
    name = found.certificate.subject.rfc4514_string()
    with portico.database.write(operator()) as tx:
        added = trust.install(tx, found, name=name, provenance=where, crl_url=url)
        if added:
            event = AuthorityInstalled(
                kind=found.profile_id or _ROOT, fingerprint=found.fingerprint.hex()
            )
            portico.trail.append(tx, event)
        if on:
            _switch(portico, tx, found.fingerprint, on=True)
        roots.ask(tx)
        row = _row(_named(tx, found.fingerprint.hex()), portico, tx)
    say(row, as_json=True) if as_json else say_record(row)


@pki.command("list")
@json_option
@click.pass_obj
def show(invocation: Invocation, as_json: bool) -> None:
    """List the installed authorities."""
    portico = built(invocation.config())
    with portico.database.read() as tx:
        rows = [_row(one, portico, tx) for one in roots.healths(tx)]
    if not rows and not as_json:
        click.echo("No authority is installed: no card is taken. See `idp pki install`.")
        return
    say(rows, as_json=as_json, columns=_SHOWN)


@pki.command("on")
@click.argument("fingerprint")
@click.pass_obj
def switch_on(invocation: Invocation, fingerprint: str) -> None:
    """Take the cards of an authority."""
    _switched(invocation, fingerprint, on=True)


@pki.command("off")
@click.argument("fingerprint")
@click.pass_obj
def switch_off(invocation: Invocation, fingerprint: str) -> None:
    """Take no more cards of an authority; accounts keep theirs."""
    _switched(invocation, fingerprint, on=False)


@pki.command("remove")
@click.argument("fingerprint")
@click.pass_obj
def remove(invocation: Invocation, fingerprint: str) -> None:
    """Forget an authority."""
    portico = built(invocation.config())
    with portico.database.write(operator()) as tx:
        found = _named(tx, fingerprint).installed.authority.fingerprint
        trust.remove(tx, found)
        whole = found.hex()
        portico.trail.append(tx, AuthorityRemoved(fingerprint=whole))
    click.echo(f"removed {whole}")


@pki.command("refresh")
@click.pass_obj
def refresh(invocation: Invocation) -> None:
    """Fetch the whole lists of all authorities that are on, now, and ask their roots."""
    portico = built(invocation.config())
    with portico.database.read() as tx:
        wanted = [one for one in trust.everyone(tx) if one.is_on and one.crl_url]
    failed = False
    for one in wanted:
        click.echo(f"{one.crl_url} … ", nl=False)
        entries = portico.card_lists.refresh(one, _writing(portico), clock=system_clock, now=True)
        click.echo("failed" if entries is None else f"{entries:,} entries")
        failed = failed or entries is None
    ask_card_roots(portico)
    if failed:
        fail("a list could not be had; the one in use stays until its time is over")


@pki.command("check")
@click.argument("file", type=_FILE)
@json_option
@click.pass_obj
def check(invocation: Invocation, file: Path, as_json: bool) -> None:
    """Say what a card's certificate (DER or PEM) would prove now; exit code 1: nothing."""
    from idp.authenticators.card.holders import Holders

    portico = built(invocation.config())
    holders = Holders(trust.Trust(), portico.card_revocation)
    with portico.database.read() as tx:
        found = holders.trace(tx, _der(file))
    proven = found if isinstance(found, Unfit) else holders.verify(found, clock=system_clock)
    if isinstance(proven, Unfit):
        say({"result": proven.flaw, "detail": proven.detail}, as_json=as_json)
        raise click.exceptions.Exit(1)
    holder, cleared = proven.candidate.holder, proven.cleared
    row = {
        "result": "good",
        "kind": holder.profile_id,
        "name": holder.name,
        "revocation": cleared.source,
        "said_at": cleared.said_at,
        "degraded": cleared.is_degraded,
    }
    say(row, as_json=True) if as_json else say_record(row)


def _switched(invocation: Invocation, fingerprint: str, *, on: bool) -> None:
    portico = built(invocation.config())
    with portico.database.write(operator()) as tx:
        found = _named(tx, fingerprint).installed.authority.fingerprint
        _switch(portico, tx, found, on=on)
    click.echo(f"{'on' if on else 'off'}: {found.hex()}")


def _switch(portico: Provider, tx: Transaction, fingerprint: bytes, *, on: bool) -> None:
    if trust.switch(tx, fingerprint, on=on):
        portico.trail.append(tx, AuthoritySwitched(fingerprint=fingerprint.hex(), on=on))


def _named(tx: Transaction, beginning: str) -> Health:
    found = [
        one
        for one in roots.healths(tx)
        if len(beginning) >= 8 and _hex(one).startswith(beginning.lower())
    ]
    if len(found) != 1:
        fail("no one authority has this fingerprint; eight digits of it are enough")
    return found[0]


def _read(name: str, kind: str) -> tuple[Authority, Published | None]:
    """Read what ships under a name, or a file; of one that was seen published also what it is."""
    shipped = published.everything().get(name)
    if shipped is not None and not Path(name).exists():
        if not shipped.file:
            fail(f"{name} does not ship. Fetch {shipped.source}, compare it, and name the file")
        return authority.read(shipped.der, shipped.kind), shipped
    if kind not in {*all_profiles(), _ROOT}:
        fail(f"--kind: there are {', '.join([*all_profiles(), _ROOT])}")
    profile_id = "" if kind == _ROOT else kind
    try:
        found = authority.read(Path(name).read_bytes(), profile_id)
    except NotAnAuthority as wrong:
        fail(f"{name}: {wrong}")
    except OSError as wrong:
        fail(f"{name}: {wrong.strerror}, and no such authority ships; see `idp pki known`")
    seen = published.by_fingerprint(found.fingerprint)
    return found, seen if seen and seen.kind == profile_id else None


def _list_of(found: Authority, seen: Published | None) -> str:
    if not found.profile_id:
        return seen.crl_url if seen else ""
    return next(iter(all_profiles()[found.profile_id].complete_crls), "")


def _writing(portico: Provider) -> Callable[[], AbstractContextManager[Transaction]]:
    return lambda: portico.database.write(operator())


def _der(file: Path) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    content = file.read_bytes()
    if not content.lstrip().startswith(b"-----BEGIN"):
        return content
    try:
        return x509.load_pem_x509_certificate(content).public_bytes(Encoding.DER)
    except ValueError as wrong:
        fail(f"{file}: {wrong}")


def _hex(one: Health) -> str:
    return one.installed.authority.fingerprint.hex()


def _row(one: Health, portico: Provider, tx: Transaction) -> dict[str, object]:
    installed = one.installed
    patience = timedelta(hours=portico.config.cards.root_alarm_hours)
    return {
        "kind": installed.authority.profile_id or _ROOT,
        "name": installed.name,
        "state": one.word,
        "root": one.root.name if one.root else "",
        "root heard": installed.checked_at,
        "expires": installed.authority.certificate.not_valid_after_utc.date(),
        "fingerprint": _hex(one),
        "provenance": installed.provenance,
        "list": installed.crl_url,
        "list of": one.list_read_at,
        "list until": one.list_until,
        "entries": one.entries,
        "worries": roots.worries(one, tx.now, patience),
    }


def _described(one: Published) -> dict[str, object]:
    return {
        "name": one.name,
        "kind": one.kind or _ROOT,
        "below": one.below,
        "valid": one.valid,
        "ships": "yes" if one.file else "no",
        "sha256": one.sha256,
        "source": one.source,
        "vouched": one.vouched,
    }
