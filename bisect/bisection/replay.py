"""One replay for all who ask: states by position are kept, and traces by claim.

A defender meets every challenger of a claim with the same true values, so whatever one game made us
replay serves the others. Not for several threads at once.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import TypeVar

from bisection.errors import DataUnavailable
from bisection.machine import Claim, ClaimId, Trace, TraceFactory
from prover.commit.keccak import Hash

Key = TypeVar("Key")
Value = TypeVar("Value")


class SharedTrace:
    """A trace that asks the one behind it only for what it has not seen.

    It keeps up to `limit` states and as many witnesses, the least recently asked for go first.
    """

    def __init__(self, trace: Trace, limit: int = 1 << 16) -> None:
        self._trace = trace
        self._limit = limit
        self._states: OrderedDict[int, Hash] = OrderedDict()
        self._witnesses: OrderedDict[int, bytes] = OrderedDict()

    @property
    def length(self) -> int:
        """See `Trace.length`."""
        return self._trace.length

    def states(self, positions: Sequence[int]) -> list[Hash]:
        """See `Trace.states`; the unknown ones are had in one pass.

        The first one is asked for in any case: it says where what comes next begins.
        """
        found = {p: self._states[p] for p in positions if p in self._states}
        wanted = [p for p in positions if p not in found or p == positions[0]]
        if len(found) < len(positions):
            states = self._trace.states(wanted)
            found.update(zip(wanted, states, strict=True))
        for position, state in found.items():
            _keep(self._states, position, state, self._limit)
        return [found[p] for p in positions]

    def witness(self, position: int) -> bytes:
        """See `Trace.witness`."""
        known = self._witnesses.get(position)
        if known is None:
            known = self._trace.witness(position)
        _keep(self._witnesses, position, known, self._limit)
        return known


class TracePool:
    """Shared traces by claim: up to `limit`, the least recently asked for go first."""

    def __init__(self, factory: TraceFactory, limit: int = 16) -> None:
        self._factory = factory
        self._limit = limit
        self._traces: OrderedDict[ClaimId, tuple[Claim, SharedTrace]] = OrderedDict()

    def trace(self, claim: Claim) -> SharedTrace:
        """The claim's trace, checked to be of its run.

        Raises:
            DataUnavailable: when data is missing, or leads to a run of another start or length.
        """
        known = self._traces.get(claim.id)
        if known is None or known[0] != claim:
            trace = SharedTrace(self._factory(claim))
            if trace.length != claim.length:
                raise DataUnavailable(f"data gives {trace.length} steps, not {claim.length}")
            known = (claim, trace)
        _keep(self._traces, claim.id, known, self._limit)
        return known[1]

    def forget(self, name: ClaimId) -> None:
        """Drops a claim's trace: it is settled, or its data is not to be trusted."""
        self._traces.pop(name, None)


def _keep(kept: OrderedDict[Key, Value], key: Key, value: Value, limit: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > limit:
        kept.popitem(last=False)
