"""What happens to authorities over the years, and what an attacker builds out of them."""

from dataclasses import dataclass

from cardbridge.lab import authorities, keys, leaves
from cardbridge.lab.authorities import Signer
from cardbridge.lab.holders import Holder
from cardbridge.lab.leaves import Hand, Order
from cardbridge.lab.pki import CardFiles, IssuedLeaf, LabPki, find
from cardbridge.lab.profiles import PROFILES, ROOT
from cardbridge.lab.variants import VARIANTS


@dataclass(frozen=True, slots=True)
class Rollover:
    """A root, its successor of the same name, and the two that lead across; all as DER."""

    old_root: bytes
    new_root: bytes
    new_with_old: bytes
    """The successor's key, certified by its predecessor (RFC 4210 section 4.4)."""
    old_with_new: bytes


def roll_root(pki: LabPki) -> Rollover:
    """Give the root a successor, ``root-2``; found a generation below it with ``root="root-2"``."""
    old = pki.authority("root").signer
    new = pki.offices.found_root("root-2", ROOT).signer
    across = (_cross(pki, "root", new), _cross(pki, "root-2", old))
    return Rollover(old.der, new.der, *across)


def _cross(pki: LabPki, by: str, certified: Signer) -> bytes:
    return authorities.certify(
        ROOT,
        certified.key,
        pki.clock(),
        by=pki.authority(by).signer,
        url=pki.offices.url_of(by),
    ).der


def long_chain(pki: LabPki, profile: str, holder: Holder, *, length: int = 50) -> CardFiles:
    """Issue a card below that many authorities in a row; ``chain`` leads up to the true root."""
    kind, good = find(PROFILES, profile), VARIANTS["good"]
    row = [pki.authority("root").signer]
    url = pki.offices.url_of("root")
    for _ in range(length):
        key = keys.fresh("p256")
        row.append(authorities.certify(kind.issuer, key, pki.clock(), by=row[-1], url=url))
    start = pki.clock() + good.starts
    order = Order(kind, holder, good, start, start + kind.life)
    hand = Hand(kind.issuer, row[-1].key, pki.offices.url_of(profile))
    leaf_key = pki.make_key("rsa2048")
    leaf = IssuedLeaf(leaves.write(order, leaf_key, hand), leaf_key)
    return CardFiles(
        profile, holder, "long_chain", leaf, None, tuple(one.der for one in reversed(row))
    )
