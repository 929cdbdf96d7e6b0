"""The claim that a Work receipt makes: what L1 derives when it is challenged (docs/protocol.md, 6).

Nothing in a claim is the claimant's word but its four segment roots. A receipt that breaks one of
the rules here is *void*: it claims nothing, needs no challenge, and none can be opened.
"""

from dataclasses import dataclass
from typing import Final

from bisection.machine import LENGTH_LIMIT, Claim, ClaimId
from prover import machine
from prover.row import Depths
from rollup.errors import VoidClaim
from rollup.protocol.presets import Preset
from rollup.protocol.receipts import Work, WorkKind
from rollup.protocol.types import U64_MAX, Hash, Seconds

TENSOR_KIND: Final = 0
"""Number of the tensor machine in the game's list of kinds."""
_KINDS: Final = frozenset(WorkKind)


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
    registered: int = 0
    """Protocol time of its registration."""


def check_work(work: Work, program: ProgramInfo | None, preset: Preset) -> ProgramInfo:
    """That `work` claims something, given what L1 knows of its program (None: nothing).

    Raises:
        VoidClaim: when it claims nothing: unknown-kind, unknown-program, or over-cap.
    """
    if work.kind not in _KINDS:
        raise VoidClaim("unknown-kind", f"no Work is of kind {work.kind}")
    return check_steps(work.program, work.first_step, work.steps, program, preset)


def check_steps(
    program_id: Hash, first_step: int, steps: int, program: ProgramInfo | None, preset: Preset
) -> ProgramInfo:
    """That so many training steps of a program can be claimed at once.

    Raises:
        VoidClaim: when they cannot: unknown-program, or over-cap.
    """
    if program is None:
        raise VoidClaim("unknown-program", f"program 0x{program_id.hex()} is not registered on L1")
    bounds = (
        ("training steps", steps, preset.max_claim_steps),
        ("rows", program.rows, preset.max_claim_rows),
        ("words a training step", program.words, preset.max_claim_words),
        ("work units", program.work * steps, preset.max_claim_work),
        ("micro-steps", program.micro_steps * steps, LENGTH_LIMIT - 1),
        ("as its last training step", first_step + steps, U64_MAX),
    )
    for what, value, most in bounds:
        if value > most:
            raise VoidClaim("over-cap", f"a claim has at most {most} {what}, not {value}")
    if steps < 1:
        raise VoidClaim("over-cap", "a claim has at least one training step")
    return program


def tensor_claim(work: Work, program: ProgramInfo | None, preset: Preset, posted: Seconds) -> Claim:
    """The claim of `work`, in a batch posted at protocol time `posted`; see `check_work`.

    Raises:
        VoidClaim: see `check_work`; also late-program, when the program was not registered before.
    """
    known = check_work(work, program, preset)
    if known.registered >= posted:
        raise VoidClaim(
            "late-program", f"program 0x{work.program.hex()} was not registered before the post"
        )
    derived = machine.tensor_claim(
        work.program,
        known.micro_steps,
        known.depths,
        first_step=work.first_step,
        steps=work.steps,
        params=work.params,
        inputs=work.inputs,
        params_after=work.params_after,
        outputs=work.outputs,
    )
    return Claim(
        kind=TENSOR_KIND,
        id=ClaimId(work.id),
        program=derived.program,
        pre=derived.pre,
        post=derived.post,
        length=derived.length,
        defender=work.defender,
    )
