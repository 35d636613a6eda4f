"""Makes the court of the demo, or waits for it.

python -m demo.samba make FOLDER CACHE ADDRESS
python -m demo.samba await ADDRESS
"""

import sys
from pathlib import Path

from demo.samba import controller
from demo.samba.authority import Authority
from demo.samba.court import PLAN
from demo.samba.kerberos import write_krb5_conf


def main() -> int:
    """Do what the first word says; the status is zero when it is done."""
    what, *words = sys.argv[1:]
    try:
        if what == "await":
            controller.await_answers(words[0])
        else:
            folder, cache, address = Path(words[0]), Path(words[1]), words[2]
            authority = Authority(folder / "ca")
            made = controller.make(PLAN, folder, cache, authority, address, keep=True)
            controller.export_keytab(made, folder / "http.keytab", "HTTP/localhost")
            write_krb5_conf(folder / "krb5.conf", PLAN, address)
    except controller.NoSamba as wrong:
        print(wrong, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
