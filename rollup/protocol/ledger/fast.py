"""The fast path: whole batches on rows and arrays of hashes (docs/ledger.md, section 8).

Bit for bit what the reference does: inbox entries, of which there are few, go through the same
definition, receipts through `kernel`. Hashing waits until a state is asked for.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from prover.commit.hashes import hash_all
from prover.commit.keccak import Hash
from prover.commit.merkle import ceil_log2
from rollup.protocol.ledger import kernel
from rollup.protocol.ledger.fasttree import FastTree, distinct
from rollup.protocol.ledger.header import GENESIS_RULES, Forest, Header, Rules, genesis
from rollup.protocol.ledger.inbox import InboxEntry
from rollup.protocol.ledger.inbox_effects import Posted, inbox_step
from rollup.protocol.ledger.layout import DTYPES, RECEIPT, Rows, messages, row, rules_row, taken
from rollup.protocol.ledger.store import with_root
from rollup.protocol.ledger.trees import LEAF_TAGS, place_of, places
from rollup.protocol.ledger.types import MAX_RING, Score

_ROOM = 16


class FastLedger:
    """A `Whole` state. Its header's roots are those of the last `hash`."""

    def __init__(self, ring: int = MAX_RING, rules: Rules = GENESIS_RULES) -> None:
        self.header: Header = genesis(ring, rules)
        self._rows: list[Rows] = [np.zeros(_ROOM, dtype) for dtype in DTYPES]
        self._marks = [np.zeros(_ROOM, np.uint8) for _ in DTYPES]
        self._trees = [FastTree() for _ in DTYPES]
        self._touched: list[list[NDArray[np.int64]]] = [[] for _ in DTYPES]

    @property
    def hash(self) -> Hash:
        """See `Whole.hash`; hashes what changed since it was last asked for."""
        for forest in Forest:
            self._update(forest)
        return self.header.hash

    def read(self, forest: Forest, index: int) -> bytes:
        """See `Store.read`."""
        place = place_of(self.header, forest, index)
        return messages(forest, self._rows[forest][place : place + 1]).tobytes()

    def write(self, forest: Forest, index: int, packed: bytes) -> None:
        """See `Store.write`."""
        self._put(forest, place_of(self.header, forest, index), packed)

    def push(self, forest: Forest, packed: bytes) -> None:
        """See `Store.push`."""
        place = place_of(self.header, forest, self.header.counts[forest])
        self._grow(forest, place + 1)
        self._put(forest, place, packed)
        self.header = with_root(self.header, forest, self.header.roots[forest], 1)

    def register_all(self, addresses: NDArray[np.uint8]) -> None:
        """Appends an account for each of n addresses (n x 20): so many REGISTER entries at once,
        but that no inbox entry is counted.
        """
        first = self.header.counts[Forest.ACCOUNTS]
        self._grow(Forest.ACCOUNTS, first + len(addresses))
        rows = self._rows[Forest.ACCOUNTS][first : first + len(addresses)]
        rows["address"].view(np.uint8).reshape(len(addresses), -1)[:, :20] = addresses
        root = self.header.roots[Forest.ACCOUNTS]
        self.header = with_root(self.header, Forest.ACCOUNTS, root, len(addresses))
        self._touched[Forest.ACCOUNTS].append(np.arange(first, first + len(addresses)))

    def rows(self, forest: Forest) -> Rows:
        """The rows by place, with room behind them; who writes to them does so before the first
        `hash`, to found a ledger.
        """
        return self._rows[forest]

    def apply(
        self,
        batch: int,
        posted: int,
        inbox: Sequence[InboxEntry],
        receipts: Rows,
        separator: Hash | None = None,
    ) -> None:
        """A whole batch: its inbox part, then its receipts (rows of `layout.RECEIPT`).

        Raises:
            ReceiptError: for a forced receipt without its bytes, or without the domain separator
                that its signature counts under.
        """
        post = None if separator is None else Posted(separator, batch, posted)
        for entry in inbox:
            inbox_step(self, entry, post)
        if not len(receipts):
            return
        if receipts.dtype != RECEIPT:
            raise TypeError(f"receipts are rows of layout.RECEIPT, not {receipts.dtype}")
        header, count = self.header, len(receipts)
        ring = 1 << header.ring
        self._grow(Forest.RECORDS, min(header.counts[Forest.RECORDS] + count, ring))
        env = np.zeros(kernel.ENV_WORDS, np.uint64)
        for place, word in (
            (kernel.BATCH, batch),
            (kernel.POSTED, posted),
            (kernel.ACCOUNTS, header.counts[Forest.ACCOUNTS]),
            (kernel.RECORDS, header.counts[Forest.RECORDS]),
            (kernel.JOBS, header.counts[Forest.JOBS]),
            (kernel.EPOCH, header.epoch),
            (kernel.SCORE, header.score),
            (kernel.CONFIRMED, header.confirmed),
            (kernel.RING, ring),
        ):
            env[place] = word
        found = tuple(np.empty(room * count, np.int64) for room in (2, 2, 1))
        counts = np.zeros(3, np.int64)
        accounts, records, jobs, epochs = self._rows
        kernel.apply_receipts(
            receipts, accounts, records, jobs, epochs, rules_row(header.rules), env,
            tuple(self._marks[:3]), found, counts,
        )  # fmt: skip
        for forest, touched, used in zip(Forest, found, counts, strict=False):
            touched = touched[:used]
            self._marks[forest][touched] = 0
            self._touched[forest].append(touched)
        made = int(env[kernel.RECORDS]) - header.counts[Forest.RECORDS]
        header = with_root(header, Forest.RECORDS, header.roots[Forest.RECORDS], made)
        self.header = replace(header, score=Score(int(env[kernel.SCORE])))

    def copy(self) -> Self:
        """See `Whole.copy`."""
        made = type(self)()
        made.header = self.header
        made._rows = [rows.copy() for rows in self._rows]
        made._marks = [marks.copy() for marks in self._marks]
        made._trees = [tree.copy() for tree in self._trees]
        made._touched = [list(touched) for touched in self._touched]
        return made

    def path(self, forest: Forest, index: int) -> list[Hash]:
        """See `Whole.path`."""
        self._update(forest)
        depth = ceil_log2(places(self.header, forest))
        return self._trees[forest].path(place_of(self.header, forest, index), depth)

    def free_place(self, forest: Forest) -> tuple[Hash, list[Hash]]:
        """See `Whole.free_place`."""
        place = place_of(self.header, forest, self.header.counts[forest])
        self._grow(forest, place + 1)
        self._update(forest)
        depth = ceil_log2(max(places(self.header, forest), place + 1))
        tree = self._trees[forest]
        return tree.leaf(place), tree.path(place, depth)

    def _put(self, forest: Forest, place: int, packed: bytes) -> None:
        self._rows[forest][place] = row(forest, packed)[0]
        self._touched[forest].append(np.array([place]))

    def _grow(self, forest: Forest, wanted: int) -> None:
        room = len(self._rows[forest])
        if room >= wanted:
            return
        while room < wanted:
            room *= 2
        rows, marks = np.zeros(room, DTYPES[forest]), np.zeros(room, np.uint8)
        rows[: len(self._rows[forest])] = self._rows[forest]
        self._rows[forest], self._marks[forest] = rows, marks
        self._trees[forest].grow(room)

    def _update(self, forest: Forest) -> None:
        touched = [places for places in self._touched[forest] if len(places)]
        self._touched[forest] = []
        if touched:
            changed = distinct(np.sort(np.concatenate(touched)))
            leaves = messages(forest, taken(self._rows[forest], changed))
            self._trees[forest].put(changed, hash_all(LEAF_TAGS[forest], leaves))
        root = self._trees[forest].root(places(self.header, forest))
        self.header = with_root(self.header, forest, root)
