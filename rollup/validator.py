"""The validator: follows L1, recomputes every claim, disputes what is wrong, plays to the end.

All it keeps is in L1 and in the folder of content, so it may be stopped and started at any point.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final, Protocol

from bisection.agent import Agent, Played
from bisection.game import Side
from bisection.machine import Address, ClaimId, TraceFactory
from bisection.ports import ClaimSource, GameKey, GamePort
from bisection.replay import TracePool
from bisection.watcher import Judgement, Verdict, Watcher
from prover.checkpoints import Checkpoints
from rollup.follower import Follower

JUDGING: Final = 30.0
"""Seconds of a round after which no other claim is judged before games are looked at."""


class Followed(ClaimSource, Protocol):
    """Claims of one kind, as L1 has them now."""

    def poll(self) -> int:
        """Takes up what L1 has since the last call."""
        ...


class Upkeep:
    """Drops the checkpoints of claims that need them no more."""

    def __init__(self, follower: Follower, store: Checkpoints) -> None:
        self._follower = follower
        self._store = store
        self._dropped: set[ClaimId] = set()

    def drop(self, name: ClaimId) -> None:
        """A claim's replay was the last one."""
        self._store.remove(self._follower.locate(name).run)

    def round(self, games: Iterable[GameKey]) -> None:
        """Drops those of claims that are final: out of their window, and in no open game."""
        final = set(self._follower.closed()) - {key.claim for key in games}
        for name in final - self._dropped:
            self.drop(name)
        self._dropped = final


class Validator:
    """One challenger over all claims of a kind; `upkeep` sees to what `traces` keep of them."""

    def __init__(
        self,
        source: Followed,
        port: GamePort,
        traces: TraceFactory,
        player: Address,
        upkeep: Upkeep | None = None,
    ) -> None:
        self._source = source
        pool = TracePool(traces)
        self._watcher = Watcher(source, pool)
        self._agent = Agent(port, source, pool, player, Side.CHALLENGER)
        self._settled: Counter[Verdict] = Counter()
        self._upkeep = upkeep

    def round(self) -> list[Played]:
        """Looks once: new batches, their claims (as many as there is time for, see `behind`), open
        games. Returns the moves that took effect.
        """
        self._source.poll()
        judged = self._watcher.round(JUDGING)
        self._settled.update(judgement.verdict for judgement in judged)
        for judgement in judged:
            if judgement.verdict is Verdict.VALID and self._upkeep is not None:
                self._upkeep.drop(judgement.name)
        played = self._agent.round(self._watcher.invalid())
        if self._upkeep is not None:
            self._upkeep.round(self._agent.games)
        return played

    @property
    def behind(self) -> bool:
        """Whether the last round left claims to be judged by the next one."""
        return self._watcher.behind

    def judgements(self) -> list[Judgement]:
        """The last judgement of every claim that may still be challenged."""
        return self._watcher.judgements()

    def counts(self) -> dict[str, int]:
        """How many claims were found valid and invalid since the start, and are unknown now."""
        unknown = [j for j in self.judgements() if j.verdict is Verdict.UNKNOWN]
        counts = {verdict.value: self._settled[verdict] for verdict in Verdict}
        return counts | {Verdict.UNKNOWN.value: len(unknown)}


class Defender:
    """Plays for every claim that names `player` as its defender; `upkeep` as for a `Validator`."""

    def __init__(
        self,
        source: Followed,
        port: GamePort,
        traces: TraceFactory,
        player: Address,
        upkeep: Upkeep | None = None,
    ) -> None:
        self._source = source
        self._upkeep = upkeep
        self._agent = Agent(port, source, TracePool(traces), player, Side.DEFENDER)

    def round(self) -> list[Played]:
        """Looks once, and answers what waits for an answer."""
        self._source.poll()
        played = self._agent.round()
        if self._upkeep is not None:
            self._upkeep.round(self._agent.games)
        return played
