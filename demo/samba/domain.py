"""Makes a domain and the people in it, with no controller running.

    /usr/bin/python3 domain.py provision FOLDER PLAN.json
    /usr/bin/python3 domain.py populate  SMB.CONF PLAN.json

Samba's modules are Debian's alone, so this file is run by Debian's Python and imports nothing of
ours. What a plan holds is said in ``plans.py``.
"""

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import ldb
from samba import dsdb
from samba.auth import system_session
from samba.credentials import Credentials
from samba.param import LoadParm
from samba.provision import provision
from samba.samdb import SamDB

_NORMAL, _DISABLED, _NEVER_EXPIRES = 0x200, 0x2, 0x10000
_GLOBAL_SECURITY_GROUP = "-2147483646"
_AES_ONLY = "24"
_NEVER = "-9223372036854775808"
_FIVE_HOURS = "-180000000000"
_2008_R2 = 4
_1601 = 11644473600  # seconds before 1970
_DAY = 86400

Plan = dict[str, Any]


def make_domain(folder: Path, plan: Plan) -> None:
    """Make an empty domain, without the folder that would need root and file attributes."""
    etc = folder / "etc"
    etc.mkdir(parents=True)
    base = etc / "base.conf"
    base.write_text("[global]\n")  # else Debian's own settings are taken over
    parameters = LoadParm()
    parameters.load(str(base))
    parameters.set("interfaces", f"{plan['address']}/8")
    parameters.set("bind interfaces only", "yes")
    provision(
        logging.getLogger("provision"),
        system_session(),
        smbconf=str(etc / "smb.conf"),
        targetdir=str(folder),
        realm=plan["realm"],
        domain=plan["domain"],
        hostname=plan["host"],
        hostip=plan["address"],
        adminpass=plan["administrator"],
        serverrole="active directory domain controller",
        dns_backend="SAMBA_INTERNAL",
        use_rfc2307=True,
        lp=parameters,
        skip_sysvolacl=True,
        dom_for_fun_level=_2008_R2,
    )


class Domain:
    """A domain that people are put into."""

    def __init__(self, configuration: str) -> None:
        parameters = LoadParm()
        parameters.load(configuration)
        credentials = Credentials()
        credentials.guess(parameters)
        self.db = SamDB(session_info=system_session(), credentials=credentials, lp=parameters)
        self.base = str(self.db.domain_dn())

    def populate(self, plan: Plan) -> None:
        """Put in whatever the plan names."""
        self.change(f"CN=Partitions,CN=Configuration,{self.base}", uPNSuffixes=plan["upn_suffixes"])
        for path in plan["units"]:
            self.db.add({"dn": self.unit(path), "objectClass": "organizationalUnit"})
        people = {one["account"]: self.add_person(one, plan) for one in plan["people"]}
        groups: dict[str, str] = {}
        for one in plan["groups"]:
            members = [(people | groups)[name] for name in one["members"]]
            groups[one["name"]] = self.add_group(self.unit(one["unit"]), one["name"], members)
        self.lock_after_two([people[one["account"]] for one in plan["people"] if one["lockable"]])

    def unit(self, path: list[str]) -> str:
        """Give the DN of an OU by its path from the top."""
        return ",".join([*(f"OU={name}" for name in reversed(path)), self.base])

    def add_person(self, one: Plan, plan: Plan) -> str:
        """Add somebody, in the state that the plan gives them."""
        aes_only: Plan = {"msDS-SupportedEncryptionTypes": _AES_ONLY}
        dn = ldb.Dn(self.db, f"CN=x,{self.unit(one['unit'])}")
        dn.set_component(0, "CN", one["name"])  # escapes what has to be
        self.db.add(
            {
                "dn": str(dn),
                "objectClass": "user",
                "sAMAccountName": one["account"],
                "displayName": one["name"],
                "userPrincipalName": one["principal"]
                or f"{one['account']}@{plan['realm'].lower()}",
                "userAccountControl": str(_NORMAL | _DISABLED),
                **one["attributes"],
            }
        )
        self.db.setpassword(
            f"(sAMAccountName={ldb.binary_encode(one['account'])})",
            one["password"],
            force_change_at_next_login=False,
        )
        self.bring_into(str(dn), one["state"])
        if one["services"]:
            self.change(str(dn), servicePrincipalName=one["services"])
            self.change(str(dn), **aes_only)
        return str(dn)

    def bring_into(self, dn: str, state: str) -> None:
        """Enable the account, and make it expired, overdue or whatever it shall be."""
        now = time.time()
        flags = {"disabled": _NORMAL | _DISABLED, "lasting": _NORMAL | _NEVER_EXPIRES}
        self.change(dn, userAccountControl=str(flags.get(state, _NORMAL)))
        if state == "must_change":
            self.change(dn, pwdLastSet="0")
        elif state == "expired":
            self.change(dn, accountExpires=_filetime(now - _DAY))
        elif state == "outside_hours":
            self.change(dn, logonHours=bytes(21))
        elif state == "other_workstation":
            self.change(dn, userWorkstations="ELSEWHERE")
        elif state == "password_expired":
            # Over LDAP it can be 0 and -1 only.
            past = [f"local_oid:{dsdb.DSDB_CONTROL_BYPASS_PASSWORD_HASH_OID}:0"]
            self.change(dn, controls=past, pwdLastSet=_filetime(now - 100 * _DAY))

    def add_group(self, unit: str, name: str, members: list[str]) -> str:
        """Add a group of people and of groups."""
        dn = f"CN={name},{unit}"
        self.db.add(
            {
                "dn": dn,
                "objectClass": "group",
                "sAMAccountName": name,
                "groupType": _GLOBAL_SECURITY_GROUP,
            }
        )
        if members:
            self.change(dn, member=members)
        return dn

    def lock_after_two(self, people: list[str]) -> None:
        """Let two wrong passwords lock these accounts: everybody else is never locked."""
        if not people:
            return
        place = f"CN=Password Settings Container,CN=System,{self.base}"
        self.db.add(
            {
                "dn": f"CN=after-two,{place}",
                "objectClass": "msDS-PasswordSettings",
                "msDS-PasswordSettingsPrecedence": "2",
                "msDS-PasswordReversibleEncryptionEnabled": "FALSE",
                "msDS-PasswordHistoryLength": "0",
                "msDS-PasswordComplexityEnabled": "FALSE",
                "msDS-MinimumPasswordLength": "0",
                "msDS-MinimumPasswordAge": "0",
                "msDS-MaximumPasswordAge": _NEVER,
                "msDS-LockoutThreshold": "2",
                "msDS-LockoutObservationWindow": _FIVE_HOURS,
                "msDS-LockoutDuration": _FIVE_HOURS,
                "msDS-PSOAppliesTo": people,
            }
        )

    def change(self, dn: str, *, controls: list[str] | None = None, **values: Any) -> None:
        """Replace attributes of an entry."""
        message = ldb.Message(ldb.Dn(self.db, dn))
        for name, value in values.items():
            message[name] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, name)
        self.db.modify(message, controls=controls)


def _filetime(seconds: float) -> str:
    return str(int((seconds + _1601) * 10**7))


def main() -> None:
    """Do what the first word says."""
    what, place, plan = sys.argv[1], sys.argv[2], json.loads(Path(sys.argv[3]).read_text("utf-8"))
    if what == "provision":
        make_domain(Path(place), plan)
    else:
        Domain(place).populate(plan)


if __name__ == "__main__":
    main()
