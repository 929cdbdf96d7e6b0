"""Whoever plays against the truth, at a table of tests/bisection/table.py."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bisection.dissection import Dissection, cut
from bisection.errors import ConsistencyLost
from bisection.game import Action, Dissect, Move, Open, OpenStep, Proof, Status, answering_action
from bisection.machine import Trace
from prover.commit.keccak import Hash
from tests.bisection.table import View, honest_action, lie


@dataclass(frozen=True, slots=True)
class LyingTrace:
    """The true run up to state `fault - 1`, lies from state `fault` (>= 1) on."""

    truth: Trace
    fault: int
    salt: int = 1

    @property
    def length(self) -> int:
        return self.truth.length

    def states(self, positions: Sequence[int]) -> list[Hash]:
        states = self.truth.states(positions)
        return [
            lie(state, self.salt) if position >= self.fault else state
            for position, state in zip(positions, states, strict=True)
        ]

    def witness(self, position: int) -> bytes:
        return self.truth.witness(position)


@dataclass
class BaseLiar:
    """Chooses a part and which of its own values are wrong; subclasses say how."""

    truth: Trace
    rng: random.Random

    def delay(self, view: View) -> int:
        return 0

    def part(self, view: View) -> int:
        """The part of the opponent's last dissection to answer."""
        return self.rng.randrange(view.last.dissection.parts)

    def lies(self, count: int) -> list[bool]:
        """Which of v[1..count] are wrong; the last one is made to differ from the disputed one."""
        return [self.rng.random() < 0.5 for _ in range(count)]

    def act(self, view: View) -> Action | None:
        state, k = view.state, view.state.rules.k
        if state.status is Status.UNOPENED:
            if state.claim.length == 1:
                return OpenStep(self.truth.witness(0))
            return Open(self.values(0, state.claim.length, k, state.claim.post))
        dissection = view.last.dissection
        part = self.part(view)
        start, length = dissection.bounds(part)
        if length == 1:
            return self.answer(view, Proof(part, self.truth.witness(start)))
        values = self.values(start, length, k, dissection.values[part + 1])
        answer = Dissection(start, length, (dissection.values[part], *values))
        return self.answer(view, Move(part, answer))

    def answer(self, view: View, decision: Move | Proof) -> Action:
        """The decision as an action."""
        return answering_action(view.state, view.last.prior, view.last.dissection, decision)

    def values(self, start: int, length: int, k: int, disputed: Hash) -> tuple[Hash, ...]:
        """v[1..m]: true or wrong as `lies` says, and never ending in the `disputed` value."""
        positions = cut(start, length, k)[1:]
        truth = self.truth.states(positions)
        salt = self.rng.randrange(1, 1 << 32)
        values = [
            lie(value, salt) if wrong else value
            for value, wrong in zip(truth, self.lies(len(truth)), strict=True)
        ]
        if values[-1] == disputed:
            values[-1] = lie(truth[-1], salt) if truth[-1] == disputed else truth[-1]
        return tuple(values)


class RandomLiar(BaseLiar):
    """Any part, any values."""


class AlwaysFirst(BaseLiar):
    """Always the first part, and right up to its last value."""

    def part(self, view: View) -> int:
        return 0

    def lies(self, count: int) -> list[bool]:
        return [False] * (count - 1) + [True]


class AlwaysLast(BaseLiar):
    """Always the last part, and nothing but lies."""

    def part(self, view: View) -> int:
        return view.last.dissection.parts - 1

    def lies(self, count: int) -> list[bool]:
        return [True] * count


class LateLies(BaseLiar):
    """Always the last part, and right up to its last value: the longest games."""

    def part(self, view: View) -> int:
        return view.last.dissection.parts - 1

    def lies(self, count: int) -> list[bool]:
        return [False] * (count - 1) + [True]


class Poisoner(BaseLiar):
    """Lies at once and at the end, with truth between: a later part starts in a lie.

    Who answers the last wrong value instead of the first agrees to that start, and may then have
    only right values before it.
    """

    def lies(self, count: int) -> list[bool]:
        return [True, *[False] * (count - 2), True][:count]


class ConsistentLiar(BaseLiar):
    """Believes in a run with one fault (drawn when None), and follows the solver on it."""

    fault: int | None = None

    def act(self, view: View) -> Action | None:
        if self.fault is None:
            self.fault = self.rng.randrange(1, self.truth.length + 1)
        try:
            return honest_action(view, LyingTrace(self.truth, self.fault))
        except ConsistencyLost:  # the opponent says what its run says: there is no move for it
            return None


class Copycat(BaseLiar):
    """Sends the honest party's own values and openings back; opens at random."""

    def act(self, view: View) -> Action | None:
        if view.state.status is Status.UNOPENED:
            return super().act(view)
        last = view.last.dissection
        if len(view.posted) == 1:  # its maker's answer to this very dissection is all there is
            part = last.parts - 1
            start, length = last.bounds(part)
            if length == 1:
                return self.answer(view, Proof(part, self.truth.witness(start)))
            again = Dissection(start, length, (last.values[part], *last.values[1:]))
            return self.answer(view, Move(part, again))
        answered = view.posted[-2]
        for part in range(answered.dissection.parts):
            if answered.dissection.bounds(part) == (last.start, last.length):
                opening = answered.dissection.opening(answered.prior, part)
                return Dissect(opening, last.values[1:])
        return None


class FalseProver(BaseLiar):
    """Claims a proof whatever the part's length; opens at random."""

    def act(self, view: View) -> Action | None:
        if view.state.status is Status.UNOPENED:
            return super().act(view)
        return self.answer(view, Proof(self.part(view), b""))


class Silent(BaseLiar):
    """Opens, and never moves again."""

    def act(self, view: View) -> Action | None:
        return super().act(view) if view.state.status is Status.UNOPENED else None


class Staller(RandomLiar):
    """Moves in the last second of its clock."""

    def delay(self, view: View) -> int:
        return max(view.state.time_left(view.now), 0) if view.posted else 0


class Late(RandomLiar):
    """Moves a second after its clock ran out."""

    def delay(self, view: View) -> int:
        return view.state.time_left(view.now) + 1 if view.posted else 0


LIARS: Final[tuple[type[BaseLiar], ...]] = (
    RandomLiar,
    AlwaysFirst,
    AlwaysLast,
    LateLies,
    Poisoner,
    ConsistentLiar,
    Copycat,
    FalseProver,
    Silent,
    Staller,
    Late,
)
"""Every scripted liar; each plays either side of a game: `LIARS[i](truth, rng)`."""
