"""Words of the params that count steps."""

from dataclasses import dataclass
from typing import Any

from prover.tracer.fields import Arrays
from prover.tracer.optim.common import Optimizer, held, int_word
from prover.tracer.symbols import scope


@dataclass(frozen=True, slots=True)
class Counted:
    """An optimizer that counts its steps in `count:step`, an int32 word of the params.

    `training_step` shows the word to the loss beside the weights: it is what dropout draws anew
    from at each step. After 2^31 - 1 it goes on at -2^31.
    """

    optimizer: Optimizer

    def state(self, weights: Arrays) -> dict[str, Any]:
        """The optimizer's, and `count:step`, 0."""
        return {**self.optimizer.state(weights), "count:step": int_word(0)}

    def update(self, params: Arrays, grads: Arrays) -> dict[str, Any]:
        """One row of one word more."""
        after = self.optimizer.update(params, grads)
        with scope("update.count"):
            return {**after, "count:step": held(params, "count:step") + 1}
