"""The examples as people write them in torch: what their step times are compared with.

Each is a loss of (weights, inputs, step), or an inference's outputs, over torch's tensors, the
weights and inputs those of the example.
"""

from collections.abc import Callable
from typing import Any, Final

from prover.examples import lora

Function = Callable[[Any, Any, int], Any]


def _digits(torch: Any) -> Function:
    functional = torch.nn.functional

    def loss(weights: Any, inputs: Any, step: int) -> Any:
        turn = step % len(inputs["images"])
        hidden = functional.relu(inputs["images"][turn] @ weights["w1"] + weights["b1"])
        scores = hidden @ weights["w2"] + weights["b2"]
        return functional.cross_entropy(scores, inputs["labels"][turn].long())

    return loss


def _lenet(torch: Any) -> Function:
    functional = torch.nn.functional

    def loss(weights: Any, inputs: Any, step: int) -> Any:
        turn = step % len(inputs["images"])
        x = inputs["images"][turn].view(-1, 1, 8, 8)
        for name, padding in (("conv1", 2), ("conv2", 1)):
            x = functional.conv2d(x, weights[f"{name}.w"], weights[f"{name}.b"], padding=padding)
            x = functional.max_pool2d(functional.relu(x), 2)
        x = functional.relu(x.flatten(1) @ weights["dense1.w"] + weights["dense1.b"])
        scores = x @ weights["dense2.w"] + weights["dense2.b"]
        return functional.cross_entropy(scores, inputs["labels"][turn].long())

    return loss


def _lora(torch: Any) -> Function:
    functional = torch.nn.functional

    def loss(weights: Any, inputs: Any, step: int) -> Any:
        turn = step % len(inputs["images"])
        x = inputs["images"][turn]
        learned = (x @ weights["a"]) @ weights["b"]
        scale = lora.ALPHA / weights["a"].shape[1]
        scores = x @ inputs["weight"] + inputs["bias"] + learned * scale
        return functional.cross_entropy(scores, inputs["labels"][turn].long())

    return loss


PEERS: Final[dict[str, Callable[[Any], Function]]] = {
    "digits": _digits,
    "lenet": _lenet,
    "lora": _lora,
}
