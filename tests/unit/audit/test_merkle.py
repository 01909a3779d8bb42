"""The Merkle tree: RFC 6962's own definition, and refusals."""

from __future__ import annotations

import hashlib

import pytest

from agent.audit.merkle import EMPTY_ROOT, Tree


def root_by_definition(leaves: list[bytes]) -> bytes:
    """Return RFC 6962's MTH (section 2.1) over leaf hashes, as the text defines it."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = root_by_definition(leaves[:split]), root_by_definition(leaves[split:])
    return hashlib.sha256(b"\1" + left + right).digest()


def leaves(count: int) -> list[bytes]:
    """Return different leaf hashes."""
    return [hashlib.sha256(b"\0%d" % i).digest() for i in range(count)]


@pytest.mark.parametrize("count", [*range(18), 31, 32, 33, 100])
def test_the_root_is_that_of_the_definition(count: int) -> None:
    """A tree that grew leaf by leaf has the root of RFC 6962, section 2.1."""
    tree = Tree()
    for leaf in leaves(count):
        tree.add(leaf)

    assert root_by_definition(leaves(count)) == tree.root()
    assert count == tree.size


def test_the_known_roots_of_certificate_transparency() -> None:
    """The eight test leaves of Certificate Transparency's reference code give its roots."""
    # Source: google/certificate-transparency, merkletree tests; leaves in hexadecimal.
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657",
              "606162636465666768696a6b6c6d6e6f"]  # fmt: skip
    tree = Tree()
    roots = []
    for text in inputs:
        tree.add(hashlib.sha256(b"\0" + bytes.fromhex(text)).digest())
        roots.append(tree.root().hex())

    assert "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" == roots[0]
    assert "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125" == roots[1]
    assert "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328" == roots[7]


@pytest.mark.parametrize("cut", range(34))
def test_a_tree_goes_on_from_its_peaks(cut: int) -> None:
    """Peaks are enough to go on when the leaves are gone."""
    whole, old = Tree(), Tree()
    for leaf in leaves(33):
        whole.add(leaf)
    for leaf in leaves(33)[:cut]:
        old.add(leaf)

    resumed = Tree(old.size, old.peaks)
    for leaf in leaves(33)[cut:]:
        resumed.add(leaf)

    assert whole.root() == resumed.root()


@pytest.mark.parametrize(("size", "peaks"), [(3, b""), (0, bytes(32)), (2, bytes(64)), (-1, b"")])
def test_peaks_of_another_size_are_refused(size: int, peaks: bytes) -> None:
    """A size has exactly as many peaks as ones in its binary form."""
    with pytest.raises(ValueError, match="other peaks"):
        Tree(size, peaks)


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    """RFC 6962 gives the empty tree the hash of an empty string."""
    assert EMPTY_ROOT == Tree().root() == hashlib.sha256().digest()
