"""What browsers make of Kerberos tickets: tokens for the header."""

import base64
from pathlib import Path
from typing import Any

import gssapi

KRB5 = gssapi.OID.from_int_seq("1.2.840.113554.1.2.2")
SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")


def token(cache: Path, service: str = "HTTP@localhost", mechanism: Any = SPNEGO) -> bytes:
    """Make a token of the tickets in a cache; asks the domain where one is missing yet."""
    ours = gssapi.Credentials(usage="initiate", store={"ccache": f"FILE:{cache}"})
    context = gssapi.SecurityContext(
        usage="initiate",
        creds=ours,
        name=gssapi.Name(service, gssapi.NameType.hostbased_service),
        mech=mechanism,
        flags=gssapi.RequirementFlag.mutual_authentication,
    )
    made = context.step()
    assert made is not None
    return bytes(made)


def header(made: bytes) -> str:
    """Write a token into ``Authorization``."""
    return f"Negotiate {base64.b64encode(made).decode()}"
