"""What was asserted of each batch, beside the true root: where they first differ.

Why an asserter's root is another cannot be told from L1: its values in between are known only once
a game makes it post them. So a difference names a batch, an assertion and both roots, and no step.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from rollup.ledger.ports import Asserted, AssertionView, Stage
from rollup.ledger.replay import GENESIS, Replay
from rollup.protocol.types import BatchNumber, Hash


class Finding(Enum):
    """What an assertion is worth."""

    TRUE = "true"
    FALSE = "false"
    """It starts in the true state before its batch and ends in another than the true one."""
    BASELESS = "baseless"
    """It starts in a false state: the false one is an assertion below it."""
    UNKNOWN = "unknown"
    """The batch's data, or that of one before it, is not at hand; or L1 has another batch."""


@dataclass(frozen=True, slots=True)
class Compared:
    """An assertion and what it is worth."""

    asserted: Asserted
    finding: Finding


@dataclass(frozen=True, slots=True)
class Row:
    """A batch: its steps, its true root (None while unknown), and what was asserted of it."""

    number: BatchNumber
    steps: int
    root: Hash | None
    compared: tuple[Compared, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All batches that L1 holds, oldest first."""

    rows: Sequence[Row]
    confirmed: tuple[BatchNumber, Hash]
    """Number and root of what L1 holds to be confirmed."""
    agrees: bool | None
    """Whether that root is the true one; None while it is not known."""

    @property
    def standing(self) -> Compared | None:
        """The first false assertion that L1 has not rejected yet."""
        return next((one for one in self.false if one.asserted.stage is not Stage.REJECTED), None)

    @property
    def false(self) -> list[Compared]:
        """All false assertions, oldest batch first."""
        return [one for row in self.rows for one in row.compared if one.finding is Finding.FALSE]

    @property
    def unknown(self) -> list[BatchNumber]:
        """Batches whose root is not known."""
        return [row.number for row in self.rows if row.root is None]


def compare(replay: Replay, view: AssertionView) -> Comparison:
    """Everything that L1 holds against what was replayed."""
    compared: defaultdict[BatchNumber, list[Compared]] = defaultdict(list)
    for one in view.assertions:
        compared[one.number].append(Compared(one, finding(replay, one)))
    rows = []
    number = BatchNumber(1)
    while (header := replay.header(number)) is not None:
        steps, of_it = header.taken + header.receipts, tuple(compared[number])
        rows.append(Row(number, steps, replay.root(number), of_it))
        number = BatchNumber(number + 1)
    confirmed, root = view.confirmed
    true = replay.root(confirmed)
    return Comparison(rows, (confirmed, root), None if true is None else true == root)


def finding(replay: Replay, one: Asserted) -> Finding:
    """What an assertion is worth."""
    number = one.number
    if number == GENESIS:
        return Finding.TRUE
    header = replay.header(number)
    before, after = replay.root(BatchNumber(number - 1)), replay.root(number)
    if before is not None and before != one.assertion.pre:
        return Finding.BASELESS
    if header is None or before is None or after is None:
        return Finding.UNKNOWN
    if header.hash != one.assertion.header:
        return Finding.UNKNOWN
    return Finding.TRUE if after == one.assertion.root else Finding.FALSE
