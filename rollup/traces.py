"""What a party replays: a claim's program, params and inputs from the folder of content."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from bisection.errors import DataUnavailable
from bisection.machine import Claim
from prover.backends import Backend
from prover.commit.keccak import Hash
from prover.commit.tensor import Words
from prover.content import ContentStore
from prover.errors import ContentError
from prover.record import Keeping
from prover.state import State
from prover.trace import TensorTrace
from rollup.follower import Follower


class ContentTraces:
    """Makes the trace of a claim; a `bisection.machine.TraceFactory`.

    With `keeping`, a trace finds what the party's own run of the claim left, and leaves as much.
    `progress` is told what is replayed, how far it is and how long.
    """

    def __init__(
        self,
        follower: Follower,
        content: ContentStore,
        backend: Backend,
        *,
        keeping: Keeping | None = None,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> None:
        self._follower = follower
        self._content = content
        self._backend = backend
        self._keeping = keeping
        self._progress = progress
        self._inputs: tuple[Hash, list[Words]] | None = None

    def __call__(self, claim: Claim) -> TensorTrace:
        """The run that the claim's receipt should have made.

        Raises:
            DataUnavailable: when program, params or inputs are missing or damaged.
        """
        work = self._follower.locate(claim.id).work
        try:
            program = self._content.program(work.program)
            params = self._content.segment(work.params)
            inputs = self._inputs_of(work.inputs)
        except ContentError as error:
            raise DataUnavailable(str(error)) from error
        start = State.start(program.depths, params, inputs)
        recorder = progress = None
        if self._keeping is not None:
            recorder = self._keeping.recorder(
                program, work.first_step, work.steps, work.params, work.inputs
            )
        if self._progress is not None:
            progress = partial(self._progress, f"replay of 0x{claim.id.hex()[:8]}")
        return _ContentTrace(
            program,
            work.first_step,
            work.steps,
            start,
            self._backend,
            recorder=recorder,
            progress=progress,
            lost=self._forget,
        )

    def _forget(self) -> None:
        self._inputs = None

    def _inputs_of(self, root: Hash) -> list[Words]:
        """The last inputs are kept: claims of one data set share them."""
        if self._inputs is None or self._inputs[0] != root:
            self._inputs = None  # before the next ones are read
            self._inputs = (root, self._content.segment(root))
        return self._inputs[1]


class _ContentTrace(TensorTrace):
    """A trace whose inputs are read, and found to be damaged, as it goes."""

    def __init__(self, *given: Any, lost: Callable[[], None], **named: Any) -> None:
        super().__init__(*given, **named)
        self._lost = lost

    def states(self, positions: Sequence[int]) -> list[Hash]:
        """See `TensorTrace.states`.

        Raises:
            DataUnavailable: when data turns out to be damaged.
        """
        with self._unavailable():
            return super().states(positions)

    def witness(self, position: int) -> bytes:
        """See `TensorTrace.witness`.

        Raises:
            DataUnavailable: when data turns out to be damaged.
        """
        with self._unavailable():
            return super().witness(position)

    @contextmanager
    def _unavailable(self) -> Iterator[None]:
        try:
            yield
        except ContentError as error:
            self._lost()  # whoever asks again may find other files
            raise DataUnavailable(str(error)) from error
