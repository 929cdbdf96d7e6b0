"""How fast is the ledger, does the chain agree with it, and what does it cost there?

    python bench/ledger.py [--json FILE] [--plot FILE] [--quick] [--seed N]

Receipts are rows whose signers are known: recovering them is measured by bench/receipts.py. A third
of them claim work, a third settle what the batch before claimed, a third move balance between
accounts, all over accounts drawn at random. The peer is the reference, on so few receipts and
accounts that it ends.

Then random ledgers, hostile receipts among theirs, are played step by step through the reference,
the fast path and `LedgerMachine`, and the ledger's transactions are measured (tests/gas/measure.py;
not with --quick).
"""

import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bisect")]

import numpy as np  # noqa: E402

from bench._harness import (  # noqa: E402
    Result,
    Timing,
    arguments,
    check,
    fresh_random,
    rate,
    report,
)
from prover.commit.keccak import Hash, keccak  # noqa: E402
from prover.native.isa import isa  # noqa: E402
from rollup.protocol.actions import Action, ActionKind  # noqa: E402
from rollup.protocol.ledger import layout  # noqa: E402
from rollup.protocol.ledger.effects import receipt_step  # noqa: E402
from rollup.protocol.ledger.fast import FastLedger  # noqa: E402
from rollup.protocol.ledger.header import Forest  # noqa: E402
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind, register  # noqa: E402
from rollup.protocol.ledger.inbox_effects import inbox_step  # noqa: E402
from rollup.protocol.ledger.store import State  # noqa: E402
from rollup.protocol.ledger.types import NO_INPUTS  # noqa: E402
from rollup.protocol.receipts import Work  # noqa: E402
from rollup.protocol.types import AccountIndex, Address, Nonce, SlotIndex  # noqa: E402
from tests.contracts.ledger_steps import BATCHES, RECEIPTS, OnChain, deploy, drawn  # noqa: E402
from tests.gas.measure import figures  # noqa: E402

PACKAGES = ("numpy", "numba", "llvmlite", "safe-pysha3", "coincurve", "pyrevm", "py-evm")
AGREEING = 100_000
TRANSACTIONS = ("ledger/post", "proof/ledger/", "inbox/", "states/", "rewards/", "jobs/")
RECEIPTS_A_SECOND = 500_000.0
ROOT_MILLISECONDS = 25.0
BATCH = 4_096
_CLAIM, _SETTLE, _MOVE = range(3)


class Traffic:
    """Batches over `accounts` accounts that have a slot and balance each."""

    def __init__(self, random: np.random.Generator, accounts: int, ring: int) -> None:
        self.random = random
        self.addresses = random.integers(0, 256, (accounts, 20), np.uint8)
        self.fast = FastLedger(ring)
        self.fast.register_all(self.addresses)
        rows = self.fast.rows(Forest.ACCOUNTS)[1 : accounts + 1]
        rows["balance"], rows["live"] = 10**9, 1
        program, inputs = keccak(b"program"), keccak(b"inputs")
        # One job for training and one whose claims may have any params: settled in any order.
        self.opened = InboxEntry(InboxKind.JOB, 0, 1_000, 0, 0, program, NO_INPUTS, inputs)
        self.fast.apply(1, 10, [self.opened], np.empty(0, layout.RECEIPT))
        self.program, self.inputs = np.frombuffer(program, "<u8"), np.frombuffer(inputs, "<u8")
        self.batch = 1
        self.waiting = np.empty(0, np.int64)  # accounts of the batch before's records
        self.first = 0  # sequence of the first of them

    def draw(self, count: int) -> layout.Rows:
        """The next batch's receipts, every one of which has an effect."""
        accounts = len(self.addresses)
        kinds = np.arange(count) % 3
        rows = np.zeros(count, layout.RECEIPT)
        index = self.random.integers(1, accounts + 1, count)
        settles = np.flatnonzero(kinds == _SETTLE)[: len(self.waiting)]
        kinds[np.setdiff1d(np.flatnonzero(kinds == _SETTLE), settles)] = _MOVE
        index[settles] = self.waiting[: len(settles)]
        rows["account"], rows["signed"] = index, 1
        rows["nonce"] = self._nonces(index)
        who = np.zeros((count, 24), np.uint8)
        who[:, :20] = self.addresses[index - 1]
        rows["signer"] = who.view("<u8")
        claims = kinds == _CLAIM
        rows["form"] = np.where(claims, 0, 2)
        rows["kind"] = np.choose(kinds, [2, ActionKind.SETTLE, ActionKind.TRANSFER])
        rows["steps"][claims] = 1
        rows["program"][claims], rows["inputs"][claims] = self.program, self.inputs
        rows["target"][settles] = self.first + np.arange(len(settles))
        moves = kinds == _MOVE
        rows["target"][moves] = self.random.integers(1, accounts + 1, int(moves.sum()))
        rows["amount"][moves] = 1
        self.waiting, self.first = index[claims], self.fast.header.counts[Forest.RECORDS]
        return rows

    def _nonces(self, index: np.ndarray) -> np.ndarray:
        """Each account's nonce, and one more for each of its receipts before in the batch."""
        order = np.argsort(index, kind="stable")
        ordered = index[order]
        first = np.searchsorted(ordered, ordered, "left")
        before = np.empty(len(index), np.int64)
        before[order] = np.arange(len(index)) - first
        nonces: np.ndarray = self.fast.rows(Forest.ACCOUNTS)["nonce"][index]
        return nonces + before.astype(np.uint64)

    def apply(self, rows: layout.Rows) -> None:
        """The next batch; the one before is confirmed."""
        self.batch += 1
        confirmed = InboxEntry(InboxKind.CONFIRM, self.batch - 1)
        self.fast.apply(self.batch, 10 * self.batch, [confirmed], rows)


def applied(random: np.random.Generator, accounts: int, batches: int) -> list[Result]:
    """Receipts a second, and the root after each batch."""
    traffic = Traffic(random, accounts, 24)
    check(len(traffic.fast.hash) == 32, "a state before the first batch")
    applying, hashing, effects = [], [], 0
    for number in range(batches + 2):
        rows = traffic.draw(BATCH)
        before = traffic.fast.rows(Forest.ACCOUNTS)["nonce"].sum()
        start = time.perf_counter()
        traffic.apply(rows)
        middle = time.perf_counter()
        traffic.fast.hash  # noqa: B018 - the work is what is timed
        end = time.perf_counter()
        effects = int(traffic.fast.rows(Forest.ACCOUNTS)["nonce"].sum() - before)
        check(effects == BATCH, "every receipt of a batch counts")
        if number > 1:  # until then code is compiled and memory found
            applying.append(middle - start)
            hashing.append(end - middle)
    final = traffic.fast.rows(Forest.RECORDS)["status"].sum()
    check(int(final) >= BATCH // 4, "claims of the batches before were settled")
    full = accounts >= 1 << 20
    size = f"2^{accounts.bit_length() - 1}-accounts"
    apply_time, hash_time = Timing(tuple(applying)), Timing(tuple(hashing))
    both = Timing(tuple(a + b for a, b in zip(applying, hashing, strict=True)))
    target = RECEIPTS_A_SECOND if full else None
    root = ROOT_MILLISECONDS if full and isa().name == "avx512" else None
    return [
        rate(f"ledger/apply/{size}", apply_time, BATCH, "receipts/s", target=target),
        Result(
            f"ledger/state-root/{size}/batch=4096", hash_time.median * 1e3, "ms", "lower", root,
            None, hash_time.spread,
        ),
        rate(f"ledger/apply-and-root/{size}", both, BATCH, "receipts/s"),
    ]  # fmt: skip


def reference(random: np.random.Generator, accounts: int, receipts: int) -> list[Result]:
    """The same traffic by the definition, whose states the fast path's are held to."""
    traffic = Traffic(random, accounts, 10)
    traffic.fast = FastLedger(10)
    state = State(10)
    opening = [
        register(1 + number, Address(address.tobytes()))
        for number, address in enumerate(traffic.addresses)
    ]
    for account in range(1, accounts + 1):
        opening.append(InboxEntry(InboxKind.DEPOSIT, account, 10**9))
        opening.append(InboxEntry(InboxKind.SLOTS, account, 0, 1))
    opening.append(traffic.opened)
    traffic.fast.apply(1, 10, opening, np.empty(0, layout.RECEIPT))
    for entry in opening:
        inbox_step(state, entry)
    check(traffic.fast.hash == state.hash, "the opening, against the reference")

    def said(row: np.void) -> Work | Action:
        account, nonce = AccountIndex(int(row["account"])), Nonce(int(row["nonce"]))
        words = {name: Hash(row[name].tobytes()) for name in ("program", "params", "inputs")}
        if row["form"] == 0:
            return Work(
                2, account, nonce, SlotIndex(0), Address(bytes(20)), words["program"], 0, 1,
                words["params"], words["inputs"], Hash(bytes(32)), Hash(row["after"].tobytes()),
            )  # fmt: skip
        return Action(int(row["kind"]), account, nonce, int(row["target"]), 0, int(row["amount"]))

    seconds = []
    for _ in range(3):
        rows = traffic.draw(receipts)
        traffic.apply(rows)
        made = [said(row) for row in rows]
        inbox_step(state, InboxEntry(InboxKind.CONFIRM, traffic.batch - 1))
        start = time.perf_counter()
        for receipt in made:
            owner = Address(traffic.addresses[receipt.account - 1].tobytes())
            receipt_step(state, traffic.batch, 10 * traffic.batch, receipt, owner)
        seconds.append(time.perf_counter() - start)
        check(traffic.fast.hash == state.hash, "a batch, against the reference")
    timing = Timing(tuple(seconds))
    return [rate("ledger/reference", timing, receipts, "receipts/s")]


def agreement(random: np.random.Generator, wanted: int) -> list[Result]:
    """Random ledgers until so many receipts were compared; any difference ends the run."""
    machine, first, seen = OnChain(deploy()), int(random.integers(2**32)), Counter[str]()
    histories = 0
    while seen["receipts"] < wanted:
        seen += drawn(first + histories, min(wanted, BATCHES * RECEIPTS), machine)
        histories += 1
    target = AGREEING if wanted >= AGREEING else None
    return [
        Result(
            f"ledger/reference=fast=solidity/{what}", float(seen[what]), what, "higher", bar,
            None, 0.0,
        )
        for what, bar in (("receipts", target), ("entries", None))
    ]  # fmt: skip


def gas() -> list[Result]:
    """Whole transactions, on py-evm under Prague's rules."""
    return [
        Result(f"gas/{name}", figure.gas, "gas", "lower", figure.bar, figure.peer, 0.0)
        for name, figure in figures().items()
        if name.startswith(TRANSACTIONS)
    ]


def main() -> None:
    """Measures all of it."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--seed", type=int, help="repeat the draws of another run")
    flags = parser.parse_args()
    random = fresh_random(flags.seed)
    small = flags.quick
    results = [
        *reference(random, 200, 300 if small else 3_000),
        *applied(random, 1 << (12 if small else 20), 4 if small else 60),
        *agreement(random, 120 if small else AGREEING),
        *([] if small else gas()),
    ]
    report(results, PACKAGES, flags.json, flags.plot)


if __name__ == "__main__":
    main()
