"""What a step needs of a state, and the state as a whole.

`Store` is all that `effects` knows. `State` holds everything; `witness` has the two others: one
that writes down what a step opens, and one that knows nothing but what a witness opens.
"""

from dataclasses import replace
from typing import Protocol, Self

from prover.commit.keccak import ZERO_HASH, Hash
from prover.commit.merkle import ceil_log2
from rollup.protocol.ledger.header import GENESIS_RULES, Forest, Header, Rules, genesis
from rollup.protocol.ledger.trees import Tree, leaf_of, place_of, places
from rollup.protocol.ledger.types import MAX_RING, Account


class Store(Protocol):
    """A state that one step reads and writes, place by place against the running roots."""

    header: Header
    """What the state commits to; a write changes a root, a push a count too."""

    def read(self, forest: Forest, index: int) -> bytes:
        """The packed leaf of a known index."""
        ...

    def write(self, forest: Forest, index: int, packed: bytes) -> None:
        """Replaces what was read at `index` since the last write to this tree."""
        ...

    def push(self, forest: Forest, packed: bytes) -> None:
        """Appends a leaf; its index is the count."""
        ...


class Whole(Store, Protocol):
    """A store that holds everything, so that paths can be read off it."""

    @property
    def hash(self) -> Hash:
        """The state's commitment, and `header` with it up to date."""
        ...

    def copy(self) -> Self:
        """Another state, equal for now."""
        ...

    def path(self, forest: Forest, index: int) -> list[Hash]:
        """Siblings of a known index, from the leaf up."""
        ...

    def free_place(self, forest: Forest) -> tuple[Hash, list[Hash]]:
        """What stands where the next leaf goes, and its siblings once it is taken."""
        ...


def with_root(header: Header, forest: Forest, root: Hash, added: int = 0) -> Header:
    """The header with another root of one tree, and so many leaves more."""
    roots, counts = header.roots, header.counts
    at = int(forest)
    return replace(
        header,
        roots=(*roots[:at], root, *roots[at + 1 :]),
        counts=(*counts[:at], counts[at] + added, *counts[at + 1 :]),
    )


def account_at(store: Store, index: int) -> Account:
    """The account at a known index."""
    return Account.unpack(store.read(Forest.ACCOUNTS, index))


def put_account(store: Store, index: int, account: Account) -> None:
    """Writes it back; see `Store.write`."""
    store.write(Forest.ACCOUNTS, index, account.pack())


class State:
    """Everything: every leaf's bytes and four trees. Slow and plain."""

    def __init__(self, ring: int = MAX_RING, rules: Rules = GENESIS_RULES) -> None:
        self.header = genesis(ring, rules)
        self._packed: tuple[list[bytes], ...] = ([b""], [], [], [])
        self._trees = (Tree([ZERO_HASH]), Tree(), Tree(), Tree())

    def copy(self) -> Self:
        """See `Whole.copy`."""
        made = type(self)()
        made.header = self.header
        made._packed = tuple(list(leaves) for leaves in self._packed)
        made._trees = tuple(tree.copy() for tree in self._trees)  # type: ignore[assignment]
        return made

    @property
    def hash(self) -> Hash:
        """See `Whole.hash`."""
        return self.header.hash

    def read(self, forest: Forest, index: int) -> bytes:
        """See `Store.read`."""
        return self._packed[forest][place_of(self.header, forest, index)]

    def write(self, forest: Forest, index: int, packed: bytes) -> None:
        """See `Store.write`."""
        self._put(forest, place_of(self.header, forest, index), packed)
        self.header = with_root(self.header, forest, self._trees[forest].root)

    def push(self, forest: Forest, packed: bytes) -> None:
        """See `Store.push`."""
        self._put(forest, place_of(self.header, forest, self.header.counts[forest]), packed)
        self.header = with_root(self.header, forest, self._trees[forest].root, 1)

    def path(self, forest: Forest, index: int) -> list[Hash]:
        """See `Whole.path`."""
        depth = ceil_log2(places(self.header, forest))
        return self._trees[forest].path(place_of(self.header, forest, index), depth)

    def free_place(self, forest: Forest) -> tuple[Hash, list[Hash]]:
        """See `Whole.free_place`."""
        place = place_of(self.header, forest, self.header.counts[forest])
        depth = ceil_log2(max(places(self.header, forest), place + 1))
        tree = self._trees[forest]
        return tree.leaf(place), tree.path(place, depth)

    def _put(self, forest: Forest, place: int, packed: bytes) -> None:
        leaves = self._packed[forest]
        if place == len(leaves):
            leaves.append(packed)
        else:
            leaves[place] = packed
        self._trees[forest].put(place, leaf_of(forest, packed))
