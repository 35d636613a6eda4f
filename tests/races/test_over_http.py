"""What only a real server shows: bodies without a length, and bodies without an end."""

from collections.abc import Iterator

import httpx2

from tests.races.surfer import Surfer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def in_pieces(*pieces: bytes) -> Iterator[bytes]:
    yield from pieces


def test_a_form_that_comes_in_chunks_is_read_whole(surfer: Surfer) -> None:
    pieces = in_pieces(b"grant_type=refresh", b"_token&refresh_token=", b"unknown")

    answer = surfer.http.post(
        f"{surfer.url}/token",
        content=pieces,
        headers=FORM,
        auth=(surfer.client_id, surfer.client_secret),
    )

    assert answer.json()["error"] == "invalid_grant"


def test_a_form_in_chunks_that_does_not_end_is_refused(surfer: Surfer) -> None:
    with httpx2.Client(timeout=30) as http:
        answer = http.post(
            f"{surfer.url}/token",
            content=in_pieces(*[b"x" * 8192] * 64),
            headers=FORM,
            auth=(surfer.client_id, surfer.client_secret),
        )

    assert answer.status_code == 413
