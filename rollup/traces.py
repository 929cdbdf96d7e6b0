"""What a party replays: a claim's program, params and inputs from the folder of content."""

from bisection.errors import DataUnavailable
from bisection.machine import Claim
from prover.backends import Backend
from prover.content import ContentStore
from prover.errors import ContentError
from prover.state import State
from prover.trace import TensorTrace
from rollup.follower import Follower


class ContentTraces:
    """Makes the trace of a claim; a `bisection.machine.TraceFactory`."""

    def __init__(self, follower: Follower, content: ContentStore, backend: Backend) -> None:
        self._follower = follower
        self._content = content
        self._backend = backend

    def __call__(self, claim: Claim) -> TensorTrace:
        """The run that the claim's receipt should have made.

        Raises:
            DataUnavailable: when program, params or inputs are missing or damaged.
        """
        work = self._follower.locate(claim.id).work
        try:
            program = self._content.program(work.program)
            params = self._content.segment(work.params)
            inputs = self._content.segment(work.inputs)
        except ContentError as error:
            raise DataUnavailable(str(error)) from error
        start = State.start(program.depths, params, inputs)
        return TensorTrace(program, work.first_step, work.steps, start, self._backend)
