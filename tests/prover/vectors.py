"""The frozen step vectors, and how they were drawn: `python -m tests.prover.vectors` draws anew.

A vector is (name, program, position, pre, witness, post); post is None where the witness opens
nothing and must be refused. A change of any vector is a change of the protocol.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from prover import reference, witness
from prover.commit.keccak import Hash
from prover.errors import WitnessError
from prover.ops import Opcode
from tests.prover.forgery import DECEITS, HONEST, Step, forged, spoilt, step_of
from tests.prover.generators import Seeded, case

PATH = Path(__file__).resolve().parent.parent / "vectors" / "tensor_steps.json"
_LONGEST = 1000  # bytes of a witness, so that the file stays readable
_EACH_OP = 5
_FORGED = 30
_SPOILT = 50


class Vector(NamedTuple):
    """One step and what every implementation must say of it."""

    name: str
    step: Step
    post: Hash | None


def load() -> list[Vector]:
    """The frozen vectors."""
    return [
        Vector(
            entry["name"],
            Step(
                Hash(bytes.fromhex(entry["program"])),
                int(entry["position"]),
                Hash(bytes.fromhex(entry["pre"])),
                bytes.fromhex(entry["witness"]),
            ),
            Hash(bytes.fromhex(entry["post"])) if entry["post"] else None,
        )
        for entry in json.loads(PATH.read_text(encoding="utf-8"))
    ]


def _named_steps() -> Iterator[tuple[str, Step]]:
    seen: Counter[Opcode] = Counter()
    seed = 0
    while len(seen) < len(Opcode) or min(seen.values()) < _EACH_OP:
        source = Seeded(seed)
        made = case(source)
        position = source.integer(0, 3 * made.program.micro_steps)
        row = reference.place(made.program, made.first_step, position).row
        opcode = reference.row_at(made.program, row).opcode
        step = step_of(made, position)
        if seen[opcode] < _EACH_OP and len(step.witness) <= _LONGEST:
            seen[opcode] += 1
            yield opcode.name.lower(), step
        seed += 1
    for number in range(_SPOILT):
        source = Seeded([number, 1])
        step = step_of(case(source), 0)
        if len(step.witness) <= _LONGEST:
            yield "spoilt", step.with_witness(spoilt(source, step.witness))
    few = 0
    for number in range(10**6):
        step = forged(Seeded([number, 2]))
        if len(step.witness) <= 1.5 * _LONGEST:
            yield "forged", step
            few += 1
        if few == _FORGED:
            break
    for name, step in (HONEST | DECEITS).items():
        if len(step.witness) <= 1.5 * _LONGEST:
            yield name, step


def _post(step: Step) -> str | None:
    try:
        return witness.step(step.program, step.position, step.pre, step.witness).hex()
    except WitnessError:
        return None


def draw() -> None:
    """Write the vectors anew."""
    entries = [
        json.dumps(
            {
                "name": name,
                "program": step.program.hex(),
                "position": str(step.position),
                "pre": step.pre.hex(),
                "witness": step.witness.hex(),
                "post": _post(step),
            }
        )
        for name, step in _named_steps()
    ]
    PATH.write_text("[\n" + ",\n".join(entries) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    draw()
