"""Which names already have a row: 12 bytes a name, so that a million take little memory."""

import hashlib
from collections.abc import Iterable

import numpy as np


class WrittenNames:
    """A multiset: a list may name an image twice, and then it has two rows.

    Kept are 64 bits of a hash: that two of a million names share them has a chance of 1 in 37 million.
    """

    def __init__(self, names: Iterable[str]) -> None:
        digests = np.fromiter((_digest(name) for name in names), dtype=np.uint64)
        self._digests, counts = np.unique(digests, return_counts=True)
        self._left = counts.astype(np.uint32)

    def take(self, name: str) -> bool:
        """Whether there is a row for the name that no earlier call has taken."""
        wanted = np.uint64(_digest(name))
        at = int(np.searchsorted(self._digests, wanted))
        if at == len(self._digests) or self._digests[at] != wanted or not self._left[at]:
            return False
        self._left[at] -= 1
        return True


def _digest(name: str) -> int:
    data = name.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")
