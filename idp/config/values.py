"""What values a key may have, and what every table of the file is."""

from typing import Annotated, Literal

import msgspec

Positive = Annotated[int, msgspec.Meta(ge=1)]
Natural = Annotated[int, msgspec.Meta(ge=0)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Locale = Literal["zh-Hant", "zh-Hans", "en"]
Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA"]
KeyAlgorithm = Literal["RS256", "PS256", "ES256", "EdDSA", "RSA-OAEP-256", "ECDH-ES"]
Encryption = Literal["", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW"]
ContentEncryption = Literal["A128GCM", "A256GCM", "A128CBC-HS256"]
PolicyName = Literal["modern", "tw-gov-internal", "seed-compat"]
ProfileName = Literal["oauth21", "oidc", "fapi2"]
Texts = dict[Locale, str]
"""A text for people in some of the locales; the first one given serves the others."""
Names = str | Texts
"""One name for all languages, or a name for each."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the configuration file."""
