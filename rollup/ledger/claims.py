"""Assertions as claims of the dispute game (`bisection.ports.ClaimSource`), and their true runs.

Only true states are known here. An assertion that stands on a false one is therefore not judged: it
can never be confirmed, and the false one below it is what is disputed. An assertion about a batch
whose data, or whose state before, is not at hand is *unknown*, and nothing of it is disputed.
"""

from collections.abc import Sequence

from bisection.errors import DataUnavailable
from bisection.machine import Claim, ClaimId
from prover.commit.keccak import Hash
from rollup.ledger.comparing import Finding, finding
from rollup.ledger.ports import Asserted, AssertionView, BatchSource, Stage
from rollup.ledger.replay import Replay
from rollup.protocol.assertions import ledger_claim, run_of
from rollup.protocol.header import Header
from rollup.protocol.ledger.trace import FastTrace
from rollup.protocol.types import AccountIndex, BatchNumber, SlotIndex


class AssertionClaims:
    """The assertions of a ledger as L1 has them now. Satisfies `ClaimSource`."""

    def __init__(self, source: BatchSource, replay: Replay, view: AssertionView) -> None:
        self._source = source
        self._replay = replay
        self._view = view

    def poll(self) -> int:
        """Takes up what L1 has since the last call; returns how many batches were replayed."""
        self._source.poll()
        applied = self._replay.update()
        self._view.poll()
        confirmed, root = self._view.confirmed
        if self._replay.root(confirmed) == root:
            self._replay.finalise(confirmed)
        return applied

    def pending(self) -> Sequence[ClaimId]:
        """Assertions that may still be challenged and confirmed, oldest first. Of the false ones
        that a slot backs the first alone: what the slot came to back later waits for that game, and
        nobody can have us pay bonds for each of many (docs/ledger.md, section 10).
        """
        window, now = self._view.window, self._view.now
        found: list[ClaimId] = []
        disputed: set[tuple[AccountIndex, SlotIndex]] = set()
        for one in self._view.assertions:
            if one.stage is not Stage.PENDING or now >= one.time + window or not self._matters(one):
                continue
            if finding(self._replay, one) is Finding.FALSE:
                backing = one.assertion.account, one.assertion.slot
                if backing in disputed:
                    continue
                disputed.add(backing)
            found.append(ClaimId(one.id))
        return found

    def claim(self, name: ClaimId) -> Claim:
        """What L1 derives of an assertion and its batch's header.

        Raises:
            DataUnavailable: see `locate` and `header`.
        """
        one = self.locate(name)
        return ledger_claim(one.assertion, self.header(one), self._replay.domain)

    def header(self, one: Asserted) -> Header:
        """The header of an assertion's batch.

        Raises:
            DataUnavailable: when L1 has another batch of that number by now, or none.
        """
        header = self._replay.header(one.number)
        if header is None or header.hash != one.assertion.header:
            raise DataUnavailable(f"batch {one.number} is not the one that was asserted of")
        return header

    def locate(self, name: ClaimId) -> Asserted:
        """An assertion by its id.

        Raises:
            DataUnavailable: when L1 has none.
        """
        for one in self._view.assertions:
            if ClaimId(one.id) == name:
                return one
        raise DataUnavailable(f"L1 has no assertion 0x{name.hex()}")

    def trace(self, claim: Claim) -> "ReplayedTrace":
        """The true run of an assertion's batch; a `bisection.machine.TraceFactory`.

        Raises:
            DataUnavailable: when it is not known, or starts in another state than the claim.
        """
        number = self.locate(claim.id).number
        trace = ReplayedTrace(self._replay, number)
        if trace.ends[0] != claim.pre:
            raise DataUnavailable(f"the assertion's state before batch {number} is a false one")
        if trace.program != claim.program:
            raise DataUnavailable(f"batch {number} at hand is not the one that was asserted of")
        return trace

    def _matters(self, one: Asserted) -> bool:
        """Whether the assertion stands on a true state, or on what is not known yet."""
        before = self._replay.root(BatchNumber(one.number - 1))
        return before is None or before == one.assertion.pre


class ReplayedTrace:
    """The true run of a batch that was replayed.

    Its ends are known from the replay, so that a true assertion is judged without running anything
    again; the batch is taken up once more only for what a game asks in between.
    """

    def __init__(self, replay: Replay, number: BatchNumber) -> None:
        header = replay.header(number)
        before, after = replay.root(BatchNumber(number - 1)), replay.root(number)
        if header is None or before is None or after is None:
            raise DataUnavailable(f"batch {number} or the state before it is unknown")
        run = run_of(header, replay.domain)
        self.program: Hash = run.hash
        self.ends = (before, after)
        self._length = run.length
        self._replay = replay
        self._number = number
        self._whole: FastTrace | None = None

    @property
    def length(self) -> int:
        """Steps of the run."""
        return self._length

    def states(self, positions: Sequence[int]) -> list[Hash]:
        """See `FastTrace.states`.

        Raises:
            DataUnavailable: when the batch is no longer at hand.
        """
        known = {0: self.ends[0], self._length: self.ends[1]}
        if all(position in known for position in positions):
            return [known[position] for position in positions]
        return self._run().states(positions)

    def witness(self, position: int) -> bytes:
        """See `FastTrace.witness`.

        Raises:
            DataUnavailable: when the batch is no longer at hand.
        """
        return self._run().witness(position)

    def _run(self) -> FastTrace:
        if self._whole is None:
            batch = self._replay.batch(self._number)
            if batch.run.hash != self.program:
                raise DataUnavailable(f"batch {self._number} was reorganised away")
            state = self._replay.state(BatchNumber(self._number - 1))
            if state.hash != self.ends[0]:
                raise DataUnavailable(f"the state before batch {self._number} is another by now")
            self._whole = FastTrace(batch, state)
        return self._whole
