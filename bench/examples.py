"""What do the examples cost: their programs, their training steps, and what they learn by them?

    python bench/examples.py [--json FILE] [--plot FILE] [--quick] [--only NAME ...] [--threads 1 2]

Each of prover/examples at its preset sizes. rows and micro-steps: of one training step or one
inference. dissections: the most that a game about a single one takes. proof: bytes of the largest
of some step witnesses at random places. step: its time against torch's eager mode on as many
threads, the model written as people write it in torch (bench/_peers.py); ten steps a call,
more of small ones. trained: score on data held out after so many rounds of mini-batches, in plain
NumPy, and the mean loss of the last round.

Before that two results of each row are compared with the reference, whole steps with rows run one
by one, and the loss or the outputs with torch's.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

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
from bench._ours import Stepper, check_rows  # noqa: E402
from bench._peers import PEERS  # noqa: E402
from bench._torch import Training, find_torch  # noqa: E402
from prover.backends import backend  # noqa: E402
from prover.commit.tensor import Words  # noqa: E402
from prover.errors import ContentMissing  # noqa: E402
from prover.examples import Example, digits, encoder, gpt, lenet, lora  # noqa: E402
from prover.native.threads import available  # noqa: E402
from prover.state import State  # noqa: E402
from prover.trace import TensorTrace  # noqa: E402
from prover.tracer import Traced  # noqa: E402

PACKAGES = ("numpy", "numba", "llvmlite", "torch")
LEAST, MOST = 10, 100
"""Steps a call."""
WORTH: Final = 1 << 23
"""Micro-steps a call, where steps are small: a claim of fewer would not be planned."""
ARITY: Final = 16
WITNESSES: Final = 8
APART: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Subject:
    """An example, and what is asked of it."""

    full: Callable[[], Example]
    quick: Callable[[], Example]
    rounds: int = 0
    """Of mini-batches that it is trained for."""
    target: float | None = None
    """Step time over torch's."""


SENTENCES: Final = (
    "A sequencer batches thousands of signed receipts into one Merkle root.",
    "Validators recompute every claim, and one honest validator is enough.",
    "Whoever finds a wrong claim plays a bisection game that ends with one scalar operation.",
    "The same words come from every processor, or somebody is slashed.",
    "Subnormal numbers are slow, and an attack.",
    "A fault that is masked by rounding is no fraud.",
    "Bonds are burnt in part, so that playing against oneself costs.",
    "What only two parties can recompute moves only their own escrow.",
)
SUBJECTS: Final = {
    "digits": Subject(digits.example, lambda: digits.example(batch=4, batches=3), 16),
    "lenet": Subject(
        lenet.example,
        lambda: lenet.example(batch=2, batches=3, maps=(2, 4), hidden=12),
        16,
    ),
    "lora": Subject(lora.example, lambda: lora.example(batch=4, batches=3), 16),
    "gpt": Subject(gpt.example, lambda: gpt.example(gpt.Size(batch=2, batches=3)), 10, 2.0),
    "encoder": Subject(
        lambda: encoder.example(SENTENCES), lambda: encoder.example(SENTENCES[:1]), 0, 1.5
    ),
}


@dataclass(frozen=True, slots=True)
class Built:
    """An example as the prover takes it."""

    example: Example
    traced: Traced
    params: list[Words]
    inputs: list[Words]

    @classmethod
    def of(cls, example: Example) -> "Built":
        """Traced, its arrays as words."""
        traced = example.program()
        params, inputs = example.params(), example.inputs
        return cls(example, traced, traced.params.words(params), traced.inputs.words(inputs))

    @property
    def steps(self) -> int:
        """That are run at a time."""
        return min(max(LEAST, -(-WORTH // self.traced.program.micro_steps)), MOST)

    def stepper(self, threads: int, steps: int | None = None) -> Stepper:
        """Runs it."""
        used = backend("numba", threads=threads)
        return Stepper(self.traced, self.params, self.inputs, steps or self.steps, used)


def peer_of(torch: Any, name: str, example: Example) -> Callable[[], Any]:
    """One step, or one inference, by torch: the loss or the outputs."""
    function = PEERS[name](torch)
    if example.optimizer is not None:
        training = Training(torch, function, example.weights, example.inputs, example.optimizer)
        return training.step
    weights, inputs = (
        {key: torch.tensor(np.asarray(one)) for key, one in arrays.items()}
        for arrays in (example.weights, example.inputs)
    )

    def infer() -> Any:
        with torch.no_grad():
            return function(weights, inputs, 0)

    return infer


def check_peer(built: Built, step: Callable[[], Any], name: str) -> None:
    """A call of each ends in the same loss; an inference in the same outputs."""
    ours = built.stepper(1)
    ours()
    theirs = [step() for _ in range(built.steps)][-1]
    if built.example.optimizer is None:
        pairs = [(ours.output(key), one.numpy()) for key, one in theirs.items()]
    else:
        losses = ours.output("loss")
        last = losses[(built.steps - 1) % len(losses)] if losses.ndim else losses
        pairs = [(last, theirs.numpy())]
    for one, other in pairs:
        apart = float(np.abs(one - other).max() / np.abs(other).max())
        check(apart < APART, f"{name} is {apart:.1e} from torch's")


def costs(random: np.random.Generator, built: Built, name: str) -> Iterator[Result]:
    """The program's size, and a dispute's."""
    program = built.traced.program
    yield Result(f"{name}/rows", len(program.packed), "rows", "lower")
    yield Result(f"{name}/micro-steps", program.micro_steps, "micro-steps a step", "lower")
    rounds = 0
    while ARITY**rounds < program.micro_steps:
        rounds += 1
    yield Result(f"{name}/dissections", rounds, "dissections", "lower")
    start = State.start(program.depths, built.params, built.inputs)
    trace = TensorTrace(program, 0, 1, start, backend("numba"))
    positions = sorted(random.integers(0, trace.length, WITNESSES).tolist())
    largest = max(len(trace.witness(position)) for position in positions)
    yield Result(f"{name}/proof", largest, "bytes", "lower")


def trained(built: Built, name: str, rounds: int, threads: int) -> Iterator[Result]:
    """What it learns."""
    example = built.example
    if example.optimizer is None or not rounds:
        return
    work = built.stepper(threads, example.kept)
    for _ in range(rounds):
        work()
    yield Result(f"{name}/trained/loss", float(work.output("loss").mean()), "nats", "lower")
    if example.score is not None:
        better, unit = (
            ("higher", "share") if example.score_name == "accuracy" else ("lower", "nats")
        )
        before, after = example.score(example.weights), example.score(work.params())
        yield Result(f"{name}/untrained/{example.score_name}", before, unit, better)
        yield Result(f"{name}/trained/{example.score_name}", after, unit, better)


def measured(torch: Any, random: np.random.Generator, name: str, flags: Any) -> Iterator[Result]:
    """All of one example."""
    subject = SUBJECTS[name]
    try:
        example = subject.quick() if flags.quick else subject.full()
    except ContentMissing as missing:
        print(f"{name} is left out: {missing}")
        return
    built = Built.of(example)
    check_rows(random, built.traced, built.params, built.inputs, 3, backend("numba"), name)
    yield from costs(random, built, name)
    for threads in flags.threads:
        ours, theirs = built.stepper(threads), None
        if torch:
            torch.set_num_threads(threads)
            check_peer(built, peer_of(torch, name, built.example), name)
            step = peer_of(torch, name, built.example)

            def theirs(step: Callable[[], Any] = step) -> None:
                for _ in range(built.steps):
                    step()

        pair = in_turns(ours, theirs, 0.05 if flags.quick else flags.seconds, least=3)
        yield from pair.times(
            f"{name}/step/threads={threads}", "torch", subject.target, count=built.steps
        )
    yield from trained(built, name, 1 if flags.quick else subject.rounds, max(flags.threads))


def main() -> None:
    """Checks, and measures each example that is asked for."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, default=list(SUBJECTS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--seconds", type=float, default=3.0, help="for each comparison")
    parser.add_argument("--seed", type=int, help="draw the samples of an earlier run")
    flags = parser.parse_args()
    if max(flags.threads) > available():
        print(f"only {available()} processors: more threads than that are left out")
        flags.threads = [one for one in flags.threads if one <= available()]
    torch, random = find_torch(), fresh_random(flags.seed)
    results = [one for name in flags.only for one in measured(torch, random, name, flags)]
    report(results, PACKAGES, flags.json, flags.plot)


if __name__ == "__main__":
    main()
