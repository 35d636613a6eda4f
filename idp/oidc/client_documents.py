"""What clients keep on their own servers: their keys, and request objects by reference.

A stranger's server may be slow or hostile. So documents are fetched before any transaction
is open, few threads at a time may wait for one and fewer for the same host, and what was
fetched serves for a while: verifying never calls anybody.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urldefrag, urlsplit

import msgspec

from idp.config import ClientSection
from idp.gateways.fetch import Errand, Fetcher, Forbidden, Unreachable
from idp.oidc.model import Client

COOLDOWN = timedelta(seconds=10)
"""Between two tries at one address: a forged ``kid`` must not make us a nuisance."""
_FRESH_FOR = timedelta(minutes=15)
_KEPT_FOR = timedelta(days=1)
_USUAL_THREADS = 8
_HELD = 1000  # addresses
_Place = tuple[str, str]
"""Whose keys, and where they are: what one client's server did is nothing to another client."""


class NotFetched(Exception):
    """The document could not be had; the text is for the client's developer."""


@dataclass(frozen=True, slots=True)
class HeldKeys:
    """A client's keys as they were fetched, and when somebody last tried."""

    jwks: Mapping[str, Any]
    fetched_at: datetime
    tried_at: datetime

    def names(self, kid: str | None) -> bool:
        """Tell whether a token's key is among them; one that names none may be any."""
        return kid is not None and any(one.get("kid") == kid for one in self.jwks["keys"])


class Busy(NotFetched):
    """As many are waiting for clients' servers, or for this one, as may."""


class _Room:
    """Where threads wait for clients' servers: who waits there serves nobody else.

    One host never fills it, so that its slowness is felt by its own clients alone.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._of_one_host = max(1, places - 1)
        self._waiting = Counter[str]()
        self._lock = threading.Lock()

    @contextmanager
    def place(self, uri: str) -> Generator[None]:
        """Wait for the host of ``uri``.

        Raises:
            Busy: there is no place.
        """
        host = urlsplit(uri).netloc.lower()
        with self._lock:
            full = self._waiting.total() >= self._places
            if full or self._waiting[host] >= self._of_one_host:
                raise Busy("too many are waiting; try again")
            self._waiting[host] += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting[host] -= 1
                self._waiting += Counter[str]()  # forgets who is at nought


class ClientDocuments:
    """Fetches for this process, and remembers keys. Thread-safe.

    Args:
        fetch: the way out.
        threads: how many serve requests. Three of eight may wait for servers that an operator
            registered, as many for those of clients that registered themselves.
    """

    def __init__(self, fetch: Fetcher, threads: int = _USUAL_THREADS) -> None:
        self._fetch = fetch
        places = max(1, 3 * threads // 8)
        self._rooms = {stranger: _Room(places) for stranger in (False, True)}
        self._held: OrderedDict[_Place, HeldKeys] = OrderedDict()
        self._lock = threading.Lock()
        self._fetching: dict[_Place, threading.Lock] = {}

    def keys(self, registration: ClientSection) -> Mapping[str, Any]:
        """Give a client's public keys as far as they are known here; calls nobody."""
        if not registration.jwks_uri:
            return registration.jwks
        held = self._held.get((registration.client_id, registration.jwks_uri))
        return held.jwks if held is not None else {}

    def refresh_keys(self, client: Client, kid: str | None, now: datetime) -> None:
        """Fetch a client's keys where they are missing, old, or lack the one named.

        What cannot be fetched is left as it was: keys serve for a day after they were last
        seen. Call it before a transaction is open; it may take two seconds.
        """
        place = (client.client_id, client.registration.jwks_uri)
        if not client.registration.jwks_uri or not self._is_due(place, kid, now):
            return
        with suppress(Busy), self._rooms[client.is_stranger].place(client.registration.jwks_uri):
            with self._lock:
                alone = self._fetching.setdefault(place, threading.Lock())
            with alone:
                if self._is_due(place, kid, now):
                    self._fetch_keys(client, now)

    def request_object(self, client: Client, uri: str) -> str:
        """Fetch a request object from an address the client registered (RFC 9101 section 5.2).

        The fragment is the client's own mark of its content and is not sent.

        Raises:
            NotFetched: not registered, not reached, or not answered with a JWT.
        """
        if uri not in client.registration.request_uris:
            raise NotFetched("request_uri is not registered for this client")
        try:
            with self._rooms[client.is_stranger].place(uri):
                answer = self._fetch.get(
                    urldefrag(uri).url,
                    accept="application/oauth-authz-req+jwt, application/jwt",
                    errand=Errand("request object", client.client_id, client.is_stranger),
                )
        except Busy:
            raise NotFetched("request_uri cannot be fetched now; try again") from None
        except (Forbidden, Unreachable):
            raise NotFetched("request_uri cannot be fetched") from None
        if answer.status != 200 or not answer.body.isascii():
            raise NotFetched("request_uri does not lead to a request object")
        return answer.body.decode("ascii").strip()

    def sector(self, uri: str) -> list[str]:
        """Fetch the redirect URIs that a sector vouches for (OIDC Core section 8.1).

        Raises:
            NotFetched: not reached, or not answered with a list of them.
        """
        errand = Errand("sector", stranger=True)
        try:
            with self._rooms[errand.stranger].place(uri):
                answer = self._fetch.get(uri, accept="application/json", errand=errand)
            return msgspec.json.decode(answer.body if answer.status == 200 else b"", type=list[str])
        except (Forbidden, Unreachable, ValueError, msgspec.MsgspecError):
            raise NotFetched("sector_identifier_uri: cannot be read") from None

    def _is_due(self, place: _Place, kid: str | None, now: datetime) -> bool:
        held = self._held.get(place)
        if held is None:
            return True
        if held.tried_at <= now < held.tried_at + COOLDOWN:
            return False
        return not held.names(kid) or now >= held.fetched_at + _FRESH_FOR

    def _fetch_keys(self, client: Client, now: datetime) -> None:
        place = (client.client_id, client.registration.jwks_uri)
        held = self._held.get(place)
        try:
            answer = self._fetch.get(
                client.registration.jwks_uri,
                accept="application/jwk-set+json, application/json",
                errand=Errand("keys", client.client_id, client.is_stranger),
            )
            found = HeldKeys(_public_keys(answer.status, answer.body), now, now)
        except (Forbidden, Unreachable, NotFetched):
            stale = held is None or held.fetched_at + _KEPT_FOR <= now
            kept = {"keys": []} if stale or held is None else held.jwks
            found = HeldKeys(kept, held.fetched_at if held else now, now)
        with self._lock:
            self._held[place] = found
            self._held.move_to_end(place)
            while len(self._held) > _HELD:
                gone, _ = self._held.popitem(last=False)
                self._fetching.pop(gone, None)


def _public_keys(status: int, body: bytes) -> Mapping[str, Any]:
    """Read a JWK set (RFC 7517 section 5); a key that is not public is not taken."""
    try:
        found = msgspec.json.decode(body if status == 200 else b"", type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        raise NotFetched("not a JWK set") from None
    keys = found.get("keys")
    if not isinstance(keys, list):
        raise NotFetched("not a JWK set")
    return {"keys": [one for one in keys if isinstance(one, dict) and "d" not in one]}
