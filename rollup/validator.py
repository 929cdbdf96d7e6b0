"""The validator: follows L1, recomputes every claim, disputes what is wrong, plays to the end.

All it keeps is in L1 and in the folder of content, so it may be stopped and started at any point.
"""

from collections import Counter

from bisection.agent import Agent, Played
from bisection.game import Side
from bisection.machine import Address, TraceFactory
from bisection.ports import GamePort
from bisection.replay import TracePool
from bisection.watcher import Judgement, Verdict, Watcher
from rollup.follower import Follower


class Validator:
    """One challenger over all claims of a rollup."""

    def __init__(
        self, follower: Follower, port: GamePort, traces: TraceFactory, player: Address
    ) -> None:
        self._follower = follower
        pool = TracePool(traces)
        self._watcher = Watcher(follower, pool)
        self._agent = Agent(port, follower, pool, player, Side.CHALLENGER)
        self._settled: Counter[Verdict] = Counter()

    def round(self) -> list[Played]:
        """Looks once: new batches, their claims, open games. Returns the moves that took effect."""
        self._follower.poll()
        self._settled.update(judged.verdict for judged in self._watcher.round())
        return self._agent.round(self._watcher.invalid())

    def judgements(self) -> list[Judgement]:
        """The last judgement of every claim that may still be challenged."""
        return self._watcher.judgements()

    def counts(self) -> dict[str, int]:
        """How many claims were found valid and invalid since the start, and are unknown now."""
        unknown = [j for j in self.judgements() if j.verdict is Verdict.UNKNOWN]
        counts = {verdict.value: self._settled[verdict] for verdict in Verdict}
        return counts | {Verdict.UNKNOWN.value: len(unknown)}


class Defender:
    """Plays for every claim that names `player` as its defender."""

    def __init__(
        self, follower: Follower, port: GamePort, traces: TraceFactory, player: Address
    ) -> None:
        self._follower = follower
        self._agent = Agent(port, follower, TracePool(traces), player, Side.DEFENDER)

    def round(self) -> list[Played]:
        """Looks once, and answers what waits for an answer."""
        self._follower.poll()
        return self._agent.round()
