"""Whose program is at the other end of a loopback connection.

Loopback belongs to every user of a machine. On Linux the kernel's table of connections says
which user opened one; another user's is not answered at all.
"""

import os
import socket
import sys
from pathlib import Path

_TABLES = {socket.AF_INET: "/proc/net/tcp", socket.AF_INET6: "/proc/net/tcp6"}
_LOCAL, _REMOTE, _UID = 1, 2, 7


def is_same_user(connection: socket.socket) -> bool:
    """Tell whether a connection comes from the user that we run as.

    Where the system has no such table the answer is yes; what is left there are the list of
    origins, the ticket and the person at the dialog.
    """
    table = _TABLES.get(connection.family)
    if table is None or not sys.platform.startswith("linux"):
        return True
    try:
        peer, here = connection.getpeername()[:2], connection.getsockname()[:2]
    except OSError:
        return False
    return _owner(table, _row(connection.family, *peer), _row(connection.family, *here)) == (
        os.geteuid()
    )


def _owner(table: str, local: str, remote: str) -> int | None:
    """Find the user of the socket whose own end is ``local``; nothing if it is gone."""
    with Path(table).open("r", encoding="ascii") as rows:
        next(rows)
        for row in rows:
            columns = row.split()
            if columns[_LOCAL] == local and columns[_REMOTE] == remote:
                return int(columns[_UID])
    return None


def _row(family: int, host: str, port: int) -> str:
    """Write an address as the table does: words in the machine's byte order, in hexadecimal."""
    packed = socket.inet_pton(family, host)
    words = (packed[start : start + 4] for start in range(0, len(packed), 4))
    address = "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)
    return f"{address}:{port:04X}"
