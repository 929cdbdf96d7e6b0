"""How fast are commitments: hashes, tensors, receipt trees, and what changes in a tensor?

    python bench/commit.py [--json FILE] [--plot FILE] [--quick] [--seed N]

Peers run in the same process, in turns: safe-pysha3 for single hashes (a C keccak called once a
message), merkletools for trees. Both trees start from a receipt's bytes: ours hashes receipt id and
signature under a tag, merkletools a receipt id as it takes it, with SHA-256, for which processors
have instructions. `tree-of-hashes` is the tree alone, from leaves that are hashed already.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bisect")]

import numpy as np  # noqa: E402
import sha3  # noqa: E402
from merkletools import MerkleTools  # noqa: E402

from bench._harness import (  # noqa: E402
    Result,
    arguments,
    check,
    fresh_random,
    in_turns,
    report,
)
from prover.commit import merkle  # noqa: E402
from prover.commit.hashes import hash_all, hash_rows, joined, root, root_over  # noqa: E402
from prover.commit.keccak import Hash, keccak, tagged  # noqa: E402
from prover.commit.tags import Tag  # noqa: E402
from prover.commit.tensor import (  # noqa: E402
    LEAF_WORDS,
    ZERO_LEAF,
    leaf_bytes,
    leaf_hash,
    tensor_root,
)
from prover.commit.tensortree import TensorTree  # noqa: E402
from prover.native.isa import isa  # noqa: E402
from prover.native.threads import available  # noqa: E402

PACKAGES = ("numpy", "numba", "llvmlite", "safe-pysha3", "merkletools")
NODES_A_SECOND = 12e6
TENSOR_BYTES_A_SECOND = 1.1
"""GB/s a core. Both are targets where there is AVX-512."""
START_UP = """
import time
from prover.native import isa, module, threads
from prover.commit import lanes
isa.isa()
start = time.perf_counter()
lanes.hasher(64), lanes.climber(), lanes.hasher(256)
print(time.perf_counter() - start)
"""
_WORDS = 24
_RECEIPTS = 20
"""Exponents of the sizes that targets are for; smaller ones only show that it runs."""
_IN_CACHE = 8_192
"""Messages whose bytes stay in a core's cache."""


def _asked(exponent: int, full: int, target: float) -> float | None:
    return target if exponent == full else None


def start_up() -> list[Result]:
    """Until the first node and the first leaf can be hashed, machine code being at hand."""
    seconds = []
    for _ in range(6):
        done = subprocess.run(
            [sys.executable, "-c", START_UP], cwd=ROOT, capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        seconds.append(float(done.stdout))
    warm = sorted(seconds[1:])
    return [Result("commit/start-up", warm[len(warm) // 2] * 1e3, "ms", "lower", 10.0)]


def single(random: np.random.Generator, budget: float) -> list[Result]:
    """Many short messages, on one thread."""
    results = []
    target = NODES_A_SECOND if isa().name == "avx512" else None
    for name, tag, length in (
        ("nodes", Tag.TENSOR_NODE, 64),
        ("leaves", Tag.TENSOR_LEAF, 256),
        ("batch-leaves", Tag.ENTRY, 133),
    ):
        rows = random.integers(0, 256, (_IN_CACHE, length), np.uint8)
        out = np.empty((_IN_CACHE, 32), np.uint8)
        hash_rows(tag, rows, out, _IN_CACHE, length)
        messages = [bytes([tag]) + row.tobytes() for row in rows]
        check(out.tobytes() == b"".join(map(keccak, messages)), f"{name}, against safe-pysha3")

        def ours(tag: Tag = tag, rows: np.ndarray = rows, out: np.ndarray = out) -> None:
            hash_rows(tag, rows, out, _IN_CACHE, rows.shape[1])

        def theirs(messages: list[bytes] = messages) -> None:
            for message in messages:
                sha3.keccak_256(message).digest()

        pair = in_turns(ours, theirs, budget)
        made = pair.speeds(f"commit/{name}/threads=1", _IN_CACHE, "hashes/s", "safe-pysha3")
        if name == "nodes":
            first = made[0]
            made[0] = Result(
                first.name, first.value, first.unit, "higher", target, first.peer, first.spread
            )
        results += made
    return results


def tensors(random: np.random.Generator, exponent: int, budget: float) -> list[Result]:
    """A tensor of 2^exponent words, from memory; then one leaf of it changed."""
    words = random.integers(0, 2**32, 1 << exponent, np.uint32)
    sample = words[: LEAF_WORDS * 300 + 7]
    leaves = [leaf_hash(leaf_bytes(sample, index)) for index in range(301)]
    plain = merkle.root(leaves, Tag.TENSOR_NODE, ZERO_LEAF)
    check(tensor_root(sample) == plain, "tensor root, against the definition")
    results = []
    target = TENSOR_BYTES_A_SECOND if isa().name == "avx512" else None
    whole = tensor_root(words)
    for threads in range(1, min(available(), 2) + 1):
        check(tensor_root(words, threads) == whole, f"tensor root on {threads} threads")

        def ours(threads: int = threads) -> Hash:
            return tensor_root(words, threads)

        timing = in_turns(ours, None, budget).ours
        name = f"commit/tensor/2^{exponent}-words/threads={threads}"
        rate = words.nbytes / timing.median / 1e9
        asked = target * threads if target and exponent == _WORDS else None
        results.append(Result(name, rate, "GB/s", "higher", asked, None, timing.spread))
    tree = TensorTree(words)
    place = len(words) // 3

    def update() -> None:
        words[place] ^= np.uint32(1)
        tree.update(place, place + 1)

    update()
    check(tree.root == tensor_root(words), "the tree after an update, against one from scratch")
    pair = in_turns(update, lambda: tensor_root(words), budget)
    return results + pair.times(
        f"commit/update/2^{exponent}-words/1-leaf", "from-scratch", _asked(exponent, _WORDS, 0.05)
    )


def trees(random: np.random.Generator, exponent: int, budget: float) -> list[Result]:
    """The tree over 2^exponent receipts: from their bytes, and from their leaves."""
    count = 1 << exponent
    few = random.integers(0, 256, (256, 133), np.uint8)
    hashed = [tagged(Tag.ENTRY, row.tobytes()) for row in few]
    oracle = MerkleTools()
    oracle.hash_function = lambda data: sha3.keccak_256(bytes([Tag.ENTRY_NODE]) + bytes(data))
    oracle.add_leaf([leaf.hex() for leaf in hashed])
    oracle.make_tree()
    made = root_over(Tag.ENTRY, few, Tag.ENTRY_NODE)
    check(made.hex() == oracle.get_merkle_root(), "tree, as merkletools builds it")

    rows = random.integers(0, 256, (count, 133), np.uint8)
    ids = [row.tobytes().hex() for row in rows[:, :32]]
    leaves = hash_all(Tag.ENTRY, rows)
    listed = [Hash(row.tobytes()) for row in leaves]
    check((joined(listed) == leaves).all(), "leaves as a list")
    whole = merkle.root(listed, Tag.ENTRY_NODE)
    del listed

    def theirs() -> None:
        tools = MerkleTools()
        tools.add_leaf(ids, do_hash=True)
        tools.make_tree()

    half = MerkleTools()
    half.add_leaf(ids, do_hash=True)
    results = []
    for threads in range(1, min(available(), 2) + 1):

        def ours(threads: int = threads) -> Hash:
            return root_over(Tag.ENTRY, rows, Tag.ENTRY_NODE, threads=threads)

        def alone(threads: int = threads) -> Hash:
            return root(leaves, Tag.ENTRY_NODE, threads=threads)

        check(ours() == alone() == whole, f"the tree on {threads} threads")
        pair = in_turns(ours, theirs, budget)
        name = f"commit/tree/2^{exponent}/threads={threads}"
        results += pair.speeds(
            name, count, "leaves/s", "merkletools", _asked(exponent, _RECEIPTS, 30.0)
        )
        pair = in_turns(alone, half.make_tree, budget)
        name = f"commit/tree-of-hashes/2^{exponent}/threads={threads}"
        results += pair.speeds(name, count, "leaves/s", "merkletools")
    return results


def main() -> None:
    """Measures all of it."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--seed", type=int, help="repeat the draws of another run")
    flags = parser.parse_args()
    random = fresh_random(flags.seed)
    small = flags.quick
    budget = 0.2 if small else 3.0
    results = [
        *start_up(),
        *single(random, budget),
        *tensors(random, 16 if small else _WORDS, budget),
        *trees(random, 10 if small else _RECEIPTS, budget),
    ]
    report(results, PACKAGES, flags.json, flags.plot)


if __name__ == "__main__":
    main()
