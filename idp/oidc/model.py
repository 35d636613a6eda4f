"""A registered client as a value: what its registration lets it do. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec

from idp.config import ClientSection
from idp.oidc.vocabulary import AuthMethod, Profile
from idp.secret import digest, same

_BY_KEY = {AuthMethod.PRIVATE_KEY_JWT, AuthMethod.TLS, AuthMethod.SELF_SIGNED_TLS}


BY_ITSELF = "dynamic"
"""The source of a client that registered itself."""


@dataclass(frozen=True)
class Client:
    """A registered client, as it is now."""

    registration: ClientSection
    secrets: tuple[tuple[bytes, datetime | None], ...] = ()
    disabled: bool = False
    source: str = "operator"

    @property
    def client_id(self) -> str:
        """The identifier, compared byte for byte."""
        return self.registration.client_id

    @property
    def is_stranger(self) -> bool:
        """Whether nobody of ours has looked at its registration."""
        return self.source == BY_ITSELF

    @cached_property
    def profile(self) -> Profile:
        """The set of rules it lives by."""
        return Profile(self.registration.profile)

    @cached_property
    def scopes(self) -> frozenset[str]:
        """The scopes it may ask for."""
        return frozenset(self.registration.scope.split())

    @property
    def is_public(self) -> bool:
        """Whether it can keep no secret (RFC 6749 section 2.1)."""
        return method_of(self.registration) is AuthMethod.NONE

    def may_use(self, grant_type: str) -> bool:
        """Whether it registered for a grant."""
        return grant_type in self.registration.grant_types

    def may_serve(self, kind: str) -> bool:
        """Whether accounts of this kind may open it (P33)."""
        return not self.registration.account_kinds or kind in self.registration.account_kinds

    @cached_property
    def kinds(self) -> str:
        """The same for a statement: see :data:`idp.accounts.tables.IS_SERVED`."""
        listed = " ".join(self.registration.account_kinds)
        return f" {listed} " if listed else ""

    def says(self, registration: ClientSection) -> bool:
        """Whether this is what ``registration`` would make of it, its secret included."""
        hashed = registration.secret_sha256
        held = {one.hex() for one, _ in self.secrets}
        return stored(self.registration) == stored(registration) and (not hashed or hashed in held)

    def has_secret(self, presented: str, now: datetime) -> bool:
        """Compare with each live secret; all are compared, whichever matches."""
        hashed = digest(presented)
        found = [
            same(held, hashed)
            for held, expires_at in self.secrets
            if expires_at is None or now < expires_at
        ]
        return any(found)

    @property
    def pushes_requests(self) -> bool:
        """Whether its requests go ahead of the browser, always (RFC 9126)."""
        required = self.registration.require_pushed_authorization_requests
        return required or self.profile is Profile.FAPI2

    @cached_property
    def proves_a_key(self) -> bool:
        """Whether it proves a private key with every request, so that a stolen token is no use."""
        return method_of(self.registration) in _BY_KEY

    @property
    def binds_tokens(self) -> bool:
        """Whether every token it gets is bound to a key of its own (RFC 8705, RFC 9449)."""
        return binds_tokens(self.registration)

    @property
    def rotates_refresh_tokens(self) -> bool:
        """Whether each is used once: not where a key has to come with it (FAPI 2.0, 5.3.2.1)."""
        return self.profile is not Profile.FAPI2

    def alg_of(self, kind: str) -> str:
        """Give what its signed responses of a kind (``authorization``, …) are signed with."""
        asked: str = getattr(self.registration, f"{kind}_signed_response_alg")
        usual = "ES256" if self.profile is Profile.FAPI2 else "RS256"
        return asked or usual

    def name(self, locale: str) -> str:
        """Its name for people, in ``locale`` where it has one."""
        return _in_locale(self.registration.names, locale) or self.client_id

    def description(self, locale: str) -> str:
        """What it is for, in ``locale`` where it says so."""
        return _in_locale(self.registration.descriptions, locale)


def _in_locale(texts: Mapping[Any, str], locale: str) -> str:
    return texts.get(locale) or next(iter(texts.values()), "")


def method_of(registration: ClientSection) -> AuthMethod:
    """Give the one way a client proves who it is."""
    return AuthMethod(registration.token_endpoint_auth_method)


def binds_tokens(registration: ClientSection) -> bool:
    """Tell whether every token a client gets is bound to its certificate or its key."""
    by_certificate = registration.tls_client_certificate_bound_access_tokens
    return registration.dpop_bound_access_tokens or by_certificate


def stored(registration: ClientSection) -> dict[str, Any]:
    """Give the form that is kept: everything but the secret, which is kept by itself."""
    kept = dict(msgspec.to_builtins(registration))
    kept.pop("secret_sha256")
    return kept
