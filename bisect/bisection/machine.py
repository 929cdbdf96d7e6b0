"""What is disputed: claims, the machines that run them, and one party's knowledge of a run.

Machines satisfy `Machine` structurally; nothing here knows which machines exist
(docs/protocol.md, section 1).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NewType, Protocol

from bisection.errors import ClaimError
from prover.commit.keccak import Hash

Position = NewType("Position", int)
"""Steps done before a point of a run: 0 is its start, `length` its end."""

ClaimId = NewType("ClaimId", Hash)
"""32 bytes that name a claim for good, whatever batch it stands in."""

Address = NewType("Address", bytes)
"""20 bytes, an account of the chain."""

LENGTH_LIMIT: Final = 1 << 62
"""Lengths stay below this, so that positions and their products by k fit a machine word."""


@dataclass(frozen=True, slots=True)
class Claim:
    """ "From state `pre`, `length` steps of `program` lead to state `post`."

    Equal to the contract's `Claim`: kind u8 (it says which machine), id, program, pre, post 32
    bytes each, `1 <= length < 2^62`, and the address that may move for the claim.

    Raises:
        ClaimError: when a field is out of its bounds.
    """

    kind: int
    id: ClaimId
    program: Hash
    pre: Hash
    post: Hash
    length: int
    defender: Address

    def __post_init__(self) -> None:
        if not 0 <= self.kind < 1 << 8:
            raise ClaimError(f"kind {self.kind} is no uint8")
        for name in ("id", "program", "pre", "post"):
            if len(getattr(self, name)) != 32:
                raise ClaimError(f"{name} has {len(getattr(self, name))} bytes, not 32")
        if not 1 <= self.length < LENGTH_LIMIT:
            raise ClaimError(f"length {self.length} is not in 1 .. 2^62 - 1")
        if len(self.defender) != 20:
            raise ClaimError(f"defender has {len(self.defender)} bytes, not 20")


class Machine(Protocol):
    """One deterministic step, total over the content of states and programs."""

    def step(self, program: Hash, position: int, pre: Hash, witness: bytes) -> Hash:
        """The state after the step at `position` (0-based) from `pre`.

        Raises:
            prover.errors.WitnessError: only when `witness` does not open `program` and `pre`, or
                has bytes left over. Bad content has a defined result.
        """
        ...


class Trace(Protocol):
    """One party's knowledge of a claim's run.

    Replay may be lazy: `states` is asked for few positions, and each round for a narrower stretch.
    """

    @property
    def length(self) -> int:
        """Steps of the run."""
        ...

    def states(self, positions: Sequence[int]) -> list[Hash]:
        """The states at `positions`, ascending in 0 .. length, in one pass over the run.

        Raises:
            DataUnavailable: when the data to replay is gone.
        """
        ...

    def witness(self, position: int) -> bytes:
        """What `Machine.step` needs to re-run the step at `position` in 0 .. length - 1."""
        ...


TraceFactory = Callable[[Claim], Trace]
"""Finds a claim's data and prepares its replay.

Raises DataUnavailable when data is missing, or is not what the claim commits to.
"""
