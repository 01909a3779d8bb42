"""The Merkle tree over a log's entries: RFC 6962, section 2.1, SHA-256, grown leaf by leaf.

A tree of n leaves is kept as its peaks: the roots of the perfect trees that n splits into, largest
first, one for each 1 in the binary form of n. They are enough to add leaves and to give the root;
the leaves themselves may be gone. Root = peaks folded from the right.
"""

from __future__ import annotations

import hashlib

HASH_BYTES = 32
NODE = b"\1"
"""What stands before two hashes when they are joined (RFC 6962, section 2.1)."""
EMPTY_ROOT = hashlib.sha256(b"").digest()


class Tree:
    """A growing tree.

    Attributes:
        size: number of leaves.
    """

    def __init__(self, size: int = 0, peaks: bytes = b"") -> None:
        """Begin empty, or go on from a tree whose leaves aren't at hand.

        Args:
            size: number of its leaves.
            peaks: 32 bytes for each 1 in the binary form of `size`, largest tree first.

        Raises:
            ValueError: there are more or fewer peaks than `size` has.
        """
        if size < 0 or len(peaks) != HASH_BYTES * size.bit_count():
            raise ValueError("a tree of this size has other peaks")
        self.size = size
        self._peaks = [peaks[i : i + HASH_BYTES] for i in range(0, len(peaks), HASH_BYTES)]

    @property
    def peaks(self) -> bytes:
        """Return all peaks in a row, to go on from later."""
        return b"".join(self._peaks)

    def add(self, leaf: bytes) -> None:
        """Add a leaf.

        Args:
            leaf: its hash, 32 bytes.
        """
        peaks, trees = self._peaks, self.size
        while trees & 1:
            leaf = hashlib.sha256(NODE + peaks.pop() + leaf).digest()
            trees >>= 1
        peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Return the tree's root hash, 32 bytes."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = hashlib.sha256(NODE + peak + root).digest()
        return root
