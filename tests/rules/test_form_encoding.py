"""What a request's form says, and how our answers are written: as urllib would, byte for byte."""

import string
from urllib.parse import parse_qsl, unquote_plus, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idp.oidc.errors import InvalidRequest
from idp.oidc.exchange import decoded, parameters
from idp.oidc.response import Response
from idp.oidc.vocabulary import ResponseMode

_ESCAPES = st.text(alphabet="%+aFf04cé2\x00", max_size=24)


@given(st.text(max_size=40) | _ESCAPES)
@example("%")
@example("%4")
@example("%zz%41")
@example("%25%34%31")  # decoded once, and not twice
@example("a%E4%B8%AD%E6%96%87+b")
@example("%E4中")
def test_decoding_is_urllibs(text: str) -> None:
    try:
        expected = unquote_plus(text, errors="strict")
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            decoded(text)
    else:
        assert decoded(text) == expected


_NAMES = st.text(alphabet=string.ascii_lowercase + "_", min_size=1, max_size=12)


@given(
    st.dictionaries(
        _NAMES,
        st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1),
    )
)
def test_what_is_encoded_comes_back(sent: dict[str, str]) -> None:
    assert parameters(urlencode(sent)) == sent


@pytest.mark.parametrize("written", ["state=a%00b", "a%00b=state", "state=a\x00b", "state=%00"])
def test_a_nul_is_refused_however_it_is_written(written: str) -> None:
    with pytest.raises(InvalidRequest):
        parameters(written)


def test_an_escaped_percent_before_two_noughts_is_no_nul() -> None:
    assert parameters("state=%2500") == {"state": "%00"}


@given(st.dictionaries(_NAMES, st.text(alphabet=st.characters(codec="utf-8"))))
@example({"state": "-._~", "iss": "http://localhost:9000", "code": "a b&c=d#e%"})
def test_an_answer_can_be_read_as_it_was_written(told: dict[str, str]) -> None:
    location = Response(ResponseMode.QUERY, "https://app.test/cb", told).location
    address, _, query = location.partition("?")
    assert address == "https://app.test/cb"
    assert dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(told))) == told
