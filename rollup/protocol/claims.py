"""The claim that a Work receipt makes: what L1 derives when it is challenged (docs/protocol.md, 6).

Nothing in a claim is the claimant's word but its four segment roots. A receipt that breaks one of
the rules here is *void*: it claims nothing, needs no challenge, and none can be opened.
"""

from dataclasses import dataclass
from typing import Final

from bisection.machine import LENGTH_LIMIT, Claim, ClaimId
from prover.program import Depths, run_commitment
from prover.state import state_hash, zero_segment
from rollup.errors import VoidClaim
from rollup.protocol.presets import Preset
from rollup.protocol.receipts import Work, WorkKind
from rollup.protocol.types import U64_MAX

TENSOR_KIND: Final = 0
"""Number of the tensor machine in the game's list of kinds."""


@dataclass(frozen=True, slots=True)
class ProgramInfo:
    """What L1 knows of a registered program, a training step at a time."""

    micro_steps: int
    """u64, at least 1."""
    work: int
    """u64, weighted micro-steps."""
    words: int
    """u64, of the registers that rows read and write."""
    rows: int
    depths: Depths


def tensor_claim(work: Work, program: ProgramInfo | None, preset: Preset) -> Claim:
    """The claim of `work`, whose program L1 knows as `program` (None when it does not).

    Raises:
        VoidClaim: when the receipt claims nothing; the message says why.
    """
    if work.kind not in set(WorkKind):
        raise VoidClaim(f"kind {work.kind} is no tensor claim")
    if program is None:
        raise VoidClaim(f"program {work.program.hex()} is not registered")
    length = program.micro_steps * work.steps
    bounds = (
        ("training steps", work.steps, preset.max_claim_steps),
        ("rows", program.rows, preset.max_claim_rows),
        ("words", program.words, preset.max_claim_words),
        ("work units", program.work * work.steps, preset.max_claim_work),
        ("micro-steps", length, LENGTH_LIMIT - 1),
        ("as its last training step", work.first_step + work.steps, U64_MAX),
    )
    for what, value, most in bounds:
        if value > most:
            raise VoidClaim(f"the claim has {value} {what}; at most {most} are allowed")
    if work.steps < 1:
        raise VoidClaim("the claim has no training step")
    outputs = zero_segment(program.depths.outputs)
    scratch = zero_segment(program.depths.scratch)
    return Claim(
        kind=TENSOR_KIND,
        id=ClaimId(work.id),
        program=run_commitment(work.program, work.first_step),
        pre=state_hash((work.params, work.inputs, outputs, scratch), 0),
        post=state_hash((work.params_after, work.inputs, work.outputs, scratch), 0),
        length=length,
        defender=work.defender,
    )
