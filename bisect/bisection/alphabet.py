"""The alphabet machine: the game's toy, never deployed where money is.

A state is a 256-bit number; the step at a position adds one and the position's letter, a = 0 to z
= 25, over and over. Runs have a closed form, so a claim of 2^62 steps costs nothing to know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from prover.commit.keccak import Hash
from prover.errors import PositionError, WitnessError

_LETTERS: Final = 26
_MODULUS: Final = 1 << 256


class AlphabetMachine:
    """step = pre + 1 + position mod 26, as a number mod 2^256; it ignores the program."""

    def step(self, program: Hash, position: int, pre: Hash, witness: bytes) -> Hash:
        """See `Machine.step`; the one witness that opens is the empty one."""
        if witness:
            raise WitnessError(f"the alphabet machine takes no witness, got {len(witness)} bytes")
        return _state(int.from_bytes(pre, "big") + 1 + position % _LETTERS)


@dataclass(frozen=True, slots=True)
class AlphabetTrace:
    """The true run of `length` steps from `pre`."""

    pre: Hash
    length: int

    def states(self, positions: Sequence[int]) -> list[Hash]:
        """See `Trace.states`; constant time a position."""
        return [self.state(position) for position in positions]

    def state(self, position: int) -> Hash:
        """The state after `position` steps.

        Raises:
            PositionError: outside 0 .. length.
        """
        if not 0 <= position <= self.length:
            raise PositionError(f"position {position} is not in 0 .. {self.length}")
        rounds, letters = divmod(position, _LETTERS)
        added = position + rounds * _LETTERS * (_LETTERS - 1) // 2 + letters * (letters - 1) // 2
        return _state(int.from_bytes(self.pre, "big") + added)

    def witness(self, position: int) -> bytes:
        """See `Trace.witness`; empty everywhere in 0 .. length - 1."""
        if not 0 <= position < self.length:
            raise PositionError(f"no step {position} in a run of {self.length}")
        return b""


def _state(number: int) -> Hash:
    return Hash((number % _MODULUS).to_bytes(32, "big"))
