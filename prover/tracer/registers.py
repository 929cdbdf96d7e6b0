"""From lines over buffers to rows over registers.

Scratch is reused: a register is free again after the last row that reads its buffer, and taken by
the next buffer, one of the same length if there is one. A row may even write where it reads, if it
reads each element exactly where it writes it, and nothing of that buffer is needed later.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from math import prod

from prover.commit.merkle import ceil_log2
from prover.ops import Opcode
from prover.row import MAX_DEPTH, RegisterId, Row, Segment, register_id
from prover.tracer.layout import Buffer, Line, Read, row_major
from prover.tracer.symbols import TraceError


def allocate(lines: Sequence[Line]) -> tuple[list[Row], int]:
    """The rows, and the depth of scratch that they need.

    Raises:
        TraceError: when they need more registers than a segment has.
    """
    last: dict[int, int] = {}
    for place, line in enumerate(lines):
        for buffer in (line.out, *(one.buffer for one in line.reads)):
            last[id(buffer)] = place
    scratch = _Scratch()
    rows = []
    for place, line in enumerate(lines):
        operands = tuple(
            replace(one.operand, register=scratch.register(one.buffer))
            if one.buffer
            else one.operand
            for one in line.reads
        )
        ending = [
            one
            for one in line.reads
            if one.buffer and one.buffer.register is None and last[id(one.buffer)] == place
        ]
        for one in ending:
            if _in_place(line, one):
                scratch.release(one.buffer)
        out = scratch.register(line.out)
        for one in ending:
            scratch.release(one.buffer)
        if last[id(line.out)] == place:
            scratch.release(line.out)
        rows.append(
            Row(
                line.opcode,
                out,
                line.out.length,
                line.dims,
                line.fold,
                operands,
                line.out_offset,
                line.out_modulus,
                line.out_stride,
            )
        )
    depth = ceil_log2(scratch.count)
    if depth > MAX_DEPTH:
        raise TraceError(f"{scratch.count} scratch registers do not fit; trace fewer ops a step")
    return rows, depth


class _Scratch:
    """Scratch registers in use and free."""

    def __init__(self) -> None:
        self.count = 0
        self._taken: dict[int, RegisterId] = {}
        self._free: defaultdict[int, list[RegisterId]] = defaultdict(list)

    def register(self, buffer: Buffer) -> RegisterId:
        """The register of a buffer."""
        if buffer.register is not None:
            return buffer.register
        known = self._taken.get(id(buffer))
        if known is None:
            known = self._taken[id(buffer)] = self._found(buffer.length)
        return known

    def _found(self, length: int) -> RegisterId:
        """A free register of this length, else of any other, else a new one."""
        if not self._free[length]:
            length = next((other for other, free in self._free.items() if free), length)
        if self._free[length]:
            return self._free[length].pop()
        self.count += 1
        return register_id(Segment.SCRATCH, self.count - 1)

    def release(self, buffer: Buffer | None) -> None:
        """Nothing reads the buffer any more."""
        register = self._taken.pop(id(buffer), None)
        if buffer and register is not None:
            self._free[buffer.length].append(register)


def _in_place(line: Line, one: Read) -> bool:
    """Whether a line reads an ending buffer only where it writes."""
    same = [other for other in line.reads if other.buffer is one.buffer]
    moves = row_major(line.dims)
    return (
        line.opcode != Opcode.GATHER
        and line.fold == 1
        and not line.out_modulus
        and line.out_offset == 0
        and line.out.register is None
        and one.buffer is not None
        and one.buffer.length == line.out.length == prod(line.dims)
        and all(
            not other.operand.step_modulus
            and other.operand.offset == 0
            and all(
                stride == move
                for stride, move, size in zip(other.operand.strides, moves, line.dims, strict=True)
                if size > 1
            )
            for other in same
        )
    )
