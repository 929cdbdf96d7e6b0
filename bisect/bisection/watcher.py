"""Judges claims: valid, invalid or unknown. Unknown never disputes.

A challenge costs a bond when the claim was true after all, and the usual reason to be wrong is that
one's own data is incomplete. So only a replay that starts in the claim's `pre`, runs its length and
ends elsewhere than in its `post` makes a claim invalid; everything else that is not right, whatever
it is, makes it unknown, is reported, and is tried again by itself while the other claims go on.
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from bisection.errors import ClaimError, DataUnavailable
from bisection.events import Events
from bisection.machine import Claim, ClaimId, Trace
from bisection.ports import ClaimSource
from bisection.replay import TracePool
from bisection.retries import Retries


class Verdict(Enum):
    """What we know of a claim."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason, a line for a person. `claim` is None when it could not be had."""

    name: ClaimId
    claim: Claim | None
    verdict: Verdict
    reason: str


def judge(claim: Claim, trace: Trace) -> Judgement:
    """Compares the ends of a claim with those of `trace`, in one pass over the run."""
    if trace.length != claim.length:
        reason = f"the replay has {trace.length} steps, the claim {claim.length}"
        return Judgement(claim.id, claim, Verdict.UNKNOWN, reason)
    start, end = trace.states([0, claim.length])
    if start != claim.pre:
        reason = "the replay does not start in the claim's pre state"
        return Judgement(claim.id, claim, Verdict.UNKNOWN, reason)
    if end != claim.post:
        reason = f"the replay ends in 0x{end.hex()}"
        return Judgement(claim.id, claim, Verdict.INVALID, reason)
    return Judgement(claim.id, claim, Verdict.VALID, "the replay ends in the claim's post state")


class Watcher:
    """Judges every pending claim once, and those unknown again, each by itself."""

    def __init__(
        self,
        source: ClaimSource,
        traces: TracePool,
        retries: Retries[ClaimId] | None = None,
        events: Events | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._traces = traces
        self._clock = clock
        self.behind = False
        """Whether the last round left claims to the next one."""
        self._retries = retries if retries is not None else Retries()
        self._events = events if events is not None else Events(logging.getLogger(__name__))
        self._judged: dict[ClaimId, Judgement] = {}

    def round(self, seconds: float = math.inf) -> list[Judgement]:
        """Judges what is new or due again, in the source's order. After so many seconds no other
        claim is begun: clocks run in games, and anybody may claim a lot. Raises only what `pending`
        raises.
        """
        pending = list(self._source.pending())
        kept = set(pending)
        self._judged = {name: judged for name, judged in self._judged.items() if name in kept}
        self._retries.keep(kept)
        until = self._clock() + seconds
        judged: list[Judgement] = []
        self.behind = False
        for name in filter(self._wanted, pending):
            self.behind = bool(judged) and self._clock() >= until
            if self.behind:
                break
            judged.append(self._judge(name))
        return judged

    def invalid(self) -> list[Claim]:
        """The pending claims that are to be disputed."""
        judged = self._judged.values()
        return [j.claim for j in judged if j.verdict is Verdict.INVALID and j.claim is not None]

    def judgements(self) -> list[Judgement]:
        """The last judgement of each pending claim."""
        return list(self._judged.values())

    def _wanted(self, name: ClaimId) -> bool:
        judged = self._judged.get(name)
        return (judged is None or judged.verdict is Verdict.UNKNOWN) and self._retries.due(name)

    def _judge(self, name: ClaimId) -> Judgement:
        events = self._events.bind(claim=name)
        claim = None
        try:
            claim = self._source.claim(name)
            judged = judge(claim, self._traces.trace(claim))
        except (ClaimError, DataUnavailable) as error:
            judged = Judgement(name, claim, Verdict.UNKNOWN, f"{type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this claim's alone
            events.exception("claim.failed")
            judged = Judgement(name, claim, Verdict.UNKNOWN, f"{type(error).__name__}: {error}")
        self._judged[name] = judged
        if judged.verdict is not Verdict.INVALID:  # nothing to dispute: its data need not stay,
            self._traces.forget(name)  # and may be another one next time
        if judged.verdict is Verdict.UNKNOWN:
            delay = self._retries.failed(name)
            events.warning("claim.unknown", reason=judged.reason, retry_in_s=delay)
        else:
            self._retries.succeeded(name)
            events.info(f"claim.{judged.verdict.value}", reason=judged.reason)
        return judged
