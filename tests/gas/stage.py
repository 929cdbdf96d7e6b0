"""The shipped contracts on a chain, with the demo's training program and a batch of 4,096 receipts.

Every transaction is a real one. Disputes are about training steps of the digits net, whose states
are known in full around the step that is proven; all other values of a dissection stand for states
that nobody opens.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Final, cast

from contracts.build import Artifact
from prover.commit.keccak import ZERO_HASH, Hash, keccak
from prover.machine import tensor_claim
from prover.program import Program
from prover.row import Segment
from rollup.l1.accounts import LocalSigner
from rollup.l1.openings import header_tuple, opening
from rollup.protocol.batch import Batch
from rollup.protocol.codec import encode
from rollup.protocol.eip712 import Domain
from rollup.protocol.entries import Entry, sign_bundle
from rollup.protocol.header import Header, data_hashes, genesis, split
from rollup.protocol.history import Mountains
from rollup.protocol.receipts import Work, WorkKind
from rollup.protocol.types import AccountIndex, Address, BatchNumber, Nonce, Seconds, SlotIndex
from tests.contracts.arena import Arena, Claim, Parameters, game_parameters, raw_address
from tests.contracts.evm import Chain, Contract
from tests.contracts.ledger import rollup_parameters
from tests.contracts.metered import MeteredEvm
from tests.gas.disputes import Dispute, Step, segment_of, training

BUNDLES: Final = 16
IN_A_BUNDLE: Final = 256
RECEIPTS: Final = BUNDLES * IN_A_BUNDLE
CLAIM_STEPS: Final = 44
WINDOW: Final = 600_000
INBOX_CAP: Final = 1_024
CAPS: Final = (1 << 62, 1 << 40, 1 << 16, 1 << 31)
_ENDS, _BATCH_HASH = 3, 4
"""Places of the rollup's storage: the word that has the head in its lowest 48 bits; the hashes."""
_DISPUTED: Final = 137
"""Place of the training receipt in each bundle; the others are inferences."""


@cache
def shipped(name: str) -> Artifact:
    """A contract as the package holds it."""
    text = files("rollup.l1").joinpath("artifacts", f"{name}.json").read_text("utf-8")
    raw = json.loads(text)
    code = (bytes.fromhex(raw[part].removeprefix("0x")) for part in ("bytecode", "runtime"))
    return Artifact(raw["name"], raw["abi"], *code)


@dataclass(slots=True)
class Stage:
    """One deployment; `spent` has the gas of what was done to set it up."""

    arena: Arena
    programs: Contract
    sequencer: str
    worker: LocalSigner
    account: int
    domain: Domain
    spent: dict[str, int] = field(default_factory=dict)
    headers: list[Header] = field(default_factory=list)
    batch: Batch | None = None

    @property
    def chain(self) -> Chain:
        """Where all of it stands."""
        return self.arena.evm

    @property
    def owner(self) -> str:
        """The worker's address."""
        return "0x" + self.worker.address.hex()

    def note(self, name: str) -> int:
        """Keeps the gas of the last transaction under a name."""
        self.spent[name] = self.chain.gas_used
        return self.chain.gas_used

    def register(self, program: Program) -> None:
        """Registers a program; batches that are posted from now on may claim it."""
        depths = int.from_bytes(bytes(program.depths))
        self.programs.register(b"".join(program.packed), depths, sender=self.sequencer)
        self.note("register")
        self.chain.warp(1)  # a program counts in batches that are posted after its registration

    def post(self, entries: Sequence[Entry], name: str) -> None:
        """Publishes a batch's data and posts its header, which takes all of the inbox."""
        rollup, made = self.arena.host, Batch.of(entries)
        chunks = split(encode(entries))
        for number, chunk in enumerate(chunks):
            rollup.publish(chunk, sender=self.sequencer)
            self.note(f"{name}/publish {number}")
        hashes = [genesis(self.domain).hash, *(header.hash for header in self.headers)]
        parent = self.headers[-1] if self.headers else genesis(self.domain)
        peaks = Mountains.of(hashes[:-1]).peaks
        self.header(parent, peaks, len(made.receipts), made.root, data_hashes(chunks)[-1])
        self.note(f"{name}/post")
        self.batch = made
        self.spent[f"{name}/bytes"] = sum(map(len, chunks))
        self.spent[f"{name}/bytes 0"] = len(chunks[0])

    def header(
        self, parent: Header, peaks: Sequence[Hash], receipts: int, root: Hash, data_hash: Hash
    ) -> None:
        """Posts a header that takes all of the inbox."""
        rollup = self.arena.host
        inbox = rollup.inboxCount()
        rollup.post(
            header_tuple(parent), list(peaks), receipts, root, data_hash, inbox,
            sender=self.sequencer,
        )  # fmt: skip
        (event,) = [e for e in self.chain.events if e.name == "BatchPosted"]
        header = Header(
            BatchNumber(parent.number + 1),
            parent.hash,
            Mountains(parent.number, tuple(peaks)).append(parent.hash).hash,
            Seconds(event["posted"]),
            receipts,
            root,
            data_hash,
            inbox,
            inbox,
            inbox - parent.inbox,
            event["inboxRoot"],
        )
        assert header.hash == event["headerHash"]
        self.headers.append(header)

    def aged(self, number: int) -> tuple[Header, tuple[Hash, ...]]:
        """Makes the rollup's storage what it is after so many batches; the newest and its peaks.

        All hashes in it stand for batches that nobody opens.
        """
        chain, rollup, inbox = self.chain, self.arena.host, self.arena.host.inboxCount()
        assert isinstance(chain, MeteredEvm)
        peaks = tuple(keccak(b"peak" + bytes([n])) for n in range(number.bit_count()))
        root, data = keccak(b"root"), keccak(b"data")
        parent, posted = keccak(b"parent"), Seconds(self.arena.game.protocolTime())
        history = Mountains(number, peaks).hash
        header = Header(
            BatchNumber(number), parent, history, posted, RECEIPTS, root, data, inbox, inbox, 0,
            ZERO_HASH,
        )  # fmt: skip
        ends = chain.storage(rollup, _ENDS)
        chain.set_storage(rollup, _ENDS, ends >> 48 << 48 | number)
        for at, word in ((number, header.hash), (number + 1, ZERO_HASH)):
            place = keccak(at.to_bytes(32) + _BATCH_HASH.to_bytes(32))
            chain.set_storage(rollup, int.from_bytes(place), int.from_bytes(word))
        assert rollup.head() == (number, header.hash)
        return header, peaks

    def works(self, bundle: int, steps: int) -> list[Work]:
        """A bundle on a slot of its own: inferences, and one training claim of so many steps."""
        program, address = training(), Address(self.worker.address)
        params, inputs = (segment_of(which) for which in (Segment.PARAMS, Segment.INPUTS))
        nonce = bundle * IN_A_BUNDLE

        def named(what: str, place: int) -> Hash:
            return keccak(f"{what} {nonce + place}".encode())

        return [
            Work(
                WorkKind.COMPUTE if place == _DISPUTED else WorkKind.INFERENCE,
                AccountIndex(self.account),
                Nonce(nonce + place),
                SlotIndex(bundle),
                address,
                program.id,
                0,
                steps if place == _DISPUTED else 1,
                params,
                inputs if place == _DISPUTED else named("inputs", place),
                named("params after", place) if place == _DISPUTED else params,
                named("outputs", place),
            )
            for place in range(IN_A_BUNDLE)
        ]

    def dispute(self, bundle: int, step: Step, challenger: str) -> Dispute:
        """A game on the bundle's training claim."""
        assert self.batch is not None
        index = bundle * IN_A_BUNDLE + _DISPUTED
        entry, place = self.batch.place(index)
        work = cast("Work", entry.receipts[place])
        program = training()
        made = tensor_claim(
            program.id,
            program.micro_steps,
            program.depths,
            first_step=0,
            steps=work.steps,
            params=work.params,
            inputs=work.inputs,
            params_after=work.params_after,
            outputs=work.outputs,
        )
        claim = Claim(work.id, made.pre, made.post, made.length, self.owner, program=made.program)
        opened = opening(self.headers[-1], self.batch, index)
        return Dispute(self.arena, claim, opened, step, challenger)

    def confirm(self, number: int) -> None:
        """Makes a batch final."""
        self.arena.host.confirm(header_tuple(self.headers[number - 1]), sender=self.sequencer)


def deployed(chain: Chain) -> Stage:
    """The shipped contracts; a sequencer with a bond, and a worker with an account and a bond."""
    rules = Parameters()
    deployer, sequencer = chain.account("deployer"), chain.account("sequencer")
    clock_at = chain.next_address(deployer, 4)
    programs = chain.deploy(shipped("Programs"), clock_at, sender=deployer)
    machine = chain.deploy(shipped("TensorMachine"), sender=deployer)
    vault_at, rollup_at, game_at = (chain.next_address(deployer, ahead) for ahead in range(3))
    vault = chain.deploy(
        shipped("StakeVault"),
        rules.bond,
        rules.unbonding,
        game_at,
        rollup_at,
        [rollup_at],
        sender=deployer,
    )
    parameters = rollup_parameters(
        sequencer, vault_at, game_at, programs.address, CAPS, WINDOW, INBOX_CAP
    )
    rollup = chain.deploy(shipped("Rollup"), parameters, sender=deployer)
    kinds = [(rollup_at, machine.address)]
    guardian = chain.account("guardian")
    game = chain.deploy(
        shipped("DisputeGame"), game_parameters(rules, vault_at, kinds, guardian), sender=deployer
    )
    arena = Arena(chain, rules, vault, game, rollup, rollup, machine)
    worker = LocalSigner(keccak(b"worker"))
    chain.account("worker")
    domain = Domain(31_337, Address(raw_address(rollup.address)))
    stage = Stage(arena, programs, sequencer, worker, 0, domain)
    _, slot = vault.deposit(1, sender=sequencer, value=rules.bond)
    rollup.chooseSlot(slot, sender=sequencer)
    stage.account, _ = vault.deposit(1, sender=stage.owner, value=rules.bond)
    stage.note("deposit/new account")
    return stage


def build(chain: Chain, lengths: Sequence[int] = (CLAIM_STEPS,) * BUNDLES) -> Stage:
    """Deploys, registers, bonds, and posts two batches; `lengths` are each bundle's training steps.

    The second batch is the one with 4,096 receipts: by then no storage is new but its own.
    """
    stage = deployed(chain)
    stage.register(training())
    vault, bond, count = stage.arena.vault, stage.arena.rules.bond, len(lengths)
    vault.deposit(count, sender=stage.owner, value=count * bond)
    stage.note("deposit/more slots")
    vault.deposit(1, sender=stage.owner, value=bond)
    stage.note("deposit/one more slot")

    first, *bundles = [
        sign_bundle(stage.works(bundle, steps), stage.domain, stage.worker.key)
        for bundle, steps in [(count, CLAIM_STEPS), *enumerate(lengths)]
    ]
    stage.post([first], "first batch")
    stage.post(bundles, "batch")
    return stage
