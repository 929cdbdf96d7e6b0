"""Nonces that receipts used which came through L1's inbox: the store goes on as the ledger does."""

import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.commit.keccak import ZERO_HASH
from rollup.protocol.entries import Entry, SignedReceipt
from rollup.protocol.header import Header, genesis
from rollup.protocol.ledger.inbox import InboxEntry, force
from rollup.protocol.types import AccountIndex, BatchNumber, Hash
from rollup.store import Posted, Sealed, SqliteStore
from rollup.store.fsck import fsck
from tests.rollup.entries import DOMAIN, bundled, single
from tests.rollup.following import events
from tests.rollup.headers import following
from tests.rollup.stores import opened, run, seal

ONE = AccountIndex(1)


def forced(nonce: int) -> SignedReceipt:
    return single(nonce, said="forced")


def entry_of(receipt: SignedReceipt) -> InboxEntry:
    return force(receipt.receipt, receipt.signature)


@dataclass
class History:
    """A store, and the batches that L1 holds."""

    store: SqliteStore
    path: Path
    inbox: list[SignedReceipt] = field(default_factory=list)
    """What no batch has taken."""
    taken: list[list[SignedReceipt]] = field(default_factory=list)
    """By batch on L1."""
    headers: list[Header] = field(default_factory=lambda: [genesis(DOMAIN)])
    sealed: list[tuple[Sealed, list[Entry]]] = field(default_factory=list)
    """Of our own, in order."""
    ours: list[bool] = field(default_factory=list)
    accepted: list[Entry] = field(default_factory=list)
    time: int = 10

    async def submit(self, *entries: Entry) -> None:
        assert len(await self.store.submit(entries, 1)) == len(entries)
        self.accepted += entries

    async def seal(self) -> None:
        pooled = await self.store.pooled()
        if pooled:
            self.sealed.append((await seal(self.store, len(pooled)), [p.entry for p in pooled]))

    async def post(self) -> None:
        """The next batch, with all that is in the inbox; somebody else's when none is sealed."""
        self.time += 1
        place = sum(self.ours)
        own = self.sealed[place][0] if place < len(self.sealed) else None
        if own is None and not self.inbox:
            return
        what = (own.receipts, own.root, own.data_hash) if own else (0, ZERO_HASH, ZERO_HASH)
        entries = [entry_of(receipt) for receipt in self.inbox]
        header = following(self.headers, *what, self.time, entries)
        receipts = tuple(receipt.receipt for receipt in self.inbox)
        there = Posted(header, self.time, Hash(header.hash[::-1]), own is not None, receipts)
        if own:
            await self.store.record([there], BatchNumber(header.number + 1))
        else:
            await self.store.adopt(there)
        self.headers.append(header)
        self.taken.append(self.inbox)
        self.ours.append(own is not None)
        self.inbox = []

    async def drop(self, depth: int) -> None:
        """A reorganisation; what was taken is in the inbox again."""
        depth = min(depth, len(self.taken))
        if not depth:
            return
        lost = self.taken[-depth:]
        del self.taken[-depth:], self.headers[-depth:], self.ours[-depth:]
        self.inbox = [receipt for taken in lost for receipt in taken] + self.inbox
        await self.store.record([], BatchNumber(len(self.headers)))

    async def next(self) -> int:
        return await self.store.next_nonce(ONE)

    def ledger(self) -> int:
        """The ledger's nonce once everything accepted is on L1, by the ledger's own rule."""
        reached, own = 0, iter(self.sealed)
        seen: list[Entry] = []
        for taken, ours in zip(self.taken, self.ours, strict=True):
            batch = next(own)[1] if ours else []
            seen += batch
            reached = _apply([*taken, *batch], reached)
        return _apply(self.accepted[len(seen) :], reached)

    def whole(self) -> None:
        by_number = {header.number: header for header in self.headers}
        assert fsck(self.path, DOMAIN, by_number.get).problems == []


def _apply(entries: Sequence[Entry], reached: int) -> int:
    for entry in entries:
        for receipt in entry.receipts:
            reached += receipt.nonce == reached
    return reached


def test_the_account_goes_on_after_what_was_forced_also_after_a_restart(tmp_path: Path) -> None:
    async def go() -> None:
        async with opened(tmp_path / "s") as store:
            at = History(store, tmp_path / "s")
            await at.submit(single(0))
            await at.seal()
            await at.post()
            at.inbox = [forced(2), forced(1), forced(2), forced(2), forced(9)]
            await at.post()
            assert await at.next() == 3
            at.whole()
        async with opened(tmp_path / "s") as store:
            assert await store.next_nonce(ONE) == 3
            (refused,) = await store.submit([single(2)], 1)
            assert getattr(refused, "code", "") == "nonce-used"
            await store.submit([single(3)], 1)
            assert await store.next_nonce(ONE) == 4
        assert fsck(tmp_path / "s", DOMAIN).problems == []

    run(go())


def test_what_was_written_down_before_raises_nothing_again(tmp_path: Path) -> None:
    async def go() -> None:
        async with opened(tmp_path / "s") as store:
            at = History(store, tmp_path / "s")
            at.inbox = [forced(0)]
            await at.post()
            there = Posted(at.headers[1], 11, Hash(bytes(32)), False, (forced(0).receipt,))
            for _ in range(2):
                await store.record([there], BatchNumber(2))
                assert await at.next() == 1
            at.whole()

    run(go())


def test_nothing_is_raised_before_the_ledger_gets_there(tmp_path: Path) -> None:
    """Nonce 1 comes by force while nonce 0 still waits: there it does nothing."""

    async def go() -> None:
        async with opened(tmp_path / "s") as store:
            at = History(store, tmp_path / "s")
            await at.submit(single(0))
            at.inbox = [forced(1)]
            await at.post()
            assert await at.next() == 1
            await at.submit(single(1))
            await at.seal()
            await at.post()
            assert at.ledger() == await at.next() == 2
            at.whole()

    run(go())


def test_a_receipt_that_was_overtaken_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def go() -> None:
        async with opened(tmp_path / "s") as store:
            at = History(store, tmp_path / "s")
            await at.submit(single(0), forced(1), bundled(2, 2))
            at.inbox = [forced(0), forced(1), forced(2), forced(3), forced(4)]
            await at.post()
            assert at.ledger() == await at.next() == 5
            at.whole()

    with caplog.at_level(logging.INFO, logger="rollup"):
        run(go())
    # Nonce 1 is the same receipt both ways, nonce 4 nobody's but the forced one's.
    told = [one["nonce"] for one in events(caplog, "receipt.superseded")]
    assert told == [0, 2, 3]
    assert [one["nonce"] for one in events(caplog, "nonce.forced")] == [4]


def test_a_reorganisation_frees_the_nonce_unless_others_rest_on_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def go() -> None:
        async with opened(tmp_path / "s") as store:
            at = History(store, tmp_path / "s")
            at.inbox = [forced(0), forced(1)]
            await at.post()
            assert await at.next() == 2
            await at.drop(1)
            assert await at.next() == 0
            at.whole()
            await at.post()
            assert await at.next() == 2
            await at.submit(single(2))
            await at.drop(1)
            assert await at.next() == 3  # nonce 2 is accepted for good
            at.whole()
            at.inbox = [forced(3), *at.inbox]  # too early, as long as the others are not there
            await at.post()
            assert at.ledger() == await at.next() == 3
            at.whole()

    with caplog.at_level(logging.INFO, logger="rollup"):
        run(go())
    assert [one["nonce"] for one in events(caplog, "nonce.unsettled")] == [1, 0]


def test_another_batch_in_the_same_place_is_judged_by_itself(tmp_path: Path) -> None:
    async def go() -> None:
        async with opened(tmp_path / "s") as store:
            at = History(store, tmp_path / "s")
            at.inbox = [forced(0)]
            await at.post()
            empty = following(at.headers[:1], taken=[InboxEntry(2, 1, 5)])
            await store.record([Posted(empty, 5, Hash(bytes(32)), False)], BatchNumber(2))
            assert await at.next() == 0
            assert fsck(tmp_path / "s", DOMAIN).problems == []

    run(go())


OFTEN = ["force", "seal", "post"]
RARELY = ["submit", "bundle", "again", "early", "drop"]
DEEDS = st.sampled_from([*OFTEN, *OFTEN, *RARELY, "post"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(DEEDS, st.integers(0, 3)), max_size=24))
def test_the_next_nonce_is_the_ledgers(deeds: list[tuple[str, int]]) -> None:
    async def go(path: Path) -> None:
        async with opened(path) as store:
            at = History(store, path)
            for deed, size in deeds:
                following = await at.next()
                match deed:
                    case "submit":
                        await at.submit(single(following))
                    case "bundle":
                        await at.submit(bundled(following, size + 1))
                    case "force":
                        at.inbox.append(forced(following))
                    case "again":
                        at.inbox.append(forced(max(following - size - 1, 0)))
                    case "early":
                        at.inbox.append(forced(following + size + 1))
                    case "seal":
                        await at.seal()
                    case "post":
                        await at.post()
                        assert at.ledger() == await at.next()
                    case "drop":
                        await at.drop(size + 1)
                at.whole()

    with tempfile.TemporaryDirectory() as folder:
        run(go(Path(folder) / "s"))
