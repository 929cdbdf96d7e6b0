"""Bytes in and out: LEB128 varints, tables and runs, and a reader with one error alone."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rollup.errors import CodecError

T = TypeVar("T")

_MAX_VARINT_BITS = 70
"""Ten groups of seven bits: enough for a zigzag difference of two u64."""


def zigzag(value: int) -> int:
    """0, -1, 1, -2, 2 ... as 0, 1, 2, 3, 4 ..."""
    return value * 2 if value >= 0 else -value * 2 - 1


def unzigzag(value: int) -> int:
    """The inverse of `zigzag`."""
    return -(value + 1 >> 1) if value & 1 else value >> 1


def runs(values: Iterable[T]) -> Iterator[tuple[int, T]]:
    """(length, value) of each longest run of equal values."""
    iterator = iter(values)
    try:
        current = next(iterator)
    except StopIteration:
        return
    length = 1
    for value in iterator:
        if value == current:
            length += 1
        else:
            yield length, current
            current, length = value, 1
    yield length, current


class Writer:
    """Collects bytes."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def raw(self, data: bytes) -> None:
        """`data` as it is."""
        self._bytes += data

    def varint(self, value: int) -> None:
        """An unsigned integer, seven bits a byte, lowest first."""
        while value > 0x7F:
            self._bytes.append(value & 0x7F | 0x80)
            value >>= 7
        self._bytes.append(value)

    def bytes(self) -> bytes:
        """What was written."""
        return bytes(self._bytes)


class Reader:
    """Reads `data` from its start to its end.

    Raises:
        CodecError: from every method, when the data is not what is asked for.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def raw(self, size: int) -> bytes:
        """The next `size` bytes."""
        end = self._at + size
        if end > len(self._data):
            raise CodecError("data ends too early")
        part = self._data[self._at : end]
        self._at = end
        return part

    def varint(self) -> int:
        """The next unsigned integer; only its shortest form is taken."""
        value = shift = 0
        data, at, end = self._data, self._at, len(self._data)
        while at < end:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if byte == 0 and shift:
                    raise CodecError("an integer is not in its shortest form")
                self._at = at
                return value
            shift += 7
            if shift >= _MAX_VARINT_BITS:
                raise CodecError("an integer is too long")
        raise CodecError("data ends inside an integer")

    def signed(self) -> int:
        """The next zigzag integer."""
        return unzigzag(self.varint())

    def count(self, limit: int, what: str) -> int:
        """The next integer, at most `limit`."""
        value = self.varint()
        if value > limit:
            raise CodecError(f"data claims {value} {what}; at most {limit} are taken")
        return value

    def run_length(self, limit: int) -> int:
        """The next integer, from 1 to `limit`."""
        value = self.varint()
        if not 0 < value <= limit:
            raise CodecError(f"a run of {value} where 1 to {limit} values are left")
        return value

    def table(self, width: int) -> list[bytes]:
        """A count and so many values of `width` bytes."""
        size = self.varint()
        block = self.raw(size * width)
        return [block[i : i + width] for i in range(0, len(block), width)]

    def close(self) -> None:
        """That nothing is left."""
        if self._at != len(self._data):
            raise CodecError(f"{len(self._data) - self._at} bytes are left over")
