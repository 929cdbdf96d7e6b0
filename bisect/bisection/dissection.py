"""Cuts of a segment, and the commitment to the values there (docs/protocol.md, section 7)."""

from dataclasses import dataclass
from itertools import pairwise

from bisection.machine import Address, ClaimId, Position
from prover.commit import merkle
from prover.commit.keccak import Hash, tagged
from prover.commit.tags import Tag


def parts(length: int, k: int) -> int:
    """How many parts a segment of `length >= 1` steps is cut into; none of them is empty."""
    return min(k, length)


def cut(start: int, length: int, k: int) -> list[Position]:
    """The m + 1 positions at which `length` steps from `start` are cut, both ends included."""
    m = parts(length, k)
    return [Position(start + i * length // m) for i in range(m + 1)]


@dataclass(frozen=True, slots=True)
class Opening:
    """Shows that part `part` of a posted dissection goes from value `left` to value `right`.

    `prior` is the head before that dissection; `path` lists siblings from the leaf up. Hashed with
    the dissection's bounds they give the game's head: an opening answers one history and no other.
    """

    prior: Hash
    part: int
    left: Hash
    right: Hash
    path: tuple[Hash, ...]

    def head(self, start: int, length: int) -> Hash:
        """The head that a dissection of `length` steps from `start` with this part has given."""
        leaf = tagged(Tag.DISSECTION_LEAF, self.left, self.right)
        root = merkle.climb(leaf, self.part, self.path, Tag.DISSECTION_NODE)
        return next_head(self.prior, start, length, root)


@dataclass(frozen=True, slots=True)
class Dissection:
    """The values `v[0..m]` at the cuts of `length` steps from `start`; `v[0]` is the agreed one.

    A valid one has `m = min(k, length)`; the game checks that, for k is its own.
    """

    start: int
    length: int
    values: tuple[Hash, ...]

    @property
    def parts(self) -> int:
        """m, the number of parts."""
        return len(self.values) - 1

    def positions(self) -> list[Position]:
        """The positions of the values."""
        return cut(self.start, self.length, self.parts)

    def bounds(self, part: int) -> tuple[Position, int]:
        """(start, length) of part `part` in 0 .. m - 1."""
        first, last = self.positions()[part : part + 2]
        return first, last - first

    def root(self) -> Hash:
        """What the game keeps of the values: the tree over one leaf a part, its two values."""
        return merkle.root(self._leaves(), Tag.DISSECTION_NODE)

    def head(self, prior: Hash) -> Hash:
        """The head of a game once this was posted on top of `prior`."""
        return next_head(prior, self.start, self.length, self.root())

    def opening(self, prior: Hash, part: int) -> Opening:
        """Opens part `part` in 0 .. m - 1 of this dissection, posted on top of `prior`."""
        path = merkle.path(self._leaves(), part, Tag.DISSECTION_NODE)
        return Opening(prior, part, self.values[part], self.values[part + 1], tuple(path))

    def _leaves(self) -> list[Hash]:
        return [tagged(Tag.DISSECTION_LEAF, a, b) for a, b in pairwise(self.values)]


def first_head(claim: ClaimId, challenger: Address) -> Hash:
    """Head of a game not yet open; it keeps moves from fitting another claim or challenger."""
    return tagged(Tag.MOVE, claim, challenger)


def next_head(head: Hash, start: int, length: int, root: Hash) -> Hash:
    """Head once a dissection with `root`, `length` steps from `start`, was posted on `head`."""
    return tagged(Tag.MOVE, head, start.to_bytes(8, "big"), length.to_bytes(8, "big"), root)
