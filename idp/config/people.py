"""How people prove who they are, and how they register."""

from typing import Annotated, Literal

import msgspec

from idp.config.values import Natural, PolicyName, Port, Positive, ProfileName, Section, Texts


class PasswordSection(Section, frozen=True):
    """What Argon2id costs (RFC 9106); stronger values are taken over at each sign-in."""

    memory_kib: Annotated[int, msgspec.Meta(ge=7168)] = 19456
    time_cost: Positive = 2
    parallelism: Positive = 1
    queue_limit: Positive = 16
    policy: PolicyName = "modern"
    staff_policy: PolicyName = "tw-gov-internal"
    minimum_length: Natural = 0
    maximum_length: Natural = 0
    accept_unsafe_policy: bool = False


class CaptchaSection(Section, frozen=True):
    """When the sign-in page asks for the six digits."""

    mode: Literal["always", "adaptive", "off"] = "always"
    lifetime_minutes: Positive = 10


class ThrottleSection(Section, frozen=True):
    """How many wrong secrets a context may try before it has to wait."""

    context_failures: Positive = 5
    block_minutes: Positive = 15
    prefix_per_minute: Positive = 20
    captcha_per_hour: Positive = 10
    strangers_per_hour: Positive = 50
    password_failures: Positive = 100
    exempt_networks: list[str] = []


class AccountsSection(Section, frozen=True):
    """Which kinds of account people may open themselves (``idp.registration.flows``)."""

    open_to: list[str] = msgspec.field(
        default_factory=lambda: ["uncertified", "citizen", "organisation"]
    )
    places: dict[str, str] = {}
    """Names of networks, shown beside addresses in people's history."""


class CardsSection(Section, frozen=True):
    """Sign-in by national smart card, and whom we ask whether a card is revoked."""

    enabled: bool = False
    challenge_minutes: Positive = 5
    bridge_ports: Annotated[list[Port], msgspec.Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: [34961, 34962, 34963]
    )
    hosts_also: list[str] = []
    deadline_seconds: Annotated[float, msgspec.Meta(gt=0, le=2.5)] = 2.0
    ocsp_max_age_minutes: Positive = 10
    ocsp_cached_seconds: Natural = 60
    crl_refresh_hours: Positive = 6
    crl_limit_mib: Positive = 64
    crl_grace_hours: Natural = 0
    root_alarm_hours: Positive = 48
    evidence_years: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    evidence_days_of_nobody: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 30
    web_eid: bool = False
    hipki: bool = False
    hipki_origin: Annotated[
        str, msgspec.Meta(pattern=r"^http://(localhost|127\.0\.0\.1):[0-9]{1,5}$")
    ] = "http://localhost:61161"
    acr: str = "urn:portico:acr:card"
    degraded_acr: str = "urn:portico:acr:card-unchecked"
    hipki_acr: str = "urn:portico:acr:card-hipki"
    warn_days: list[Positive] = msgspec.field(default_factory=lambda: [60, 30, 7])
    notices: Texts = {}
    component_url: str = ""
    driver_url: str = ""


class IcsSection(Section, frozen=True):
    """The authority's service that confirms national ids; off without an address."""

    url: str = ""
    certificate_file: str = ""
    key_file: str = ""


class RegistrationSection(Section, frozen=True):
    """Whether clients may register themselves (RFC 7591), and as what."""

    mode: Literal["off", "initial_access_token", "open"] = "off"
    initial_access_tokens_sha256: list[str] = []
    profiles: Annotated[list[ProfileName], msgspec.Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: ["oauth21"]
    )
    """What a client may ask for; the first is what it gets without asking."""
