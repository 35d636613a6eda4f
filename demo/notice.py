"""Telling people and tools what runs where, and as whom they may sign in."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from demo import judges
from demo.plan import LOCAL_ACCOUNTS, PEOPLE, Plan
from demo.reader.known import OWNED, OWNER, PIN


def describe(
    plan: Plan, subjects: dict[str, str], made: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Put everything a tool needs into one document.

    Args:
        subjects: gives ``sub`` by username.
        made: the soft cards, as their own command lists them.
    """
    return {
        "issuer": plan.issuer,
        "addresses": _addresses(plan),
        "accounts": [
            person | {"sub": subjects[person["username"]], "name": person["profile"]["name"]}
            for person in _people()
        ],
        "local_accounts": tomllib.loads(LOCAL_ACCOUNTS.read_text("utf-8"))["accounts"],
        "judges": judges.described(plan.judges),
        "krb5_conf": judges.krb5_conf_of(plan.judges),
        "cards_need": "" if plan.cards.module else plan.cards.get,
        "cards": [
            {
                "name": one["name"],
                "kind": one["profile"],
                "holder": one["holder"],
                "pin": PIN,
                "account": OWNER if one["name"] == OWNED else "",
            }
            for one in made
        ],
        "clients": [
            {
                "client_id": client.client_id,
                "client_secret": plan.secrets.get(client.client_id, ""),
                "token_endpoint_auth_method": client.token_endpoint_auth_method,
                "redirect_uris": client.redirect_uris,
                "grant_types": client.grant_types,
                "scope": client.scope,
            }
            for client in plan.clients
        ],
    }


def write_private(path: Path, document: Any) -> None:
    """Write JSON that nobody else may read; whoever reads it never sees half of it."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2))
    draft.replace(path)


def table(document: dict[str, Any]) -> str:
    """Write the addresses and the accounts for a person at a terminal."""
    addresses = [f"  {name:<10}  {url}" for name, url in document["addresses"].items()]
    # The name comes last: Han characters are two columns wide, some terminals disagree.
    accounts = [
        f"  {one['username']:<10}  {one['password']:<30}  {one['kind']:<8}  {one['name']}"
        for one in document["accounts"]
    ]
    local = [f"  {one['name']:<10}  {one['password']}" for one in document["local_accounts"]]
    return "\n".join(
        [
            *("", *addresses, "", "  Sign in as (account, password):", *accounts, ""),
            *("  Accounts of the case query, to link at the first visit there:", *local, ""),
            *(*_of_cards(document), ""),
            *_of_judges(document),
        ]
    )


def _of_cards(document: dict[str, Any]) -> list[str]:
    if needed := document["cards_need"]:
        return [
            "  Cards need what is not installed here. To get it, before the next start:",
            f"  {needed}",
        ]
    reader = document["addresses"]["reader"]
    return [
        f"  Cards, to put into the reader at {reader} (PIN {PIN}):",
        *(
            f"  {one['name']:<10}  {_opens(one['account']):<30}  {one['kind']:<8}  {one['holder']}"
            for one in sorted(document["cards"], key=lambda one: (not one["account"], one["name"]))
        ),
    ]


def _of_judges(document: dict[str, Any]) -> list[str]:
    if not document["judges"]:
        return ["  Judges of a court's directory come with: AD=1 make run", ""]
    lines = [
        f"  {one['username']:<12}  {one['password']:<16}  {one['state']:<11}  {one['name']}"
        for one in document["judges"]
    ]
    if conf := document["krb5_conf"]:
        lines += [
            "  With a ticket instead of the password:",
            f"  KRB5_CONFIG={conf} kinit wang.dm",
            f"  KRB5_CONFIG={conf} chromium --auth-server-allowlist=localhost {document['issuer']}",
        ]
    return [
        "  Judges, who sign in with the account of their court (account, password, state;",
        "  IPC\\ is a second directory, no Active Directory):",
        *lines,
        "",
    ]


def _opens(account: str) -> str:
    return f"opens {account}" if account else "nobody's yet: open an account"


def _addresses(plan: Plan) -> dict[str, str]:
    server, smtp = plan.provider.server, plan.provider.smtp
    addresses = {
        "provider": plan.issuer,
        "casequery": plan.casequery_url,
        "mailbox": plan.mailbox_url,
        "smtp": f"smtp://localhost:{smtp.port}",
    }
    if plan.cards.module:
        addresses["reader"] = plan.cards.reader_url
        addresses["bridge"] = f"http://127.0.0.1:{plan.cards.bridge_port}"
    if server.metrics_port:
        addresses["metrics"] = f"http://{server.metrics_host}:{server.metrics_port}/metrics"
    return addresses


def _people() -> list[dict[str, Any]]:
    people: list[dict[str, Any]] = tomllib.loads(PEOPLE.read_text("utf-8"))["people"]
    return people
