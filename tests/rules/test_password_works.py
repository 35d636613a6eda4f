"""T43: what a name without a password costs, drawn as the passwords on record cost."""

from collections import Counter

import pytest
from argon2 import PasswordHasher

from idp.authenticators.password import foreign, works
from idp.authenticators.password.adoption import adopt
from idp.authenticators.password.works import NOTHING, drawn, specimen_of
from tests.spellings import SPELLINGS, Spelling

KEY = b"k" * 32
NAMES = [f"NAME{number}" for number in range(4000)]
BCRYPT = "$2b$12$" + "." * 53
SCRYPT = "$scrypt$ln=14,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43
SHARES = {NOTHING: 600, BCRYPT: 300, SCRYPT: 100}


def all_drawn(shares: dict[str, int], key: bytes = KEY) -> list[str]:
    return [drawn(shares, key, name) for name in NAMES]


def test_names_are_drawn_in_the_shares_of_what_is_on_record() -> None:
    found = Counter(all_drawn(SHARES))

    for specimen, share in SHARES.items():
        expected = len(NAMES) * share / 1000
        assert abs(found[specimen] - expected) < 4 * expected**0.5, (specimen, found)


def test_a_name_always_draws_the_same_and_only_the_key_tells_what() -> None:
    assert all_drawn(SHARES) == all_drawn(dict(reversed(SHARES.items())))
    others = all_drawn(SHARES, b"x" * 32)
    alike = sum(one == other for one, other in zip(all_drawn(SHARES), others, strict=True))
    assert 0.36 < alike / len(NAMES) < 0.56  # by chance: 0.6² + 0.3² + 0.1²


def test_few_names_change_where_the_shares_do() -> None:
    """As its owners come, an imported hash gives way to ours, and none comes back."""
    before = all_drawn(SHARES)
    after = all_drawn({NOTHING: 660, BCRYPT: 240, SCRYPT: 100})

    moved = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]

    assert 0.04 < len(moved) / len(NAMES) < 0.1
    assert NOTHING not in {was for was, _ in moved}
    assert BCRYPT not in {now for _, now in moved}


def test_before_the_first_census_a_name_costs_a_hash_of_ours() -> None:
    assert drawn({}, KEY, "ANYBODY") == NOTHING
    assert drawn({BCRYPT: 1}, KEY, "\ud800") == BCRYPT


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda one: one.id)
def test_a_specimen_has_the_costs_of_the_hash_and_nothing_else_of_it(spelling: Spelling) -> None:
    stored = adopt(spelling.scheme, spelling.text, spelling.salt)

    specimen = specimen_of(stored)

    assert specimen_of(specimen) == specimen
    assert stored.rpartition("$")[2] not in specimen
    if specimen and not specimen.startswith("$argon2id$"):
        found, of_nobody = foreign.parse(stored), foreign.parse(specimen)
        assert of_nobody.scheme is found.scheme
        for cost in ("rounds", "cost", "log_n", "r", "p"):
            assert getattr(of_nobody, cost, None) == getattr(found, cost, None)


def test_a_specimen_of_sha_crypt_keeps_the_length_of_the_salt() -> None:
    short, long = (f"$6${'s' * size}${'a' * 86}" for size in (1, 16))

    assert specimen_of(short) == f"$6$rounds=5000$.${'.' * 86}"
    assert len(specimen_of(long)) == len(specimen_of(short)) + 15


def test_a_specimen_of_argon2id_is_as_weak_as_the_hash() -> None:
    ours = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    theirs = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1, hash_len=16, salt_len=8)

    assert not ours.check_needs_rehash(specimen_of(ours.hash("x")))
    assert ours.check_needs_rehash(specimen_of(theirs.hash("x")))


@pytest.mark.parametrize("broken", ["", "$broken$", "$argon2id$v=19$m=1$x", "$2b$99$x", "é"])
def test_what_is_no_hash_takes_no_work(broken: str) -> None:
    assert specimen_of(broken) == NOTHING
    assert works.counted([broken, broken]) == {NOTHING: 2}
