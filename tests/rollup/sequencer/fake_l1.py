"""An L1 that plays contract, blocks, mempool and reorgs; and a way to fail at any call."""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from prover.commit.keccak import ZERO_HASH, Hash, keccak
from rollup.errors import PlumblineError, StoreUnavailable
from rollup.protocol.batch import Batch, check_data
from rollup.protocol.eip712 import Domain, recover
from rollup.protocol.header import Header, data_hashes, genesis
from rollup.protocol.history import Mountains
from rollup.protocol.ledger.inbox import InboxEntry
from rollup.protocol.presets import MINIMAL as PRESET
from rollup.protocol.receipts import Receipt
from rollup.protocol.types import BatchNumber
from rollup.sequencer.ports import Call, Discard, Post, Publish, View
from rollup.store import Intent, Posted
from tests.rollup.entries import DOMAIN, OWNER
from tests.rollup.headers import following


@dataclass(slots=True)
class State:
    """What the contract stores, and what an archive remembers."""

    inbox: list[InboxEntry] = field(default_factory=list)
    nonce: int = 0
    running: tuple[bytes, ...] = ()
    headers: list[Posted] = field(default_factory=list)
    data: list[tuple[bytes, ...]] = field(default_factory=list)
    reverted: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A transaction."""

    nonce: int
    fee: int
    call: Call
    raw: bytes


@dataclass(frozen=True, slots=True)
class Overdue:
    """What somebody else posts when the sequencer is silent: as much of the inbox as may be."""


Outside = InboxEntry | Overdue
"""What others do on L1."""


class FakeL1:
    """`RollupPort` with `mine` and `reorg`. All state is recomputed from the blocks."""

    def __init__(self, domain: Domain, inbox_cap: int = PRESET.inbox_cap) -> None:
        self.genesis = genesis(domain)
        self.inbox_cap = inbox_cap
        self.blocks: list[list[Waiting | Outside]] = [[]]
        self.outside: list[Outside] = []
        self.mempool: dict[int, Waiting] = {}
        self.times = [0]
        self.shift = 0
        self.min_fee = 0
        self.reverting = False
        self.sends = 0

    # ---- the world

    def mine(self, most: int = 1_000) -> None:
        """One block with up to `most` transactions."""
        block: list[Waiting | Outside] = list(self.outside)
        self.outside.clear()
        nonce = self.state().nonce
        most += len(block)
        while nonce in self.mempool and len(block) < most:
            if self.mempool[nonce].fee < self.min_fee:
                break
            block.append(self.mempool.pop(nonce))
            nonce += 1
        self.blocks.append(block)
        self.times.append(12 * len(self.times) + self.shift)

    def reorg(self, depth: int, keep: bool = True) -> None:
        """Undoes blocks; their transactions wait again or, without `keep`, are forgotten.

        Blocks that follow have other times, so that a batch posted again has another header.
        """
        self.shift += 1
        while depth and len(self.blocks) > 1:
            depth -= 1
            self.times.pop()
            for one in self.blocks.pop():
                if isinstance(one, Waiting) and keep:
                    self.mempool.setdefault(one.nonce, one)
                elif not isinstance(one, Waiting) and keep:
                    self.outside.append(one)

    def forget(self) -> None:
        """Every node drops what waits."""
        self.mempool.clear()

    def state(self) -> State:
        """After all blocks."""
        state = State()
        for number, block in enumerate(self.blocks):
            for one in block:
                match one:
                    case Waiting():
                        state.nonce += 1
                        self._execute(state, one, number)
                    case InboxEntry():
                        state.inbox.append(one)
                    case Overdue():
                        self._overdue(state, number)
        return state

    def _execute(self, state: State, waiting: Waiting, block: int) -> None:
        match waiting.call:
            case Publish(chunk):
                state.running = (*state.running, chunk)
            case Discard():
                state.running = ()
            case Post() as post:
                placed = keccak(waiting.raw), True
                if self._post(state, post, state.running, block, placed):
                    state.running = ()
                else:
                    state.reverted += 1

    def _overdue(self, state: State, block: int) -> None:
        headers = self.headers(state)
        inbox = min(len(state.inbox), headers[-1].inbox + self.inbox_cap)
        peaks = Mountains.of([header.hash for header in headers[:-1]]).peaks
        post = Post(headers[-1], peaks, 0, ZERO_HASH, ZERO_HASH, inbox)
        placed = keccak(b"somebody else" + headers[-1].hash), False
        self._post(state, post, (), block, placed)

    def headers(self, state: State) -> list[Header]:
        """Genesis and what was posted."""
        return [self.genesis, *(posted.header for posted in state.headers)]

    def _post(
        self,
        state: State,
        post: Post,
        running: tuple[bytes, ...],
        block: int,
        placed: tuple[Hash, bool],
    ) -> bool:
        """What the contract does; False when it reverts."""
        headers = self.headers(state)
        parent, cap = headers[-1], headers[-1].inbox + self.inbox_cap
        if (
            post.parent != parent
            or Mountains(parent.number, post.peaks).hash != parent.history
            or not min(parent.seen, cap) <= post.inbox <= min(len(state.inbox), cap)
            or post.data_hash != data_hashes(running)[-1]
            or (post.receipts == 0) != (not running)
            or (post.receipts == 0 and post.inbox == parent.inbox)
        ):
            return False
        taken = state.inbox[parent.inbox : post.inbox]
        time, seen = self.times[block], len(state.inbox)
        header = following(headers, post.receipts, post.root, post.data_hash, time, taken, seen)
        forced = tuple(receipt for receipt in map(_owners, taken) if receipt is not None)
        state.headers.append(Posted(header, block, *placed, forced))
        state.data.append(running)
        return True

    def batches(self) -> list[Batch]:
        """What L1 holds, read back from its data and checked against its headers."""
        state = self.state()
        return [
            check_data(posted.header, chunks)
            for posted, chunks in zip(state.headers, state.data, strict=True)
        ]

    # ---- the port

    async def view(self) -> View:
        state = self.state()
        return View(
            len(self.blocks) - 1,
            BatchNumber(len(state.headers)),
            self.headers(state)[-1].hash,
            data_hashes(state.running)[-1] if state.running else ZERO_HASH,
            len(state.inbox),
            state.nonce,
        )

    async def posted(self, number: BatchNumber) -> Posted | None:
        headers = self.state().headers
        return headers[number - 1] if number <= len(headers) else None

    async def inbox(self, first: int, end: int) -> list[InboxEntry]:
        return self.state().inbox[first:end]

    async def sign(self, number: BatchNumber, calls: Sequence[Call], nonce: int) -> list[Intent]:
        return [_intent(number, nonce + i, 0, call) for i, call in enumerate(calls)]

    async def bump(self, intent: Intent) -> Intent | None:
        nonce, fee, call = pickle.loads(intent.raw)  # noqa: S301 - our own bytes
        return _intent(intent.number, nonce, fee + 1, call)

    async def send(self, intent: Intent) -> None:
        self.sends += 1
        nonce, fee, call = pickle.loads(intent.raw)  # noqa: S301 - our own bytes
        if nonce < self.state().nonce:
            return
        there = self.mempool.get(nonce)
        if there is None or fee > there.fee:
            self.mempool[nonce] = Waiting(nonce, fee, call, intent.raw)


def _owners(entry: InboxEntry) -> Receipt | None:
    """The receipt that an entry forces, when the one owner of all accounts signed it."""
    forced = entry.receipt
    if forced is None:
        return None
    signer = recover(DOMAIN.digest(forced.receipt.id), forced.signature)
    return forced.receipt if signer == OWNER else None


def _intent(number: BatchNumber, nonce: int, fee: int, call: Call) -> Intent:
    raw = pickle.dumps((nonce, fee, call))
    return Intent(number, nonce, Hash(keccak(raw)), raw)


class Crash(BaseException):
    """The process dies here."""


class Failing:
    """Stands before an object and fails at one of its calls, before or after its effect."""

    def __init__(
        self, counter: "Counter", target: Any, names: frozenset[str], error: type[PlumblineError]
    ) -> None:
        self._counter = counter
        self._target = target
        self._names = names
        self._error = error

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._target, name)
        if name not in self._names:
            return attribute

        async def called(*args: Any, **kwargs: Any) -> Any:
            self._counter.tick(False, self._error)
            result = await attribute(*args, **kwargs)
            self._counter.tick(True, self._error)
            return result

        return called


class Counter:
    """Counts calls over several objects and fails at one of them."""

    def __init__(self) -> None:
        self.calls = 0
        self._at = -1
        self._after = False
        self._kill = True

    def arm(self, at: int, after: bool, kill: bool) -> "Counter":
        """Fails at the `at`-th call from here: killed, or with the target's typed error.

        A store that raises has changed nothing; an L1 that raises may have.
        """
        self._at, self._after, self._kill = self.calls + at, after, kill
        return self

    def tick(self, after: bool, error: type[PlumblineError]) -> None:
        """One call begins, or has had its effect."""
        here = self.calls == self._at and after == self._after
        if after or (here and not after):
            self.calls += 1
        if here and self._kill:
            raise Crash
        if here and not (after and error is StoreUnavailable):
            raise error("here")


L1_CALLS = frozenset({"view", "posted", "inbox", "sign", "bump", "send"})
STORE_CALLS = frozenset(
    {"submit", "pooled", "seal", "last_batch", "batch", "unsettled", "chunks"}
    | {"record", "finalize", "intend", "intents", "mountains", "withdraw", "adopt"}
)
