"""``idp pki``: whose cards are taken, the lists of revoked ones, and what is wrong with a card."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import click

from idp.audit.events import AuthorityInstalled, AuthorityRemoved, AuthoritySwitched
from idp.authenticators.card import authority, trust
from idp.authenticators.card.authority import NotAnAuthority
from idp.authenticators.card.profiles import Profile, all_profiles
from idp.authenticators.card.reasons import Unfit
from idp.authenticators.card.trust import Installed
from idp.cli.context import Invocation, fail, json_option, operator, say, say_record
from idp.cli.operate import built
from idp.clock import system_clock
from idp.database.transaction import Transaction
from idp.provider import Provider

_SHOWN = ("kind", "name", "state", "expires", "fingerprint", "list")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def pki() -> None:
    """Authorities of smart cards: install, switch on and off, look at, fetch their lists."""


@pki.command("install")
@click.argument("file", type=_FILE)
@click.option("--kind", required=True, help="The kind of cards it issues: moica, moeaca, xca, gca.")
@click.option("--provenance", default="", help="Where you compared its fingerprint.")
@click.option("--crl-url", default="", help="Its whole list; without it, the kind's own.")
@click.option("--on", is_flag=True, help="Take its cards at once.")
@json_option
@click.pass_obj
def install(
    invocation: Invocation, /, *, file: Path, kind: str, provenance: str, crl_url: str,
    on: bool, as_json: bool,
) -> None:  # fmt: skip
    """Install the certificate of an issuing authority, PEM or DER."""
    portico = built(invocation.config())
    profile = all_profiles().get(kind)
    if profile is None:
        fail(f"--kind: there are {', '.join(all_profiles())}")
    try:
        found = authority.read(file.read_bytes(), kind)
    except NotAnAuthority as wrong:
        fail(f"{file}: {wrong}")
    known = _published(profile, found.fingerprint)
    if not known and not provenance:
        fail(
            f"{file}: fingerprint {found.fingerprint.hex()} is none that {kind} is known by. "
            "Compare it with what its authority publishes, then say where: --provenance"
        )
    url = crl_url or next(iter(profile.complete_crls), "")
    name = found.certificate.subject.rfc4514_string()
    with portico.database.write(operator()) as tx:
        added = trust.install(tx, found, name=name, provenance=provenance or known, crl_url=url)
        if added:
            portico.trail.append(
                tx, AuthorityInstalled(kind=kind, fingerprint=found.fingerprint.hex())
            )
        if on:
            _switch(portico, tx, found.fingerprint, on=True)
        installed = _installed(tx, found.fingerprint)
    row = _row(installed)
    say(row, as_json=True) if as_json else say_record(row)


@pki.command("list")
@json_option
@click.pass_obj
def show(invocation: Invocation, as_json: bool) -> None:
    """List the installed authorities."""
    portico = built(invocation.config())
    with portico.database.read() as tx:
        rows = [_row(one) for one in trust.everyone(tx)]
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
        one = _named(tx, fingerprint)
        trust.remove(tx, one.authority.fingerprint)
        whole = one.authority.fingerprint.hex()
        portico.trail.append(tx, AuthorityRemoved(fingerprint=whole))
    click.echo(f"removed {whole}")


@pki.command("refresh")
@click.pass_obj
def refresh(invocation: Invocation) -> None:
    """Fetch the whole lists of all authorities that are on, now."""
    portico = built(invocation.config())
    with portico.database.read() as tx:
        wanted = [one for one in trust.everyone(tx) if one.is_on and one.crl_url]
    failed = False
    for one in wanted:
        click.echo(f"{one.crl_url} … ", nl=False)
        entries = portico.card_lists.refresh(one, _writing(portico), clock=system_clock, now=True)
        click.echo("failed" if entries is None else f"{entries:,} entries")
        failed = failed or entries is None
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
        one = _named(tx, fingerprint)
        _switch(portico, tx, one.authority.fingerprint, on=on)
    click.echo(f"{'on' if on else 'off'}: {one.authority.fingerprint.hex()}")


def _switch(portico: Provider, tx: Transaction, fingerprint: bytes, *, on: bool) -> None:
    if trust.switch(tx, fingerprint, on=on):
        portico.trail.append(tx, AuthoritySwitched(fingerprint=fingerprint.hex(), on=on))


def _named(tx: Transaction, beginning: str) -> Installed:
    found = [
        one
        for one in trust.everyone(tx)
        if len(beginning) >= 8 and one.authority.fingerprint.hex().startswith(beginning.lower())
    ]
    if len(found) != 1:
        fail("no one authority has this fingerprint; eight digits of it are enough")
    return found[0]


def _installed(tx: Transaction, fingerprint: bytes) -> Installed:
    return next(one for one in trust.everyone(tx) if one.authority.fingerprint == fingerprint)


def _published(profile: Profile, fingerprint: bytes) -> str:
    known = {one.sha256: f"{one.name}: {one.provenance}" for one in profile.authorities}
    return known.get(fingerprint.hex(), "")


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


def _row(one: Installed) -> dict[str, object]:
    return {
        "kind": one.authority.profile_id,
        "name": one.name,
        "state": "on" if one.is_on else "off",
        "expires": one.authority.certificate.not_valid_after_utc.date(),
        "fingerprint": one.authority.fingerprint.hex(),
        "provenance": one.provenance,
        "list": one.crl_url,
    }
