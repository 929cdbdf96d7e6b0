"""A deployed ledger on the fast driver: the ring of contracts, a tiny program, signed batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from bisection.dissection import cut
from prover import witness
from prover.commit import merkle
from prover.commit.keccak import ZERO_HASH, Hash, keccak
from prover.commit.tags import Tag
from prover.ops import Opcode
from prover.program import Program, run_commitment
from prover.reference import step as reference_step
from prover.row import Depths, Kind, Operand, Row, Segment, register_id
from prover.state import State, state_hash, zero_segment
from rollup.l1.accounts import LocalSigner
from rollup.l1.openings import HeaderTuple, Opening, forced_opening, header_tuple, opening
from rollup.protocol.batch import Batch
from rollup.protocol.codec import encode as encode_data
from rollup.protocol.eip712 import Domain
from rollup.protocol.entries import Entry, SignedReceipt, sign_bundle, sign_receipt
from rollup.protocol.header import Header, data_hashes, genesis, split
from rollup.protocol.history import Mountains
from rollup.protocol.ledger.packing import forced_bytes
from rollup.protocol.receipts import Receipt, Work
from rollup.protocol.types import AccountIndex, Address, BatchNumber, Nonce, Seconds, SlotIndex
from tests.contracts.arena import Parameters, game_parameters
from tests.contracts.evm import ETHER, Chain, Contract, Evm, compiled

UNITS: Final = (
    "src/Rollup.sol",
    "src/DisputeGame.sol",
    "src/StakeVault.sol",
    "src/Programs.sol",
    "src/TensorMachine.sol",
    "test/Forwarder.sol",
)
WINDOW: Final = 600
DEADLINE: Final = 200
INBOX_CAP: Final = 8
CAPS: Final = (1_000, 500, 4, 100)
"""Work, words, rows, steps."""

DEPTHS: Final = Depths(2, 1, 0, 3)
_P0: Final = register_id(Segment.PARAMS, 0)
_X0: Final = register_id(Segment.INPUTS, 0)


def _counter() -> Program:
    """One integer addition a training step: params[0] += inputs[0]; one micro-step."""
    row = Row(
        Opcode.IADD,
        _P0,
        1,
        (1, 1, 1, 1),
        1,
        (Operand(Kind.REGISTER, _P0, 1), Operand(Kind.REGISTER, _X0, 1)),
    )
    return Program.of([row], DEPTHS)


COUNTER: Final = _counter()


@dataclass(frozen=True, slots=True)
class Posted:
    """A batch on L1 with what is behind its header."""

    header: Header
    batch: Batch
    took: tuple[Hash, ...] = ()
    """Leaves of the inbox entries that it took."""

    def opening(self, index: int) -> Opening:
        return opening(self.header, self.batch, index)

    def forced(self, index: int, entry: SignedReceipt) -> Opening:
        """Of the receipt that is the `index`-th entry which the batch took."""
        assert isinstance(entry.receipt, Work)
        return forced_opening(self.header, index, self.took, entry.receipt, entry.signature)


@dataclass(slots=True)
class Run:
    """The true run of the counter from `start` by `by`, `steps` training steps."""

    start: int = 5
    by: int = 3
    steps: int = 4
    first_step: int = 0

    def state(self, position: int) -> State:
        words = [np.array([value], np.uint32) for value in (self.start, self.by)]
        state = State.start(DEPTHS, words[:1], words[1:])
        for done in range(position):
            reference_step(COUNTER, self.first_step, state, done)
        return state

    def commitment(self, position: int) -> Hash:
        return self.state(position).commitment()

    def witness(self, position: int) -> bytes:
        return witness.build(COUNTER, self.first_step, self.state(position), position)

    def work(self, account: int, *, slot: int = 0, nonce: int = 0, **changed: Any) -> Work:
        """The true receipt of the run; `changed` bends it."""
        before, after = self.state(0), self.state(self.steps)
        honest = Work(
            1,
            AccountIndex(account),
            Nonce(nonce),
            SlotIndex(slot),
            Address(b"\x0d" * 20),
            COUNTER.id,
            self.first_step,
            self.steps,
            before.root(Segment.PARAMS),
            before.root(Segment.INPUTS),
            after.root(Segment.PARAMS),
            after.root(Segment.OUTPUTS),
        )
        return replace(honest, **changed)

    def values(self, k: int, length: int | None = None) -> list[bytes]:
        """v[1..m] of the true dissection of the whole run."""
        positions = cut(0, self.steps if length is None else length, k)
        return [self.commitment(position) for position in positions[1:]]


@dataclass(slots=True)
class Ledger:
    """One deployment. `worker` signs receipts, `sequencer` posts, `challenger` disputes."""

    chain: Chain
    rules: Parameters
    vault: Contract
    rollup: Contract
    game: Contract
    programs: Contract
    machine: Contract
    forwarder: Contract
    sequencer: str
    challenger: str
    worker: LocalSigner
    account: int
    domain: Domain
    posted: list[Posted] = field(default_factory=list)

    @property
    def worker_address(self) -> str:
        return hexed(self.worker.address)

    @property
    def parent(self) -> Header:
        return self.posted[-1].header if self.posted else genesis(self.domain)

    @property
    def parent_tuple(self) -> HeaderTuple:
        return header_tuple(self.parent)

    @property
    def mountains(self) -> Mountains:
        """Over the header hashes before the parent: those behind its history."""
        hashes = [genesis(self.domain).hash, *(posted.header.hash for posted in self.posted)]
        return Mountains.of(hashes[:-1])

    @property
    def peaks(self) -> list[bytes]:
        return list(self.mountains.peaks)

    def leaves(self, first: int, last: int) -> tuple[Hash, ...]:
        """Of the inbox entries from `first` up to `last`, as L1 keeps them."""
        return tuple(Hash(self.rollup.inboxLeaf(index)) for index in range(first, last))

    def force(self, receipt: Receipt, key: bytes | None = None) -> SignedReceipt:
        """Anybody pays for a receipt's way through the inbox."""
        entry = sign_receipt(receipt, self.domain, key or self.worker.key)
        self.rollup.force(forced_bytes(receipt, entry.signature), sender=self.challenger)
        return entry

    def sign(self, work: Work, key: bytes | None = None) -> SignedReceipt:
        return sign_receipt(work, self.domain, key or self.worker.key)

    def sign_bundle(self, works: Sequence[Work], key: bytes | None = None) -> Entry:
        return sign_bundle(works, self.domain, key or self.worker.key)

    def publish(self, *chunks: bytes, sender: str | None = None) -> Hash:
        for chunk in chunks:
            self.rollup.publish(chunk, sender=sender or self.sequencer)
        return data_hashes(chunks)[-1]

    def next_header(self, batch: Batch, data_hash: Hash, inbox: int | None = None) -> Header:
        """Of the batch if it is posted now and takes all it may, or the entries up to `inbox`."""
        parent, seen = self.parent, self.rollup.inboxCount()
        upto = min(seen, parent.inbox + INBOX_CAP) if inbox is None else inbox
        return Header(
            BatchNumber(parent.number + 1),
            parent.hash,
            self.mountains.append(parent.hash).hash,
            Seconds(self.game.protocolTime()),
            len(batch.receipts),
            batch.root,
            data_hash,
            upto,
            seen,
            upto - parent.inbox,
            merkle.root(self.leaves(parent.inbox, upto), Tag.ENTRY_NODE),
        )

    def arguments(self, header: Header) -> tuple[Any, ...]:
        """Those of `Rollup.post`, of a batch on the newest one."""
        whole = (header.receipts, header.root, header.data_hash, header.inbox)
        return (self.parent_tuple, self.peaks, *whole)

    def post(
        self, entries: Sequence[Entry], data: bytes | None = None, inbox: int | None = None
    ) -> Posted:
        """Publishes and posts a batch of these entries, with other data if some is given."""
        batch = Batch.of(entries)
        chunks = split(encode_data(entries) if data is None else data) if entries else []
        header = self.next_header(batch, self.publish(*chunks), inbox)
        self.rollup.post(*self.arguments(header), sender=self.sequencer)
        return self.keep(header, batch)

    def post_overdue(self, poster: str, slot: int, inbox: int | None = None) -> Posted:
        """Somebody with a bond posts the inbox in the sequencer's place."""
        batch = Batch.of([])
        header = self.next_header(batch, ZERO_HASH, inbox)
        shown = (slot, self.parent_tuple, self.peaks, header.inbox)
        self.rollup.postOverdue(*shown, sender=poster)
        return self.keep(header, batch)

    def keep(self, header: Header, batch: Batch) -> Posted:
        took = self.leaves(self.parent.inbox, header.inbox)
        self.posted.append(Posted(header, batch, took))
        return self.posted[-1]

    def post_works(self, *works: Work, inbox: int | None = None) -> Posted:
        return self.post([self.sign(work) for work in works], inbox=inbox)

    def challenge(
        self, opened: Opening, values: Sequence[bytes], sender: str | None = None, **call: Any
    ) -> None:
        call = {"sender": sender or self.challenger, "value": self.rules.challenge_bond} | call
        self.rollup.challenge(opened, list(values), **call)

    def challenge_step(
        self, opened: Opening, proof: bytes, sender: str | None = None, **call: Any
    ) -> None:
        call = {"sender": sender or self.challenger, "value": self.rules.challenge_bond} | call
        self.rollup.challengeStep(opened, proof, **call)

    def confirm(self, posted: Posted) -> None:
        self.rollup.confirm(header_tuple(posted.header), sender=self.challenger)

    def claim(self, work: Work) -> tuple[Any, ...]:
        """The claim of a receipt about the counter, as Python derives it."""
        outputs, scratch = zero_segment(DEPTHS.outputs), zero_segment(DEPTHS.scratch)
        return (
            0,
            work.id,
            run_commitment(work.program, work.first_step),
            state_hash((work.params, work.inputs, outputs, scratch), 0),
            state_hash((work.params_after, work.inputs, work.outputs, scratch), 0),
            work.steps * COUNTER.micro_steps,
            hexed(work.defender),
        )


def hexed(address: bytes) -> str:
    return "0x" + address.hex()


def signer(chain: Chain, name: str) -> LocalSigner:
    """An account of the chain whose key is known, with plenty of ether."""
    held = LocalSigner(keccak(name.encode()))
    if chain.account(name) != hexed(held.address) and isinstance(chain, Evm):
        chain.revm.set_balance(hexed(held.address), 1_000_000 * ETHER)
    return held


def rollup_parameters(
    sequencer: str,
    vault: str,
    game: str,
    programs: str,
    caps: tuple[int, int, int, int],
    window: int = WINDOW,
    cap: int = INBOX_CAP,
    forced: int | None = None,
) -> tuple[Any, ...]:
    """The constructor's struct; the vault is the inbox's only writer.

    Of Work, as much may be forced in one window as the largest claim has, if nothing else is said.
    """
    return (
        sequencer,
        window,
        DEADLINE,
        cap,
        caps[0] if forced is None else forced,
        0,
        vault,
        game,
        programs,
        caps,
        [vault],
    )


def deploy(
    chain: Chain | None = None,
    rules: Parameters | None = None,
    caps: tuple[int, int, int, int] = CAPS,
    forced: int | None = None,
) -> Ledger:
    """Deploys everything, registers the counter, bonds a worker and the sequencer."""
    evm, rules = chain or Evm(), rules or Parameters()
    contracts = compiled(*UNITS, shipped=evm.shipped)
    deployer, sequencer = evm.account("deployer"), evm.account("sequencer")
    clock_at = evm.next_address(deployer, 4)
    programs = evm.deploy(contracts["Programs"], clock_at, sender=deployer)
    machine = evm.deploy(contracts["TensorMachine"], sender=deployer)
    vault_at, rollup_at, game_at = (evm.next_address(deployer, ahead) for ahead in range(3))
    vault = evm.deploy(
        contracts["StakeVault"],
        rules.bond,
        rules.unbonding,
        game_at,
        rollup_at,
        [rollup_at],
        sender=deployer,
    )
    parameters = rollup_parameters(
        sequencer, vault_at, game_at, programs.address, caps, forced=forced
    )
    rollup = evm.deploy(contracts["Rollup"], parameters, sender=deployer)
    kinds = [(rollup_at, machine.address)]
    game = evm.deploy(
        contracts["DisputeGame"],
        game_parameters(rules, vault_at, kinds, evm.account("guardian")),
        sender=deployer,
    )
    assert (vault.address, rollup.address, game.address) == (vault_at, rollup_at, game_at)
    forwarder = evm.deploy(contracts["Forwarder"], sender=deployer)
    worker = signer(evm, "worker")
    account, _ = vault.deposit(3, sender=hexed(worker.address), value=3 * rules.bond)
    _, slot = vault.deposit(1, sender=sequencer, value=rules.bond)
    rollup.chooseSlot(slot, sender=sequencer)
    programs.register(b"".join(COUNTER.packed), int.from_bytes(bytes(DEPTHS)), sender=deployer)
    evm.warp(1)  # a program counts in batches that are posted after its registration
    return Ledger(
        evm,
        rules,
        vault,
        rollup,
        game,
        programs,
        machine,
        forwarder,
        sequencer,
        evm.account("challenger"),
        worker,
        account,
        Domain(31_337, Address(bytes.fromhex(rollup.address[2:]))),
    )
