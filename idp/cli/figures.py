"""Figures that are read from the database when somebody asks for them. No label names a person."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from idp.authenticators.card import roots
from idp.authenticators.card.roots import Health
from idp.oidc import withdrawals
from idp.provider import Provider


class CardFigures(Collector):
    """How the authorities of cards stand, and how old what we know of them is."""

    def __init__(self, portico: Provider) -> None:
        self._portico = portico

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Read them; a database that is away leaves the other figures as they are."""
        try:
            with self._portico.database.read() as tx:
                healths, moment = roots.healths(tx), tx.now
        except SQLAlchemyError:
            return
        now = moment.timestamp()
        serves = _gauge("portico_card_authority_serves", "Whether its cards are looked at")
        expiry = _gauge("portico_card_authority_expires_seconds", "Until its certificate is over")
        asked = _gauge("portico_card_root_check_age_seconds", "Since its root was last heard")
        age = _gauge("portico_card_list_age_seconds", "Since its list in use was made")
        left = _gauge("portico_card_list_left_seconds", "Until its list in use is over")
        entries = _gauge("portico_card_list_entries", "Certificates on its list in use")
        for one in healths:
            if not one.installed.is_on:
                continue
            label, until = [_label(one)], one.installed.authority.certificate.not_valid_after_utc
            expiry.add_metric(label, until.timestamp() - now)
            if not one.installed.is_root:
                serves.add_metric(label, float(one.installed.serves(moment)))
            if one.installed.checked_at is not None:
                asked.add_metric(label, now - one.installed.checked_at.timestamp())
            if one.list_read_at is not None and one.list_until is not None:
                age.add_metric(label, now - one.list_read_at.timestamp())
                left.add_metric(label, one.list_until.timestamp() - now)
                entries.add_metric(label, one.entries)
        yield from (serves, expiry, asked, age, left, entries)


class DirectoryFigures(Collector):
    """Which directories would put out more people at once than they may."""

    def __init__(self, portico: Provider) -> None:
        self._portico = portico

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Read them, as above."""
        try:
            with self._portico.database.read() as tx:
                waiting = {one.directory: one.waiting for one in withdrawals.held(tx)}
        except SQLAlchemyError:
            return
        held = GaugeMetricFamily(
            "portico_directory_withdrawals_held",
            "People who would be put out, and are not before an operator says so",
            labels=["directory"],
        )
        for one in self._portico.config.directories:
            held.add_metric([one.id], waiting.get(one.id, 0))
        yield held


def _gauge(name: str, meaning: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, labels=["authority"])


def _label(one: Health) -> str:
    kind = one.installed.authority.profile_id or "root"
    return f"{kind} {one.installed.authority.fingerprint.hex()[:8]}"
