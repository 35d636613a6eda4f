"""Ports that are root's alone, without root: a whole run of the tests in a network of its own.

LDAP and Kerberos have ports that a domain controller cannot move. Who is not root begins the run
anew in a user and a network namespace, as who they are: there is nothing but loopback, every port
is everybody's, and nothing is changed on the machine. Where that is not allowed either, the tests
that need a controller fail and say so.
"""

import ctypes
import errno
import fcntl
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

_ENTERING = ("unshare", "--user", "--map-current-user", "--net", "--keep-caps")
_LOWEST = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
_LDAPS = 636
_SIOCSIFFLAGS, _UP_AND_RUNNING = 0x8914, 0x41
_PR_CAP_AMBIENT, _CLEAR_ALL = 47, 4


def enter(config: pytest.Config) -> None:
    """Begin anew where a controller can listen; does nothing where it can already."""
    if hasattr(config, "workerinput") or _may_listen() or not _is_allowed():
        return
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.stop_global_capturing()  # what it holds back would go with this process
    words = [sys.executable, __file__, *config.invocation_params.args]
    os.execvp(_ENTERING[0], [*_ENTERING, *words])  # noqa: S606 - the run itself goes on there


def _may_listen() -> bool:
    try:
        with socket.socket() as one:
            one.bind(("127.0.0.1", _LDAPS))
    except OSError as wrong:
        return wrong.errno != errno.EACCES
    return True


def _is_allowed() -> bool:
    try:
        done = subprocess.run([*_ENTERING, "true"], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def _open() -> None:
    """Let everybody in this network listen on every port of loopback; may do no more after it."""
    with socket.socket() as any_:
        request = struct.pack("16sh14x", b"lo", _UP_AND_RUNNING)
        fcntl.ioctl(any_, _SIOCSIFFLAGS, request)
    _LOWEST.write_text("0")
    ctypes.CDLL(None).prctl(_PR_CAP_AMBIENT, _CLEAR_ALL, 0, 0, 0)


if __name__ == "__main__":
    _open()
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *sys.argv[1:]])  # noqa: S606
