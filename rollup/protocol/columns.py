"""Columns of batch data: runs of integers, and hashes that are said once (see `codec`)."""

from collections.abc import Callable, Iterable, Sequence

from rollup.errors import CodecError
from rollup.protocol.types import Hash
from rollup.protocol.wire import Reader, Writer, runs, zigzag

_NEW, _REPEAT, _SAME, _PREVIOUS = range(4)


def write_runs(body: Writer, values: Iterable[int]) -> None:
    """(length, zigzag value) of each longest run."""
    for length, value in runs(values):
        body.varint(length)
        body.varint(zigzag(value))


_LISTED = 3
"""A run of equal integers that is no longer than this is cheaper inside a list of them."""


def write_integers(body: Writer, values: Iterable[int]) -> None:
    """EQUAL (length * 2, value) for a long run, LISTED (length * 2 + 1, values) for all between."""
    listed: list[int] = []
    for length, value in runs(values):
        if length <= _LISTED:
            listed += [value] * length
            continue
        _write_list(body, listed)
        listed = []
        body.varint(length * 2)
        body.varint(value)
    _write_list(body, listed)


def _write_list(body: Writer, listed: Sequence[int]) -> None:
    if listed:
        body.varint(len(listed) * 2 + 1)
    for value in listed:
        body.varint(value)


def write_hashes(
    body: Writer, pool: dict[Hash, int], column: Sequence[Hash], same: Sequence[Hash] | None = None
) -> None:
    """A column as the longest run at each place, SAME before PREVIOUS before REPEAT before NEW."""
    at, count = 0, len(column)
    while at < count:
        value, start = column[at], at
        if same is not None and value == same[at]:
            while at < count and column[at] == same[at]:
                at += 1
            body.varint((at - start) * 4 + _SAME)
        elif same is not None and at > 0 and value == same[at - 1]:
            while at < count and column[at] == same[at - 1]:
                at += 1
            body.varint((at - start) * 4 + _PREVIOUS)
        elif value in pool:
            while at < count and column[at] == value:
                at += 1
            body.varint((at - start) * 4 + _REPEAT)
            body.varint(pool[value])
        else:
            while at < count and column[at] not in pool:
                pool[column[at]] = len(pool)
                at += 1
            body.varint((at - start) * 4 + _NEW)


def read_runs(reader: Reader, count: int, value: Callable[[], int]) -> list[int]:
    """`count` integers in runs of (length, what `value` reads).

    Raises:
        CodecError: when a run is empty or longer than what is left.
    """
    values: list[int] = []
    while len(values) < count:
        length = reader.run_length(count - len(values))
        values += [value()] * length
    return values


def read_integers(reader: Reader, count: int) -> list[int]:
    """`count` integers as `write_integers` wrote them.

    Raises:
        CodecError: when a run is empty or longer than what is left.
    """
    values: list[int] = []
    while len(values) < count:
        word = reader.varint()
        length = word >> 1
        if not 0 < length <= count - len(values):
            raise CodecError(f"a run of {length} integers where {count - len(values)} are left")
        if word & 1:
            values += [reader.varint() for _ in range(length)]
        else:
            values += [reader.varint()] * length
    return values


class HashPool:
    """The pool of hashes while its columns are read."""

    def __init__(self, reader: Reader, hashes: Sequence[Hash]) -> None:
        self._reader = reader
        self._hashes = hashes
        self._used = 0

    def column(self, count: int, same: Sequence[Hash] | None = None) -> list[Hash]:
        """The next column, of `count` hashes; `same` is what SAME and PREVIOUS copy from."""
        values: list[Hash] = []
        while len(values) < count:
            word, at = self._reader.varint(), len(values)
            length, mode = word >> 2, word & 3
            if not 0 < length <= count - at:
                raise CodecError(f"a run of {length} in a column that lacks {count - at}")
            if mode == _NEW:
                if self._used + length > len(self._hashes):
                    raise CodecError("data uses more hashes than its pool holds")
                values += self._hashes[self._used : self._used + length]
                self._used += length
            elif mode == _REPEAT:
                index = self._reader.varint()
                if index >= self._used:
                    raise CodecError(f"data repeats hash {index} before its first use")
                values += [self._hashes[index]] * length
            elif same is None or (mode == _PREVIOUS and at == 0):
                raise CodecError("a run that copies from where nothing is")
            else:
                start = at if mode == _SAME else at - 1
                values += same[start : start + length]
        return values

    def close(self) -> None:
        """Raises CodecError when a hash of the pool was never used."""
        if self._used != len(self._hashes):
            raise CodecError("the pool holds hashes that no receipt uses")
