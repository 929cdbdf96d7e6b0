"""Solidity and Python hash all of the ledger alike, and accept the same signatures."""

from dataclasses import astuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.commit import merkle
from prover.commit.keccak import Hash, keccak
from prover.commit.tags import Tag
from prover.row import MAX_DEPTH
from prover.state import state_hash, zero_segment
from rollup.errors import SignatureError
from rollup.l1.openings import header_tuple, work_tuple
from rollup.protocol import bundle as bundles
from rollup.protocol.eip712 import ORDER, Digest, Domain, Signature, address_of, recover, sign
from rollup.protocol.header import Header, data_hashes, genesis, leaf
from rollup.protocol.history import Mountains
from rollup.protocol.ledger.inbox import InboxEntry, force
from rollup.protocol.receipts import Bundle, Work
from rollup.protocol.types import Address, Nonce
from tests.contracts.evm import Contract, Evm, Revert, compiled, reverts
from tests.rollup.protocol.strategies import KEY, hashes, u32, u64, works

pytestmark = pytest.mark.usefixtures("toolchain")
EXAMPLES = 300
SIGNATURE = Signature(bytes(range(65)))


@pytest.fixture(scope="module")
def harness() -> Contract:
    return Evm().deploy(compiled("test/ReceiptsHarness.sol")["ReceiptsHarness"])


@pytest.fixture(scope="module")
def domain(harness: Contract) -> Domain:
    return Domain(31_337, Address(bytes.fromhex(harness.address[2:])))


@settings(max_examples=EXAMPLES)
@given(work=works())
def test_a_receipts_id_is_its_struct_hash(harness: Contract, work: Work) -> None:
    assert harness.workId(work_tuple(work)) == work.id
    assert harness.signedHash(work_tuple(work), (0, 0, 0, [])) == work.id


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_bundles_hash_is_what_python_signs(harness: Contract, data: st.DataObject) -> None:
    account, slot = data.draw(u64), data.draw(u64)
    first = data.draw(st.integers(0, 2**64 - 20))
    receipts = [
        data.draw(works(st.just(account), st.just(first + place), st.just(slot)))
        for place in range(data.draw(st.integers(1, 9)))
    ]
    bundle = bundles.assemble(receipts)
    for index, receipt in enumerate(receipts):
        place = (bundle.count, bundle.nonce, index, bundles.path(receipts, index))
        assert harness.signedHash(work_tuple(receipt), place) == bundle.id


@st.composite
def headers(draw: st.DrawFn) -> Header:
    fields = (u64, hashes, hashes, u64, u32, hashes, hashes, u64, u64, u32, hashes)
    return Header(*[draw(field) for field in fields])  # type: ignore[arg-type]


@settings(max_examples=EXAMPLES)
@given(header=headers())
def test_a_headers_hash(harness: Contract, header: Header) -> None:
    shown = header_tuple(header)
    assert harness.headerHash(shown) == harness.hashOf(shown) == header.hash


def test_every_field_of_a_header_is_hashed(harness: Contract, domain: Domain) -> None:
    plain = header_tuple(genesis(domain))
    full = tuple(b"\xff" * 32 if isinstance(field, bytes) else 2**32 - 1 for field in plain)
    found = set()
    for base, other in ((plain, full), (full, plain)):
        found.add(harness.headerHash(base))
        for place in range(len(base)):
            found.add(harness.headerHash((*base[:place], other[place], *base[place + 1 :])))
    assert len(found) == 2 + 2 * len(plain)


def test_dirty_bits_in_a_header_are_refused(harness: Contract, domain: Domain) -> None:
    header = header_tuple(genesis(domain))
    for name in ("headerHash", "hashOf"):
        clean = harness.calldata(name, header)
        for word, bits in ((0, 64), (3, 64), (4, 32), (7, 64), (8, 64), (9, 32)):
            for bit in (bits, bits + 7, 255):
                dirty = bytearray(clean)
                dirty[4 + 32 * word + 31 - bit // 8] |= 1 << bit % 8
                with pytest.raises(Revert):
                    harness.chain.transact(harness, bytes(dirty), sender="0x" + "99" * 20)
            narrow = bytearray(clean)
            narrow[4 + 32 * word + 32 - bits // 8] |= 0x80
            harness.chain.transact(harness, bytes(narrow), sender="0x" + "99" * 20)


@settings(max_examples=100)
@given(st.lists(hashes, max_size=70))
def test_the_history(harness: Contract, leaves: list[Hash]) -> None:
    mountains = Mountains()
    assert harness.noHistory() == mountains.hash
    for leaf_ in leaves:
        grown = mountains.append(leaf_)
        size, peaks = mountains.size, list(mountains.peaks)
        assert harness.extended(mountains.hash, peaks, size, leaf_) == grown.hash
        mountains = grown
    assert mountains == Mountains.of(leaves)


@settings(max_examples=EXAMPLES)
@given(size=u64, data=st.data())
def test_the_history_of_any_size(harness: Contract, size: int, data: st.DataObject) -> None:
    count = size.bit_count()
    peaks = data.draw(st.lists(hashes, min_size=count, max_size=count))
    leaf_ = data.draw(hashes)
    mountains = Mountains(size, tuple(peaks))
    grown = mountains.append(leaf_)
    assert harness.extended(mountains.hash, peaks, size, leaf_) == grown.hash
    bad = [*peaks, leaf_]
    with reverts("WrongHistory", mountains.hash):
        harness.extended(mountains.hash, bad, size, leaf_)


@settings(max_examples=EXAMPLES)
@given(kind=st.integers(0, 255), numbers=st.tuples(u64, u64, u64, u64), words=st.data())
def test_an_inbox_entrys_leaf(
    harness: Contract, kind: int, numbers: tuple[int, ...], words: st.DataObject
) -> None:
    xyz = [words.draw(hashes) for _ in range(3)]
    a, b, c, d = numbers
    entry = InboxEntry(kind, a, b, c, d, *xyz)
    assert harness.inboxLeaf(kind, *numbers, *xyz) == entry.leaf


@settings(max_examples=EXAMPLES)
@given(work=works(), signature=st.binary(min_size=65, max_size=65))
def test_a_forced_works_leaf(harness: Contract, work: Work, signature: bytes) -> None:
    expected = force(work, Signature(signature)).leaf
    assert harness.forcedLeaf(work_tuple(work), signature) == expected


def test_the_domain_and_the_genesis_are_this_contracts_on_this_chain(
    harness: Contract, domain: Domain
) -> None:
    assert harness.domain() == domain.separator
    assert harness.genesisHash() == genesis(domain).hash


@settings(max_examples=EXAMPLES)
@given(digest=hashes, key=st.integers(1, ORDER - 1))
def test_the_signer_is_recovered(harness: Contract, domain: Domain, digest: Hash, key: int) -> None:
    secret = key.to_bytes(32)
    signature = sign(secret, domain.digest(digest))
    assert harness.signer(digest, signature) == "0x" + address_of(secret).hex()


@settings(max_examples=EXAMPLES)
@given(digest=hashes, signature=st.binary(min_size=0, max_size=130))
def test_what_one_side_refuses_the_other_refuses(
    harness: Contract, domain: Domain, digest: Hash, signature: bytes
) -> None:
    assert _solidity_signer(harness, digest, signature) == _python_signer(
        domain.digest(digest), signature
    )


@settings(max_examples=EXAMPLES)
@given(digest=hashes, place=st.integers(0, 64), value=st.integers(0, 255))
def test_a_changed_byte_gives_another_signer_or_none_on_both_sides(
    harness: Contract, domain: Domain, digest: Hash, place: int, value: int
) -> None:
    signature = bytearray(sign(KEY, domain.digest(digest)))
    signature[place] = value
    ours = _python_signer(domain.digest(digest), bytes(signature))
    assert _solidity_signer(harness, digest, bytes(signature)) == ours


def test_the_other_form_of_a_signature_is_refused(harness: Contract, domain: Domain) -> None:
    digest = keccak(b"one form")
    signature = sign(KEY, domain.digest(digest))
    high = (ORDER - int.from_bytes(signature[32:64])).to_bytes(32)
    flipped = signature[:32] + high + bytes([55 - signature[64]])
    compact = signature[:32] + bytes([signature[32] | (signature[64] - 27) << 7]) + signature[33:64]
    for other in (
        flipped,
        signature[:64] + bytes([signature[64] - 27]),  # v 0 or 1
        signature[:64] + bytes([signature[64] + 8]),  # v 35 or 36
        compact,
        signature + b"\0",
        signature[:64],
        bytes(65),
        b"",
    ):
        with reverts("BadSignature"):
            harness.signer(digest, other)
    assert harness.signer(digest, signature) == "0x" + address_of(KEY).hex()


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=70), max_size=6))
def test_the_running_data_hash(harness: Contract, chunks: list[bytes]) -> None:
    running = data_hashes(chunks)
    for before, after, chunk in zip(running, running[1:], chunks, strict=False):
        assert harness.nextDataHash(before, keccak(chunk)) == after


@settings(max_examples=EXAMPLES)
@given(work=works(), signature=st.binary(min_size=65, max_size=65), data=st.data())
def test_a_receipts_leaf_names_its_bundle(
    harness: Contract, work: Work, signature: bytes, data: st.DataObject
) -> None:
    signature = Signature(signature)
    alone = harness.entryLeaf(work_tuple(work), signature, (0, 0, 0, []))
    assert alone == leaf(work.id, signature)
    count = data.draw(st.integers(1, 9))
    index = data.draw(st.integers(0, min(count - 1, work.nonce)))
    depth = merkle.ceil_log2(count)
    path = data.draw(st.lists(hashes, min_size=depth, max_size=depth))
    root = merkle.climb(bundles.leaf(work.id), index, path, Tag.BUNDLE_NODE)
    bundle = Bundle(work.account, Nonce(work.nonce - index), count, root)
    place = (count, bundle.nonce, index, path)
    shown = harness.entryLeaf(work_tuple(work), signature, place)
    assert shown == leaf(work.id, signature, bundle.id, index)


@settings(max_examples=100)
@given(st.lists(hashes, min_size=1, max_size=20))
def test_a_receipt_climbs_to_the_batch_root(harness: Contract, ids: list[Hash]) -> None:
    leaves = [leaf(identity, SIGNATURE) for identity in ids]  # type: ignore[arg-type]
    root = merkle.root(leaves, Tag.ENTRY_NODE)
    for index, one in enumerate(leaves):
        path = merkle.path(leaves, index, Tag.ENTRY_NODE)
        assert harness.climb(one, index, len(ids), path, Tag.ENTRY_NODE) == root


def test_a_path_of_another_length_or_an_index_beyond_the_count_is_refused(
    harness: Contract,
) -> None:
    node = bytes(32)
    for count in (1, 2, 3, 4, 5, 4096, 2**32 - 1):
        depth = merkle.ceil_log2(count)
        harness.climb(node, count - 1, count, [node] * depth, Tag.ENTRY_NODE)
        for wrong in {max(depth - 1, 0), depth + 1} - {depth}:
            with reverts("WrongPathLength", depth):
                harness.climb(node, 0, count, [node] * wrong, Tag.ENTRY_NODE)
        if count < 2**32 - 1:
            with reverts("IndexOutOfRange"):
                harness.climb(node, count, count, [node] * depth, Tag.ENTRY_NODE)


def test_an_unbundled_receipt_has_one_opening(harness: Contract) -> None:
    work = work_tuple(_work())
    with reverts("IndexOutOfRange"):
        harness.signedHash(work, (0, 1, 0, []))
    with reverts("IndexOutOfRange"):
        harness.signedHash(work, (0, 0, 1, []))
    with reverts("WrongPathLength", 0):
        harness.signedHash(work, (0, 0, 0, [bytes(32)]))


def test_a_nonce_that_is_not_the_place_in_the_bundle_is_refused(harness: Contract) -> None:
    work = _work()
    harness.signedHash(work_tuple(work), (2, work.nonce, 0, [bytes(32)]))
    for place in ((2, work.nonce, 1, [bytes(32)]), (2, work.nonce + 1, 0, [bytes(32)])):
        with reverts("WrongNonce"):
            harness.signedHash(work_tuple(work), place)


def test_dirty_bits_in_a_field_are_refused_and_not_hashed(harness: Contract) -> None:
    clean = harness.calldata("workId", work_tuple(_work()))
    for word in (0, 1, 2, 3, 4, 6, 7):  # every field narrower than a word
        dirty = bytearray(clean)
        dirty[4 + 32 * word] = 1
        with pytest.raises(Revert):
            harness.chain.transact(harness, bytes(dirty), sender="0x" + "99" * 20)


def test_zero_roots_and_states(harness: Contract) -> None:
    for depth in range(MAX_DEPTH + 1):
        assert harness.zeroRoot(depth) == zero_segment(depth)
    roots = [keccak(bytes([number])) for number in range(4)]
    assert harness.state(*roots) == state_hash(roots, 0)


def _work() -> Work:
    fields = [1, 2, 3, 4, Address(b"\x05" * 20), Hash(b"\x06" * 32), 7, 8]
    return Work(*fields, *[Hash(bytes([n]) * 32) for n in range(4)])  # type: ignore[arg-type]


def _python_signer(digest: Digest, signature: bytes) -> str | None:
    try:
        return "0x" + recover(digest, Signature(signature)).hex()
    except SignatureError:
        return None


def _solidity_signer(harness: Contract, digest: Hash, signature: bytes) -> str | None:
    try:
        return str(harness.signer(digest, signature))
    except Revert as revert:
        if revert.name != "BadSignature":
            raise
        return None


def test_fields_stand_in_the_order_of_the_type() -> None:
    work = _work()
    assert work_tuple(work) == astuple(work)[:12]
