"""A registry that tests fill, a clock that they set, and a sequencer over both."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from prover.row import Depths
from rollup.config import SequencerSettings
from rollup.errors import L1Unavailable
from rollup.protocol.claims import ProgramInfo
from rollup.protocol.presets import MINIMAL, Preset
from rollup.protocol.types import AccountIndex, Address, Hash, SlotIndex
from rollup.sequencer.service import Sequencer
from rollup.store import SqliteStore
from tests.rollup.entries import DOMAIN, OWNER, PROGRAM
from tests.rollup.sequencer.fake_l1 import FakeL1

PRESET = replace(MINIMAL, batch_receipts=8, chunk_bytes=400)


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeRegistry:
    """`RegistryPort` over three tables."""

    owners: dict[int, Address] = field(default_factory=lambda: {1: OWNER, 2: OWNER})
    slots: set[tuple[int, int]] = field(default_factory=lambda: {(1, 0), (2, 0)})
    programs: dict[Hash, ProgramInfo] = field(
        default_factory=lambda: {PROGRAM: ProgramInfo(500, 1_000, 100, 10, Depths(1, 1, 1, 1))}
    )
    asked: int = 0
    down: bool = False

    async def owner(self, account: AccountIndex) -> Address | None:
        self._count()
        return self.owners.get(account)

    async def slot_live(self, account: AccountIndex, slot: SlotIndex) -> bool:
        self._count()
        return (account, slot) in self.slots

    async def program(self, program: Hash) -> ProgramInfo | None:
        self._count()
        return self.programs.get(program)

    def _count(self) -> None:
        if self.down:
            raise L1Unavailable("nobody answers")
        self.asked += 1


@dataclass
class Play:
    """Everything a test of the whole touches."""

    sequencer: Sequencer
    store: SqliteStore
    l1: FakeL1
    registry: FakeRegistry
    clock: Clock
    http: httpx.AsyncClient

    async def step(self) -> None:
        """One round of batcher and poster, and a block."""
        self.clock.now += 1
        await self.sequencer._batch()
        await self.sequencer._post()
        self.l1.mine()


@asynccontextmanager
async def playing(
    folder: Path,
    l1: FakeL1 | None = None,
    settings: SequencerSettings | None = None,
    preset: Preset = PRESET,
) -> AsyncIterator[Play]:
    l1, registry, clock = l1 or FakeL1(DOMAIN), FakeRegistry(), Clock()
    store = await SqliteStore.open(folder / "s", DOMAIN)
    try:
        sequencer = await Sequencer.over(
            store, l1, registry, DOMAIN, preset, settings or SequencerSettings(poll=0.01), clock
        )
        transport = httpx.ASGITransport(sequencer.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            yield Play(sequencer, store, l1, registry, clock, http)
    finally:
        await store.close()
