"""The operator's log: one JSON object a line, its fields an allow-list.

What is not listed is dropped, whatever a caller passes. Of an exception the class and the
places are written, never its text: that may hold what a person typed.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

ALLOWED = frozenset(
    {"request_id", "endpoint", "error", "round", "kind", "why", "address", "port", "revision"}
)


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Write time, level, source, message, and the fields that are allowed."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "source": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in ALLOWED if hasattr(record, name)}
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
            line["places"] = _places(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _places(exc_info: "logging._SysExcInfoType | tuple[None, None, None]") -> str:
    frames = traceback.extract_tb(exc_info[2])
    return " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))


def configure(level: str) -> None:
    """Send every logger of the process through :class:`JsonLines` to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # its plugins announce themselves
