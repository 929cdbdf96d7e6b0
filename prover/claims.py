"""Claims one after the other: each begins with the params that the one before it left."""

from collections.abc import Iterator, Sequence

from prover.backends import Backend
from prover.commit.tensor import Committed, Words
from prover.errors import PositionError
from prover.execute import Result, advance, result
from prover.program import Program
from prover.row import Segment
from prover.state import State

_ENDS = (Segment.PARAMS, Segment.OUTPUTS)


def run_claims(
    program: Program,
    first_step: int,
    steps: int,
    count: int,
    params: Sequence[Words],
    inputs: Sequence[Words],
    backend: Backend,
    *,
    finite: bool = True,
) -> Iterator[Result]:
    """What each of `count` claims of `steps` >= 1 training steps leaves, as `prover.execute.run`
    says it; `params` and `inputs` are left as they are.

    Where a backend keeps words to itself, a claim's end is hashed while the next claim is computed:
    so each result comes after the claim that follows it was run.

    Raises:
        PositionError: when there are no steps.
        NotFiniteError: at the first NaN or Inf among new params and outputs, with `finite`.
    """
    if steps < 1:
        raise PositionError(f"a claim has at least one training step, not {steps}")
    end = steps * program.micro_steps
    ended: State | None = None
    for number in range(count):
        state = State.start(program.depths, params, inputs)
        first = first_step + number * steps
        advance(program, first, state, 0, end, backend, finite=finite)
        for segment in _ENDS:
            for words in state.segment(segment):
                if isinstance(words, Committed):
                    words.prepare()
        if ended is not None:
            yield result(program, ended, backend.threads)
        ended, params = state, state.segment(Segment.PARAMS)
    if ended is not None:
        yield result(program, ended, backend.threads)
