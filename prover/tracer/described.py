"""What a program's registers are called, as JSON beside the program: for people, not committed.

    {"version": 1,
     "params": [{"name": "w1", "shape": [64, 64], "dtype": "float32"}, ...],
     "inputs": [...], "outputs": [...]}

The arrays of a segment are in the order of their registers. Nobody commits to the file, so it is
taken only where its lengths are those that the program's rows expect.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from prover.files.convert import MOST_AXES
from prover.ops import OPS
from prover.program import Program
from prover.row import Kind, RegisterId, Segment, register_id, segment_of
from prover.tracer.build import Traced
from prover.tracer.fields import Field, Layout
from prover.tracer.symbols import DType

_VERSION: Final = 1
_BOUND: Final = 1 << 32
_SEGMENTS: Final = (
    ("params", Segment.PARAMS),
    ("inputs", Segment.INPUTS),
    ("outputs", Segment.OUTPUTS),
)


@dataclass(frozen=True)
class Layouts:
    """The arrays of params, inputs and outputs."""

    params: Layout
    inputs: Layout
    outputs: Layout

    def __iter__(self) -> Iterator[tuple[str, Layout]]:
        """Each segment's name and layout."""
        return iter((name, getattr(self, name)) for name, _ in _SEGMENTS)

    @property
    def names(self) -> dict[RegisterId, str]:
        """Every array's name under its register, with its segment's where another has the name."""
        many = Counter(one.name for one in self.fields.values())
        return {
            register: f"{segment_of(register).name.lower()}.{one.name}"
            if many[one.name] > 1
            else one.name
            for register, one in self.fields.items()
        }

    @property
    def fields(self) -> dict[RegisterId, Field]:
        """Every array under its register."""
        return {
            register_id(layout.segment, place): one
            for _, layout in self
            for place, one in enumerate(layout.fields)
        }

    def document(self) -> dict[str, Any]:
        """The JSON value."""
        said: dict[str, Any] = {"version": _VERSION}
        for name, layout in self:
            said[name] = [
                {"name": one.name, "shape": list(one.shape), "dtype": one.dtype.value}
                for one in layout.fields
            ]
        return said


def layouts_of(traced: Traced) -> Layouts:
    """Those of a traced program."""
    return Layouts(traced.params, traced.inputs, traced.outputs)


def described(said: Any, program: Program) -> Layouts | None:
    """The layouts that a JSON value says; None when it says none, or not this program's."""
    if not isinstance(said, dict) or said.get("version") != _VERSION:
        return None
    found = [_layout(said.get(name), segment) for name, segment in _SEGMENTS]
    params, inputs, outputs = found
    if params is None or inputs is None or outputs is None:
        return None
    layouts = Layouts(params, inputs, outputs)
    return layouts if _fits(layouts, program) else None


def _layout(said: Any, segment: Segment) -> Layout | None:
    if not isinstance(said, list):
        return None
    fields = [_field(one) for one in said]
    known = tuple(one for one in fields if one)
    if len(known) < len(fields) or len({one.name for one in known}) < len(known):
        return None
    return Layout(segment, known)


def _field(said: Any) -> Field | None:
    match said:
        case {"name": str(name), "shape": list(shape), "dtype": str(dtype)}:
            pass
        case _:
            return None
    if dtype not in {one.value for one in DType} or not name.isprintable():
        return None
    if len(shape) > MOST_AXES or not all(type(size) is int and 0 < size < _BOUND for size in shape):
        return None
    return Field(name, tuple(shape), DType(dtype))


def _fits(layouts: Layouts, program: Program) -> bool:
    """Whether the rows expect the lengths that the arrays have."""
    for name, layout in layouts:
        if layout.depth != getattr(program.depths, name):
            return False
    fields = layouts.fields
    for row in program.rows:
        if row is None or not row.count:
            continue
        touched = [(row.out, row.out_length)]
        touched += [
            (one.register, one.length)
            for one in row.operands[: OPS[row.opcode].arity]
            if one.kind == Kind.REGISTER
        ]
        if any(one in fields and fields[one].length != length for one, length in touched):
            return False
    return True
