"""The log: one line of JSON an event, on standard error, of fields that are named here.

No PIN, nonce, ticket, certificate, holder or serial number has a name here, so none gets in.
"""

import json
import sys
import threading

FIELDS = frozenset(
    {
        "detail",
        "event",
        "kind",
        "milliseconds",
        "origin",
        "outcome",
        "port",
        "purpose",
        "step",
        "version",
    }
)
MOST_CHARACTERS = 300
_one_at_a_time = threading.Lock()


def write(event: str, **values: str | int) -> None:
    """Write an event.

    Raises:
        ValueError: for a field without a name in :data:`FIELDS`.
    """
    if strange := set(values) - FIELDS:
        raise ValueError(f"the log has no field {sorted(strange)}")
    shown = {
        name: value[:MOST_CHARACTERS] if isinstance(value, str) else value
        for name, value in values.items()
    }
    line = json.dumps({"event": event} | shown)
    with _one_at_a_time:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
