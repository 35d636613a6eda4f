"""``idp client``, ``keys``, ``account`` and ``audit``: looking after what is on record."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec
from sqlalchemy.exc import IntegrityError

from idp import worker
from idp.assembly import root_key
from idp.audit import checkpoint
from idp.audit.checkpoint import Anchor
from idp.audit.events.clients import ClientAdded, ClientRemoved, ClientSecretRotated
from idp.audit.events.operation import KeyRetired
from idp.cli.context import Invocation, fail, json_option, operator, say, say_record, say_secret
from idp.cli.operate import built
from idp.cli.posture import show_posture
from idp.config import ClientSection
from idp.keys import store as keys_store
from idp.oidc import clients
from idp.oidc.clients import BadRegistration
from idp.oidc.model import Client
from idp.oidc.vocabulary import AuthMethod, Profile

_SHOWN = ("client_id", "source", "auth", "grants", "redirect_uris", "state")


@click.group()
def client() -> None:
    """Relying apps: register, look at, give a new secret, remove."""


@client.command("add")
@click.option("--id", "client_id", required=True)
@click.option("--redirect-uri", "redirect_uris", multiple=True)
@click.option("--post-logout-redirect-uri", "post_logout_redirect_uris", multiple=True)
@click.option("--backchannel-logout-uri", default="")
@click.option(
    "--auth",
    type=click.Choice([one.value for one in AuthMethod]),
    default="client_secret_basic",
    show_default=True,
)
@click.option(
    "--profile",
    type=click.Choice([one.value for one in Profile]),
    default="oauth21",
    show_default=True,
)
@click.option("--response-type", "response_types", multiple=True, help="Default: code.")
@click.option(
    "--subject-type", type=click.Choice(["public", "pairwise"]), default="public", show_default=True
)
@click.option("--require-par", is_flag=True, help="Takes its requests at /par only (RFC 9126).")
@click.option("--frontchannel-logout-uri", default="")
@click.option("--grant", "grants", multiple=True, help="Default: authorization_code and refresh.")
@click.option("--scope", default="openid profile email", show_default=True)
@click.option("--name", default="", help="Its name for people.")
@click.option("--home-uri", default="", help="Where the front page's link leads.")
@click.option("--jwks", type=click.File("rb"), help="Its public keys, for private_key_jwt.")
@click.option("--trusted", is_flag=True, help="A first-party app: consent is not asked for.")
@click.option("--introspects", is_flag=True, help="A resource server: may introspect any token.")
@click.option(
    "--metadata",
    type=click.File("rb"),
    help="A JSON object with further members, by the names of RFC 7591.",
)
@json_option
@click.pass_obj
def add_client(invocation: Invocation, /, as_json: bool, **given: Any) -> None:
    """Register a client and print it, with its secret this once."""
    portico = built(invocation.config())
    registration = _registration(given)
    needs_secret = registration.token_endpoint_auth_method.startswith("client_secret")
    try:
        with portico.database.write(operator()) as tx:
            clients.add(tx, registration, source="operator")
            added = ClientAdded(client_id=registration.client_id, source="operator")
            portico.trail.append(tx, added)
            secret = ""
            if needs_secret:
                secret = clients.new_secret(tx, portico.entropy, registration.client_id)
    except BadRegistration as wrong:
        fail(str(wrong))
    except IntegrityError:
        fail(f"client_id: {registration.client_id!r} is taken; an id is never given twice")
    document = {**msgspec.to_builtins(registration), "client_secret": secret}
    document.pop("secret_sha256")
    if as_json:
        say(document, as_json=True)
        return
    say_record(_row("operator", Client(registration)))
    if secret:
        say_secret("client_secret", secret)


def _registration(given: dict[str, Any]) -> ClientSection:
    grants = list(given["grants"]) or ["authorization_code", "refresh_token"]
    jwks = msgspec.json.decode(given["jwks"].read()) if given["jwks"] else {}
    registration = ClientSection(
        client_id=given["client_id"],
        names={"en": given["name"]} if given["name"] else {},
        redirect_uris=list(given["redirect_uris"]),
        post_logout_redirect_uris=list(given["post_logout_redirect_uris"]),
        backchannel_logout_uri=given["backchannel_logout_uri"],
        frontchannel_logout_uri=given["frontchannel_logout_uri"],
        profile=given["profile"],
        response_types=list(given["response_types"]) or ["code"],
        subject_type=given["subject_type"],
        require_pushed_authorization_requests=given["require_par"],
        grant_types=grants,
        scope=given["scope"],
        token_endpoint_auth_method=given["auth"],
        jwks=jwks,
        trusted=given["trusted"],
        introspects=given["introspects"],
        home_uri=given["home_uri"],
    )
    return _with_metadata(registration, given["metadata"])


def _with_metadata(registration: ClientSection, file: BinaryIO | None) -> ClientSection:
    """Lay a file's members over what the options say."""
    if file is None:
        return registration
    try:
        more = msgspec.json.decode(file.read(), type=dict[str, Any])
        return msgspec.convert(msgspec.to_builtins(registration) | more, ClientSection)
    except (msgspec.DecodeError, msgspec.ValidationError) as wrong:
        fail(f"--metadata: {wrong}")


client.add_command(show_posture)


@client.command("list")
@json_option
@click.pass_obj
def list_clients(invocation: Invocation, as_json: bool) -> None:
    """List all clients, disabled ones too."""
    portico = built(invocation.config())
    with portico.database.read() as tx:
        found = [_row(source, one) for source, one in clients.everyone(tx)]
    say(found, as_json=as_json, columns=_SHOWN)


def _row(source: str, one: Client) -> dict[str, Any]:
    registration = one.registration
    return {
        "client_id": one.client_id,
        "source": source,
        "auth": registration.token_endpoint_auth_method,
        "grants": registration.grant_types,
        "redirect_uris": registration.redirect_uris,
        "state": "disabled" if one.disabled else "trusted" if registration.trusted else "active",
    }


@client.command("show")
@click.argument("client_id")
@json_option
@click.pass_obj
def show_client(invocation: Invocation, client_id: str, as_json: bool) -> None:
    """Show one client's registration; secrets cannot be shown, only replaced."""
    portico = built(invocation.config())
    with portico.database.read() as tx:
        found = clients.read(tx, client_id)
    if found is None:
        fail(f"there is no client {client_id!r}")
    document = msgspec.to_builtins(found.registration) | {"disabled": found.disabled}
    document.pop("secret_sha256")
    if as_json:
        say(document, as_json=True)
    else:
        say_record(document)


@client.command("rotate-secret")
@click.argument("client_id")
@click.option("--overlap-hours", type=click.IntRange(min=0), default=24, show_default=True)
@json_option
@click.pass_obj
def rotate_secret(
    invocation: Invocation, client_id: str, overlap_hours: int, as_json: bool
) -> None:
    """Give a client a new secret; the old one works on for the overlap."""
    portico = built(invocation.config())
    with portico.database.write(operator()) as tx:
        if clients.read(tx, client_id) is None:
            fail(f"there is no client {client_id!r}")
        secret = clients.new_secret(
            tx, portico.entropy, client_id, overlap=timedelta(hours=overlap_hours)
        )
        portico.trail.append(tx, ClientSecretRotated(client_id=client_id))
    if as_json:
        say({"client_id": client_id, "client_secret": secret}, as_json=True)
    else:
        say_secret(f"client_secret of {client_id}", secret)


@client.command("remove")
@click.argument("client_id")
@click.pass_obj
def remove_client(invocation: Invocation, client_id: str) -> None:
    """Disable a client for good; its tokens die with it, its id is never given again."""
    portico = built(invocation.config())
    with portico.database.write(operator()) as tx:
        if not clients.remove(tx, client_id):
            fail(f"there is no active client {client_id!r}")
        portico.trail.append(tx, ClientRemoved(client_id=client_id, source="operator"))


@click.group()
def keys() -> None:
    """The key-encryption key and the signing keys."""


@keys.command("init")
@click.pass_obj
def init_keys(invocation: Invocation) -> None:
    """Make the key-encryption key of a new installation. Back it up apart from the data."""
    path = Path(invocation.config().keys.kek_file)
    if not root_key.make_key_encryption_key(path):
        fail(f"{path} exists already; it is never overwritten")
    click.echo(f"made {path}: without it, what the database holds sealed is lost")


@keys.command("list")
@json_option
@click.pass_obj
def list_keys(invocation: Invocation, as_json: bool) -> None:
    """List the signing keys and where each stands."""
    portico = built(invocation.config())
    with portico.database.read() as tx:
        found = [
            {
                "kid": life.kid,
                "alg": life.alg,
                "state": state,
                "activates_at": life.activates_at.isoformat(),
                "retires_at": life.retires_at.isoformat() if life.retires_at else None,
            }
            for life, state in keys_store.lives(tx)
        ]
    say(found, as_json=as_json)


@keys.command("rotate")
@click.option("--alg", "algs", multiple=True, help="Default: every configured algorithm.")
@json_option
@click.pass_obj
def rotate_keys(invocation: Invocation, algs: tuple[str, ...], as_json: bool) -> None:
    """Publish new keys now; they sign after the publishing time, the old ones verify on."""
    config = invocation.config()
    portico = built(config)
    wanted = algs or tuple(config.keys.algorithms)
    if unknown := set(wanted) - set(config.keys.algorithms):
        fail(f"not configured: {', '.join(sorted(unknown))}")
    with portico.database.write(operator()) as tx:
        made = [{"alg": alg, "kid": worker.add_key(portico, tx, alg)} for alg in wanted]
    say(made, as_json=as_json)


@keys.command("retire")
@click.argument("kid")
@click.pass_obj
def retire_key(invocation: Invocation, kid: str) -> None:
    """Take a key out of use and out of the JWKS at once: for an emergency."""
    portico = built(invocation.config())
    with portico.database.write(operator()) as tx:
        if not portico.keys.retire(tx, kid):
            fail(f"there is no key {kid!r}")
        portico.trail.append(tx, KeyRetired(kid=kid))
    worker.rotate_keys(portico)


@click.group()
def audit() -> None:
    """The audit log."""


@audit.command("verify")
@click.option(
    "--anchor",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of anchors; its last line is compared.",
)
@json_option
@click.pass_obj
def verify_audit(invocation: Invocation, anchor: Path | None, as_json: bool) -> None:
    """Verify every row of every chain; exits 1 and names the first bad place if one is bad."""
    portico = built(invocation.config())
    known = None
    if anchor is not None and (lines := anchor.read_bytes().split(b"\n")[:-1]):
        known = msgspec.json.decode(lines[-1], type=Anchor)

    def progress(rows: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{rows} rows", nl=False, err=True)

    with portico.database.read() as tx:
        verdict = checkpoint.verify(
            tx, portico.keychain.key("audit"), anchor=known, progress=progress
        )
    say(
        {
            "ok": verdict.ok,
            "rows": verdict.rows,
            "chains": verdict.chains,
            "checkpoints": verdict.checkpoints,
            "since_checkpoint": verdict.since_checkpoint,
            "problem": verdict.problem,
        },
        as_json=as_json,
    )
    if not verdict.ok:
        raise click.exceptions.Exit(1)
