"""Writes what a run of the OpenID Foundation's conformance suite needs, with fresh keys.

Usage: ``python -m demo.conformance --issuer https://sso.example --suite https://suite.example
DIR``. ``DIR`` then holds the provider's configuration, its one account, and a file a plan for
the suite; ``docs/conformance.md`` tells how they are used. For a provider that is there to be
tested: its registration is open, its account's password public, its pages ask no captcha.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey

HERE = Path(__file__).parent
ALIAS = "portico"
ACCOUNT, PASSWORD = "TESTER", "every claim has a value"
_FAPI_SCOPE = "openid profile email address phone offline_access"
_OIDC_PLANS = (
    "oidcc-basic-certification-test-plan",
    "oidcc-implicit-certification-test-plan",
    "oidcc-hybrid-certification-test-plan",
    "oidcc-formpost-basic-certification-test-plan",
    "oidcc-formpost-implicit-certification-test-plan",
    "oidcc-formpost-hybrid-certification-test-plan",
    "oidcc-config-certification-test-plan",
    "oidcc-dynamic-certification-test-plan",
    "oidcc-3rdparty-init-login-certification-test-plan",
    "oidcc-rp-initiated-logout-certification-test-plan",
    "oidcc-session-management-certification-test-plan",
    "oidcc-frontchannel-rp-initiated-logout-certification-test-plan",
    "oidcc-backchannel-rp-initiated-logout-certification-test-plan",
)
_FAPI_PLANS = ("fapi2-security-profile-final-test-plan", "fapi2-message-signing-final-test-plan")
_ENDS_ON_A_PAGE = {
    "oidcc-ensure-registered-redirect-uri": "Invalid redirect_uri",
    "oidcc-ensure-redirect-uri-in-authorization-request": "redirect_uri",
    "oidcc-redirect-uri-query-mismatch": "Invalid redirect_uri",
    "oidcc-redirect-uri-query-added": "Invalid redirect_uri",
    "oidcc-rp-initiated-logout-bad-post-logout-redirect-uri": "",
    "oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri": "",
    "oidcc-rp-initiated-logout-modified-id-token-hint": "",
    "oidcc-rp-initiated-logout-bad-id-token-hint": "",
    "oidcc-rp-initiated-logout-no-id-token-hint": "",
    "oidcc-rp-initiated-logout-no-params": "You are signed out",
    "oidcc-rp-initiated-logout-no-post-logout-redirect-uri": "You are signed out",
    "oidcc-rp-initiated-logout-only-state": "You are signed out",
}
"""Modules whose last page is ours, and what it says; empty: a page of one's choice."""
_SHOWN_WHILE_SIGNING_IN = {
    "oidcc-prompt-login": "login-submit",
    "oidcc-max-age-1": "login-submit",
    "oidcc-registration-logo-uri": "app-logo",
    "oidcc-registration-policy-uri": "app-policy",
    "oidcc-registration-tos-uri": "app-tos",
}
"""Modules that want a picture of the sign-in page, and the element that it is about."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """Who is tested, and by whom."""

    issuer: str
    suite: str
    """Where the suite is reached by browsers and by the provider; https, no final slash."""

    @property
    def callback(self) -> str:
        """Where answers go."""
        return f"{self.suite}/test/a/{ALIAS}/callback"


@dataclass(frozen=True, slots=True)
class Client:
    """A client that is there from the start: the FAPI plans register none."""

    client_id: str
    redirect_uri: str
    key: ECKey

    def at_the_suite(self) -> Json:
        """Give its part of a plan; the private key stays with the suite."""
        private = self.key.as_dict(private=True, alg="ES256", use="sig", kid=self.client_id)
        return {
            "client_id": self.client_id,
            "scope": _FAPI_SCOPE,
            "jwks": {"keys": [private]},
        }

    def at_the_provider(self, *, signs_requests: bool) -> str:
        """Give its part of the provider's configuration, as TOML."""
        public = self.key.as_dict(private=False, alg="ES256", use="sig", kid=self.client_id)
        members = ", ".join(f"{name} = {json.dumps(value)}" for name, value in public.items())
        return f"""
[[clients]]
client_id = "{self.client_id}"
names = {{ en = "Conformance suite, {self.client_id}" }}
profile = "fapi2"
redirect_uris = ["{self.redirect_uri}"]
grant_types = ["authorization_code", "refresh_token"]
scope = "{_FAPI_SCOPE}"
token_endpoint_auth_method = "private_key_jwt"
jwks = {{ keys = [{{ {members} }}] }}
id_token_signed_response_alg = "ES256"
authorization_signed_response_alg = "{"ES256" if signs_requests else ""}"
dpop_bound_access_tokens = true
require_signed_request_object = {"true" if signs_requests else "false"}
"""


def clients_of(run: Run, plan: str) -> tuple[Client, Client]:
    """Make the two clients of a FAPI plan."""
    short = "signing" if "message-signing" in plan else "security"
    second = f"{run.callback}?dummy1=lorem&dummy2=ipsum"
    return (
        Client(f"fapi2-{short}-1", run.callback, ECKey.generate_key("P-256")),
        Client(f"fapi2-{short}-2", second, ECKey.generate_key("P-256")),
    )


def provider_file(run: Run, clients: dict[str, tuple[Client, Client]]) -> str:
    """Write the provider's configuration; what is not said is as everywhere."""
    head = f"""# A provider that is there to be tested by the OpenID Foundation's suite.

[provider]
issuer = "{run.issuer}"

[database]
url = "sqlite:///conformance.sqlite"

[keys]
kek_file = "conformance.kek"

[server]
trusted_proxies = ["127.0.0.0/8", "::1/128"]

[captcha]
mode = "off"

[throttle]
exempt_networks = ["0.0.0.0/0", "::/0"]

[fetch]
# The suite's address, where it is not a public one.
allowed_networks = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128"]
self_registered_too = true
# The suite's certificate authority, where it is not a public one.
ca_file = ""

[worker]
inside_serve = true
migrate_on_start = true

[registration]
mode = "open"
profiles = ["oidc"]
"""
    return head + "".join(
        client.at_the_provider(signs_requests="message-signing" in plan)
        for plan, pair in clients.items()
        for client in pair
    )


def plan_file(run: Run, plan: str, clients: tuple[Client, Client] | None = None) -> Json:
    """Write a plan's configuration for the suite, with the clicks of its browser."""
    document: Json = {
        "alias": ALIAS,
        "description": f"Portico, {plan}",
        "server": {"discoveryUrl": f"{run.issuer}/.well-known/openid-configuration"},
        "browser": _browser(run),
        "override": {
            module: {"browser": _browser(run, last_page=says)}
            for module, says in _ENDS_ON_A_PAGE.items()
        }
        | {
            module: {"browser": _browser(run, shown=element)}
            for module, element in _SHOWN_WHILE_SIGNING_IN.items()
        },
    }
    if clients is None:
        document["client"] = {"client_name": "Conformance suite"}
        document["client2"] = {"client_name": "Conformance suite, second"}
        return document
    first, second = clients
    document["server"]["discoveryIssuer"] = run.issuer
    return document | {
        "client": first.at_the_suite(),
        "client2": second.at_the_suite(),
        "resource": {"resourceUrl": f"{run.issuer}/userinfo"},
    }


def _browser(run: Run, *, last_page: str | None = None, shown: str = "") -> list[Json]:
    picture: list[Any] = ["wait", "id", shown, 10, ".*", "update-image-placeholder-optional"]
    tasks: list[Json] = [
        {
            "task": "Sign in",
            "optional": True,
            "match": f"{run.issuer}/signin/password*",
            "commands": [
                *([picture] if shown else []),
                ["text", "id", "username", ACCOUNT],
                ["text", "id", "password", PASSWORD],
                ["click", "id", "login-submit"],
            ],
        },
        {
            "task": "Consent",
            "optional": True,
            "match": f"{run.issuer}/signin/consent*",
            "commands": [["click", "id", "consent-accept"]],
        },
        {
            "task": "Confirm the sign-out",
            "optional": True,
            "match": f"{run.issuer}/logout?*",
            "commands": [["click", "id", "logout-confirm", "optional"]],
        },
    ]
    if last_page is not None:
        says = f".*{last_page}.*" if last_page else ".*"
        picture = ["wait", "xpath", "//*", 10, says, "update-image-placeholder"]
        tasks.append(
            {
                "task": "See the page",
                "optional": True,
                "match": f"{run.issuer}/*",
                "commands": [picture],
            }
        )
    tasks.append(
        {
            "task": "Come back",
            "optional": True,
            "match": f"{run.suite}/test/*",
            "commands": [["wait", "id", "submission_complete", 10]],
        }
    )
    return [{"match": f"{run.issuer}/*", "tasks": tasks}]


def files_of(run: Run) -> Iterator[tuple[str, str]]:
    """Give name and content of every file."""
    clients = {plan: clients_of(run, plan) for plan in _FAPI_PLANS}
    yield "provider.toml", provider_file(run, clients)
    people = (HERE / "people.toml").read_text()
    yield (
        "people.toml",
        "[[people]]" + next(one for one in people.split("[[people]]") if f'"{ACCOUNT}"' in one),
    )
    for plan in (*_OIDC_PLANS, *_FAPI_PLANS):
        content = plan_file(run, plan, clients.get(plan))
        yield f"{plan}.json", json.dumps(content, indent=2) + "\n"


def main(arguments: list[str]) -> int:
    """Write the files into a folder that is made when it is not there."""
    parser = argparse.ArgumentParser(prog="python -m demo.conformance", description=__doc__)
    parser.add_argument("--issuer", required=True, help="the provider's address")
    parser.add_argument("--suite", required=True, help="the suite's address")
    parser.add_argument("folder", type=Path)
    given = parser.parse_args(arguments)
    given.folder.mkdir(parents=True, exist_ok=True)
    run = Run(given.issuer.rstrip("/"), given.suite.rstrip("/"))
    for name, content in files_of(run):
        path = given.folder / name
        path.touch(mode=0o600)  # private keys are in it
        path.write_text(content)
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
