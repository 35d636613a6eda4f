"""Who sets in motion what the worker does, for the audit log."""

from idp.database.transaction import Origin

WORKER = Origin(operator="worker")
