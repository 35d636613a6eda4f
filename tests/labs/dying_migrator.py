"""``python -m tests.labs.dying_migrator N COMMAND…``: ``idp COMMAND`` that dies at a statement.

Before the Nth statement of this process that changes anything it kills itself with SIGKILL: no
handler, no rollback.
"""

import itertools
import os
import re
import signal
import sys
from typing import Any

from sqlalchemy import Engine, event

from idp.__main__ import main

_CHANGES = re.compile(r"\s*(CREATE|ALTER|DROP|INSERT|UPDATE|DELETE)", re.IGNORECASE)


def arm(number: int) -> None:
    """Die at the change of that number, counted from 1."""
    changes = itertools.count(1)

    @event.listens_for(Engine, "before_cursor_execute")
    def _statement(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        if _CHANGES.match(sql) and next(changes) == number:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    arm(int(sys.argv.pop(1)))
    main()
