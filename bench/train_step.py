"""How long does a training step take, plain and with everything that a claim adds?

    python bench/train_step.py [--json FILE] [--plot FILE] [--quick] [--threads 1 2]

The MLP 784-512-512-10 at batch 128 against torch's eager mode on as many threads. step: SGD, and
Adam, no commitments. claim: `STEPS` steps as a claim of them is run, from params as they come to
the roots of params and outputs. every-op: each row's result hashed once, as if a game could stop at
any row. Ours runs `STEPS` steps a call, torch a loop of as many.

First the fast path is held to the reference, bit for bit: a tiny MLP's whole run, and of the real
size two results of each row; whole steps to row by row; and the loss to torch's.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bisect")]

import numpy as np  # noqa: E402

from bench._harness import (  # noqa: E402
    Result,
    arguments,
    check,
    fresh_random,
    in_turns,
    report,
)
from bench._ours import Stepper, by_rows, check_rows  # noqa: E402
from bench._torch import find_torch  # noqa: E402
from bench.models import Model, mlp  # noqa: E402
from prover.backends import Backend, backend  # noqa: E402
from prover.execute import run  # noqa: E402
from prover.native.threads import available  # noqa: E402
from prover.state import State  # noqa: E402
from prover.tracer import SGD, Adam, Optimizer, Traced  # noqa: E402

PACKAGES = ("numpy", "numba", "llvmlite", "torch")
STEPS = 10
RATES = {"sgd": 0.05, "adam": 1e-3}
STEP_TARGETS = {"sgd": 1.15, "adam": 1.0}
CLAIM_TARGET = 1.25
EVERY_OP_TARGET = 2.0
LOSS_APART = 1e-3


def optimizer(name: str) -> Optimizer:
    """Ours of a name."""
    return SGD(RATES[name]) if name == "sgd" else Adam(RATES[name])


class Peer:
    """The same model in torch: the same weights, images and labels."""

    def __init__(self, torch: Any, model: Model, name: str) -> None:
        self._torch = torch
        layers: list[Any] = []
        for number in range(1, 1 + sum(key.startswith("w") for key in model.weights)):
            w, b = model.weights[f"w{number}"], model.weights[f"b{number}"]
            layer = torch.nn.Linear(*w.shape)
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(w.T.copy()))
                layer.bias.copy_(torch.from_numpy(b))
            layers += [layer, torch.nn.ReLU()]
        self._net = torch.nn.Sequential(*layers[:-1])
        kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[name]
        self._optimizer = kind(self._net.parameters(), lr=RATES[name])
        self._images = torch.from_numpy(model.inputs["images"])
        self._labels = torch.from_numpy(model.inputs["labels"].astype(np.int64))
        self._done = 0
        self.loss: Any = None

    def __call__(self) -> None:
        """`STEPS` more."""
        for _ in range(STEPS):
            turn = self._done % len(self._images)
            self._optimizer.zero_grad()
            scores = self._net(self._images[turn])
            self.loss = self._torch.nn.functional.cross_entropy(scores, self._labels[turn])
            self.loss.backward()
            self._optimizer.step()
            self._done += 1


def start(model: Model, name: str) -> tuple[Traced, list[Any], list[Any]]:
    """A model's program, params and inputs."""
    chosen = optimizer(name)
    traced = model.program(chosen)
    return traced, traced.params.words(model.params(chosen)), traced.inputs.words(model.inputs)


def check_tiny(name: str, used: Backend) -> None:
    """A whole run by the reference."""
    traced, params, inputs = start(mlp((9, 7, 4), batch=3, batches=2), name)
    runs = [run(traced.program, 0, 2, params, inputs, one) for one in (backend("reference"), used)]
    roots = [(one.params_root, one.outputs_root) for one in runs]
    check(roots[0] == roots[1], f"a tiny MLP under {name}")


def measured(
    torch: Any, random: np.random.Generator, model: Model, name: str, threads: int, budget: float
) -> Iterator[Result]:
    """One optimizer on so many threads."""
    used = backend("numba", threads=threads)
    check_tiny(name, used)
    traced, params, inputs = start(model, name)
    check_rows(random, traced, params, inputs, STEPS, used, f"{model.name} under {name}")
    plain, peer = Stepper(traced, params, inputs, STEPS, used), None
    if torch:
        torch.set_num_threads(threads)
        peer = Peer(torch, model, name)
        peer()
        plain()
        apart = abs(float(plain.output("loss")) / float(peer.loss.detach()) - 1)
        check(apart < LOSS_APART, f"the loss under {name} is {apart:.1e} from torch's")

    def claim() -> object:
        return run(traced.program, 0, STEPS, params, inputs, used)

    state = State.start(traced.program.depths, params, inputs)
    taken = 0

    def every_op() -> None:
        nonlocal taken
        for _ in range(STEPS):
            by_rows(traced, state, taken, used, commit=True)
            taken += 1

    for what, ours, target in (
        ("step", plain, STEP_TARGETS[name]),
        ("claim", claim, CLAIM_TARGET),
        ("every-op", every_op, EVERY_OP_TARGET),
    ):
        pair = in_turns(ours, peer, budget, least=3)
        yield from pair.times(f"{what}/{name}/threads={threads}", "torch", target, count=STEPS)


def main() -> None:
    """Checks, and measures both optimizers."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--seconds", type=float, default=3.0, help="for each comparison")
    parser.add_argument("--seed", type=int, help="draw the samples of an earlier run")
    flags = parser.parse_args()
    if max(flags.threads) > available():
        print(f"only {available()} processors: more threads than that are left out")
        flags.threads = [one for one in flags.threads if one <= available()]
    model = mlp((30, 20, 10), batch=8, batches=2) if flags.quick else mlp(batches=4)
    budget = 0.05 if flags.quick else flags.seconds
    torch, random = find_torch(), fresh_random(flags.seed)
    results: list[Result] = []
    for name in RATES:
        for threads in flags.threads:
            results += measured(torch, random, model, name, threads, budget)
    report(results, PACKAGES, flags.json, flags.plot)


if __name__ == "__main__":
    main()
