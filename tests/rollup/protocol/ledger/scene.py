"""A small ledger by hand: who owns what, and one batch in which everything happens once."""

from dataclasses import dataclass, field, replace
from typing import Any

from prover.commit.keccak import Hash
from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.ledger import layout, witness
from rollup.protocol.ledger.effects import receipt_step, word_root
from rollup.protocol.ledger.entries import Placed, sign_many, sign_one
from rollup.protocol.ledger.fast import FastLedger
from rollup.protocol.ledger.header import Forest, Rules
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind, close_epoch, register
from rollup.protocol.ledger.inbox_effects import inbox_step
from rollup.protocol.ledger.run import LedgerBatch
from rollup.protocol.ledger.store import State
from rollup.protocol.ledger.types import Account, Epoch, Job, JobIndex, Record, Score, Units
from rollup.protocol.receipts import Receipt, Statement, Work
from rollup.protocol.types import AccountIndex, Address, Nonce, SlotIndex
from tests.rollup.protocol.ledger.drawing import DOMAIN, KEYS, OWNERS, name

ANN, BOB, CAT = (AccountIndex(index) for index in (1, 2, 3))
TRAIN, BENCH, SERVE = range(3)
"""Jobs: training, the benchmark, and one whose claims may have any inputs."""
RULES = Rules(benchmark=JobIndex(BENCH), cover=Units(1_000_000))


@dataclass
class Scene:
    """Ann, Bob and Cat with a slot and a million each, and three jobs of 1,000 units a step.

    Every call is one step, of the reference and of the fast path, which must agree.
    """

    rules: Rules = RULES
    ring: int = 10
    batch: int = 1
    state: State = field(init=False)
    fast: FastLedger = field(init=False)

    def __post_init__(self) -> None:
        self.state = State(self.ring, self.rules)
        self.fast = FastLedger(self.ring, self.rules)
        for index in (ANN, BOB, CAT):
            self.inbox(register(index, OWNERS[index - 1]))
            self.inbox(InboxEntry(InboxKind.SLOTS, index, 0, 1))
            self.inbox(InboxEntry(InboxKind.DEPOSIT, index, 1_000_000))
        for job in (TRAIN, BENCH, SERVE):
            inputs = Hash(bytes(32)) if job == SERVE else name("inputs", job)
            program, head = name("program", job), name("head", 0)
            self.inbox(InboxEntry(InboxKind.JOB, job, 1_000, 0, 5, program, inputs, head))

    def inbox(self, entry: InboxEntry) -> None:
        inbox_step(self.state, entry)
        self.fast.apply(self.batch, 10 * self.batch, [entry], layout.receipts([], []))
        assert self.fast.hash == self.state.hash

    def confirm(self) -> None:
        """This batch is confirmed, and the next one begins."""
        self.inbox(InboxEntry(InboxKind.CONFIRM, self.batch))
        self.batch += 1

    def close(self, pool: int, rules: Rules = RULES) -> None:
        self.inbox(close_epoch(self.state.header.epoch, pool, rules))

    def account(self, index: int) -> Account:
        return Account.unpack(self.state.read(Forest.ACCOUNTS, index))

    def record(self, seq: int) -> Record:
        return Record.unpack(self.state.read(Forest.RECORDS, seq))

    def job(self, index: int) -> Job:
        return Job.unpack(self.state.read(Forest.JOBS, index))

    def epoch(self, index: int) -> Epoch:
        return Epoch.unpack(self.state.read(Forest.EPOCHS, index))

    def put(self, index: int, account: Account) -> None:
        for store in (self.state, self.fast):
            store.write(Forest.ACCOUNTS, index, account.pack())

    def put_score(self, score: int) -> None:
        for store in (self.state, self.fast):
            store.header = replace(store.header, score=Score(score))

    def say(self, receipt: Receipt, signer: Address | None = None, *, signed: bool = True) -> None:
        """One receipt, signed by its owner where nobody else is named."""
        owner = OWNERS[receipt.account - 1] if 0 < receipt.account <= len(OWNERS) else None
        who = (signer or owner) if signed else None
        receipt_step(self.state, self.batch, 10 * self.batch, receipt, who)
        rows = layout.receipts([receipt], [who])
        self.fast.apply(self.batch, 10 * self.batch, [], rows)
        assert self.fast.hash == self.state.hash

    def action(
        self, kind: ActionKind, account: int, target: int = 0, other: int = 0, amount: int = 0
    ) -> Action:
        nonce = self.account(account).nonce
        return Action(kind, AccountIndex(account), nonce, target, other, amount)

    def act(
        self, kind: ActionKind, account: int, target: int = 0, other: int = 0, amount: int = 0
    ) -> bool:
        """One action; whether it did more than use its nonce."""
        return self.did(self.action(kind, account, target, other, amount))

    def did(self, receipt: Receipt, signer: Address | None = None) -> bool:
        """Whether a receipt does more than use its nonce."""
        plain = self.state.copy()
        before = Account.unpack(plain.read(Forest.ACCOUNTS, receipt.account))
        used = replace(before, nonce=Nonce(before.nonce + 1))
        plain.write(Forest.ACCOUNTS, receipt.account, used.pack())
        self.say(receipt, signer)
        return self.state.hash != plain.hash

    def work(
        self,
        account: int,
        job: int = TRAIN,
        after: Hash | None = None,
        *,
        kind: int = 1,
        steps: int = 1,
        **other: Any,
    ) -> Work:
        """A claim that fits the job as it is; keywords replace fields."""
        of = self.job(job)
        made = Work(
            kind, AccountIndex(account), self.account(account).nonce, SlotIndex(0),
            OWNERS[account - 1], of.program, of.step if kind == 1 else 0, steps,
            of.params, of.inputs, after or name("after", account), after or name("outputs"),
        )  # fmt: skip
        return replace(made, **other)

    def claim(self, account: int, job: int = TRAIN, after: Hash | None = None, **other: Any) -> int:
        """Batches such a claim; its sequence number."""
        seq = self.state.header.counts[Forest.RECORDS]
        self.say(self.work(account, job, after, **other))
        return seq

    def settled(
        self, account: int, job: int = TRAIN, after: Hash | None = None, **other: Any
    ) -> int:
        """Batches such a claim, has the batch confirmed, and settles it; its sequence number."""
        seq = self.claim(account, job, after, **other)
        self.confirm()
        assert self.act(ActionKind.SETTLE, account, seq, job)
        return seq

    def metric(self, value: int) -> Hash:
        """Outputs of an evaluation with this metric."""
        return word_root(value)


Step = tuple[LedgerBatch, int, Hash, bytes, Hash]
"""(batch, position, pre, witness, post)."""


def steps_of(scene: Scene, placed_: list[Placed]) -> list[Step]:
    """All steps of a batch, whose end the scene then is in."""
    confirmed = InboxEntry(InboxKind.CONFIRM, scene.batch)
    batch = LedgerBatch.of(DOMAIN.separator, scene.batch, 10 * scene.batch, [confirmed], placed_)
    found = []
    for position in range(batch.run.length):
        pre = scene.state.hash
        opened = witness.build(batch, scene.state, position)
        found.append((batch, position, pre, opened, scene.state.hash))
    return found


def busy() -> list[Step]:
    """A batch of one step of each form that opens the most, bundled ones too."""
    scene = Scene(ring=2)
    trained = scene.settled(ANN, after=name("model"))
    other = scene.settled(BOB, BENCH, scene.metric(70), kind=2, params=name("model"))
    nonce = scene.account(ANN).nonce

    def after(steps: int) -> Nonce:
        return Nonce(nonce + steps)

    said: list[Receipt] = [
        replace(scene.work(ANN), nonce=after(0)),
        Action(ActionKind.EVALUATE, ANN, after(1), trained, other, 70),
        Action(ActionKind.USE, ANN, after(2), other, 0, 900),
        Statement(16, ANN, after(3), name("a"), name("b")),
        replace(scene.work(ANN, slot=1), nonce=after(4)),
    ]
    alone: list[Receipt] = [
        replace(scene.work(ANN), nonce=after(5)),
        replace(scene.work(ANN), nonce=after(6)),
        Action(ActionKind.TRANSFER, ANN, after(7), ANN, 0, 5),
        Action(ActionKind.SETTLE, ANN, after(8), 2, TRAIN),
    ]
    steps = steps_of(
        scene,
        sign_many(said, DOMAIN, KEYS[0]) + [sign_one(one, DOMAIN, KEYS[0]) for one in alone],
    )
    job = Job.unpack(scene.state.read(Forest.JOBS, TRAIN))
    assert (job.best, job.step) == (70, 2), "both had their effect"
    return steps
