"""Words that are not there until they are verified: whoever reads too early reads zeros."""

import numpy as np

from prover.commit.committed import CommittedWords, chunk_count
from prover.commit.hashes import Hashes, joined
from prover.commit.tensor import LEAF_WORDS, Words, tensor_roots
from prover.row import Segment, segment_of
from prover.state import State


def chunks_of(words: Words, height: int) -> Hashes:
    """The roots of a tensor's chunks of 2^height leaves."""
    size = LEAF_WORDS << height
    starts = range(0, chunk_count(len(words), height) * size, size)
    return joined(tensor_roots([words[start : start + size] for start in starts]))


class OnDemand(CommittedWords):
    """See the module's text."""

    def __init__(self, words: Words, height: int = 0) -> None:
        self.hidden = words.copy()
        self.memory = np.zeros_like(words)
        self.size = LEAF_WORDS << height
        super().__init__(self.memory, chunks_of(words, height), height, name="hidden")

    def verify(self, start: int, stop: int) -> None:
        """Let the chunks that hold these words appear."""
        low = max(start, 0) // self.size * self.size
        high = -(-max(min(stop, len(self)), 0) // self.size) * self.size
        self.memory[low:high] = self.hidden[low:high]
        super().verify(start, stop)


def on_demand(state: State) -> State:
    """The same state with params and inputs that appear chunk by chunk."""
    other = state.copy()
    for register in list(state._tensors):
        if segment_of(register) in {Segment.PARAMS, Segment.INPUTS}:
            other.put(register, OnDemand(state.tensor(register).copy()).words)
    return other
