"""Has a device the bits of this machine's processor, and how fast is it?

    python bench/gpu.py [--json FILE] [--plot FILE] [--quick] [--only PART ...] [--dry]

build: kernels of all examples for two generations of devices, what they take of registers, and in
an interpreter of their PTX a few training steps and tensor trees. equal: 10^8 words of all sorts,
subnormals among them, through each primitive; training programs of all examples, whose digests the
processor computes in the same run. speed: products of 4096 beside cuBLAS, commitments, training
steps of an MLP and a GPT of width 512 beside torch's eager mode, TF32 off, and claims of 100 steps
beside the same steps without commitments.

Nothing is timed before all bits were compared. `--dry` is the build alone and needs no device.
Exit status: 0 when all was done, 1 when something is not equal, 3 when there is no device (or with
`--dry` no compiler), so that nothing was measured. Missed targets are no failure.
"""

import sys
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bisect")]

from bench import _gpu_build as build  # noqa: E402
from bench import _gpu_equal as equal  # noqa: E402
from bench import _gpu_speed as speed  # noqa: E402
from bench._harness import Result, arguments, fresh_random, report  # noqa: E402
from bench._torch import find_torch  # noqa: E402
from prover.backends import DeviceError  # noqa: E402
from prover.backends.cuda.backend import CudaBackend  # noqa: E402
from prover.backends.cuda.nvrtc import CompilerError, version  # noqa: E402

PACKAGES = ("numpy", "numba", "llvmlite", "torch", "cupy-cuda12x", "cupy-cuda13x")
PARTS: Final = ("build", "equal", "speed")
NOTHING_MEASURED: Final = 3


def nothing(reason: object) -> None:
    """Ends the script where there is nothing to measure on."""
    print(f"not measured: {reason}")
    sys.exit(NOTHING_MEASURED)


def find_cuda_torch() -> Any:
    """torch where it has a device, computing in float32 and there."""
    torch = find_torch()
    if torch is None:
        return None
    if not torch.cuda.is_available():
        print("torch has no device: what is compared with it is left out; its figures are null")
        return None
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    torch.set_default_device("cuda")
    return torch


def main() -> None:
    """Builds, compares, and times."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--dry", action="store_true", help="build alone: needs no device")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each comparison")
    parser.add_argument("--seed", type=int, help="draw the words of an earlier run")
    flags = parser.parse_args()
    parts = ("build",) if flags.dry else flags.only
    flags.seconds = 0.05 if flags.quick else flags.seconds
    used: CudaBackend | None = None
    try:
        version()
        used = None if flags.dry else CudaBackend(worth=1)
    except (CompilerError, DeviceError) as missing:
        nothing(missing)
    random, results = fresh_random(flags.seed), list[Result]()
    if "build" in parts:
        results += [*build.compiled(flags), *build.emulated(random)]
    if used is not None and "equal" in parts:
        results += [*equal.all_words(random, used, flags), *equal.examples(used, flags)]
    if used is not None and "speed" in parts:
        torch = find_cuda_torch()
        results += speed.products(torch, random, used, flags)
        results += speed.commitments(random, used, flags)
        results += speed.training(torch, used, flags)
    report(results, PACKAGES, flags.json, flags.plot)


if __name__ == "__main__":
    main()
