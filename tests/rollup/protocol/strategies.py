"""Receipts, entries and batches for hypothesis to draw."""

from hypothesis import strategies as st

from rollup.protocol.actions import Action
from rollup.protocol.eip712 import Domain, Signature
from rollup.protocol.entries import Entry, SignedBundle, SignedReceipt
from rollup.protocol.receipts import Receipt, Statement, Work
from rollup.protocol.types import (
    U8_MAX,
    U32_MAX,
    U64_MAX,
    AccountIndex,
    Address,
    Hash,
    Nonce,
    SlotIndex,
)

DOMAIN = Domain(31_337, Address(bytes(range(20))))
KEY = bytes(range(1, 33))

u8 = st.integers(0, U8_MAX)
u32 = st.integers(0, U32_MAX)
u64 = st.one_of(st.integers(0, 300), st.integers(0, U64_MAX))
# Few distinct values, so that columns repeat; now and then a fresh one.
hashes = st.one_of(
    st.integers(0, 3).map(lambda i: Hash(bytes([i]) * 32)),
    st.binary(min_size=32, max_size=32).map(Hash),
)
addresses = st.one_of(
    st.integers(0, 2).map(lambda i: Address(bytes([i]) * 20)),
    st.binary(min_size=20, max_size=20).map(Address),
)
# As data can hold them: v 27 or 28, the top bit of s free. Most recover nobody, which data allows.
signatures = st.builds(
    lambda r, s, v: Signature(r + s.to_bytes(32) + bytes([v])),
    st.binary(min_size=32, max_size=32),
    st.integers(0, 2**255 - 1),
    st.sampled_from([27, 28]),
)


def works(
    account: st.SearchStrategy[int] = u64,
    nonce: st.SearchStrategy[int] = u64,
    slot: st.SearchStrategy[int] = u64,
) -> st.SearchStrategy[Work]:
    return st.builds(
        Work,
        u8,
        account.map(AccountIndex),
        nonce.map(Nonce),
        slot.map(SlotIndex),
        addresses,
        hashes,
        u64,
        u32,
        hashes,
        hashes,
        hashes,
        hashes,
    )


def statements(
    account: st.SearchStrategy[int] = u64, nonce: st.SearchStrategy[int] = u64
) -> st.SearchStrategy[Statement]:
    return st.builds(Statement, u8, account.map(AccountIndex), nonce.map(Nonce), hashes, hashes)


def actions(
    account: st.SearchStrategy[int] = u64, nonce: st.SearchStrategy[int] = u64
) -> st.SearchStrategy[Action]:
    return st.builds(Action, u8, account.map(AccountIndex), nonce.map(Nonce), u64, u64, u64)


receipts: st.SearchStrategy[Receipt] = st.one_of(works(), statements(), actions())


@st.composite
def bundles_of(draw: st.DrawFn, max_size: int = 5) -> tuple[Receipt, ...]:
    """Receipts that may stand in one bundle; training runs and inference among them."""
    account, slot = draw(u64), draw(u64)
    size = draw(st.integers(1, max_size))
    nonce = draw(st.one_of(st.integers(0, 300), st.integers(0, U64_MAX + 1 - size)))
    return tuple(
        draw(
            st.one_of(
                works(st.just(account), st.just(nonce + j), st.just(slot)),
                statements(st.just(account), st.just(nonce + j)),
                actions(st.just(account), st.just(nonce + j)),
            )
        )
        for j in range(size)
    )


@st.composite
def training_runs(draw: st.DrawFn, max_size: int = 5) -> tuple[Receipt, ...]:
    """Works each of which goes on from the last one's end."""
    first, steps, params = draw(st.integers(0, 1000)), draw(st.integers(1, 50)), draw(hashes)
    run: list[Receipt] = []
    for j in range(draw(st.integers(1, max_size))):
        work = draw(works(st.just(5), st.just(70 + j), st.just(0)))
        work = Work(
            1,
            work.account,
            work.nonce,
            work.slot,
            work.defender,
            work.program,
            first,
            steps,
            params,
            work.inputs,
            work.params_after,
            work.outputs,
        )
        first, params = first + steps, work.params_after
        run.append(work)
    return tuple(run)


entries: st.SearchStrategy[Entry] = st.one_of(
    st.builds(SignedReceipt, receipts, signatures),
    st.builds(SignedBundle, st.one_of(bundles_of(), training_runs()), signatures),
)
batches = st.lists(entries, max_size=5)
