"""What one step does: this is the ledger machine's definition (docs/ledger.md, sections 4 and 5).

One function a kind. Each reads what it needs, decides, and only then writes; whatever does not
hold leaves everything as it is but the nonce that the receipt used. Nothing here raises for what a
state or a receipt contains.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from prover.commit.keccak import Hash, tagged
from prover.commit.tags import Tag
from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.ledger import rewards
from rollup.protocol.ledger.header import Forest
from rollup.protocol.ledger.store import Store, account_at, put_account
from rollup.protocol.ledger.trees import known
from rollup.protocol.ledger.types import (
    MAX_SLOTS,
    NO_INPUTS,
    Account,
    Amount,
    Epoch,
    Job,
    JobIndex,
    Record,
    Score,
    Sequence,
    Status,
    Units,
)
from rollup.protocol.receipts import Receipt, Work, WorkKind
from rollup.protocol.types import U32_MAX, U64_MAX, Address, Nonce

# -------------------------------------------------------------------------------------- actions
# `account` is the signer's, its nonce already used; each function writes it.


def transfer(store: Store, action: Action, account: Account) -> None:
    """Balance to another account, or to itself."""
    if action.amount > account.balance or not known(store.header, Forest.ACCOUNTS, action.target):
        return put_account(store, action.account, account)
    left = Amount(account.balance - action.amount)
    put_account(store, action.account, replace(account, balance=left))
    to = account_at(store, action.target)
    more = Amount(to.balance + action.amount)
    return put_account(store, action.target, replace(to, balance=more))


def withdraw(store: Store, action: Action, account: Account) -> None:
    """Balance becomes payable on L1."""
    if action.amount <= account.balance:
        account = replace(
            account,
            balance=Amount(account.balance - action.amount),
            payable=Amount(account.payable + action.amount),
        )
    put_account(store, action.account, account)


def settle(store: Store, action: Action, account: Account) -> None:
    """A pending record becomes final, and a training claim becomes score and the job's new head."""
    settled = _settled(store, action, account)
    if settled is None:
        return put_account(store, action.account, account)
    record, job = settled
    if record.kind == WorkKind.INFERENCE:
        put_account(store, action.account, account)
        return store.write(Forest.RECORDS, action.target, record.pack())
    rules = store.header.rules
    credit = rewards.credit_floor(record.quantity, rules.compute_bps, account, rules)
    if not _may_score(store, account, credit):
        return put_account(store, action.account, account)
    account = _scored(store, account, credit)
    risen = replace(account, reputation=rewards.risen(account.reputation))
    put_account(store, action.account, risen)
    store.write(Forest.RECORDS, action.target, record.pack())
    moved = replace(job, step=job.step + record.steps, params=record.after)
    return store.write(Forest.JOBS, action.other, moved.pack())


def _settled(store: Store, action: Action, account: Account) -> tuple[Record, Job] | None:
    """The record as a final one, and its job; None when it may not become final."""
    header, rules = store.header, store.header.rules
    if not known(header, Forest.RECORDS, action.target):
        return None
    if not known(header, Forest.JOBS, action.other):
        return None
    record = Record.unpack(store.read(Forest.RECORDS, action.target))
    job = Job.unpack(store.read(Forest.JOBS, action.other))
    work = job.work * record.steps
    holds = (
        record.account == action.account
        and record.status == Status.PENDING
        and record.batch <= header.confirmed
        and account.live >> record.slot & 1 == 1
        and record.program == job.program
        and job.registered < record.posted
        and 1 <= record.steps <= rules.max_steps
        and record.first_step + record.steps <= U64_MAX
        and work <= rules.max_work
    )
    registered = job.inputs == record.inputs != NO_INPUTS
    at_head = record.params == job.params
    if record.kind == WorkKind.COMPUTE:
        holds = holds and registered and at_head and record.first_step == job.step
    else:
        holds = holds and (registered or job.inputs == NO_INPUTS)
    if not holds:
        return None
    quantity = Units(work if registered and at_head else 0)
    job_index = JobIndex(action.other)
    return replace(record, status=Status.FINAL, job=job_index, quantity=quantity), job


def evaluate(store: Store, action: Action, account: Account) -> None:
    """What the epoch's benchmark says of a final training claim's params is rewarded as far as it
    is better than anything that was evaluated of the same job.
    """
    rules = store.header.rules
    evaluated = _evaluated(store, action)
    if evaluated is None:
        return put_account(store, action.account, account)
    index, job = evaluated
    units = rewards.performance_units(action.amount, job.best, rules)
    credit = rewards.credit_floor(units, rules.performance_bps, account, rules)
    if not units or not _may_score(store, account, credit):
        return put_account(store, action.account, account)
    put_account(store, action.account, _scored(store, account, credit))
    return store.write(Forest.JOBS, index, replace(job, best=action.amount).pack())


def _evaluated(store: Store, action: Action) -> tuple[JobIndex, Job] | None:
    """The job of training record `target`, whose params evaluation `other` shows to score `amount`;
    None when it does not.
    """
    header = store.header
    if (
        action.amount > U32_MAX
        or not known(header, Forest.RECORDS, action.target)
        or not known(header, Forest.RECORDS, action.other)
    ):
        return None
    trained = Record.unpack(store.read(Forest.RECORDS, action.target))
    evaluation = Record.unpack(store.read(Forest.RECORDS, action.other))
    holds = (
        trained.account == action.account
        and trained.kind == WorkKind.COMPUTE
        and trained.status == Status.FINAL
        and evaluation.kind == WorkKind.INFERENCE
        and evaluation.status == Status.FINAL
        and evaluation.job == header.rules.benchmark
        and evaluation.first_step == 0
        and evaluation.steps == 1
        and evaluation.params == trained.after
        and evaluation.after == word_root(action.amount)
    )
    if not holds:
        return None
    return trained.job, Job.unpack(store.read(Forest.JOBS, trained.job))


def use(store: Store, action: Action, account: Account) -> None:
    """A fee for an inference: a part is burnt, the rest is the provider's balance. Where everybody
    can recompute the inference, what was burnt also earns the provider score.
    """
    header, rules = store.header, store.header.rules
    record = None
    if action.amount <= account.balance and known(header, Forest.RECORDS, action.target):
        record = Record.unpack(store.read(Forest.RECORDS, action.target))
    if record is None or record.kind != WorkKind.INFERENCE or record.status != Status.FINAL:
        return put_account(store, action.account, account)
    left = Amount(account.balance - action.amount)
    put_account(store, action.account, replace(account, balance=left))
    burnt = Amount(rewards.part_ceil(action.amount, rules.burn_bps))
    provider = account_at(store, record.account)
    units = rewards.usage_units(record.quantity, burnt, rules)
    credit = rewards.credit_floor(units, rules.usage_bps, provider, rules)
    paid = Amount(provider.balance + action.amount - burnt)
    provider = replace(provider, balance=paid)
    if not _may_score(store, provider, credit):
        return put_account(store, record.account, provider)
    put_account(store, record.account, _scored(store, provider, credit))
    record = replace(record, quantity=Units(record.quantity - units))
    return store.write(Forest.RECORDS, action.target, record.pack())


def distribute(store: Store, action: Action, account: Account) -> None:
    """The share of a closed epoch's pool that its score is."""
    now = store.header.epoch
    if account.score and account.epoch < now:
        epoch = Epoch.unpack(store.read(Forest.EPOCHS, account.epoch))
        payable = Amount(account.payable + rewards.share_floor(account.score, epoch))
        account = replace(account, payable=payable, score=Score(0), epoch=now)
    put_account(store, action.account, account)


_ACTIONS: Final[dict[int, Callable[[Store, Action, Account], None]]] = {
    ActionKind.TRANSFER: transfer,
    ActionKind.WITHDRAW: withdraw,
    ActionKind.SETTLE: settle,
    ActionKind.EVALUATE: evaluate,
    ActionKind.USE: use,
    ActionKind.DISTRIBUTE: distribute,
}

# ------------------------------------------------------------------------------------- receipts


def receipt_step(
    store: Store, batch: int, posted: int, receipt: Receipt, signer: Address | None
) -> None:
    """One receipt of batch number `batch`, posted at protocol time `posted`; `signer` is None where
    no good signature covers it.
    """
    if not known(store.header, Forest.ACCOUNTS, receipt.account):
        return
    account = account_at(store, receipt.account)
    if signer != account.address or receipt.nonce != account.nonce or account.nonce == U64_MAX:
        return
    account = replace(account, nonce=Nonce(account.nonce + 1))
    if isinstance(receipt, Action) and receipt.kind in _ACTIONS:
        _ACTIONS[receipt.kind](store, receipt, account)
        return
    put_account(store, receipt.account, account)
    if isinstance(receipt, Work):
        claim(store, batch, posted, receipt, account)


def claim(store: Store, batch: int, posted: int, work: Work, account: Account) -> None:
    """A training or inference claim waits as a record, when a live slot backs it."""
    if work.kind not in (WorkKind.COMPUTE, WorkKind.INFERENCE):
        return
    if work.slot >= MAX_SLOTS or not account.live >> work.slot & 1:
        return
    training = work.kind == WorkKind.COMPUTE
    record = Record(
        seq=Sequence(store.header.counts[Forest.RECORDS]),
        kind=work.kind,
        status=Status.PENDING,
        account=work.account,
        slot=work.slot,
        batch=batch,
        posted=posted,
        first_step=work.first_step,
        steps=work.steps,
        program=work.program,
        params=work.params,
        inputs=work.inputs,
        after=work.params_after if training else work.outputs,
    )
    store.push(Forest.RECORDS, record.pack())


# -------------------------------------------------------------------------------------- helpers


def word_root(word: int) -> Hash:
    """Root of a segment of one register, a tensor of this one word (u32)."""
    leaf = tagged(Tag.TENSOR_LEAF, word.to_bytes(4, "little") + bytes(252))
    return tagged(Tag.REGISTER, (1).to_bytes(4, "big"), leaf)


def _may_score(store: Store, account: Account, credit: Score) -> bool:
    """Whether the account can take score now: it holds none of a closed epoch that was not
    distributed, and the epoch's sum still fits.
    """
    header = store.header
    current = account.score == 0 or account.epoch == header.epoch
    return current and header.score + credit <= U64_MAX


def _scored(store: Store, account: Account, credit: Score) -> Account:
    """The account with more score of this epoch, which the epoch's sum takes in."""
    header = store.header
    store.header = replace(header, score=Score(header.score + credit))
    score = Score(account.score + credit)
    return replace(account, score=score, epoch=header.epoch)
