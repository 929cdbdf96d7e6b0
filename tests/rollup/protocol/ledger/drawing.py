"""Random ledgers: batches that mostly make sense, and otherwise are hostile in every way we know.

A `Drawer` looks at the reference's state to know what would make sense now: nonces, records that
could be settled, evaluations that would count. One draw in a few spoils one field of what it made.
"""

import random
from dataclasses import replace
from typing import Final

from prover.commit.keccak import Hash, keccak
from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.eip712 import Domain, Signature, address_of
from rollup.protocol.ledger import inbox, layout, packing
from rollup.protocol.ledger.effects import receipt_step, word_root
from rollup.protocol.ledger.entries import Placed, sign_one
from rollup.protocol.ledger.fast import FastLedger
from rollup.protocol.ledger.header import Forest, Rules
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind
from rollup.protocol.ledger.inbox_effects import Posted, inbox_step
from rollup.protocol.ledger.run import LedgerBatch
from rollup.protocol.ledger.store import State
from rollup.protocol.ledger.types import (
    NO_INPUTS,
    Account,
    Bps,
    Job,
    JobIndex,
    Record,
    Status,
    Units,
)
from rollup.protocol.receipts import Receipt, Statement, StatementKind, Work, WorkKind
from rollup.protocol.types import U64_MAX, AccountIndex, Address, Nonce, SlotIndex

DOMAIN: Final = Domain(31_337, Address(b"\xab" * 20))
KEYS: Final = [keccak(b"key %d" % number) for number in range(6)]
OWNERS: Final = [address_of(key) for key in KEYS]
METRICS: Final = (0, *range(70, 100, 3), 2**32 - 1)
EDGES: Final = (0, 1, 2, 63, 64, 65, 10_000, 2**32 - 1, 2**32, 2**44, 2**63, U64_MAX)


def name(*parts: object) -> Hash:
    """Some hash that differs with its parts."""
    return keccak(repr(parts).encode())


class Drawer:
    """Draws what comes next for the state at hand."""

    def __init__(self, state: State, rng: random.Random) -> None:
        self.state = state
        self.rng = rng
        self.posted = 100

    def _of(self, forest: Forest) -> list[int]:
        count = self.state.header.counts[forest]
        first = max(0, count - (1 << self.state.header.ring)) if forest == Forest.RECORDS else 0
        return list(range(max(first, forest == Forest.ACCOUNTS), count))

    def account(self, index: int) -> Account:
        return Account.unpack(self.state.read(Forest.ACCOUNTS, index))

    def record(self, seq: int) -> Record:
        return Record.unpack(self.state.read(Forest.RECORDS, seq))

    def job(self, index: int) -> Job:
        return Job.unpack(self.state.read(Forest.JOBS, index))

    def any_of(self, forest: Forest) -> int:
        known = self._of(forest)
        if not known or self.rng.random() < 0.05:
            return self.rng.choice([*EDGES, self.state.header.counts[forest]])
        return self.rng.choice(known)

    def number(self) -> int:
        if self.rng.random() < 0.3:
            return self.rng.choice(EDGES)
        return self.rng.randrange(1 << self.rng.randrange(1, 65))

    def rules(self) -> Rules:
        """Any rules; some are beyond their bounds."""
        rng = self.rng

        def bps() -> Bps:
            return Bps(rng.choice([0, 1, 3_333, 10_000, 65_535]))

        return Rules(
            compute_bps=bps(), usage_bps=bps(), performance_bps=bps(), uncovered_bps=bps(),
            reputation_bps=bps(), stake_bps=bps(), burn_bps=bps(),
            stake_full=rng.choice([0, 1, 2, 64, 65_535]),
            benchmark=JobIndex(rng.choice([0, 0, 1, 2])),
            baseline=rng.choice([0, 0, 50, 2**32 - 1]),
            max_steps=rng.choice([2**24, 2**24, 2**32 - 1, 5]),
            cover=Units(rng.choice([0, 1_000, 2**44, U64_MAX])),
            units_a_price=rng.choice([0, 1, 2**16, U64_MAX]),
            units_a_point=rng.choice([1, 77, 2**12, U64_MAX]),
            max_work=Units(rng.choice([2**44, 2**44, U64_MAX, 10_000])),
        )  # fmt: skip

    def entry(self) -> InboxEntry:
        """Any inbox entry."""
        rng, header = self.rng, self.state.header
        kind = rng.choices([*InboxKind, 99], [1, 2, 3, 1, 1, 2, 10, 2, 3, 1])[0]
        account = self.any_of(Forest.ACCOUNTS)
        slot = rng.choice([0, 0, 1, 2, 63, 64, U64_MAX])
        if kind == InboxKind.REGISTER:
            index = header.counts[Forest.ACCOUNTS] + (rng.random() < 0.1)
            return inbox.register(index, rng.choice(OWNERS))
        if kind == InboxKind.DEPOSIT:
            return InboxEntry(kind, account, self.number() >> rng.choice([0, 8, 30]))
        if kind == InboxKind.SLOTS:
            return InboxEntry(kind, account, slot, rng.choice([0, 1, 3, 64, U64_MAX]))
        if kind in (InboxKind.EXIT, InboxKind.SLASH):
            return InboxEntry(kind, account, slot)
        if kind == InboxKind.JOB:
            index = header.counts[Forest.JOBS] + (rng.random() < 0.1)
            inputs = NO_INPUTS if rng.random() < 0.3 else name("inputs", rng.randrange(2))
            params = name("params", rng.randrange(3))
            work = rng.choice([1, 100, 2**20, 2**44, 2**45, 0, U64_MAX])
            program = name("program", rng.randrange(2))
            step = rng.choice([0, 0, 0, U64_MAX - 3])
            return InboxEntry(kind, index, work, step, rng.choice([0, 50, self.posted]),
                              program, inputs, params)  # fmt: skip
        if kind == InboxKind.FORCED:
            return self._forced()
        if kind == InboxKind.CONFIRM:
            far = rng.random() < 0.02
            return InboxEntry(kind, U64_MAX if far else rng.randrange(1 + self.posted // 10))
        epoch = header.epoch + (rng.random() < 0.1)
        return inbox.close_epoch(epoch, self.number() >> rng.choice([0, 1, 20]), self.rules())

    def _forced(self) -> InboxEntry:
        """A receipt past the sequencer, or bytes that are none."""
        rng = self.rng
        placed = signed(*self.receipt())
        data = packing.forced_bytes(placed.receipt, placed.signature)
        trick = rng.random()
        if trick < 0.05:
            data = data[: rng.choice([0, 1, 64, 65, 66, len(data) - 1])]
        elif trick < 0.1:
            data = rng.choice([data + b"\0", b"\3" + data[1:], bytes(65), b"\2" + bytes(300)])
        return InboxEntry(InboxKind.FORCED, x=packing.forced_hash(data), forced=data)

    def receipt(self) -> tuple[Receipt, Address | None]:
        """Any receipt, and who signed it."""
        index = self.any_of(Forest.ACCOUNTS)
        known = index in self._of(Forest.ACCOUNTS)
        account = self.account(index) if known else Account(OWNERS[0])
        made = self._made(AccountIndex(index), account)
        signer: Address | None = account.address
        trick = self.rng.random()
        if trick < 0.03:
            signer = None
        elif trick < 0.06:
            signer = self.rng.choice(OWNERS)
        elif trick < 0.09:
            made = replace(made, nonce=Nonce(self.number()))
        elif trick < 0.13 and isinstance(made, Action):
            field = self.rng.choice(["target", "other", "amount"])
            made = replace(made, **{field: self.number()})  # type: ignore[arg-type]
        return made, signer

    def _made(self, index: AccountIndex, account: Account) -> Receipt:
        rng = self.rng
        kind = rng.choice(
            ["work"] * 5 + ["settle"] * 6 + ["evaluate"] * 2
            + ["use", "use", "transfer", "withdraw", "distribute", "statement", "other"]
        )  # fmt: skip
        if kind == "work":
            return self._work(index, account)
        if kind == "settle":
            return self._settle(index, account)
        if kind == "evaluate":
            return self._evaluate(index, account)
        if kind == "statement":
            said = rng.choice(list(StatementKind))
            return Statement(said, index, account.nonce, name("subject"), name("content"))
        amount = rng.choice([account.balance, account.balance + 1, self.number(), 12_345])
        made = Action(0, index, account.nonce, amount=min(amount, U64_MAX))
        if kind == "use":
            target = self.any_of(Forest.RECORDS)
            for seq in rng.sample(self._of(Forest.RECORDS), len(self._of(Forest.RECORDS))):
                record = self.record(seq)
                if record.kind == WorkKind.INFERENCE and record.status == Status.FINAL:
                    target = seq
                    break
            return replace(made, kind=ActionKind.USE, target=target)
        if kind == "transfer":
            return replace(made, kind=ActionKind.TRANSFER, target=self.any_of(Forest.ACCOUNTS))
        kinds = {"withdraw": ActionKind.WITHDRAW, "distribute": ActionKind.DISTRIBUTE, "other": 77}
        return replace(made, kind=kinds[kind])

    def _work(self, index: AccountIndex, account: Account) -> Work:
        rng = self.rng
        jobs = self._of(Forest.JOBS)
        job = self.job(rng.choice(jobs)) if jobs else Job(1, 0, 0, name("p"), name("i"), name("q"))
        kind = rng.choice([1, 1, 1, 2, 2, 2, 3])
        params = job.params if rng.random() < 0.9 else name("params", rng.randrange(3))
        trained = [
            record for record in map(self.record, self._of(Forest.RECORDS))
            if record.kind == WorkKind.COMPUTE and record.status == Status.FINAL
        ]  # fmt: skip
        if kind == WorkKind.INFERENCE and trained and rng.random() < 0.7:
            job = self.job(rng.choice([0, 0, 1]))
            params = rng.choice(trained).after
        first = 0 if kind == WorkKind.INFERENCE and rng.random() < 0.8 else job.step
        inputs = job.inputs if rng.random() < 0.9 else name("inputs", rng.randrange(3))
        slots = [slot for slot in range(64) if account.live >> slot & 1] or [0]
        return Work(
            kind, index, account.nonce,
            SlotIndex(rng.choice(slots) if rng.random() < 0.95 else rng.choice(EDGES)),
            account.address, job.program,
            first if rng.random() < 0.95 else self.number(),
            rng.choice([1, 1, 2, 5, 0, 2**24, 2**32 - 1]) if rng.random() < 0.2 else 1,
            params, inputs, name("params", rng.randrange(99)),
            word_root(rng.choice(METRICS)),
        )  # fmt: skip

    def _settle(self, index: AccountIndex, account: Account) -> Action:
        target, other = self.any_of(Forest.RECORDS), self.any_of(Forest.JOBS)
        mine = [
            seq for seq in self._of(Forest.RECORDS)
            if self.record(seq).account == index and self.record(seq).status == Status.PENDING
        ]  # fmt: skip
        if mine and self.rng.random() < 0.95:
            target = self.rng.choice(mine)
            record = self.record(target)
            fitting = [
                one for one in self._of(Forest.JOBS)
                if self.job(one).program == record.program
                and self.job(one).inputs in (record.inputs, NO_INPUTS)
                and (record.kind == WorkKind.INFERENCE or self.job(one).params == record.params)
            ]  # fmt: skip
            other = self.rng.choice(fitting or [other])
            if fitting and record.kind == WorkKind.INFERENCE and self.rng.random() < 0.8:
                other = fitting[0]  # most likely the benchmark
        return Action(ActionKind.SETTLE, index, account.nonce, target, other)

    def _evaluate(self, index: AccountIndex, account: Account) -> Action:
        records = {seq: self.record(seq) for seq in self._of(Forest.RECORDS)}
        pairs = [
            (seq, other)
            for seq, record in records.items()
            if record.kind == WorkKind.COMPUTE
            and record.account == index
            and record.status == Status.FINAL
            for other, evaluation in records.items()
            if evaluation.kind == WorkKind.INFERENCE
            and evaluation.params == record.after
            and evaluation.status == Status.FINAL
        ]
        target, other = self.any_of(Forest.RECORDS), self.any_of(Forest.RECORDS)
        metric = self.rng.choice(METRICS)
        shown = {word_root(one): one for one in METRICS}
        better = [
            (seq, one) for seq, one in pairs
            if shown[records[one].after] > self.job(records[seq].job).best
        ]  # fmt: skip
        if pairs:
            target, other = self.rng.choice(better or pairs)
            metric = shown[records[other].after]
        return Action(ActionKind.EVALUATE, index, account.nonce, target, other, metric)

    def batch(
        self, number: int, entries: int, receipts: int
    ) -> tuple[list[InboxEntry], list[Receipt], list[Address | None]]:
        """Draws a batch and lets the reference run it meanwhile."""
        self.posted += 10
        said: list[InboxEntry] = []
        for _ in range(entries):
            said.append(self.entry())
            inbox_step(self.state, said[-1], Posted(DOMAIN.separator, number, self.posted))
        made: list[Receipt] = []
        signers: list[Address | None] = []
        for _ in range(receipts):
            receipt, signer = self.receipt()
            receipt_step(self.state, number, self.posted, receipt, signer)
            made.append(receipt)
            signers.append(signer)
        return said, made, signers


def founded(state: State) -> list[InboxEntry]:
    """Accounts for all keys, with slots and balance, and two jobs; also run on `state`."""
    said = [inbox.register(1 + number, owner) for number, owner in enumerate(OWNERS)]
    for account in range(1, len(OWNERS) + 1):
        said.append(InboxEntry(InboxKind.SLOTS, account, 0, account))
        said.append(InboxEntry(InboxKind.DEPOSIT, account, 10**12 * account))
    for job in range(2):
        program, inputs = name("program", job), name("inputs", job)
        said.append(
            InboxEntry(InboxKind.JOB, job, 1_000, 0, 50, program, inputs, name("params", 0))
        )
    for entry in said:
        inbox_step(state, entry)
    return said


def signed(receipt: Receipt, signer: Address | None) -> Placed:
    """The receipt under the signature of an owner, or under none."""
    if signer is None:
        return Placed(receipt, Signature(bytes(65)))
    return sign_one(receipt, DOMAIN, KEYS[OWNERS.index(signer)])


def pair(ring: int, seed: int) -> tuple[FastLedger, Drawer]:
    """A founded ledger on the fast path, and a drawer with the reference."""
    fast, state = FastLedger(ring), State(ring)
    fast.apply(1, 100, founded(state), layout.receipts([], []))
    assert fast.hash == state.hash
    return fast, Drawer(state, random.Random(seed))


def drawn_batch(drawer: Drawer, number: int, entries: int, receipts: int) -> LedgerBatch:
    """The next batch, signed; the reference runs it meanwhile."""
    said, made, signers = drawer.batch(number, entries, receipts)
    placed = [signed(*one) for one in zip(made, signers, strict=True)]
    return LedgerBatch.of(DOMAIN.separator, number, drawer.posted, said, placed)
