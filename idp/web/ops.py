"""Health for load balancers: whether the process lives, and whether it can serve."""

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from idp.web.wiring import provider

probes = Blueprint("ops", __name__, url_prefix="/health")


@probes.get("/live")
def live() -> ResponseReturnValue:
    """Say that the process answers."""
    return jsonify(status="live")


@probes.get("/ready")
def ready() -> ResponseReturnValue:
    """Say whether database, schema and keys are there; mail and directories do not count.

    An outage of theirs is seen in the metrics; here it would take every node down.
    """
    portico = provider()
    try:
        with portico.database.read() as tx:
            tx.execute(text("SELECT version_num FROM alembic_version"))
            signs = bool(portico.keys.current(tx).lives)
    except SQLAlchemyError:
        return jsonify(status="not ready", why="database"), 503
    if not signs:
        return jsonify(status="not ready", why="no signing keys"), 503
    return jsonify(status="ready")
