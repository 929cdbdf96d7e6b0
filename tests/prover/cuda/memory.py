"""A device's memory in the interpreter: every access inside of a buffer, aligned, and no race.

Warps of one launch share words only by atomics, and a block's warps share words of shared memory
only across a barrier. Whoever reads what another wrote since, or writes what another read or wrote
since, is an error, whatever order the interpreter happens to run them in.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_GAP = 64
"""Words between buffers that belong to nobody."""
_POISON = 0xDEADBEEF


class AccessError(Exception):
    """A kernel's fault: the message says what it did."""


class Words:
    """Words under byte addresses from `base` on, with who read and wrote each of them when."""

    def __init__(self, words: NDArray[np.uint32], valid: NDArray[np.bool_], base: int) -> None:
        self.words = words
        self.valid = valid
        self.base = base
        self.readers = np.full(len(words), -1, np.int64)
        self.writers = np.full(len(words), -1, np.int64)

    def places(self, addresses: NDArray[np.uint64], count: int, align: int) -> NDArray[np.int64]:
        """The first of `count` words at each address."""
        at = addresses.astype(np.int64) - self.base
        if (at % align).any():
            raise AccessError(f"an address is no multiple of {align}")
        at >>= 2
        if ((at < 0) | (at + count > len(self.words))).any():
            raise AccessError("an address is outside of memory")
        for word in range(count):
            if not self.valid[at + word].all():
                raise AccessError("an address is in no buffer")
        return at

    def read(self, at: NDArray[np.int64], who: NDArray[np.int64], since: Any) -> Any:
        """One word each; `who` reads, and `since` is the least that counts as at the same time."""
        writers = self.writers[at]
        if ((writers >= since) & (writers != who)).any():
            raise AccessError("a warp reads what another wrote")
        self.readers[at] = who
        return self.words[at]

    def write(self, at: NDArray[np.int64], values: Any, who: NDArray[np.int64], since: Any) -> None:
        """One word each."""
        for others in (self.readers[at], self.writers[at]):
            if ((others >= since) & (others != who)).any():
                raise AccessError("a warp writes what another read or wrote")
        self.words[at] = values
        self.writers[at] = who
        if (self.writers[at] != who).any() or (self.words[at] != values).any():
            raise AccessError("two threads write a word at once")


class Heap(Words):
    """Global memory: buffers with nobody's words between them."""

    def __init__(self) -> None:
        super().__init__(np.zeros(0, np.uint32), np.zeros(0, np.bool_), 1 << 32)

    def take(self, count: int) -> int:
        """The address of a new buffer of words that hold nothing sensible."""
        size = -(-(count + _GAP) // _GAP) * _GAP
        address = self.base + 4 * len(self.words)
        self.words = np.concatenate([self.words, np.full(size, _POISON, np.uint32)])
        fresh = np.zeros(size, np.bool_)
        fresh[:count] = True
        self.valid = np.concatenate([self.valid, fresh])
        self.readers, self.writers = (
            np.concatenate([one, np.full(size, -1, np.int64)])
            for one in (self.readers, self.writers)
        )
        return address

    def view(self, address: int, count: int) -> NDArray[np.uint32]:
        """A buffer's words."""
        start = (address - self.base) // 4
        return self.words[start : start + count]


def shared(blocks: int, size: int) -> Words:
    """Shared memory of all blocks, one after the other."""
    words = np.full(blocks * (size // 4), _POISON, np.uint32)
    return Words(words, np.ones(len(words), np.bool_), 0)
