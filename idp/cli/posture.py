"""``idp client posture``: how a client stands against the standards, for people and for CI."""

from typing import Any

import click

from idp.cli.context import Invocation, fail, json_option, say
from idp.cli.operate import built
from idp.oidc import clients, posture
from idp.oidc.posture import Finding, Standard

_WORDS = {True: "kept", False: "BROKEN", None: "not concerned"}
_UNKNOWN_CLIENT = 2


@click.command("posture")
@click.argument("client_id")
@click.option(
    "--require",
    "required",
    type=click.Choice([one.value for one in Standard]),
    default=Standard.OAUTH21.value,
    show_default=True,
    help="The standard whose rules decide the exit code.",
)
@json_option
@click.pass_obj
def show_posture(invocation: Invocation, client_id: str, required: str, as_json: bool) -> None:
    """Hold a client against OAuth 2.1, RFC 9700 and FAPI 2.0.

    Exits with 0 if it stands against the required standard, with 1 if it does not, and with
    2 if there is no such client.
    """
    portico = built(invocation.config())
    with portico.database.read() as tx:
        client = clients.read(tx, client_id)
    if client is None:
        click.echo(f"There is no client {client_id!r}.", err=True)
        raise SystemExit(_UNKNOWN_CLIENT)
    findings = posture.look_at(client)
    verdicts = {one.value: posture.stands(findings, one) for one in Standard}
    if as_json:
        say(_document(client_id, findings, verdicts), as_json=True)
    else:
        say([_row(one) for one in findings], as_json=False)
        click.echo("")
        for standard, stands in verdicts.items():
            click.echo(f"{standard}: {'stands' if stands else 'does not stand'}")
    if not verdicts[required]:
        fail(f"{client_id} does not stand against {required}")


def _row(finding: Finding) -> dict[str, Any]:
    sections = [f"{standard} {section}" for standard, section in finding.rule.sections.items()]
    return {
        "rule": finding.rule.name,
        "": _WORDS[finding.kept],
        "where": sections,
        "what to do": finding.rule.advice if finding.kept is False else "",
    }


def _document(client_id: str, findings: list[Finding], verdicts: dict[str, bool]) -> dict[str, Any]:
    rules = [
        {
            "rule": one.rule.name,
            "kept": one.kept,
            "sections": {str(standard): where for standard, where in one.rule.sections.items()},
            "advice": one.rule.advice,
        }
        for one in findings
    ]
    return {"client_id": client_id, "stands": verdicts, "rules": rules}
