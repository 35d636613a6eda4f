"""What the provider says of itself (OIDC Discovery section 3, RFC 8414 section 2).

Only what is really there is announced; a house test asks every endpoint named here.
"""

from collections.abc import Sequence
from typing import Any

from idp.config import MtlsSection
from idp.oidc import claims, client_jwts, dpop, identity_assurance, jwe, response, tokens
from idp.oidc.vocabulary import AuthMethod, GrantType, Prompt, ResponseMode

_BY_TLS = {AuthMethod.TLS, AuthMethod.SELF_SIGNED_TLS}
ASKED_FOR_CERTIFICATES = (
    ("token_endpoint", "/token"),
    ("userinfo_endpoint", "/userinfo"),
    ("pushed_authorization_request_endpoint", "/par"),
    ("device_authorization_endpoint", "/device_authorization"),
    ("backchannel_authentication_endpoint", "/bc-authorize"),
    ("introspection_endpoint", "/introspect"),
    ("revocation_endpoint", "/revoke"),
)
"""Where clients may show certificates: the endpoints that have an alias (RFC 8705 section 5)."""


_IDENTITY_ASSURANCE: dict[str, Any] = {
    "verified_claims_supported": True,
    "trust_frameworks_supported": [identity_assurance.FRAMEWORK],
    "evidence_supported": ["electronic_signature"],
    "claims_in_verified_claims_supported": list(identity_assurance.SCOPE_OF_VERIFIED),
}


def resource_metadata(issuer: str, scopes: Sequence[str], *, mtls: bool) -> dict[str, Any]:
    """Describe userinfo as a protected resource (RFC 9728 section 2): where its tokens are from."""
    return {
        "resource": issuer,
        "authorization_servers": [issuer],
        "jwks_uri": f"{issuer}/jwks",
        "scopes_supported": list(scopes),
        "bearer_methods_supported": ["header", "body"],
        "dpop_signing_alg_values_supported": list(dpop.ALGS),
        "tls_client_certificate_bound_access_tokens": mtls,
    }


def _encryption(algorithms: Sequence[str]) -> dict[str, Any]:
    """Announce what answers can be encrypted with, and requests where we have a key for it."""
    found: dict[str, Any] = {}
    for kind in ("id_token", "userinfo", "authorization", "introspection"):
        found[f"{kind}_encryption_alg_values_supported"] = list(jwe.ALGS)
        found[f"{kind}_encryption_enc_values_supported"] = list(jwe.ENCS)
    if own := [one for one in algorithms if one in jwe.OWN_ALGS]:
        found["request_object_encryption_alg_values_supported"] = own
        found["request_object_encryption_enc_values_supported"] = list(jwe.ENCS)
    return found


def metadata(
    issuer: str,
    algorithms: Sequence[str],
    scopes: Sequence[str],
    *,
    registers: bool,
    mtls: MtlsSection,
    acr_values: Sequence[str],
    verifies: bool = False,
    offices: bool = False,
    details_types: Sequence[str] = (),
) -> dict[str, Any]:
    """Write the metadata document; the same one serves both well-known addresses.

    Args:
        registers: whether clients may register themselves.
        mtls: whether client certificates are taken, and at which address.
        acr_values: what can come of a sign-in (:func:`idp.oidc.acr.offered`).
        verifies: whether there are verified claims (OIDC for Identity Assurance section 7).
        offices: whether there is a directory that says what people's offices are.
        details_types: what ``authorization_details`` may be of (RFC 9396 section 10).
    """
    signing = [one for one in algorithms if one in tokens.SIGNING_ALGS]
    methods = [one for one in AuthMethod if mtls.is_on or one not in _BY_TLS]
    offered: dict[str, Any] = {}
    if verifies:
        offered |= _IDENTITY_ASSURANCE
    if registers:
        offered["registration_endpoint"] = f"{issuer}/register"
    if mtls.endpoint:
        aliases = {name: f"{mtls.endpoint}{path}" for name, path in ASKED_FOR_CERTIFICATES}
        offered["mtls_endpoint_aliases"] = aliases  # RFC 8705 section 5
    if details_types:
        offered["authorization_details_types_supported"] = list(details_types)
    offered |= _encryption(algorithms)
    return offered | {
        "tls_client_certificate_bound_access_tokens": mtls.is_on,
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "pushed_authorization_request_endpoint": f"{issuer}/par",
        "require_pushed_authorization_requests": False,
        "device_authorization_endpoint": f"{issuer}/device_authorization",
        "backchannel_authentication_endpoint": f"{issuer}/bc-authorize",
        "backchannel_token_delivery_modes_supported": ["poll", "ping"],
        "backchannel_user_code_parameter_supported": False,
        "backchannel_authentication_request_signing_alg_values_supported": list(
            client_jwts.FAPI_ALGS
        ),
        "introspection_endpoint": f"{issuer}/introspect",
        "revocation_endpoint": f"{issuer}/revoke",
        "end_session_endpoint": f"{issuer}/logout",
        "check_session_iframe": f"{issuer}/check-session",
        "scopes_supported": list(scopes),
        "response_types_supported": list(response.TYPES),
        "response_modes_supported": list(ResponseMode),
        "grant_types_supported": list(GrantType),
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": signing,
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": list(client_jwts.ALGS),
        "introspection_endpoint_auth_methods_supported": [
            method for method in methods if method is not AuthMethod.NONE
        ],
        "revocation_endpoint_auth_methods_supported": methods,
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": list(dpop.ALGS),
        "claims_supported": claims.supported(offices=offices),
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": True,
        "request_object_signing_alg_values_supported": list(client_jwts.ALGS),
        "userinfo_signing_alg_values_supported": signing,
        "authorization_signing_alg_values_supported": signing,
        "introspection_signing_alg_values_supported": signing,
        "acr_values_supported": list(acr_values),
        "prompt_values_supported": list(Prompt),
        "display_values_supported": ["page"],
        "ui_locales_supported": ["zh-Hant", "zh-Hans", "en"],
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "authorization_response_iss_parameter_supported": True,
        "op_policy_uri": f"{issuer}/terms/privacy",
        "op_tos_uri": f"{issuer}/terms/terms",
    }
