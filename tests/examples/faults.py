"""Faults at random places of a program, so that every kind of row comes up."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from prover.backends import Backend
from prover.ops import Opcode
from prover.reference import Place
from rollup.demo.fault import FaultyTrace, scalar_fault
from tests.examples.cases import Setting

_TRIES: Final = 30
"""Of one kind of row, before it counts as one in which faults hardly show."""


@dataclass(slots=True)
class Drawn:
    """Lies whose ends are false, each with the opcode it is about, and how many faults were not."""

    lies: list[tuple[Opcode, FaultyTrace]] = field(default_factory=list)
    masked: int = 0
    hidden: list[Opcode] = field(default_factory=list)
    """Kinds of row of which no fault that was tried reached the claim's end."""


def draw(setting: Setting, least: int, backend: Backend, seed: int) -> Drawn:
    """At least so many faults that reach the claim's end: a round through the opcodes of all rows,
    and over again. Of an opcode its rows are alike likely, of a row its elements and fold indices.
    """
    rng = random.Random(seed)
    kinds: defaultdict[Opcode, list[int]] = defaultdict(list)
    for number, row in setting.rows.items():
        kinds[row.opcode].append(number)
    honest = setting.honest(backend)
    truth = honest.states([honest.length])
    drawn = Drawn()
    for opcode in _rounds(list(kinds), rng):
        if len(drawn.lies) >= least and len(drawn.lies) + len(drawn.hidden) >= len(kinds):
            return drawn
        if opcode in drawn.hidden:
            continue
        for _ in range(_TRIES):
            lie = _lie(setting, rng.choice(kinds[opcode]), backend, rng)
            if lie.states([lie.length]) != truth:
                drawn.lies.append((opcode, lie))
                break
            drawn.masked += 1
        else:
            drawn.hidden.append(opcode)
    raise AssertionError("unreachable: rounds do not end")


def _rounds(kinds: list[Opcode], rng: random.Random) -> Iterator[Opcode]:
    while True:
        rng.shuffle(kinds)
        yield from kinds


def _lie(setting: Setting, number: int, backend: Backend, rng: random.Random) -> FaultyTrace:
    row = setting.rows[number]
    step = setting.first_step + rng.randrange(setting.steps)
    where = Place(step, number, rng.randrange(row.elements), rng.randrange(row.fold))
    fault = scalar_fault(setting.program, setting.first_step, where, rng.randrange(32))
    return setting.faulty(fault, backend)
