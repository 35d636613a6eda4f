"""Two real domains, one keytab: a ticket's realm decides whose it is, not the account's name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from demo.samba.plans import Plan, Someone
from idp.authenticators.directory.directory import Directories
from idp.authenticators.directory.model import DirectoryPerson, Standing
from idp.clock import system_clock
from idp.config import DirectorySection
from idp.gateways.kerberos import Tickets
from idp.provider import Provider
from tests.http.test_P04_tickets import COURT, PAGES, at, fetch, refusals
from tests.labs.paper_directory import PaperDirectory, with_directory
from tests.labs.samba_ad import IDP_HOST, PASSWORD, SERVICE_PASSWORD, Domain, domain
from tests.labs.tickets import header, token
from tests.people import Browser

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Ticket = Callable[[Domain], bytes]
SERVICES = ("Services",)
HIGH = Plan(
    units=(SERVICES,),
    people=(
        Someone("wang.dm", "王丹美", SERVICES, PASSWORD),
        Someone("svc-idp", "svc-idp", SERVICES, SERVICE_PASSWORD, state="lasting"),
        Someone(
            "svc-http",
            "svc-http",
            SERVICES,
            "Svc-Http-Passw0rd!-of-the-high",
            state="lasting",
            services=(f"HTTP/{IDP_HOST}", "HTTP/localhost"),
        ),
    ),
    groups=(),
    realm="HIGH.TEST",
    domain="HIGH",
)


@dataclass
class Noted:
    """The directories, and what they were asked by tickets."""

    directories: Directories
    found: list[tuple[str, str]] = field(default_factory=list)

    def by_sid(self, directory: str, sid: bytes) -> DirectoryPerson | Standing:
        found = self.directories.by_sid(directory, sid)
        told = found.name if isinstance(found, DirectoryPerson) else found.value
        self.found.append((directory, told))
        return found


@pytest.fixture(scope="module")
def high(pytestconfig: pytest.Config) -> Iterator[Domain]:
    """Another domain: 6 s the first time, 2 s after that."""
    with domain(pytestconfig.cache.mkdir("samba"), HIGH) as running:
        yield running


@pytest.fixture
def sections(samba_ad: Domain, high: Domain, tmp_path: Path) -> list[DirectorySection]:
    """Both of them, with one file of keys: the other's stand first in it."""
    keys = (high.keytab.read_bytes(), samba_ad.keytab.read_bytes())
    keytab = tmp_path / "both.keytab"
    keytab.write_bytes(keys[0] + keys[1][2:])
    of_all = {
        "keytab_file": str(keytab),
        "ticket_networks": ["10.0.0.0/8"],
        "replay_file": str(tmp_path / "replays"),
    }
    base = "DC=high,DC=test"
    other = {
        "id": "high",
        "base": base,
        "bind_dn": f"CN=svc-idp,OU=Services,{base}",
        "domain": "HIGH",
        "upn_suffixes": ["high.test"],
        "people_group": "",
        "roles": {},
    }
    return [samba_ad.section(**of_all), high.section(**of_all, **other)]


def bring(
    provider: Provider, sections: list[DirectorySection], shown: bytes
) -> tuple[list[tuple[str, str]], str]:
    """Come with a ticket; gives what the directories were asked, and what the audit log says."""
    config = msgspec.structs.replace(provider.config, directories=sections)
    whole = with_directory(replace(provider, config=config), PaperDirectory(), sections[0])
    noted = Noted(Directories(sections, system_clock))
    told = replace(
        whole,
        config=config,
        tickets=Tickets("localhost"),
        directories=cast("Any", noted),
    )
    fetch(at(Browser.on(told), COURT), PAGES[0], {"Authorization": header(shown)})
    return noted.found, "".join(refusals(told))


@pytest.fixture
def ticket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ticket:
    """Gets the ticket of the account ``wang.dm`` that a domain has."""

    def get(of: Domain) -> bytes:
        monkeypatch.setenv("KRB5_CONFIG", str(of.krb5_conf))
        return token(of.kinit("wang.dm", tmp_path / of.first.plan.domain))

    return get


def test_each_realm_s_ticket_is_taken_and_looked_up_in_its_own_directory(
    provider: Provider,
    sections: list[DirectorySection],
    samba_ad: Domain,
    high: Domain,
    ticket: Ticket,
) -> None:
    of_court, _ = bring(provider, sections, ticket(samba_ad))
    of_high, _ = bring(provider, sections, ticket(high))

    assert of_court == [("court", "王大明")]
    assert of_high == [("high", "王丹美")]


def test_a_good_ticket_of_a_realm_that_is_no_directory_s_is_refused(
    provider: Provider, sections: list[DirectorySection], high: Domain, ticket: Ticket
) -> None:
    """Its key is in the file, and an account of the same name is in the directory."""
    asked, audit = bring(provider, sections[:1], ticket(high))

    assert asked == []
    assert "ticket_other_realm" in audit
