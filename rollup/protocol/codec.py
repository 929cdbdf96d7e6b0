"""The bytes of a batch's data: entries to bytes and back.

L1 charges 40 gas a byte, so the format is columns over the whole batch, and says nothing twice.
Layout, all integers LEB128 varints (`z` marks zigzag, for differences that may be negative):

    version u8 = 2
    pool of hashes      count, then 32 bytes each: every distinct hash once, in order of first use
    pool of addresses   count, then 20 bytes each
    entries             count; for each: receipts of the bundle (0: a receipt alone), account,
                        z(nonce - expected): expected is what follows the account's last one in this
                        data, at first 0
    signatures          64 bytes an entry, r and s with v in the top bit of s
    forms               runs (length, kind * 4 + form) over all receipts; forms: 0 Work,
                        1 Statement, 2 Action
    slots               z(slot - the slot before) for each entry with Work
    the columns of Work: defender, program, params after, params, inputs, outputs, first step, steps
    the columns of Statement: subject, content
    the columns of Action: target, other, amount

A column of hashes is runs (length * 4 + mode): NEW takes the next hashes of the pool, REPEAT
(reference) one that was used before, SAME copies the params after of the same receipt and PREVIOUS
those of the Work before (params only): inference leaves params as they are, training goes on from
where the last receipt ended. A defender column is runs (length, reference). First steps are
z(difference to where the Work before ended), steps z(difference to the Work before), both as runs
(length, value). Targets are z(difference to the Action before); they, others and amounts are EQUAL
runs (length * 2, value) and LISTED ones (length * 2 + 1, so many values): records are settled in a
row, while payments have nothing in common.

`encode` is a function: the same entries give the same bytes. `decode` is total: entries, or
`CodecError` on anything else.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from operator import add, sub
from typing import Any, Final, cast

from rollup.errors import BundleError, CodecError, ReceiptError, SignatureError
from rollup.protocol.actions import Action
from rollup.protocol.columns import (
    HashPool,
    read_integers,
    read_runs,
    write_hashes,
    write_integers,
    write_runs,
)
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

VERSION: Final = 2
MAX_RECEIPTS: Final = 2**20
"""No data holds more: it bounds what a hostile run length can make a reader build."""

_WORK, _STATEMENT, _ACTION = range(3)
_FORMS: Final = {Work: _WORK, Statement: _STATEMENT, Action: _ACTION}


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
    actions = [receipt for receipt in receipts if isinstance(receipt, Action)]

    body = Writer()
    _write_entries(body, entries)
    for length, form in runs(r.kind * 4 + _FORMS[type(r)] for r in receipts):
        body.varint(length)
        body.varint(form)
    before = 0
    for entry in entries:
        slot = slot_of(entry)
        if slot is not None:
            body.varint(zigzag(slot - before))
            before = slot

    addresses: dict[Address, int] = {}
    pool: dict[Hash, int] = {}
    if work:
        _write_works(body, addresses, pool, work)
    write_hashes(body, pool, [s.subject for s in statements])
    write_hashes(body, pool, [s.content for s in statements])
    if actions:
        targets = [action.target for action in actions]
        write_integers(body, map(zigzag, map(sub, targets, [0, *targets])))
        write_integers(body, (action.other for action in actions))
        write_integers(body, (action.amount for action in actions))

    head = Writer()
    head.raw(bytes([VERSION]))
    head.varint(len(pool))
    for value in pool:
        head.raw(value)
    head.varint(len(addresses))
    for address in addresses:
        head.raw(address)
    return head.bytes() + body.bytes()


def _write_works(
    body: Writer, addresses: dict[Address, int], pool: dict[Hash, int], work: Sequence[Work]
) -> None:
    for length, defender in runs(w.defender for w in work):
        body.varint(length)
        body.varint(addresses.setdefault(defender, len(addresses)))
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

    forms, numbers = _read_forms(reader, total)
    slots = _read_slots(reader, heads, forms)
    pool = HashPool(reader, hashes)
    works = _read_works(reader, pool, addresses, numbers[_WORK])
    subjects = pool.column(numbers[_STATEMENT])
    statements = zip(subjects, pool.column(numbers[_STATEMENT]), strict=True)
    pool.close()
    actions = _read_actions(reader, numbers[_ACTION])
    reader.close()

    entries: list[Entry] = []
    place = 0
    for (size, account, nonce), signature, slot in zip(heads, signatures, slots, strict=True):
        receipts: list[Receipt] = []
        following: Any = range(nonce, nonce + (size or 1))
        for number in following:
            word = forms[place]
            place += 1
            form = word & 3
            if form == _STATEMENT:
                receipts.append(Statement(word >> 2, account, number, *next(statements)))
            elif form == _WORK:
                receipts.append(Work(word >> 2, account, number, slot, *next(works)))
            else:
                receipts.append(Action(word >> 2, account, number, *next(actions)))
        entries.append(_entry(size, receipts, signature))
    return tuple(entries)


def _read_forms(reader: Reader, total: int) -> tuple[list[int], list[int]]:
    """Kind and form of each receipt as one number, and how many receipts of each form there are."""
    forms: list[int] = []
    numbers = [0, 0, 0, 0]
    while len(forms) < total:
        length, word = reader.run_length(total - len(forms)), reader.varint()
        forms += [word] * length
        numbers[word & 3] += length
    if numbers[3]:
        raise CodecError("data holds a receipt of no known form")
    return forms, numbers


def _read_works(
    reader: Reader, pool: HashPool, addresses: Sequence[Address], number: int
) -> Iterator[Any]:
    """The arguments of so many `Work`, from its defender on."""
    if not number:
        return iter(())
    defenders = [_pick(addresses, index) for index in read_runs(reader, number, reader.varint)]
    programs = pool.column(number)
    after = pool.column(number)
    params = pool.column(number, same=after)
    inputs = pool.column(number)
    outputs = pool.column(number)
    jumps = read_runs(reader, number, reader.signed)
    steps = list(accumulate(read_runs(reader, number, reader.signed)))
    # A first step is as far behind the last one as that one's steps and the jump.
    firsts = accumulate(map(add, jumps, [0, *steps]))
    return zip(defenders, programs, firsts, steps, params, inputs, after, outputs, strict=True)


def _read_actions(reader: Reader, number: int) -> Iterator[tuple[int, int, int]]:
    """The arguments of so many `Action`, from its target on."""
    if not number:
        return iter(())
    targets = accumulate(map(unzigzag, read_integers(reader, number)))
    others = read_integers(reader, number)
    return zip(targets, others, read_integers(reader, number), strict=True)


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
        if any(form & 3 == _WORK for form in forms[place:end]):
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
