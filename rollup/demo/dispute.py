"""One finished game, read back from L1 alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from bisection.dissection import Dissection
from bisection.machine import Claim
from prover.commit.keccak import Hash
from rollup.demo.errors import DemoError
from rollup.l1.chain import Mined
from rollup.l1.deploy import Contracts
from rollup.l1.game import Ending, replay
from rollup.protocol.types import Address, Gas, Wei


@dataclass(frozen=True, slots=True)
class Round:
    """One dissection: who posted it, over which steps, and what it cost."""

    mover: str
    start: int
    length: int
    parts: int
    gas: Gas


@dataclass(frozen=True, slots=True)
class Dispute:
    """A game from its opening (the first round) to its end."""

    rounds: Sequence[Round]
    found: int | None
    """The position that was proven; None when the clock ended the game."""
    proof_gas: Gas
    """Of the transaction that ended the game."""
    winner: str
    paid: Wei

    @property
    def opening_gas(self) -> Gas:
        """Of the challenge with its first dissection."""
        return self.rounds[0].gas

    @property
    def move_gas(self) -> list[Gas]:
        """Of each dissection after the first."""
        return [played.gas for played in self.rounds[1:]]

    @property
    def total_gas(self) -> int:
        """Of all transactions of the game."""
        return sum(played.gas for played in self.rounds) + self.proof_gas


def read(contracts: Contracts, claim: Claim, challenger: Address) -> Dispute | None:
    """The game of `challenger` on `claim`; None while it is not over.

    Raises:
        LostConsistency: when the endpoint's events are not whole.
    """
    first, last = contracts.deployment.block, contracts.client.head().number
    ended = contracts.game.endings(first, last, claim.id, challenger)
    if not ended:
        return None
    posted = contracts.game.dissections(first, last, claim.id, challenger)
    history = [dissection for _, dissection in replay(claim, posted)]
    movers = ("challenger", "defender")
    rounds = [
        Round(
            movers[place % 2],
            dissection.start,
            dissection.length,
            dissection.parts,
            _mined(contracts, event.place.transaction).gas_used,
        )
        for place, (dissection, event) in enumerate(zip(history, posted, strict=True))
    ]
    end = _mined(contracts, ended[0].place.transaction)
    return Dispute(
        rounds,
        _proven(contracts, history[-1], end),
        end.gas_used,
        "challenger" if ended[0].ending is Ending.WON else "defender",
        ended[0].paid,
    )


@dataclass(frozen=True, slots=True)
class Posting:
    """Gas of all batches: their header transactions, and the chunks with their data."""

    header: int
    data: int


def posting(contracts: Contracts) -> Posting:
    """What putting the batches on L1 cost."""
    first, last = contracts.deployment.block, contracts.client.head().number
    rollup, sequencer = contracts.rollup, contracts.deployment.sequencer
    posts = [posted.place.transaction for posted in rollup.batches(first, last)]
    chunks = [chunk.place.transaction for chunk in rollup.chunks(sequencer, first, last)]
    header, data = (
        sum(_mined(contracts, name).gas_used for name in sent) for sent in (posts, chunks)
    )
    return Posting(header, data)


def _proven(contracts: Contracts, last: Dissection, end: Mined) -> int | None:
    """The position that the last transaction proved, from its call data."""
    data = contracts.client.input_of(end.hash)
    prove = contracts.game.artifact.functions["prove"]
    if data is None or data[:4] != prove.key:
        return None
    return last.bounds(prove.decode_inputs(data[4:])["part"])[0]


def _mined(contracts: Contracts, transaction: Hash) -> Mined:
    mined = contracts.client.mined(transaction)
    if mined is None:
        raise DemoError(f"transaction 0x{transaction.hex()} was reorganised away; run again")
    return mined
