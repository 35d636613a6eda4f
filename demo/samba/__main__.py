"""Makes the court of the demo, or waits for it.

python -m demo.samba make FOLDER CACHE ADDRESS
python -m demo.samba await FOLDER ADDRESS
"""

import sys
import time
from pathlib import Path

import msgspec

from demo import second_court
from demo.samba import controller
from demo.samba.authority import Authority
from demo.samba.court import LOCKED, PLAN, SECTION
from demo.samba.kerberos import write_krb5_conf
from idp.config import DirectorySection
from idp.gateways.ldap import Ldap


def main() -> int:
    """Do what the first word says; the status is zero when it is done."""
    what, *words = sys.argv[1:]
    try:
        if what == "await":
            controller.await_answers(words[1])
            _lock(Path(words[0]), words[1])
        else:
            folder, cache, address = Path(words[0]), Path(words[1]), words[2]
            authority = Authority(folder / "ca")
            made = controller.make(PLAN, folder, cache, authority, address, keep=True)
            controller.export_keytab(made, folder / "http.keytab", "HTTP/localhost")
            write_krb5_conf(folder / "krb5.conf", PLAN, address)
            if second_court.free_port():
                second_court.make(folder, authority)
    except controller.NoSamba as wrong:
        print(wrong, file=sys.stderr)
        return 1
    return 0


def _lock(folder: Path, address: str) -> None:
    """Type wrong passwords until those are locked who are shown as such."""
    told = SECTION | {"hosts": [address], "ca_file": str(folder / "ca" / "ca.pem")}
    directory = Ldap(msgspec.convert(told, DirectorySection))
    for one in LOCKED:
        units = ",".join(f"OU={name}" for name in reversed(one.unit))
        for _ in range(3):
            until = time.monotonic() + 5
            directory.bind(f"CN={one.name},{units},{PLAN.base}", b"not the password", until)


if __name__ == "__main__":
    sys.exit(main())
