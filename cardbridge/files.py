"""Whether a file is safe from other users of the machine, and so may be believed or loaded."""

import os
import stat
from pathlib import Path

ROOT = 0


class Insecure(Exception):
    """Somebody else could have written a file; the message says where and what to do."""


def ensure_private(path: Path, *, by_root: bool = False) -> None:
    """Demand that only the owner of the session (or root) can have written a file.

    Every folder on the way is held to the same, for who may rename a folder may swap the file.

    Args:
        by_root: Only root may own the file.

    Raises:
        Insecure: if somebody else could have written it.
        FileNotFoundError: if there is no such file.
    """
    real = path.resolve(strict=True)
    if os.name == "nt":
        return  # profile and program folders carry access lists; a mode says nothing there
    owners = {ROOT} if by_root else {ROOT, os.geteuid()}
    _demand(real, real.stat(), owners)
    for folder in real.parents:
        _demand(folder, folder.stat(), {ROOT, os.geteuid()})


def _demand(path: Path, found: os.stat_result, owners: set[int]) -> None:
    if found.st_uid not in owners:
        raise Insecure(f"{path} belongs to user {found.st_uid}, who could change what is loaded")
    others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if others == stat.S_IWGRP and _is_a_group_of_one(found.st_gid):
        return
    sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX  # /tmp: none may rename
    if others and not sticky:
        raise Insecure(f"others may write {path}; run: chmod go-w {path}")


def _is_a_group_of_one(gid: int) -> bool:
    """Tell whether a group is a person's private one, to which new files are open by custom."""
    import grp  # noqa: PLC0415  # POSIX only
    import pwd  # noqa: PLC0415

    try:
        person, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    name = person.pw_name
    return person.pw_gid == gid and group.gr_name == name and set(group.gr_mem) <= {name}
