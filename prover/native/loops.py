"""Loops in LLVM IR, as `with` blocks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

from prover.native.emit import LONG, Builder, Value


def long(number: int) -> Any:
    """A constant i64."""
    return ir.Constant(LONG, number)


@contextmanager
def counted(b: Builder, start: Value, stop: Value, step: Value = 1) -> Iterator[Value]:
    """A loop over start, start + step, ... while below `stop` (i64, signed; the step > 0 may be an
    int); gives the index.

    What it computes in registers must leave through memory; `folded` carries values along.
    """
    with folded(b, start, stop, step, []) as (index, _, _):
        yield index


@contextmanager
def folded(
    b: Builder, start: Value, stop: Value, step: Value, first: list[Value]
) -> Iterator[tuple[Value, list[Value], list[Value]]]:
    """A loop that carries values: gives (index, values now, values next).

    The block fills `values next`, a list, with what the next turn begins with. After the loop the
    list holds the last values.
    """
    before = b.block
    head = b.append_basic_block("loop")
    body = b.append_basic_block("body")
    after = b.append_basic_block("after")
    b.branch(head)
    b.position_at_end(head)
    index = b.phi(LONG)
    index.add_incoming(start, before)
    carried = [b.phi(value.type) for value in first]
    for phi, value in zip(carried, first, strict=True):
        phi.add_incoming(value, before)
    b.cbranch(b.icmp_signed("<", index, stop), body, after)
    b.position_at_end(body)
    following: list[Value] = []
    yield index, list(carried), following
    index.add_incoming(b.add(index, long(step) if isinstance(step, int) else step), b.block)
    for phi, value in zip(carried, following, strict=True):
        phi.add_incoming(value, b.block)
    b.branch(head)
    b.position_at_end(after)
    following[:] = carried
