"""Figures for the operator, on a listener of their own. No label names a person.

Worker processes share their figures through files (``PROMETHEUS_MULTIPROC_DIR``); the
process that started them adds them up and serves them.
"""

from functools import cache

from prometheus_client import Counter, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

_requests = Histogram(
    "portico_request_seconds", "Time to answer", ["endpoint", "status"], buckets=_SECONDS
)
_signins = Counter("portico_signins_total", "Attempts to sign in", ["method", "outcome"])
_responders = Counter("portico_card_ocsp_total", "Questions to responders of cards", ["outcome"])


def observe(endpoint: str, status: int, seconds: float) -> None:
    """Count one answered request; ``endpoint`` is a route's pattern, never a path as sent."""
    _of(endpoint, status // 100).observe(seconds)


@cache
def _of(endpoint: str, hundreds: int) -> Histogram:
    return _requests.labels(endpoint, f"{hundreds}xx")


def signin(method: str, outcome: str) -> None:
    """Count one attempt to sign in."""
    _signins.labels(method, outcome).inc()


def responder(outcome: str) -> None:
    """Count one question to a card's responder."""
    _responders.labels(outcome).inc()
