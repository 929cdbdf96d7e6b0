"""How fast a device is: products, commitments, training steps, and claims of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from bench import _gpu_equal as equal
from bench._harness import Result, Work, check, in_turns, timed
from bench._ours import Stepper, inferences
from bench._peers import gpt_loss
from bench._torch import Training
from bench.models import mlp
from prover.backends.cuda.backend import CudaBackend
from prover.backends.cuda.trees import Commitments
from prover.claims import run_claims
from prover.commit.tensor import Words
from prover.examples import gpt
from prover.tracer import SGD, Optimizer, Traced, trace, training_step

SIDE: Final = 4096
MATMUL_TARGET: Final = 0.75
COMMIT_WORDS: Final = 1 << 28
CHECKED_ROWS: Final = 8
CHECKED_STEPS: Final = 3
CHECKED: Final = 1 << 22
"""Words whose root is compared with the processor's."""
COMMIT_TARGET: Final = 150.0
STEP_TARGET: Final = 1.5
CLAIM_TARGET: Final = 1.05
CLAIM_STEPS: Final = 100
CLAIMS: Final = 5
MLP: Final = (784, 512, 512, 10)
GPT: Final = gpt.Size(width=512, heads=8)


def products(
    torch: Any, random: np.random.Generator, used: CudaBackend, flags: Any
) -> Iterator[Result]:
    """4096^3, of floats beside cuBLAS, and of ints that fit into bytes."""
    side, times = (64, 2) if flags.quick else (SIDE, 10)
    operands = [random.standard_normal((side, side), np.float32) for _ in range(2)]
    peer = None
    if torch:
        x, y = (torch.from_numpy(one).cuda() for one in operands)
        out = torch.empty_like(x)

        def peer() -> None:
            for _ in range(times):
                torch.matmul(x, y, out=out)
            torch.cuda.synchronize()

    ours = inferred(operands, times, used)
    pair = in_turns(ours, peer, flags.seconds)
    amount = 2e-12 * times * side**3
    yield from pair.speeds(f"matmul/{side}", amount, "Tflop/s", "cublas-fp32", MATMUL_TARGET)
    ints = [random.integers(-127, 128, (side, side)).astype(np.int32) for _ in range(2)]
    timing = timed(inferred(ints, times, used))
    yield Result(
        f"int8/{side}", amount / timing.median, "T operations/s", "higher", spread=timing.spread
    )


def inferred(operands: list[Any], times: int, used: CudaBackend) -> Stepper:
    """A product so many times a call, some rows of which are as the processor has them."""
    made, host = (
        inferences(lambda x, y: x @ y, [operands[0][:rows], operands[1]], count, one)
        for rows, count, one in ((None, times, used), (CHECKED_ROWS, 1, equal.host()))
    )
    made()
    host()
    same = np.array_equal(made.output("result")[:CHECKED_ROWS], host.output("result"))
    check(same, f"a product of {operands[0].dtype}")
    return made


def commitments(random: np.random.Generator, used: CudaBackend, flags: Any) -> Iterator[Result]:
    """One large tensor, from words to its root."""
    device = used.device
    count, checked = (1 << 12, 1 << 10) if flags.quick else (COMMIT_WORDS, CHECKED)
    words = random.integers(0, 1 << 32, count, np.uint32)
    for length in (checked + 1, count):
        piece = device.take(length)
        device.put(piece, words[:length])
        made = Commitments(device, [piece])
        if length < count:
            equal.tensor(words[:length], made.roots()[0])

    def work() -> None:
        made.start()
        made.roots()

    timing = timed(work, 10)
    yield Result(
        f"commit/{count}-words", 4e-9 * count / timing.median, "GB/s", "higher", COMMIT_TARGET,
        spread=timing.spread,
    )  # fmt: skip


@dataclass(frozen=True)
class Trained:
    """A model, and how it is trained."""

    name: str
    loss: Callable[..., Any]
    weights: Mapping[str, Any]
    inputs: Mapping[str, Any]
    optimizer: Optimizer
    peer: Callable[[Any], Callable[..., Any]]
    prepared: Mapping[str, Any]
    """The params to start with."""

    @cached_property
    def traced(self) -> Traced:
        """Its program."""
        return trace(training_step(self.loss, self.optimizer), self.prepared, self.inputs)

    @cached_property
    def words(self) -> tuple[list[Words], list[Words]]:
        """Params and inputs."""
        return self.traced.params.words(self.prepared), self.traced.inputs.words(self.inputs)


def models(*, quick: bool) -> Iterator[Trained]:
    """The MLP, and the GPT over characters, of width 512."""
    model = mlp((30, 20, 10), batch=8, batches=2) if quick else mlp(MLP, batches=64)
    sgd = SGD(0.05)
    yield Trained("mlp", model.loss, model.weights, model.inputs, sgd, mlp_loss, model.params(sgd))
    size = gpt.Size(1, 16, 2, 8, 2, 3) if quick else GPT
    example = gpt.example(size)
    assert example.optimizer is not None
    yield Trained(
        "gpt", example.function, example.weights, example.inputs, example.optimizer,
        lambda torch: gpt_loss(torch, size), example.params(),
    )  # fmt: skip


def mlp_loss(torch: Any) -> Callable[..., Any]:
    """The MLP as people write it in torch."""
    functional = torch.nn.functional

    def loss(weights: Any, inputs: Any, step: int) -> Any:
        turn = step % len(inputs["images"])
        hidden, layers = inputs["images"][turn], len(weights) // 2
        for number in range(1, layers + 1):
            hidden = functional.linear(hidden, weights[f"w{number}"].T, weights[f"b{number}"])
            if number < layers:
                hidden = functional.relu(hidden)
        return functional.cross_entropy(hidden, inputs["labels"][turn].long())

    return loss


def training(torch: Any, used: CudaBackend, flags: Any) -> Iterator[Result]:
    """Training steps beside torch's, and claims beside the same steps without commitments."""
    for model in models(quick=flags.quick):
        equal.program(model.traced.program, CHECKED_STEPS, *model.words, used, model.name)
        steps = 2 if flags.quick else CLAIM_STEPS
        plain = Stepper(model.traced, *model.words, steps, used)
        pair = in_turns(plain, peer_of(torch, model, steps), flags.seconds, least=3)
        yield from pair.times(f"step/{model.name}", "torch-eager", STEP_TARGET, count=steps)
        count = 2 if flags.quick else CLAIMS
        works = claims_of(model, steps, count, used), bare_of(model, steps, count, used)
        pair = in_turns(*works, flags.seconds, least=3)
        yield from pair.times(f"claim/{model.name}", "no-commitments", CLAIM_TARGET, count=count)


def peer_of(torch: Any, model: Trained, steps: int) -> Work | None:
    """Training steps by torch."""
    if not torch:
        return None
    theirs = Training(torch, model.peer(torch), model.weights, model.inputs, model.optimizer)

    def work() -> None:
        for _ in range(steps):
            theirs.step()
        torch.cuda.synchronize()

    return work


def claims_of(model: Trained, steps: int, count: int, used: CudaBackend) -> Work:
    """Claims one after the other, from params on the host to the roots of each end."""
    program, (params, inputs) = model.traced.program, model.words

    def work() -> None:
        for _ in run_claims(program, 0, steps, count, params, inputs, used, finite=False):
            pass

    return work


def bare_of(model: Trained, steps: int, count: int, used: CudaBackend) -> Work:
    """The same training steps, from the same params, and nothing else."""

    def work() -> None:
        stepper = Stepper(model.traced, *model.words, steps, used)
        for _ in range(count):
            stepper()

    return work
