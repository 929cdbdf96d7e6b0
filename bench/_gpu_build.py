"""Without a device: everything compiles for two generations of them, and an interpreter runs it."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from bench import _gpu_equal as equal
from bench._harness import Result, check
from bench.examples import SUBJECTS
from prover.backends import backend
from prover.backends.cuda import integers, keccak, products, tiles
from prover.backends.cuda.backend import CudaBackend
from prover.backends.cuda.kernels import Kernel, sources
from prover.backends.cuda.nvrtc import compile_source
from prover.backends.cuda.source import source
from prover.backends.cuda.trees import Commitments
from prover.commit.tensor import tensor_roots
from prover.errors import ContentMissing
from prover.examples import digits
from prover.execute import run
from prover.ops import Opcode
from prover.plan import plan
from tests.prover.cuda.cubins import resources
from tests.prover.cuda.device import Emulated

ARCHS: Final = ("sm_80", "sm_90")
LENGTHS: Final = (0, 1, 63, 64, 65, 130, 577)
STEPS: Final = 2
EMULATED: Final = 1 << 12
"""Words through each primitive."""


def compiled(flags: Any) -> Iterator[Result]:
    """Kernels of all examples, or of one, and those that all share, by architecture."""
    every = kernels(["digits"] if flags.quick else list(SUBJECTS), quick=flags.quick)
    registers: dict[str, int] = {}
    for arch in ARCHS:
        found = 0
        for text, names in sources(every).items():
            taken = resources(compile_source(text, arch).cubin)
            found += len(names)
            for name, one in taken.items():
                kind = name.split("_")[0]
                if kind in {"dot", "leaves", "nodes"}:
                    check(one.local == 0, f"{kind} keeps {one.local} bytes in local memory")
                    key = f"registers/{kind}/{arch}"
                    registers[key] = max(registers.get(key, 0), one.registers)
        yield Result(f"compiled/{arch}", found, "kernels", "higher")
    for name, most in registers.items():
        yield Result(name, most, "a thread", "lower")


def kernels(names: list[str], *, quick: bool) -> list[Kernel]:
    """Those of examples, of tensor trees, and of products in every tile."""
    found = [keccak.leaves(), keccak.nodes(), keccak.copy(), integers.look()]
    found += [
        products.kernel(tile, x, y, opcode=opcode)
        for tile in ([tiles.LARGE, tiles.TINY] if quick else tiles.TILES)
        for x in (False, True)
        for y in (False, True)
        for opcode in ([Opcode.DOT] if quick else [Opcode.DOT, Opcode.IDOT])
    ]
    for name in names:
        try:
            example = SUBJECTS[name].quick() if quick else SUBJECTS[name].full()
        except ContentMissing as missing:
            print(f"{name} is left out: {missing}")
            continue
        found += source(plan(example.program().program)).kernels
    return list(dict.fromkeys(found))


def emulated(random: np.random.Generator) -> Iterator[Result]:
    """Primitives, tensor trees and a training program, in an interpreter of PTX."""
    device = Emulated()
    used = CudaBackend(device=device, worth=1)
    equal.primitives(random, used, EMULATED, 1)
    yield Result("emulated/primitives", len(Opcode), "primitives, the same bits", "higher")
    tensors = [random.integers(0, 1 << 32, length, np.uint32) for length in LENGTHS]
    pieces = [device.take(len(words)) for words in tensors]
    for piece, words in zip(pieces, tensors, strict=True):
        device.put(piece, words)
    check(Commitments(device, pieces).roots() == tensor_roots(tensors), "emulated tensor trees")
    yield Result("emulated/tensors", len(tensors), "tensors, the same roots", "higher")
    example = digits.example(batch=4, batches=3)
    traced = example.program()
    params, inputs = traced.params.words(example.params()), traced.inputs.words(example.inputs)
    roots = []
    for one in (backend("numba"), used):
        made = run(traced.program, 0, STEPS, params, inputs, one)
        roots.append((made.params_root, made.outputs_root))
    check(roots[0] == roots[1], "emulated training steps of digits")
    yield Result("emulated/digits", STEPS, "training steps, the same roots", "higher")
