"""A batch's receipts as machine code: what `effects` says, on rows (docs/ledger.md, section 8).

Every value is an unsigned 64-bit word and every constant is one too: numba makes floats of mixed
signs. Constants and functions that are compiled all stand in this file, for numba's cache watches
one file; a test compares the constants with their definitions.
"""

from typing import Any, Final

import numpy as np

from prover.native.jit import compiled

_0: Final = np.uint64(0)
_1: Final = np.uint64(1)
_MAX: Final = np.uint64(2**64 - 1)
_LOW: Final = np.uint64(2**32 - 1)
_32: Final = np.uint64(32)
_63: Final = np.uint64(63)
_BPS: Final = np.uint64(10_000)
_MAX_WORK: Final = np.uint64(2**44)
_FULL: Final = np.uint64(1_000)
_SLOTS: Final = np.uint64(64)
_PENDING: Final = np.uint64(0)
_FINAL: Final = np.uint64(1)
_COMPUTE: Final = np.uint64(1)
_INFERENCE: Final = np.uint64(2)
_WORK: Final = np.uint64(0)
_ACTION: Final = np.uint64(2)
_TRANSFER: Final = np.uint64(32)
_WITHDRAW: Final = np.uint64(33)
_SETTLE: Final = np.uint64(34)
_EVALUATE: Final = np.uint64(35)
_USE: Final = np.uint64(36)
_DISTRIBUTE: Final = np.uint64(37)

# Places in `env`, the words that are no rows.
BATCH: Final = 0
POSTED: Final = 1
ACCOUNTS: Final = 2
RECORDS: Final = 3
JOBS: Final = 4
EPOCH: Final = 5
SCORE: Final = 6
CONFIRMED: Final = 7
RING: Final = 8
"""Places of the record tree."""
ENV_WORDS: Final = 9


@compiled
def _least(x: Any, y: Any) -> Any:
    return min(x, y)


@compiled
def _same(x: Any, y: Any) -> bool:
    return bool(x[0] == y[0] and x[1] == y[1] and x[2] == y[2] and x[3] == y[3])


@compiled
def _zero(x: Any) -> bool:
    return bool(x[0] | x[1] | x[2] | x[3] == _0)


@compiled
def _bits(word: Any) -> Any:
    count = _0
    while word != _0:
        word &= word - _1
        count += _1
    return count


@compiled
def share(pool: Any, score: Any, total: Any) -> Any:
    """floor(pool * score / total) of words, score <= total: a product of 128 bits, divided bit by
    bit; 0 for a total of 0.
    """
    if total == _0:
        return _0
    a, b, c, d = pool >> _32, pool & _LOW, score >> _32, score & _LOW
    middle = a * d + (b * d >> _32)
    other = b * c + (middle & _LOW)
    high = a * c + (middle >> _32) + (other >> _32)
    low = pool * score
    for _ in range(64):
        carry = high >> _63
        high = high << _1 | low >> _63
        low = low << _1
        if carry == _1 or high >= total:
            high -= total
            low |= _1
    return low


@compiled
def _credit(units: Any, weight: Any, account: Any, rules: Any) -> Any:
    slots = _bits(account.live)
    covered = _least(units, slots * rules.cover)
    risked = covered + (units - covered) * rules.uncovered_bps // _BPS
    factor = _BPS + account.reputation * rules.reputation_bps // _FULL
    factor += _least(slots, rules.stake_full) * rules.stake_bps // rules.stake_full
    return risked * factor // _BPS * weight // _BPS


@compiled
def _may_score(account: Any, credit: Any, env: Any) -> bool:
    current = account.score == _0 or account.epoch == env[EPOCH]
    return bool(current and credit <= _MAX - env[SCORE])


@compiled
def _score(account: Any, credit: Any, env: Any) -> None:
    env[SCORE] += credit
    account.score += credit
    account.epoch = env[EPOCH]


@compiled
def _touch(place: Any, marks: Any, found: Any, counts: Any, forest: int) -> None:
    if marks[place] == 0:
        marks[place] = 1
        found[counts[forest]] = place
        counts[forest] += 1


@compiled
def _is_record(seq: Any, env: Any) -> bool:
    return bool(seq < env[RECORDS] and env[RECORDS] - seq <= env[RING])


@compiled
def _settles(record: Any, job: Any, account: Any, index: Any, rules: Any, env: Any) -> bool:
    if (
        record.account != index
        or record.status != _PENDING
        or record.batch > env[CONFIRMED]
        or (account.live >> record.slot) & _1 == _0
        or not _same(record.program, job.program)
        or job.registered >= record.posted
        or record.steps < _1
        or record.steps > rules.max_steps
        or record.first_step > _MAX - record.steps
        or job.work > rules.max_work // record.steps
    ):
        return False
    registered = _same(job.inputs, record.inputs) and not _zero(job.inputs)
    if record.kind == _COMPUTE:
        return bool(
            registered and _same(record.params, job.params) and record.first_step == job.step
        )
    return bool(registered or _zero(job.inputs))


@compiled
def apply_receipts(
    receipts: Any,
    accounts: Any,
    records: Any,
    jobs: Any,
    epochs: Any,
    rules_rows: Any,
    env: Any,
    marks: Any,
    found: Any,
    counts: Any,
) -> None:
    """All of a batch's receipts, in order, in place.

    `marks` (a byte a place), `found` (places) and `counts`, each by forest, collect what changed;
    `found` has room for two accounts, two records and a job a receipt, `records` for one more a
    receipt or the whole ring.
    """
    rules = rules_rows[0]
    for number in range(len(receipts)):
        receipt = receipts[number]
        index = receipt.account
        if index == _0 or index >= env[ACCOUNTS]:
            continue
        account = accounts[index]
        if (
            receipt.signed == _0
            or receipt.signer[0] != account.address[0]
            or receipt.signer[1] != account.address[1]
            or receipt.signer[2] != account.address[2]
            or receipt.nonce != account.nonce
            or account.nonce == _MAX
        ):
            continue
        account.nonce += _1
        _touch(index, marks[0], found[0], counts, 0)
        if receipt.form == _WORK:
            kind, slot = receipt.kind, receipt.slot
            if kind != _COMPUTE and kind != _INFERENCE:
                continue
            if slot >= _SLOTS or (account.live >> slot) & _1 == _0:
                continue
            place = env[RECORDS] & (env[RING] - _1)
            record = records[place]
            record.seq = env[RECORDS]
            record.kind = kind
            record.status = _PENDING
            record.account = index
            record.slot = slot
            record.batch = env[BATCH]
            record.posted = env[POSTED]
            record.first_step = receipt.first_step
            record.steps = receipt.steps
            record.job = _0
            record.quantity = _0
            for word in range(4):
                record.program[word] = receipt.program[word]
                record.params[word] = receipt.params[word]
                record.inputs[word] = receipt.inputs[word]
                record.after[word] = receipt.after[word]
            env[RECORDS] += _1
            _touch(place, marks[1], found[1], counts, 1)
        elif receipt.form == _ACTION:
            _act(receipt, account, accounts, records, jobs, epochs, rules, env, marks, found,
                 counts)  # fmt: skip


@compiled
def _act(
    receipt: Any,
    account: Any,
    accounts: Any,
    records: Any,
    jobs: Any,
    epochs: Any,
    rules: Any,
    env: Any,
    marks: Any,
    found: Any,
    counts: Any,
) -> None:
    kind = receipt.kind
    if kind == _TRANSFER:
        if receipt.amount <= account.balance and _0 < receipt.target < env[ACCOUNTS]:
            account.balance -= receipt.amount
            accounts[receipt.target].balance += receipt.amount
            _touch(receipt.target, marks[0], found[0], counts, 0)
    elif kind == _WITHDRAW:
        if receipt.amount <= account.balance:
            account.balance -= receipt.amount
            account.payable += receipt.amount
    elif kind == _SETTLE:
        _settle(receipt, account, records, jobs, rules, env, marks, found, counts)
    elif kind == _EVALUATE:
        _evaluate(receipt, account, records, jobs, rules, env, marks, found, counts)
    elif kind == _USE:
        _use(receipt, account, accounts, records, rules, env, marks, found, counts)
    elif kind == _DISTRIBUTE and account.score != _0 and account.epoch < env[EPOCH]:
        epoch = epochs[account.epoch]
        account.payable += share(epoch.pool, account.score, epoch.score)
        account.score = _0
        account.epoch = env[EPOCH]


@compiled
def _settle(
    receipt: Any,
    account: Any,
    records: Any,
    jobs: Any,
    rules: Any,
    env: Any,
    marks: Any,
    found: Any,
    counts: Any,
) -> None:
    target, other = receipt.target, receipt.other
    if not _is_record(target, env) or other >= env[JOBS]:
        return
    place = target & (env[RING] - _1)
    record, job = records[place], jobs[other]
    if not _settles(record, job, account, receipt.account, rules, env):
        return
    work = job.work * record.steps
    if record.kind == _COMPUTE:
        credit = _credit(work, rules.compute_bps, account, rules)
        if not _may_score(account, credit, env):
            return
        _score(account, credit, env)
        account.reputation = _least(account.reputation + _1, _FULL)
        job.step += record.steps
        for word in range(4):
            job.params[word] = record.after[word]
        _touch(other, marks[2], found[2], counts, 2)
    elif _zero(job.inputs) or not _same(record.params, job.params):
        work = _0
    record.status = _FINAL
    record.job = other
    record.quantity = work
    _touch(place, marks[1], found[1], counts, 1)


@compiled
def _evaluates(receipt: Any, trained: Any, evaluation: Any, rules: Any) -> bool:
    return bool(
        trained.account == receipt.account
        and trained.kind == _COMPUTE
        and trained.status == _FINAL
        and evaluation.kind == _INFERENCE
        and evaluation.status == _FINAL
        and evaluation.job == rules.benchmark
        and evaluation.first_step == _0
        and evaluation.steps == _1
        and _same(evaluation.params, trained.after)
        and _same(evaluation.after, receipt.after)
    )


@compiled
def _evaluate(
    receipt: Any,
    account: Any,
    records: Any,
    jobs: Any,
    rules: Any,
    env: Any,
    marks: Any,
    found: Any,
    counts: Any,
) -> None:
    metric, target, other = receipt.amount, receipt.target, receipt.other
    if metric > _LOW or not _is_record(target, env) or not _is_record(other, env):
        return
    trained = records[target & (env[RING] - _1)]
    if not _evaluates(receipt, trained, records[other & (env[RING] - _1)], rules):
        return
    job = jobs[trained.job]
    least = max(job.best, rules.baseline)
    if metric <= least or rules.units_a_point == _0:
        return
    units = (metric - least) * rules.units_a_point
    credit = _credit(units, rules.performance_bps, account, rules)
    if not _may_score(account, credit, env):
        return
    _score(account, credit, env)
    job.best = metric
    _touch(trained.job, marks[2], found[2], counts, 2)


@compiled
def _use(
    receipt: Any,
    account: Any,
    accounts: Any,
    records: Any,
    rules: Any,
    env: Any,
    marks: Any,
    found: Any,
    counts: Any,
) -> None:
    amount = receipt.amount
    if amount > account.balance or not _is_record(receipt.target, env):
        return
    place = receipt.target & (env[RING] - _1)
    record = records[place]
    if record.kind != _INFERENCE or record.status != _FINAL:
        return
    whole, rest = amount // _BPS, amount % _BPS
    burnt = whole * rules.burn_bps + (rest * rules.burn_bps + _BPS - _1) // _BPS
    account.balance -= amount
    provider = accounts[record.account]
    provider.balance += amount - burnt
    _touch(record.account, marks[0], found[0], counts, 0)
    units = _least(record.quantity, _least(burnt, _MAX_WORK) * rules.units_a_price)
    credit = _credit(units, rules.usage_bps, provider, rules)
    if not _may_score(provider, credit, env):
        return
    _score(provider, credit, env)
    record.quantity -= units
    _touch(place, marks[1], found[1], counts, 1)
