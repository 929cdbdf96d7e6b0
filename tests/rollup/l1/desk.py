"""A poster on a real chain, with a store of its own and a hand on its clock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from prover.commit.keccak import Hash
from rollup.l1.deploy import Contracts
from rollup.l1.devnet import Devnet
from rollup.l1.view import ContractView
from rollup.protocol.batch import check_data
from rollup.protocol.eip712 import Signature
from rollup.protocol.entries import sign_receipt
from rollup.protocol.presets import MINIMAL
from rollup.protocol.receipts import Statement
from rollup.protocol.types import (
    AccountIndex,
    BatchNumber,
    Nonce,
)
from rollup.sequencer import batcher
from rollup.sequencer.l1_port import ContractRollup
from rollup.sequencer.poster import Poster
from rollup.store import SqliteStore
from tests.rollup.l1.conftest import SEQUENCER, WORKER

DEPTH = 40
NO_SIGNATURE = Signature(bytes(65))


@dataclass
class Desk:
    """A store, a poster over it, and a hand on its clock."""

    chain: Devnet
    contracts: Contracts
    store: SqliteStore
    port: ContractRollup
    poster: Poster
    now: float = 0.0
    sealed: int = 0

    async def seal(self, receipts: int = 5, chunk_bytes: int = 200) -> None:
        """Accepts receipts and seals them as the next batch."""
        domain = self.contracts.deployment.domain
        key = self.chain.accounts[WORKER].key
        first = await self.store.next_nonce(AccountIndex(1))
        entries = [
            sign_receipt(
                Statement(16, AccountIndex(1), Nonce(first + n), Hash(bytes(32)), Hash(bytes(32))),
                domain,
                key,
            )
            for n in range(receipts)
        ]
        await self.store.submit(entries, 0)
        self.sealed += 1
        batch = batcher.make(await self.store.pooled(), chunk_bytes)
        await self.store.seal(batch, 0)

    async def settle(self, steps: int = 12) -> None:
        """Steps, with a block and ten seconds after each, until there is nothing to do."""
        for _ in range(steps):
            self.now += 10
            busy = await self.poster.step()
            self.chain.mine()
            if not busy and (await self.port.view()).head == self.sealed:
                return
        raise AssertionError("the poster does not come to an end")

    async def whole(self) -> None:
        """Each sealed batch is on L1 once, with data that gives its root."""
        view = ContractView(self.contracts)
        for number in range(1, self.sealed + 1):
            stored = await self.store.batch(BatchNumber(number))
            header = view.header(BatchNumber(number))
            assert stored is not None
            assert header is not None
            assert (header.root, header.data_hash) == (stored.root, stored.data_hash)
            assert check_data(header, view.chunks(header)).root == stored.root
        assert self.contracts.rollup.head()[0] == self.sealed


Play = Callable[[Desk], Awaitable[None]]


@asynccontextmanager
async def opened(chain: Devnet, contracts: Contracts, folder: Path) -> AsyncIterator[Desk]:
    store = await SqliteStore.open(folder / "store.db", contracts.deployment.domain)
    port = ContractRollup(contracts, chain.accounts[SEQUENCER])
    desk = Desk(chain, contracts, store, port, poster=None)  # type: ignore[arg-type]
    desk.poster = Poster(
        store,
        port,
        contracts.deployment.domain,
        lambda: desk.now,
        DEPTH,
        MINIMAL.inbox_cap,
        bump_after=60,
    )
    try:
        yield desk
    finally:
        await store.close()


def player(chain: Devnet, contracts: Contracts, folder: Path) -> Callable[[Play], None]:
    """Runs a scene at a desk of its own."""

    def run(scene: Play) -> None:
        async def whole() -> None:
            async with opened(chain, contracts, folder) as desk:
                await scene(desk)

        asyncio.run(whole())

    return run
