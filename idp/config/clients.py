"""Relying apps that are registered by the file."""

from typing import Any, Literal

import msgspec

from idp.config.values import Algorithm, ContentEncryption, Encryption, ProfileName, Section, Texts


class ClientSection(Section, frozen=True):
    """A relying app's registration (RFC 7591 names where it has them), whatever its source."""

    client_id: str
    names: Texts = {}
    descriptions: Texts = {}
    profile: ProfileName = "oauth21"
    response_types: list[str] = msgspec.field(default_factory=lambda: ["code"])
    redirect_uris: list[str] = []
    post_logout_redirect_uris: list[str] = []
    backchannel_logout_uri: str = ""
    frontchannel_logout_uri: str = ""
    grant_types: list[str] = msgspec.field(
        default_factory=lambda: ["authorization_code", "refresh_token"]
    )
    scope: str = "openid profile email"
    token_endpoint_auth_method: Literal[
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "tls_client_auth",
        "self_signed_tls_client_auth",
        "none",
    ] = "client_secret_basic"
    secret_sha256: str = ""
    jwks: dict[str, Any] = {}
    jwks_uri: str = ""
    token_endpoint_auth_signing_alg: Algorithm | Literal[""] = ""
    request_uris: list[str] = []
    request_object_signing_alg: Algorithm | Literal[""] = ""
    require_signed_request_object: bool = False
    id_token_signed_response_alg: Algorithm = "RS256"
    userinfo_signed_response_alg: Algorithm | Literal[""] = ""
    authorization_signed_response_alg: Algorithm | Literal[""] = ""
    introspection_signed_response_alg: Algorithm | Literal[""] = ""
    id_token_encrypted_response_alg: Encryption = ""
    id_token_encrypted_response_enc: ContentEncryption = "A256GCM"
    userinfo_encrypted_response_alg: Encryption = ""
    userinfo_encrypted_response_enc: ContentEncryption = "A256GCM"
    authorization_encrypted_response_alg: Encryption = ""
    authorization_encrypted_response_enc: ContentEncryption = "A256GCM"
    introspection_encrypted_response_alg: Encryption = ""
    introspection_encrypted_response_enc: ContentEncryption = "A256GCM"
    subject_type: Literal["public", "pairwise"] = "public"
    sector_identifier_uri: str = ""
    require_pushed_authorization_requests: bool = False
    dpop_bound_access_tokens: bool = False
    tls_client_certificate_bound_access_tokens: bool = False
    tls_client_auth_subject_dn: str = ""
    tls_client_auth_san_dns: str = ""
    tls_client_auth_san_uri: str = ""
    tls_client_auth_san_ip: str = ""
    tls_client_auth_san_email: str = ""
    resources: list[str] = []
    authorization_details_types: list[str] = []
    backchannel_token_delivery_mode: Literal["poll", "ping"] = "poll"
    backchannel_client_notification_endpoint: str = ""
    backchannel_authentication_request_signing_alg: Algorithm | Literal[""] = ""
    trusted: bool = False
    require_second_factor: bool = False
    """Nobody gets in with a password alone; who has no second factor is led to set one up."""
    home_uri: str = ""
    link_uri: str = ""
    """Where an app with accounts of its own takes requests to link them (P32)."""
    introspects: bool = False
    """A resource server: may introspect tokens that were issued to others (RFC 7662)."""
    account_kinds: list[str] = []
    """Which kinds of account may open the app (P33); empty: all."""
    metadata: dict[str, Any] = {}
    """Further members of RFC 7591, kept and returned as they were registered."""
