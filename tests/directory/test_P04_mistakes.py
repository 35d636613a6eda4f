"""Mistakes of the configuration, at a real domain: nobody is put out for them (P04)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from idp import worker
from idp.authenticators.directory.model import Standing
from idp.cli import doctor
from idp.provider import Provider
from tests.directory.conftest import Asking
from tests.http.test_P04_withdrawals import Someone, come_in, examined, is_in
from tests.labs.paper_directory import WANG, PaperDirectory, with_directory
from tests.labs.samba_ad import BASE, Domain

JUDGES = ["wang.dm", "lee.ys", "chen.yz", "nomail"]
ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Round = Callable[..., tuple[Provider, int]]


@pytest.fixture
def bench(samba_ad: Domain, provider: Provider) -> dict[str, Someone]:
    """Judges of the domain who are signed in: they came while it was on paper."""
    paper = PaperDirectory()
    for account in JUDGES:
        guid = str(samba_ad.ids_of(account)[1])
        paper.write(replace(WANG, account=account, guid=guid))
    court = with_directory(provider, paper)
    return {account: come_in(court, paper, account) for account in JUDGES}


@pytest.fixture
def round_with(provider: Provider, asking: Asking, samba_ad: Domain) -> Round:
    """Has the worker ask the domain, configured as told."""

    def run(**changes: Any) -> tuple[Provider, int]:
        section = samba_ad.section(**changes)
        court = with_directory(provider, PaperDirectory(), section)
        court = replace(court, directories=asking(**changes))
        return court, worker.ask_of_those_signed_in(court)

    return run


MISTAKES = {
    "a base that is not there": {"base": f"OU=Nowhere,{BASE}"},
    "a base of another domain": {"base": "DC=elsewhere,DC=test"},
    "a service account that is refused": {"bind_password": "no-such-thing"},
    "a group that is not there": {"people_group": f"CN=Juges,OU=法院,{BASE}"},
}


@pytest.mark.parametrize("mistake", MISTAKES)
@ONE_DATABASE
def test_what_cannot_be_asked_rightly_puts_nobody_out(
    bench: dict[str, Someone], round_with: Round, samba_ad: Domain, mistake: str
) -> None:
    court, ended = round_with(**MISTAKES[mistake])

    assert ended == 0
    assert all(map(is_in, bench.values()))
    key = f"court:{samba_ad.ids_of('wang.dm')[1]}"
    assert court.directories.by_guid(key) is Standing.MISCONFIGURED


TOO_NARROW = {
    "a base that is there, and not theirs": {"base": f"OU=Services,{BASE}", "people_group": ""},
    "a group that is there, and not theirs": {"people_group": f"CN=Users,CN=Builtin,{BASE}"},
}


@pytest.mark.parametrize("mistake", TOO_NARROW)
@ONE_DATABASE
def test_what_names_others_puts_nobody_out_either_and_has_to_be_looked_at(
    bench: dict[str, Someone], round_with: Round, mistake: str
) -> None:
    court, ended = round_with(**TOO_NARROW[mistake])

    assert ended == 0
    assert all(map(is_in, bench.values()))
    assert examined(court).result == doctor.BAD
    court, ended = round_with()
    assert (ended, examined(court).result) == (0, doctor.GOOD)


@ONE_DATABASE
def test_one_who_is_disabled_is_out_at_once(
    bench: dict[str, Someone], round_with: Round, samba_ad: Domain
) -> None:
    with samba_ad.disabled("nomail"):
        _, ended = round_with()

    assert ended == 1
    assert [is_in(one) for one in bench.values()] == [True, True, True, False]
