"""A plan as text, for people."""

from collections.abc import Mapping, Sequence
from typing import Final

from prover.execute import row_name
from prover.plan.nest import Buffer, Clear, Matmul, Nest, Plan, Stage, Store, addresses
from prover.program import Program
from prover.row import RegisterId, Segment, index_of, segment_of

_SHORT: Final = {
    Segment.PARAMS: "p",
    Segment.INPUTS: "i",
    Segment.OUTPUTS: "o",
    Segment.SCRATCH: "s",
}


def register_name(register: RegisterId, names: Mapping[RegisterId, str] | None = None) -> str:
    """What a register is called; p0, i1, o2, s3 where it has no name."""
    known = (names or {}).get(register)
    return known or f"{_SHORT[segment_of(register)]}{index_of(register)}"


def buffer_name(buffer: Buffer, names: Mapping[RegisterId, str] | None = None) -> str:
    """A register's name, @128 for the arena."""
    return f"@{buffer.arena}" if buffer.register is None else register_name(buffer.register, names)


def shape(stage: Stage) -> str:
    """What a stage walks over."""
    if isinstance(stage, Matmul):
        *stack, m, n, k = stage.sizes
        many = "x".join(str(size) for size in stack if size > 1)
        return f"{f'{many} x ' if many else ''}[{m}x{k}] @ [{k}x{n}]"
    if isinstance(stage, Clear):
        return f"{stage.buffer.length}"
    return "x".join(map(str, (*stage.outer, stage.inner)))


def memory(stage: Stage) -> tuple[Sequence[Buffer], Sequence[Buffer]]:
    """What a stage reads and what it writes, each once."""
    if isinstance(stage, Matmul):
        return (stage.x.buffer, stage.y.buffer), (stage.out.buffer,)
    if isinstance(stage, Clear):
        return (), (stage.buffer,)
    reads: dict[Buffer, None] = {}
    writes: dict[Buffer, None] = {}
    for instruction in stage.body:
        for address in addresses(instruction):
            (writes if isinstance(instruction, Store) else reads)[address.buffer] = None
    return tuple(reads), tuple(writes)


def kind(stage: Stage) -> str:
    """nest, matmul or clear."""
    return type(stage).__name__.lower()


def title(program: Program, stage: Stage) -> str:
    """What a stage computes: its first and last rows' names."""
    names = [row_name(program, row) for row in stage.rows]
    return names[0] if len(names) == 1 else f"{names[0]} .. {names[-1]}"


def lives(plan: Plan) -> list[tuple[Buffer, int, int]]:
    """Of each place in the arena, the stages that write it first and touch it last."""
    found: list[tuple[Buffer, int, int]] = []
    open_: dict[Buffer, tuple[int, int]] = {}
    for number, stage in enumerate(plan.stages):
        reads, writes = memory(stage)
        for buffer in writes:
            if buffer.register is None:
                if buffer in open_ and buffer not in reads:
                    found.append((buffer, *open_.pop(buffer)))
                open_.setdefault(buffer, (number, number))
        for buffer in (*reads, *writes):
            if buffer in open_:
                open_[buffer] = (open_[buffer][0], number)
    found += [(buffer, *span) for buffer, span in open_.items()]
    return sorted(found, key=lambda one: one[1:])


HEADER: Final = ("stage", "kind", "shape", "rows", "ops", "reads", "writes", "computes")


def stages(
    program: Program, plan: Plan, names: Mapping[RegisterId, str] | None = None
) -> list[tuple[str, ...]]:
    """A line a stage, under `HEADER`."""
    lines: list[tuple[str, ...]] = []
    for number, stage in enumerate(plan.stages):
        reads, writes = (
            " ".join(buffer_name(buffer, names) for buffer in buffers) or "-"
            for buffers in memory(stage)
        )
        ops = len(stage.body) if isinstance(stage, Nest) else 1
        rows, what = str(len(stage.rows)), title(program, stage)
        lines.append((str(number), kind(stage), shape(stage), rows, str(ops), reads, writes, what))
    return lines
