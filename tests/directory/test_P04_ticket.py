"""Real tickets of a real domain: whom they name, and when they name nobody."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.samba import controller as controllers
from idp.authenticators.directory import pac
from idp.authenticators.directory.directory import Directories
from idp.authenticators.directory.model import DirectoryPerson, Standing
from idp.authenticators.directory.pac import Named
from idp.gateways.kerberos import Accepted, Refused, Tickets, Why
from tests.labs.keytab import keytab as made_by_hand
from tests.labs.samba_ad import PASSWORD, Domain
from tests.labs.tickets import KRB5, token

TICKETS = Tickets("localhost")
JUDGE_LATER = """
import sys
from pathlib import Path
from idp.gateways.kerberos import Tickets
print(Tickets("localhost").accept(Path(sys.argv[1]).read_bytes(), *sys.argv[2:]))
"""
Accept = Callable[..., Accepted | Refused]


@pytest.fixture
def kerberos(samba_ad: Domain, monkeypatch: pytest.MonkeyPatch) -> Domain:
    """The domain, where this process finds its way to it as a browser would."""
    monkeypatch.setenv("KRB5_CONFIG", str(samba_ad.krb5_conf))
    return samba_ad


@pytest.fixture
def accept(kerberos: Domain, tmp_path: Path) -> Accept:
    def judge(made: bytes, keytab: Path = kerberos.keytab) -> Accepted | Refused:
        return TICKETS.accept(made, str(keytab), str(tmp_path / "replays"))

    return judge


def named(found: Accepted | Refused) -> Named:
    assert isinstance(found, Accepted), found
    read = pac.read(found.upn_dns_info)
    assert isinstance(read, Named), read
    return read


def why(found: Accepted | Refused) -> tuple[Why, str]:
    assert isinstance(found, Refused), found
    return found.why, found.detail


SPELLINGS = {
    "wang.dm": "wang.dm",
    "WANG.DM": "wang.dm",
    "wang.dm@COURT.TEST": "wang.dm",
    "-E wang.dm@court.test": "wang.dm",
    "lee.ys": "lee.ys",
    "-E lee.ys@judicial.test": "lee.ys",
    "林法官": "林法官",
}
"""What is typed at ``kinit``, and whose ticket it gets."""


@pytest.mark.parametrize("typed", SPELLINGS)
def test_P04_whatever_a_principal_is_written_like_it_is_the_same_person(
    kerberos: Domain, accept: Accept, court: Directories, tmp_path: Path, typed: str
) -> None:
    *options, name = typed.split()
    account = SPELLINGS[typed]
    cache = kerberos.kinit(name, tmp_path / "cc", *options)

    found = named(accept(token(cache)))

    assert found.account == account
    by_password, by_ticket = court.sign_in(account, PASSWORD), court.by_sid("court", found.sid)
    assert isinstance(by_ticket, DirectoryPerson)
    assert by_ticket == by_password


def test_a_ticket_without_its_wrapping_is_one_as_well(
    kerberos: Domain, accept: Accept, tmp_path: Path
) -> None:
    cache = kerberos.kinit("wang.dm", tmp_path / "cc")

    assert named(accept(token(cache, mechanism=KRB5))).account == "wang.dm"


def test_a_browser_that_asks_for_a_proof_of_us_gets_one(
    kerberos: Domain, accept: Accept, tmp_path: Path
) -> None:
    found = accept(token(kerberos.kinit("wang.dm", tmp_path / "cc")))

    assert isinstance(found, Accepted)
    assert found.reply
    assert found.realm == "COURT.TEST"


def test_a_token_is_taken_once(kerberos: Domain, accept: Accept, tmp_path: Path) -> None:
    cache = kerberos.kinit("wang.dm", tmp_path / "cc")
    shown = token(cache)

    assert named(accept(shown)).account == "wang.dm"
    assert why(accept(shown)) == (Why.NOT_TAKEN, "Request is a replay")
    assert named(accept(token(cache))).account == "wang.dm"


def test_where_it_cannot_be_noted_nothing_is_taken(kerberos: Domain, tmp_path: Path) -> None:
    shown = token(kerberos.kinit("wang.dm", tmp_path / "cc"))

    refused = TICKETS.accept(shown, str(kerberos.keytab), str(tmp_path / "missing" / "replays"))

    assert why(refused)[0] is Why.NOT_TAKEN
    assert "replays" in why(refused)[1]


def test_a_ticket_for_another_service_is_refused_whatever_keys_are_at_hand(
    kerberos: Domain, accept: Accept, tmp_path: Path
) -> None:
    keytab = tmp_path / "all.keytab"
    controllers.export_keytab(kerberos.first, keytab, "DC1$", "HTTP/localhost")
    cache = kerberos.kinit("wang.dm", tmp_path / "cc")

    assert why(accept(token(cache, "HOST@dc1.court.test"), keytab))[0] is Why.NOT_TAKEN
    assert named(accept(token(cache), keytab)).account == "wang.dm"


def together(path: Path, *keytabs: Path) -> Path:
    """Join keytabs in one file, in this order."""
    path.write_bytes(b"\x05\x02" + b"".join(one.read_bytes()[2:] for one in keytabs))
    return path


def test_the_key_of_one_realm_keeps_no_ticket_of_another_out(
    kerberos: Domain, accept: Accept, tmp_path: Path
) -> None:
    other = Path(made_by_hand(tmp_path / "other.keytab", realm="OTHER.TEST"))
    cache = kerberos.kinit("wang.dm", tmp_path / "cc")

    for order in ((other, kerberos.keytab), (kerberos.keytab, other)):
        keytab = together(tmp_path / "both.keytab", *order)
        shown = token(cache)
        assert named(accept(shown, keytab)).account == "wang.dm"
        refused, words = why(accept(shown, keytab))
        assert refused is Why.NOT_TAKEN
        assert "Request is a replay" in words


def add_service(domain: Domain, account: str, service: str, *, control: int = 0x10200) -> None:
    """Make an account that a service has, with keys of AES."""
    domain.tool("user", "create", account, "Svc-More-Passw0rd!-long-random")
    domain.tool("spn", "add", service, account)
    told = f"dn: CN={account},CN=Users,DC=court,DC=test\nchangetype: modify\n"
    told += f"replace: userAccountControl\nuserAccountControl: {control}\n-\n"
    told += "replace: msDS-SupportedEncryptionTypes\nmsDS-SupportedEncryptionTypes: 24\n"
    subprocess.run(
        ["ldbmodify", "-H", str(domain.first.files.database)],
        input=told.encode(),
        check=True,
        capture_output=True,
    )


def test_a_ticket_for_a_name_of_ours_that_is_no_alias_is_refused(
    kerberos: Domain, tmp_path: Path
) -> None:
    """Accounts of their own: names of one account have one key, and are one to Kerberos."""
    add_service(kerberos, "svc-alias", "HTTP/alias.court.test")
    add_service(kerberos, "svc-other", "host/stranger.court.test")
    spare = tmp_path / "spare.keytab"
    controllers.export_keytab(
        kerberos.first, spare, "HTTP/alias.court.test", "host/stranger.court.test"
    )
    keytab, replays = together(tmp_path / "all.keytab", spare, kerberos.keytab), tmp_path / "r"
    cache = kerberos.kinit("wang.dm", tmp_path / "cc")

    def judge(service: str, *hosts: str) -> Accepted | Refused:
        return TICKETS.accept(token(cache, service), str(keytab), str(replays), hosts)

    assert named(judge("HTTP@localhost")).account == "wang.dm"
    assert why(judge("HTTP@alias.court.test"))[0] is Why.NOT_TAKEN
    assert named(judge("HTTP@alias.court.test", "Alias.Court.Test")).account == "wang.dm"
    assert why(judge("host@stranger.court.test", "stranger.court.test"))[0] is Why.NOT_TAKEN


def test_an_expired_ticket_is_refused(kerberos: Domain, tmp_path: Path) -> None:
    """Five minutes of grace for clocks (RFC 4120 section 3.2.3) are more than a test can wait."""
    cache = kerberos.kinit("wang.dm", tmp_path / "cc")
    shown = tmp_path / "token"
    shown.write_bytes(token(cache))
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))

    found = subprocess.run(
        [
            *(sys.executable, "-c", JUDGE_LATER),
            *(str(shown), str(kerberos.keytab), str(tmp_path / "replays")),
        ],
        env={"LD_PRELOAD": str(library), "FAKETIME": "+11h", "PATH": "/usr/bin"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "not_taken" in found.stdout
    assert "skew" in found.stdout or "expired" in found.stdout, found.stdout


def test_who_is_switched_off_has_a_ticket_and_comes_in_no_more(
    kerberos: Domain, accept: Accept, court: Directories, tmp_path: Path
) -> None:
    cache = kerberos.kinit("nomail", tmp_path / "cc")
    token(cache)  # the service's own ticket is in the cache from here on

    with kerberos.disabled("nomail"):
        found = named(accept(token(cache)))  # Kerberos says yes for ten hours
        standing = court.by_sid("court", found.sid)

    assert standing is Standing.DISABLED
    assert isinstance(court.by_sid("court", found.sid), DirectoryPerson)


def test_a_clerk_has_a_ticket_and_is_no_judge(
    kerberos: Domain, accept: Accept, court: Directories, tmp_path: Path
) -> None:
    found = named(accept(token(kerberos.kinit("clerk01", tmp_path / "cc"))))

    assert court.by_sid("court", found.sid) is Standing.NOT_ALLOWED


def test_a_ticket_without_a_signed_account_is_refused(kerberos: Domain, tmp_path: Path) -> None:
    """A domain may be told to leave the PAC out (``UF_NO_AUTH_DATA_REQUIRED``)."""
    add_service(kerberos, "svc-plain", "HTTP/localhost.plain", control=0x2010200)
    keytab = tmp_path / "plain.keytab"
    controllers.export_keytab(kerberos.first, keytab, "HTTP/localhost.plain")
    cache = kerberos.kinit("wang.dm", tmp_path / "cc")

    shown = token(cache, "HTTP@localhost.plain")
    found = Tickets("localhost.plain").accept(shown, str(keytab), str(tmp_path / "replays"))

    assert why(found) == (Why.NO_PAC, "")


def test_new_keys_beside_the_old_ones_are_taken_without_a_restart(
    kerberos: Domain, accept: Accept, tmp_path: Path
) -> None:
    keytab = tmp_path / "idp.keytab"
    keytab.write_bytes(kerberos.keytab.read_bytes())
    cache = kerberos.kinit("wang.dm", tmp_path / "before")
    assert named(accept(token(cache), keytab)).account == "wang.dm"

    kerberos.set_password("svc-http", "Another-Svc-Http-Passw0rd!-long")
    later = kerberos.kinit("wang.dm", tmp_path / "after")
    assert why(accept(token(later), keytab))[0] is Why.NOT_TAKEN  # nobody has told us of them yet
    new = tmp_path / "new.keytab"
    controllers.export_keytab(kerberos.first, new, "HTTP/localhost", "HTTP/idp.court.test")
    keytab.write_bytes(keytab.read_bytes() + new.read_bytes()[2:])  # both: one file of two

    assert named(accept(token(later), keytab)).account == "wang.dm"
    assert named(accept(token(cache), keytab)).account == "wang.dm"
    kerberos.keytab.write_bytes(keytab.read_bytes())  # for whoever comes after this test
