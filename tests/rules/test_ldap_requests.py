"""What is written for a directory is what ldap3 would write, octet for octet."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3 import Connection, Server
from ldap3.core.exceptions import LDAPInvalidFilterError
from ldap3.operation.search import search_operation
from ldap3.protocol.rfc4511 import LDAPMessage, MessageID, ProtocolOp
from ldap3.utils.asn1 import encode

from idp.authenticators.directory import filters
from idp.gateways import ldap_ber as ber

_SCOPES = {ber.BASE: "BASE", ber.SUBTREE: "SUBTREE"}
_DEFAULTS = Connection(Server("dc1.court.test"))
NAMES = st.sampled_from(["sAMAccountName", "objectSid", "userPrincipalName", "member"])
VALUES = st.one_of(st.text(max_size=40), st.binary(max_size=300))
FILTERS = st.recursive(
    st.one_of(
        st.builds(filters.equals, NAMES, VALUES),
        st.builds(filters.member_of, st.text(max_size=40)),
        st.sampled_from(["(objectClass=*)", "(&(objectClass=user)(objectCategory=person))"]),
    ),
    lambda inner: st.one_of(
        st.builds(filters.both, inner, inner), st.builds(filters.either, inner, inner, inner)
    ),
    max_leaves=6,
)


def by_ldap3(
    number: int, base: str, filter_: str, attributes: Sequence[str], *, scope: int, limit: int
) -> bytes:
    """Have it written by the library, as its connections do."""
    asked = search_operation(
        base, filter_, _SCOPES[scope], "ALWAYS", list(attributes), limit, 0, False,
        _DEFAULTS.auto_escape, _DEFAULTS.auto_encode, None, None, False,
    )  # fmt: skip
    message = LDAPMessage()
    message["messageID"] = MessageID(number)
    message["protocolOp"] = ProtocolOp().setComponentByName("searchRequest", asked)
    return bytes(encode(message))


@given(
    number=st.integers(1, 2**31 - 1),
    base=st.text(st.characters(codec="utf-8"), max_size=200),
    filter_=FILTERS,
    attributes=st.lists(NAMES, min_size=1, max_size=20),
    scope=st.sampled_from(sorted(_SCOPES)),
    limit=st.integers(0, 100_000),
)
def test_a_search_is_written_as_the_library_writes_it(
    *, number: int, base: str, filter_: str, attributes: list[str], scope: int, limit: int
) -> None:
    ours = ber.search_request(number, base, filter_, attributes, scope=scope, limit=limit)

    assert ours == by_ldap3(number, base, filter_, attributes, scope=scope, limit=limit)


@pytest.mark.parametrize("octets", [0, 1, 127, 128, 255, 256, 65_535, 65_536])
def test_every_length_is_written_as_the_library_writes_it(octets: int) -> None:
    filter_ = filters.equals("objectSid", b"\xff" * octets)

    ours = ber.search_request(1, "", filter_, ["1.1"], scope=ber.BASE, limit=0)

    assert ours == by_ldap3(1, "", filter_, ["1.1"], scope=ber.BASE, limit=0)


@pytest.mark.parametrize("filter_", ["(cn=a*)", "(!(cn=a))", "(cn>=a)", "(cn:dn:=a)", "cn=a", "("])
def test_what_is_never_asked_is_not_written(filter_: str) -> None:
    with pytest.raises((ValueError, LDAPInvalidFilterError)):
        ber.search_request(1, "", filter_, ["1.1"], scope=ber.SUBTREE, limit=2)
