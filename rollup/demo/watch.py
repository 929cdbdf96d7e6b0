"""How far the story is: read from L1, and from the file that the validator keeps up to date."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.progress import Progress

from rollup.demo import dispute
from rollup.demo.dispute import Dispute
from rollup.demo.errors import DemoError
from rollup.demo.processes import Processes
from rollup.follower import Follower, Located
from rollup.l1.deploy import Contracts
from rollup.l1.transport import Transport
from rollup.protocol.types import Address

PATIENCE: Final = 900.0
"""Seconds without any progress after which the demo gives up."""
PAUSE: Final = 0.3


@dataclass(frozen=True, slots=True)
class Chain:
    """A development chain, whose clock may be moved."""

    url: str

    @classmethod
    def start(cls, l1: str, processes: Processes, folder: Path) -> "Chain":
        """The embedded chain or anvil in a process of its own, or the one at a URL."""
        if "://" in l1:
            return cls(l1)
        said = folder / "devnet.json"
        arguments = ["rollup", "devnet", "--port", "0", "--engine", l1, "--json", str(said)]
        processes.start("devnet", arguments)
        return cls(await_file(said, processes)["url"])

    def advance(self, seconds: int) -> None:
        """Lets `seconds` pass on the chain."""
        transport = Transport(self.url)
        transport.request("evm_increaseTime", seconds)
        transport.request("evm_mine")
        transport.close()


def await_file(path: Path, processes: Processes, patience: float = 60.0) -> dict[str, Any]:
    """What a party says in a file, as soon as it has written it.

    Raises:
        DemoError: when a party ended before, or the file does not come.
    """
    until = time.monotonic() + patience
    while not path.exists():
        processes.check()
        if time.monotonic() > until:
            raise DemoError(f"{path.name} was not written within {patience:.0f} s")
        time.sleep(0.05)
    said: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return said


class Watch:
    """Progress bars over what L1 and the validator say."""

    def __init__(
        self, contracts: Contracts, follower: Follower, processes: Processes, bars: Progress
    ) -> None:
        self._contracts = contracts
        self._follower = follower
        self._processes = processes
        self._bars = bars

    def receipts(self, total: int) -> None:
        """Until so many receipts are on L1."""
        self._until("receipts in batches on L1", total, self._posted)

    def judged(self, verdicts: Path, total: int) -> None:
        """Until the validator has recomputed so many claims."""

        def count() -> int:
            if not verdicts.exists():
                return 0
            claims: dict[str, Any] = json.loads(verdicts.read_text("utf-8"))["claims"]
            return int(claims["valid"] + claims["invalid"])

        self._until("claims recomputed by the validator", total, count)

    def disputed(self, located: Located, challenger: Address) -> Dispute:
        """Until the game of `challenger` on a claim is over."""
        found: list[Dispute] = []

        def count() -> int:
            ended = dispute.read(self._contracts, located.claim, challenger)
            if ended is not None:
                found.append(ended)
                return self._total(located)
            head, game = self._contracts.client.head().number, self._contracts.game
            first = self._contracts.deployment.block
            return len(game.dissections(first, head, located.claim.id, challenger))

        self._until("dissections and proof", self._total(located), count)
        return found[0]

    def confirmed(self) -> None:
        """Until every batch is final."""
        head, _ = self._contracts.rollup.head()
        self._until("batches confirmed", head, self._contracts.rollup.confirmed)

    def _total(self, located: Located) -> int:
        """Transactions of a whole game on a claim: ceil(log_k length) dissections and a proof."""
        k, dissections, reached = self._contracts.deployment.parameters.k, 0, 1
        while reached < located.claim.length:
            dissections, reached = dissections + 1, reached * k
        return dissections + 1

    def _posted(self) -> int:
        self._follower.poll()
        return sum(header.receipts for header in self._follower.headers)

    def _until(self, what: str, total: int, count: Callable[[], int]) -> None:
        bar = self._bars.add_task(what, total=total)
        seen, moved = -1, time.monotonic()
        while seen < total:
            self._processes.check()
            now = count()
            if now != seen:
                seen, moved = now, time.monotonic()
                self._bars.update(bar, completed=min(seen, total))
            elif time.monotonic() - moved > PATIENCE:
                raise DemoError(f"{what}: {seen} of {total}, and nothing new for {PATIENCE:.0f} s")
            else:
                time.sleep(PAUSE)
