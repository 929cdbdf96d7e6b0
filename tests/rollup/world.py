"""A small ledger on the embedded chain: contracts, a tiny program, people with bonds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from prover.backends import backend
from prover.commit.keccak import Hash
from prover.content import ContentStore
from prover.ops import Opcode
from prover.program import Program
from prover.row import Depths, Kind, Operand, Row, Segment, register_id
from rollup import parties, session
from rollup.follower import Follower
from rollup.jobs import Job
from rollup.l1.accounts import LocalSigner
from rollup.l1.deploy import Contracts, connect, deploy
from rollup.l1.devnet import Devnet
from rollup.protocol import codec
from rollup.protocol.batch import Batch
from rollup.protocol.entries import Entry
from rollup.protocol.header import Header, split
from rollup.protocol.presets import MINIMAL
from rollup.protocol.receipts import Work, WorkKind
from rollup.protocol.types import Nonce
from rollup.worker import Execute, Executor, Worker
from tests.rollup.headers import newest

REFERENCE: Final = backend("reference")
EXECUTE: Final[Execute] = Executor(REFERENCE)
DEPTHS: Final = Depths(1, 1, 1, 1)
STEPS: Final = 40
SEQUENCER, WORKER, VALIDATOR, SECOND, STRANGER = range(5)
"""Places in `Devnet.accounts`. The stranger has no account in the vault."""


def _growth() -> Program:
    """Four params, each multiplied by its input in each training step: four micro-steps."""
    params, inputs = register_id(Segment.PARAMS, 0), register_id(Segment.INPUTS, 0)
    operands = tuple(
        Operand(Kind.REGISTER, register, 4, strides=(0, 0, 0, 1)) for register in (params, inputs)
    )
    row = Row(Opcode.MUL, params, 4, (1, 1, 1, 4), 1, operands)
    return Program.of([row], DEPTHS)


GROWTH: Final = _growth()


@dataclass(frozen=True, slots=True)
class World:
    """One deployment with its folder; the sequencer posts here, without a process of its own."""

    chain: Devnet
    contracts: Contracts
    folder: Path

    @property
    def content(self) -> ContentStore:
        return ContentStore(self.folder / "content")

    @property
    def deployment(self) -> Path:
        return self.folder / "deployment.json"

    def put(self, *values: float) -> Hash:
        """A segment of one register of four words."""
        words = np.resize(np.array(values, np.float32), 4).view(np.uint32)
        return self.content.put_segment([words], DEPTHS.params)

    def job(self, **changed: object) -> Job:
        """To train `GROWTH` from ones, in claims of STEPS steps."""
        fields: dict[str, object] = {
            "kind": WorkKind.COMPUTE,
            "program": GROWTH.id,
            "params": self.put(1),
            "inputs": (self.put(1.5, 0.5, 1.25, 0.75),),
            "first_step": 0,
            "claim_steps": STEPS,
            "claims": 1,
            "bundle": 1,
        }
        return Job(**fields | changed)  # type: ignore[arg-type]

    def signer(self, place: int) -> LocalSigner:
        return self.chain.accounts[place]

    def work(
        self, *jobs: Job, who: int = WORKER, nonce: int = 0, run: Execute = EXECUTE
    ) -> list[Entry]:
        """Signed entries of a worker who does these jobs."""
        me = parties.identity(self.contracts, self.signer(who))
        worker = Worker(self.content, run, me, Nonce(nonce))
        return [entry for job in jobs for entry in worker.run(job)]

    def post(self, entries: Sequence[Entry]) -> Header:
        """Brings a batch to L1, with all that is in the inbox."""
        rollup, sequencer = self.contracts.rollup, self.signer(SEQUENCER)
        batch = Batch.of(entries)
        for chunk in split(codec.encode(entries)) if entries else ():
            rollup.publish(sequencer, chunk)
        return self.post_published(batch)

    def post_published(self, batch: Batch) -> Header:
        """Brings a batch to L1 whose data is there, with all that is in the inbox."""
        rollup, sequencer = self.contracts.rollup, self.signer(SEQUENCER)
        header, _ = rollup.post(
            sequencer,
            *newest(self.contracts),
            len(batch.receipts),
            batch.root,
            rollup.data_hash_of(sequencer.address),
            rollup.inbox_count(),
        )
        return header

    def follower(self) -> Follower:
        made = parties.follower(self.contracts)
        made.poll()
        return made


def build(chain: Devnet, folder: Path) -> World:
    """Contracts of MINIMAL, `GROWTH` registered and kept, sequencer and two workers bonded."""
    client = session.client(chain.url, poll=0.02)
    sequencer = chain.accounts[SEQUENCER]
    deployment = deploy(client, sequencer, MINIMAL, sequencer=sequencer.address)
    deployment.save(folder / "deployment.json")
    contracts = connect(client, deployment)
    world = World(chain, contracts, folder)
    contracts.programs.register(sequencer, GROWTH.packed, GROWTH.depths)
    chain.advance(1)  # a program counts in batches that are posted after its registration
    world.content.put_program(GROWTH)
    _, slot, _ = contracts.vault.deposit(sequencer, 1)
    contracts.rollup.choose_slot(sequencer, slot)
    for place in (WORKER, SECOND):
        contracts.vault.deposit(chain.accounts[place], 2)
    return world


def works(entries: Sequence[Entry]) -> list[Work]:
    """The Work among the receipts of entries."""
    return [r for entry in entries for r in entry.receipts if isinstance(r, Work)]
