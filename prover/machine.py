"""The tensor machine as the dispute game sees it: one step, and a claim's ends.

`TensorMachine` satisfies `bisection.machine.Machine` structurally; a party's knowledge of a run is
`prover.trace.TensorTrace`.
"""

from dataclasses import dataclass

from prover import witness
from prover.commit.keccak import Hash
from prover.errors import PositionError
from prover.execute import row_name
from prover.program import Program, run_commitment
from prover.reference import Place, place, row_at
from prover.row import Depths, Row
from prover.state import state_hash, zero_segment


class TensorMachine:
    """One micro-step, verified from a witness by commitments alone."""

    def step(self, program: Hash, position: int, pre: Hash, witness_: bytes) -> Hash:
        """The state after the micro-step at `position` of `program`, from the state `pre`.

        Raises:
            WitnessError: only when the witness does not open `program` and `pre`, or has bytes
                left over.
        """
        return witness.step(program, position, pre, witness_)


@dataclass(frozen=True, slots=True)
class TensorClaim:
    """What L1 derives from a receipt: from `pre`, `length` steps of `program` lead to `post`."""

    program: Hash
    pre: Hash
    post: Hash
    length: int


def tensor_claim(
    program_id: Hash,
    micro_steps: int,
    depths: Depths,
    *,
    first_step: int,
    steps: int,
    params: Hash,
    inputs: Hash,
    params_after: Hash,
    outputs: Hash,
) -> TensorClaim:
    """The claim of `steps` training steps from `first_step` (u64) on, between segment roots.

    Of the program it takes what L1 knows of a registered one; `micro_steps` are a training step's.

    Raises:
        PositionError: when there are no steps, or 2^62 micro-steps and more.
    """
    length = steps * micro_steps
    if not 1 <= length < 1 << 62:
        raise PositionError(f"{steps} training steps of {micro_steps} make no claim")
    scratch = zero_segment(depths.scratch)
    return TensorClaim(
        run_commitment(program_id, first_step),
        state_hash([params, inputs, zero_segment(depths.outputs), scratch], 0),
        state_hash([params_after, inputs, outputs, scratch], 0),
        length,
    )


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one micro-step computes, for people."""

    position: int
    place: Place
    row: Row
    name: str

    def __str__(self) -> str:
        digits = [i for i, n in zip(self.row.digits(self.place.element), self.row.dims, strict=True)
                  if n > 1]  # fmt: skip
        index = ", ".join(map(str, digits)) or "0"
        fold = f", fold {self.place.fold_index} of {self.row.fold}" if self.row.fold > 1 else ""
        return (
            f"training step {self.place.step}, row {self.place.row} {self.name}, "
            f"{self.row.opcode.name.lower()} of element [{index}]{fold}"
        )


def describe(program: Program, first_step: int, position: int) -> StepReport:
    """Where a claim's position >= 0 lies, with the row's name."""
    where = place(program, first_step, position)
    row = row_at(program, where.row)
    return StepReport(position, where, row, row_name(program, where.row))
