"""Each reason for which an entry is refused, and none for those that are in order."""

import asyncio
from dataclasses import replace

import pytest

from prover.row import Depths
from rollup.errors import L1Unavailable, Refused
from rollup.protocol.claims import ProgramInfo
from rollup.protocol.eip712 import Signature
from rollup.protocol.entries import Entry, SignedBundle, SignedReceipt, sign_bundle, sign_receipt
from rollup.protocol.ledger.types import MAX_BUNDLE
from rollup.protocol.presets import MINIMAL
from rollup.protocol.types import AccountIndex, Address, Hash, SlotIndex
from rollup.sequencer.admission import Admission, Admitted
from rollup.sequencer.recovery import Recovery
from rollup.sequencer.registry import CachedRegistry
from tests.rollup.entries import DOMAIN, KEY, PROGRAM, bundled, label, mixed, single, transfer, work
from tests.rollup.sequencer.play import Clock, FakeRegistry

OTHER_KEY = b"\x07" * 32
WORK = work(0)


def facts(**changes: int) -> ProgramInfo:
    return replace(ProgramInfo(1, 1, 1, 1, Depths(1, 1, 1, 1)), **changes)  # type: ignore[arg-type]


def check(*entries: Entry, registry: FakeRegistry | None = None) -> list[Admitted | Refused]:
    admission = Admission(DOMAIN, MINIMAL, registry or FakeRegistry(), Recovery())
    return asyncio.run(admission.check(entries))


def test_entries_in_order_are_admitted() -> None:
    entries: list[Entry] = [single(0), bundled(1, 3), sign_receipt(WORK, DOMAIN, KEY)]
    entries += [mixed(4), sign_receipt(transfer(8), DOMAIN, KEY)]
    # A training receipt of 4 steps at 1,000 work units each.
    units = (0, 12_000, 4_000, 4_000, 0)
    assert check(*entries) == [Admitted(work) for work in units]


def test_a_bundle_is_never_larger_than_the_ledger_takes() -> None:
    preset = replace(MINIMAL, batch_receipts=2 * MAX_BUNDLE)
    admission = Admission(DOMAIN, preset, FakeRegistry(), Recovery())
    sizes = (MAX_BUNDLE, MAX_BUNDLE + 1)
    entries = [sign_bundle([transfer(n) for n in range(size)], DOMAIN, KEY) for size in sizes]
    admitted, refused = asyncio.run(admission.check(entries))
    assert admitted == Admitted(0)
    assert isinstance(refused, Refused)
    assert refused.code == "too-large"


def of(**changes: object) -> SignedReceipt:
    return sign_receipt(replace(WORK, **changes), DOMAIN, KEY)  # type: ignore[arg-type]


HIGH = Signature(single(0).signature[:32] + b"\xff" * 32 + b"\x1b")


@pytest.mark.parametrize(
    ("entry", "code", "said"),
    [
        (sign_receipt(replace(label(0), kind=99), DOMAIN, KEY), "unknown-kind", "kind 99"),
        (of(kind=16), "unknown-kind", "kind 16"),
        (sign_receipt(replace(transfer(0), kind=38), DOMAIN, KEY), "unknown-kind", "no Action"),
        (sign_receipt(replace(transfer(0), kind=17), DOMAIN, KEY), "unknown-kind", "no Action"),
        (sign_receipt(replace(label(0), kind=32), DOMAIN, KEY), "unknown-kind", "no Statement"),
        (sign_receipt(transfer(0), DOMAIN, OTHER_KEY), "wrong-signer", "account 1"),
        (single(0, account=7), "unknown-account", "account 7"),
        (SignedReceipt(label(0), HIGH), "bad-signature", "upper half"),
        (SignedReceipt(label(0), Signature(bytes(65))), "bad-signature", "v is 27"),
        (sign_receipt(label(0), DOMAIN, OTHER_KEY), "wrong-signer", "account 1"),
        (
            sign_receipt(label(0), replace(DOMAIN, chain_id=1), KEY),
            "wrong-signer",
            "this chain and rollup",
        ),
        (of(slot=SlotIndex(5)), "slot-not-live", "slot 5"),
        (of(defender=Address(bytes(20))), "no-defender", "defend"),
        (of(program=Hash(b"\1" * 32)), "unknown-program", "not registered"),
        (of(steps=0), "over-cap", "at least one"),
        (of(steps=MINIMAL.max_claim_steps + 1), "over-cap", "steps"),
        (of(first_step=2**64 - 1), "over-cap", "last training step"),
        (
            sign_bundle([label(n) for n in range(MINIMAL.batch_receipts + 1)], DOMAIN, KEY),
            "too-large",
            "at most 512",
        ),
        (
            SignedBundle((*bundled(0, 2).receipts, label(2)), bundled(0, 2).signature),
            "wrong-signer",
            "account 1",
        ),
    ],
)
def test_refusals(entry: Entry, code: str, said: str) -> None:
    admitted, refused = check(single(0), entry)
    assert isinstance(admitted, Admitted)
    assert isinstance(refused, Refused)
    assert (refused.code, said in str(refused)) == (code, True), refused
    assert "\n" not in str(refused)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (facts(work=MINIMAL.max_claim_work // 4 + 1), "work units"),
        (facts(words=MINIMAL.max_claim_words + 1), "words"),
        (facts(rows=MINIMAL.max_claim_rows + 1), "rows"),
        (facts(micro_steps=2**60), "micro-steps"),
    ],
)
def test_claims_over_a_cap_are_void_and_refused(known: ProgramInfo, said: str) -> None:
    registry = FakeRegistry(programs={PROGRAM: known})
    (refused,) = check(sign_receipt(WORK, DOMAIN, KEY), registry=registry)
    assert isinstance(refused, Refused)
    assert refused.code == "over-cap"
    assert said in str(refused)
    assert check(single(0), registry=registry) == [Admitted(0)]


def test_no_answer_from_l1_admits_nothing() -> None:
    with pytest.raises(L1Unavailable):
        check(single(0), registry=FakeRegistry(down=True))


def test_the_registry_is_asked_once_for_what_cannot_change() -> None:
    async def go() -> None:
        clock, registry = Clock(), FakeRegistry()
        cached = CachedRegistry(registry, clock, slot_age=10, capacity=3)
        for _ in range(3):
            assert await cached.owner(AccountIndex(1)) is not None
            assert await cached.program(PROGRAM) is not None
            assert await cached.slot_live(AccountIndex(1), SlotIndex(0))
        assert registry.asked == 3
        # What was not there is asked for each time: it may come at any moment.
        assert await cached.owner(AccountIndex(9)) is None
        registry.owners[9] = registry.owners[1]
        assert await cached.owner(AccountIndex(9)) is not None
        # A slot that dies is noticed when its answer is old, or at once when the clock turns back.
        registry.slots.clear()
        assert await cached.slot_live(AccountIndex(1), SlotIndex(0))
        clock.now += 10
        assert not await cached.slot_live(AccountIndex(1), SlotIndex(0))
        assert not await cached.slot_live(AccountIndex(1), SlotIndex(0))
        for account in range(20, 30):
            registry.owners[account] = registry.owners[1]
            await cached.owner(AccountIndex(account))
        assert len(cached._owners) == 3

    asyncio.run(go())


def test_processes_recover_the_same_signers() -> None:
    async def go() -> None:
        recovery = Recovery(workers=1)
        try:
            jobs = [(DOMAIN.digest(e.id), e.signature) for e in (single(n) for n in range(40))]
            jobs.append((jobs[0][0], HIGH))
            here = await Recovery().recover(jobs)
            parts = await asyncio.gather(*(recovery.recover([job]) for job in jobs))
            there = [found for (found,) in parts]
            assert there[:-1] == here[:-1]
            assert isinstance(there[-1], Refused)
            assert str(there[-1]) == str(here[-1])
        finally:
            recovery.close()

    asyncio.run(go())


def test_signers_are_found_when_a_process_dies() -> None:
    async def go() -> None:
        recovery = Recovery(workers=1)
        try:
            jobs = [(DOMAIN.digest(e.id), e.signature) for e in (single(n) for n in range(3))]
            wanted = await recovery.recover(jobs)
            assert recovery._pool is not None
            for process in recovery._pool._processes.values():
                process.kill()
                process.join()
            assert await recovery.recover(jobs) == wanted
            assert await recovery.recover(jobs) == wanted
        finally:
            recovery.close()

    asyncio.run(go())
