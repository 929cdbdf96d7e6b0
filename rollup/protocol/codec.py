"""The bytes of a batch's data: entries to bytes and back.

L1 charges 40 gas a byte, so the format is columns over the whole batch, and says nothing twice.
Layout, all integers LEB128 varints (`z` marks zigzag, for differences that may be negative):

    version u8 = 1
    pool of hashes      count, then 32 bytes each: every distinct hash once, in order of first use
    pool of addresses   count, then 20 bytes each
    entries             count; for each: receipts of the bundle (0: a receipt alone), account,
                        z(nonce - expected): expected is what follows the account's last one in this
                        data, at first 0
    signatures          64 bytes an entry, r and s with v in the top bit of s
    forms               runs (length, kind * 2 + is statement) over all receipts
    slots               z(slot - the slot before) for each entry with Work
    the columns of Work: defender, program, params after, params, inputs, outputs, first step, steps
    the columns of Statement: subject, content

A column of hashes is runs (length * 4 + mode): NEW takes the next hashes of the pool, REPEAT
(reference) one that was used before, SAME copies the params after of the same receipt and PREVIOUS
those of the Work before (params only): inference leaves params as they are, training goes on from
where the last receipt ended. A defender column is runs (length, reference). First steps are
z(difference to where the Work before ended), steps z(difference to the Work before), both as runs
(length, value).

`encode` is a function: the same entries give the same bytes. `decode` is total: entries, or
`CodecError` on anything else.
"""

from collections.abc import Sequence
from typing import Final, cast

from rollup.errors import BundleError, CodecError, ReceiptError, SignatureError
from rollup.protocol.columns import HashPool, read_runs, write_hashes, write_runs
from rollup.protocol.eip712 import Signature, compact, expand
from rollup.protocol.entries import (
    Entry,
    SignedBundle,
    SignedReceipt,
    account_of,
    nonce_of,
    slot_of,
)
from rollup.protocol.receipts import Receipt, Statement, Work
from rollup.protocol.types import AccountIndex, Address, Hash, Nonce, SlotIndex
from rollup.protocol.wire import Reader, Writer, runs, unzigzag, zigzag

VERSION: Final = 1
MAX_RECEIPTS: Final = 2**20
"""No data holds more: it bounds what a hostile run length can make a reader build."""


# ---- encoding


def encode(entries: Sequence[Entry]) -> bytes:
    """The data of a batch that holds `entries` in this order.

    Raises:
        CodecError: when a signature has no compact form, or there are more than `MAX_RECEIPTS`
            receipts.
    """
    receipts = [receipt for entry in entries for receipt in entry.receipts]
    if len(receipts) > MAX_RECEIPTS:
        raise CodecError(f"data holds at most {MAX_RECEIPTS} receipts, not {len(receipts)}")
    work = [receipt for receipt in receipts if isinstance(receipt, Work)]
    statements = [receipt for receipt in receipts if isinstance(receipt, Statement)]

    body = Writer()
    _write_entries(body, entries)
    for length, form in runs(r.kind * 2 + isinstance(r, Statement) for r in receipts):
        body.varint(length)
        body.varint(form)
    before = 0
    for entry in entries:
        slot = slot_of(entry)
        if slot is not None:
            body.varint(zigzag(slot - before))
            before = slot

    addresses: dict[Address, int] = {}
    for length, defender in runs(w.defender for w in work):
        body.varint(length)
        body.varint(addresses.setdefault(defender, len(addresses)))
    pool: dict[Hash, int] = {}
    after = [w.params_after for w in work]
    write_hashes(body, pool, [w.program for w in work])
    write_hashes(body, pool, after)
    write_hashes(body, pool, [w.params for w in work], same=after)
    write_hashes(body, pool, [w.inputs for w in work])
    write_hashes(body, pool, [w.outputs for w in work])
    ends = [0, *(w.first_step + w.steps for w in work)]
    write_runs(body, (w.first_step - end for w, end in zip(work, ends, strict=False)))
    counts = [0, *(w.steps for w in work)]
    write_runs(body, (w.steps - count for w, count in zip(work, counts, strict=False)))
    write_hashes(body, pool, [s.subject for s in statements])
    write_hashes(body, pool, [s.content for s in statements])

    head = Writer()
    head.raw(bytes([VERSION]))
    head.varint(len(pool))
    for value in pool:
        head.raw(value)
    head.varint(len(addresses))
    for address in addresses:
        head.raw(address)
    return head.bytes() + body.bytes()


def _write_entries(body: Writer, entries: Sequence[Entry]) -> None:
    body.varint(len(entries))
    expected: dict[AccountIndex, int] = {}
    for entry in entries:
        account, nonce = account_of(entry), nonce_of(entry)
        body.varint(len(entry.receipts) if isinstance(entry, SignedBundle) else 0)
        body.varint(account)
        body.varint(zigzag(nonce - expected.get(account, 0)))
        expected[account] = nonce + len(entry.receipts)
    for entry in entries:
        try:
            body.raw(compact(entry.signature))
        except SignatureError as error:
            raise CodecError(f"the entry {entry.id.hex()} has no place in data: {error}") from None


# ---- decoding


def decode(data: bytes, limit: int = MAX_RECEIPTS) -> tuple[Entry, ...]:
    """The entries that `data` holds, at most `limit` receipts.

    Raises:
        CodecError: on anything that is not the whole of such data.
    """
    try:
        return _decode(Reader(data), min(limit, MAX_RECEIPTS))
    except (ReceiptError, BundleError, SignatureError) as error:
        raise CodecError(str(error)) from None


def _decode(reader: Reader, limit: int) -> tuple[Entry, ...]:
    version = reader.raw(1)[0]
    if version != VERSION:
        raise CodecError(f"data of version {version}; this program reads version {VERSION}")
    hashes = [cast(Hash, value) for value in reader.table(32)]
    addresses = [cast(Address, value) for value in reader.table(20)]

    heads: list[tuple[int, AccountIndex, Nonce]] = []
    expected: dict[AccountIndex, int] = {}
    total = 0
    for _ in range(reader.count(limit, "entries")):
        size, account = reader.varint(), AccountIndex(reader.varint())
        nonce = expected.get(account, 0) + unzigzag(reader.varint())
        total += size or 1
        if total > limit:
            raise CodecError(f"data holds more than {limit} receipts")
        expected[account] = nonce + (size or 1)
        heads.append((size, account, Nonce(nonce)))
    signatures = [expand(reader.raw(64)) for _ in heads]

    forms = read_runs(reader, total, reader.varint)
    work_count = sum(1 for form in forms if not form & 1)
    slots = _read_slots(reader, heads, forms)

    defenders = [_pick(addresses, index) for index in read_runs(reader, work_count, reader.varint)]
    pool = HashPool(reader, hashes)
    programs = pool.column(work_count)
    after = pool.column(work_count)
    params = pool.column(work_count, same=after)
    inputs = pool.column(work_count)
    outputs = pool.column(work_count)
    first_jumps = read_runs(reader, work_count, reader.signed)
    step_jumps = read_runs(reader, work_count, reader.signed)
    subjects = pool.column(total - work_count)
    contents = pool.column(total - work_count)
    pool.close()
    reader.close()

    entries: list[Entry] = []
    place = at_work = at_statement = first = steps = 0
    for (size, account, nonce), signature, slot in zip(heads, signatures, slots, strict=True):
        receipts: list[Receipt] = []
        for offset in range(size or 1):
            kind, is_statement = forms[place] >> 1, forms[place] & 1
            place += 1
            if is_statement:
                receipts.append(
                    Statement(
                        kind,
                        account,
                        Nonce(nonce + offset),
                        subjects[at_statement],
                        contents[at_statement],
                    )
                )
                at_statement += 1
                continue
            first += steps + first_jumps[at_work]
            steps += step_jumps[at_work]
            receipts.append(
                Work(
                    kind,
                    account,
                    Nonce(nonce + offset),
                    slot,
                    defenders[at_work],
                    programs[at_work],
                    first,
                    steps,
                    params[at_work],
                    inputs[at_work],
                    after[at_work],
                    outputs[at_work],
                )
            )
            at_work += 1
        entries.append(_entry(size, receipts, signature))
    return tuple(entries)


def _entry(size: int, receipts: Sequence[Receipt], signature: Signature) -> Entry:
    if size == 0:
        return SignedReceipt(receipts[0], signature)
    return SignedBundle(tuple(receipts), signature)


def _read_slots(
    reader: Reader, heads: Sequence[tuple[int, AccountIndex, Nonce]], forms: Sequence[int]
) -> list[SlotIndex]:
    """A slot for each entry; 0 where the entry has no Work and so needs none."""
    slots: list[SlotIndex] = []
    before = place = 0
    for size, _, _ in heads:
        end = place + (size or 1)
        if any(not form & 1 for form in forms[place:end]):
            before += unzigzag(reader.varint())
            slots.append(SlotIndex(before))
        else:
            slots.append(SlotIndex(0))
        place = end
    return slots


def _pick(addresses: Sequence[Address], index: int) -> Address:
    if index >= len(addresses):
        raise CodecError(f"data refers to address {index} of {len(addresses)}")
    return addresses[index]
