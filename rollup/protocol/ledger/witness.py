"""Step witnesses: what a verifier must see to re-run one step (docs/ledger.md, section 7).

`build` runs the reference on a state and writes down what it opens. `step` is the verifier: it runs
the same definition over what the witness opens, against the running roots.
"""

import struct
from dataclasses import replace
from typing import Final

from prover.commit.keccak import ZERO_HASH, Hash, tagged
from prover.commit.merkle import ceil_log2, climb
from prover.commit.tags import Tag
from prover.errors import WitnessError
from prover.witness import Reader
from rollup.errors import ReceiptError
from rollup.protocol.eip712 import Signature
from rollup.protocol.ledger import run as runs
from rollup.protocol.ledger.effects import receipt_step
from rollup.protocol.ledger.entries import Place, Placed, signer
from rollup.protocol.ledger.header import HEADER_BYTES, Forest, Header
from rollup.protocol.ledger.inbox import INBOX_BYTES, InboxEntry, InboxKind
from rollup.protocol.ledger.inbox_effects import inbox_step
from rollup.protocol.ledger.packing import pack_receipt, packed_bytes, unpack_receipt
from rollup.protocol.ledger.run import RUN_BYTES, LedgerBatch, Run
from rollup.protocol.ledger.store import Whole, with_root
from rollup.protocol.ledger.trees import (
    LEAF_BYTES,
    NODE,
    leaf_of,
    place_of,
    places,
    pushed_root,
)
from rollup.protocol.receipts import Bundle

_BUNDLE: Final = struct.Struct(">2QI32sI")
_FORCED: Final = struct.Struct(">H")


def pack_inbox(entry: InboxEntry) -> bytes:
    """The entry, and of a forced receipt the bytes behind it with their length (u16)."""
    if entry.kind != InboxKind.FORCED or entry.forced is None:
        return entry.pack()
    return entry.pack() + _FORCED.pack(len(entry.forced)) + entry.forced


def pack_entry(entry: Placed) -> bytes:
    """Receipt, signature, and whether it is bundled: 0, or 1 with bundle, index and opening."""
    alone = pack_receipt(entry.receipt) + entry.signature
    if entry.place is None:
        return alone + b"\0"
    bundle, index = entry.place.bundle, entry.place.index
    fields = _BUNDLE.pack(bundle.account, bundle.nonce, bundle.count, bundle.root, index)
    opening = (entry.place.found, *entry.place.siblings) if entry.place.in_range else ()
    return b"".join((alone, b"\1", fields, *opening))


class Recorder:
    """A state that writes down what a step opens. The state changes with the step."""

    def __init__(self, state: Whole) -> None:
        self._state = state
        self.parts: list[bytes] = []

    @property
    def header(self) -> Header:
        """See `Store.header`."""
        return self._state.header

    @header.setter
    def header(self, header: Header) -> None:
        self._state.header = header

    def read(self, forest: Forest, index: int) -> bytes:
        """See `Store.read`."""
        packed = self._state.read(forest, index)
        self.parts += [packed, *self._state.path(forest, index)]
        return packed

    def write(self, forest: Forest, index: int, packed: bytes) -> None:
        """See `Store.write`; the path of the read serves it."""
        self._state.write(forest, index, packed)

    def push(self, forest: Forest, packed: bytes) -> None:
        """See `Store.push`."""
        old, siblings = self._state.free_place(forest)
        self.parts += [old, *siblings] if _reused(self.header, forest) else siblings
        self._state.push(forest, packed)


def build(batch: LedgerBatch, state: Whole, position: int) -> bytes:
    """The witness of the step at `position`; `state` is the one before it, and then after it."""
    state.hash  # noqa: B018 - brings the header's roots up to date
    before = state.header.pack()
    recorder = Recorder(state)
    runs.step(recorder, batch, position)
    inside = position < batch.run.inbox
    said = (
        pack_inbox(batch.inbox[position])
        if inside
        else pack_entry(batch.entries[position - batch.run.inbox])
    )
    return b"".join((batch.run.pack(), before, said, *batch.path(position), *recorder.parts))


class Opened:
    """A state of which only the header is known, and what a witness opens of it.

    Raises:
        WitnessError: when the witness does not open what is read, or where a leaf is pushed.
    """

    def __init__(self, header: Header, reader: Reader) -> None:
        self.header = header
        self._reader = reader
        self._paths: dict[tuple[Forest, int], list[Hash]] = {}

    def read(self, forest: Forest, index: int) -> bytes:
        """See `Store.read`."""
        packed = self._reader.take(LEAF_BYTES[forest])
        path = self._reader.path(ceil_log2(places(self.header, forest)))
        if self._climb(forest, index, packed, path) != self.header.roots[forest]:
            raise WitnessError(f"leaf {index} is not in the tree of {forest.name.lower()}")
        self._paths[forest, index] = path
        return packed

    def write(self, forest: Forest, index: int, packed: bytes) -> None:
        """See `Store.write`."""
        path = self._paths[forest, index]
        # Of what was read before in this tree, the paths are no longer those of its root.
        self._paths = {key: kept for key, kept in self._paths.items() if key[0] != forest}
        root = self._climb(forest, index, packed, path)
        self.header = with_root(self.header, forest, root)

    def push(self, forest: Forest, packed: bytes) -> None:
        """See `Store.push`."""
        old = self._reader.hash() if _reused(self.header, forest) else ZERO_HASH
        place = place_of(self.header, forest, self.header.counts[forest])
        taken = places(self.header, forest)
        path = self._reader.path(ceil_log2(max(taken, place + 1)))
        new, root = leaf_of(forest, packed), self.header.roots[forest]
        pushed = pushed_root(root, taken, place, old, new, path)
        if pushed is None:
            raise WitnessError(f"the free place of {forest.name.lower()} is not opened")
        self.header = with_root(self.header, forest, pushed, 1)

    def _climb(self, forest: Forest, index: int, packed: bytes, path: list[Hash]) -> Hash:
        return climb(leaf_of(forest, packed), place_of(self.header, forest, index), path, NODE)


def step(program: Hash, position: int, pre: Hash, witness: bytes) -> Hash:
    """The state after the step at `position` of a claim's `program`, from the state `pre`.

    Raises:
        WitnessError: when the witness does not open `program` and `pre`, or has bytes left over;
            never for what they contain.
    """
    reader = Reader(witness)
    run = Run.unpack(reader.take(RUN_BYTES))
    if run.hash != program:
        raise WitnessError("the run is not the claim's program")
    if not 0 <= position < run.length:
        raise WitnessError("the run has no step at this position")
    packed = reader.take(HEADER_BYTES)
    if tagged(Tag.LEDGER_STATE, packed) != pre:
        raise WitnessError("the header is not the prestate's")
    store = Opened(Header.unpack(packed), reader)
    if position < run.inbox:
        entry = _inbox_entry(reader)
        _in_run(reader, entry.leaf, position, run.inbox, run.inbox_root)
        inbox_step(store, entry, run.post)
    else:
        said = _entry(reader)
        _in_run(reader, said.leaf, position - run.inbox, run.receipts, run.receipts_root)
        receipt_step(store, run.batch, run.posted, said.receipt, signer(said, run.separator))
    reader.end()
    return store.header.hash


def _reused(header: Header, forest: Forest) -> bool:
    """Whether the next leaf takes a place that was taken before."""
    return forest == Forest.RECORDS and header.counts[forest] >= 1 << header.ring


def _in_run(reader: Reader, leaf: Hash, index: int, count: int, root: Hash) -> None:
    if climb(leaf, index, reader.path(ceil_log2(count)), Tag.ENTRY_NODE) != root:
        raise WitnessError("what the step applies is not what stands at its position")


def _inbox_entry(reader: Reader) -> InboxEntry:
    entry = InboxEntry.unpack(reader.take(INBOX_BYTES))
    if entry.kind != InboxKind.FORCED:
        return entry
    try:
        return replace(entry, forced=reader.take(reader.number(_FORCED.size)))
    except ReceiptError:
        raise WitnessError("the forced receipt is not what the entry's x is of") from None


def _entry(reader: Reader) -> Placed:
    form = reader.number(1)
    size = packed_bytes(form)
    if size is None:
        raise WitnessError(f"no receipt has the form {form}")
    receipt = unpack_receipt(bytes([form]) + reader.take(size - 1))
    signature = Signature(reader.take(65))
    bundled = reader.number(1)
    if bundled > 1:
        raise WitnessError("a receipt is bundled (1) or not (0)")
    if not bundled:
        return Placed(receipt, signature)
    account, nonce, count, root, index = _BUNDLE.unpack(reader.take(_BUNDLE.size))
    place = Place(Bundle(account, nonce, count, root), index, ZERO_HASH, ())
    if place.in_range:
        found, siblings = reader.hash(), reader.path(ceil_log2(count))
        if climb(found, index, siblings, Tag.BUNDLE_NODE) != root:
            raise WitnessError("the leaf is not in the bundle")
        place = Place(place.bundle, index, found, tuple(siblings))
    return Placed(receipt, signature, place)
