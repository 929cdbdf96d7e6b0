"""keccak256 of many messages at once, as LLVM IR: one message in each lane of a vector.

A state is 25 vectors, one a word of keccak-f[1600], and every instruction works on all lanes. The
lanes are as many 64-bit words as a vector register holds. Rows of bytes become vectors of words by
a transposition in registers; where messages run out, the last one fills the lanes that are left,
so nothing outside of the arrays is touched and there is no second path.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from llvmlite import ir

from prover.commit.permutation import STATE_WORDS, broadcast, permute, round_constants, shuffle
from prover.native.emit import LONG, WORD, Builder, Value, splat
from prover.native.isa import isa
from prover.native.loops import counted, folded, long
from prover.native.module import Library, load_known

RATE_WORDS: Final = 17
"""Words of a block: keccak256 absorbs 136 bytes a permutation."""
_DIGEST_WORDS: Final = 4
_AHEAD: Final = 8
"""Turns of the loop between asking for a message's bytes and reading them."""
_LINE_BYTES: Final = 64
_PAIR_BYTES: Final = 64
_BYTE: Final = ir.IntType(8)
_HASH: Final = ir.VectorType(LONG, 4)
_U64: Final = ctypes.c_uint64
_ADDRESS: Final = ctypes.c_void_p

Hasher = Callable[[int, int, int, int], None]
"""(tag, address of the messages, address of the digests, how many)."""

Climber = Callable[[int, int, int, int, int], None]
"""(tag, address of the nodes, how many, levels, address of the absent subtrees' hashes)."""


@cache
def hasher(length: int) -> Hasher:
    """A function that hashes messages of `length` >= 1 bytes, which lie one after the other, each
    after a tag's byte. It holds no GIL.

    Digests may overwrite the messages, from the same address on, when they are no longer.
    """
    kind = ctypes.CFUNCTYPE(None, _U64, _ADDRESS, _ADDRESS, _U64)
    return kind(_library(length).address("keccak"))


@cache
def climber() -> Climber:
    """A function that replaces n >= 1 nodes by those so many levels above them, in place. Where a
    level has an odd node, the absent subtree of that height is its sibling; so there must be room
    for a node more. It holds no GIL.
    """
    kind = ctypes.CFUNCTYPE(None, _U64, _ADDRESS, _U64, _U64, _ADDRESS)
    return kind(_library(_PAIR_BYTES).address("climb"))


def _library(length: int) -> Library:
    lanes = isa().vector_bytes // 8
    names = ["keccak", "climb"] if length == _PAIR_BYTES else ["keccak"]
    return load_known(f"keccak/{length}/{lanes}", names, lambda: generate(length, lanes))


def generate(length: int, lanes: int) -> ir.Module:
    """The module of `hasher`, and for pairs of `climber`, for a number of lanes, a power of two."""
    module = ir.Module(f"keccak_{length}_{lanes}")
    keccak = _keccak(module, length, lanes)
    if length == _PAIR_BYTES:
        _climb(module, keccak)
    return module


def _climb(module: ir.Module, keccak: Any) -> None:
    pointer = ir.PointerType()
    kind = ir.FunctionType(ir.VoidType(), [LONG, pointer, LONG, LONG, pointer])
    function = ir.Function(module, kind, "climb")
    tag, nodes, count, height, absents = function.args
    b = ir.IRBuilder(function.append_basic_block())
    with folded(b, long(0), height, 1, [count]) as (level, (present,), following):
        with b.if_then(b.trunc(present, ir.IntType(1))):
            absent = b.gep(absents, [b.mul(level, long(32))], source_etype=_BYTE)
            end = b.gep(nodes, [b.mul(present, long(32))], source_etype=_BYTE)
            b.store(b.load(absent, typ=_HASH, align=1), end, align=1)
        pairs = b.lshr(b.add(present, long(1)), long(1))
        b.call(keccak, [tag, nodes, nodes, pairs])
        following.append(pairs)
    b.ret_void()


def _keccak(module: ir.Module, length: int, lanes: int) -> Any:
    kind = ir.FunctionType(ir.VoidType(), [LONG, ir.PointerType(), ir.PointerType(), LONG])
    function = ir.Function(module, kind, "keccak")
    constants = round_constants(module)
    b = ir.IRBuilder(function.append_basic_block())
    tag, messages, digests, count = function.args
    tags = broadcast(b, tag, lanes)
    last = b.sub(count, long(1))
    with counted(b, long(0), count, lanes) as first:
        places = []
        for lane in range(lanes):
            place = b.add(first, long(lane))
            places.append(b.select(b.icmp_signed("<", place, last), place, last))
        rows = [b.gep(messages, [b.mul(p, long(length))], source_etype=_BYTE) for p in places]
        _prefetch(b, messages, first, length, lanes)
        words = _preimage(b, _Message(b, rows, length), tags, length)
        state = [splat(tags, 0)] * STATE_WORDS
        for start in range(0, len(words), RATE_WORDS):
            block = words[start : start + RATE_WORDS]
            state[:RATE_WORDS] = [
                word() if start == 0 else b.xor(old, word())
                for old, word in zip(state[:RATE_WORDS], block, strict=True)
            ]
            state = permute(b, state, constants)
        outs = [b.gep(digests, [b.mul(p, long(32))], source_etype=_BYTE) for p in places]
        _write(b, state[:_DIGEST_WORDS], outs)
    b.ret_void()
    return function


def _prefetch(b: Builder, messages: Value, first: Value, length: int, lanes: int) -> None:
    """Ask for what is read some turns later; past the end that does nothing."""
    name = "llvm.prefetch.p0"
    function = b.module.globals.get(name)
    if function is None:
        kind = ir.FunctionType(ir.VoidType(), [ir.PointerType(), WORD, WORD, WORD])
        function = ir.Function(b.module, kind, name)
    start = b.mul(b.add(first, long(_AHEAD * lanes)), long(length))
    for offset in range(0, lanes * length, _LINE_BYTES):
        place = b.gep(messages, [b.add(start, long(offset))], source_etype=_BYTE)
        b.call(function, [place, *(ir.Constant(WORD, number) for number in (0, 3, 1))])


def _transpose(b: Builder, rows: list[Value]) -> list[Value]:
    """Swaps what the number of a row and the place in it say, in their low bits: rows are 2^n and
    at least as wide. Of as many rows as lanes it is the transposed matrix.
    """
    lanes, step = rows[0].type.count, 1
    while step < len(rows):
        swapped = list(rows)
        for low in range(len(rows)):
            if low & step:
                continue
            pair = rows[low], rows[low | step]
            swapped[low] = shuffle(
                b, *pair, [lanes + (p ^ step) if p & step else p for p in range(lanes)]
            )
            swapped[low | step] = shuffle(
                b, *pair, [lanes + p if p & step else p | step for p in range(lanes)]
            )
        rows = swapped
        step *= 2
    return rows


class _Message:
    """The words of one message a lane, read when they are asked for."""

    def __init__(self, b: Builder, rows: list[Value], length: int) -> None:
        self._b = b
        self._rows = rows
        self._length = length
        self._read: dict[int, Value] = {}

    def word(self, index: int) -> Value:
        """Word `index` of each message; a last one that is short ends in zeros."""
        if index not in self._read:
            if 8 * index + 8 > self._length:
                self._read[index] = self._short(index)
            else:
                self._several(index - index % len(self._rows))
        return self._read[index]

    def _several(self, start: int) -> None:
        b, lanes = self._b, len(self._rows)
        whole = min(self._length // 8 - start, lanes)
        rows = []
        for row in self._rows:
            place = b.gep(row, [long(8 * start)], source_etype=_BYTE)
            read = b.load(place, typ=ir.VectorType(LONG, whole), align=1)
            if whole < lanes:
                read = shuffle(b, read, read, [*range(whole), *[0] * (lanes - whole)])
            rows.append(read)
        for ahead, words in enumerate(_transpose(b, rows)[:whole]):
            self._read[start + ahead] = words

    def _short(self, index: int) -> Value:
        b = self._b
        words: Value = ir.Constant(ir.VectorType(LONG, len(self._rows)), ir.Undefined)
        for lane, row in enumerate(self._rows):
            word: Value = long(0)
            for place in range(8 * index, self._length):
                byte = b.load(b.gep(row, [long(place)], source_etype=_BYTE), typ=_BYTE)
                word = b.or_(word, b.shl(b.zext(byte, LONG), long(8 * (place - 8 * index))))
            words = b.insert_element(words, word, ir.Constant(WORD, lane))
        return words


def _preimage(b: Builder, message: _Message, tags: Value, length: int) -> list[Callable[[], Value]]:
    """The words of all blocks, made when they are called: tag, message, keccak's padding."""
    present = -(-length // 8)
    size = RATE_WORDS * ((length + 1) // (8 * RATE_WORDS) + 1)
    end = length + 1  # the byte after the tag and the message

    def word(index: int) -> Value:
        padding = 1 << 8 * (end % 8) if index == end // 8 else 0
        padding |= 1 << 63 if index == size - 1 else 0
        value = splat(tags, padding)
        if 0 < index <= present:
            value = b.or_(value, b.lshr(message.word(index - 1), splat(tags, 56)))
        if index < present:
            value = b.or_(value, b.shl(message.word(index), splat(tags, 8)))
        return value if index else b.or_(value, tags)

    return [lambda index=index: word(index) for index in range(size)]  # type: ignore[misc]


def _write(b: Builder, words: list[Value], outs: list[Value]) -> None:
    """Four words of each lane to its digest."""
    lanes = len(outs)
    width = min(lanes, len(words))
    for start in range(0, len(words), width):
        rows = _transpose(b, words[start : start + width])
        for lane, out in enumerate(outs):
            first = lane - lane % width
            row = rows[lane % width]
            digest = shuffle(b, row, row, list(range(first, first + width)))
            b.store(digest, b.gep(out, [long(8 * start)], source_etype=_BYTE), align=1)
