"""Kernels of products give the definition's chains, in every tile, layout and cut."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from prover.backends.cuda import integers, products, tiles
from prover.backends.cuda.device import Call, Device
from prover.backends.cuda.kernels import Given, Launch
from prover.backends.cuda.prelude import CONTROL_WORDS, NO_ROW
from prover.backends.cuda.stacks import arguments
from prover.backends.cuda.tiles import Tile
from prover.ops import Opcode
from prover.plan.nest import Address, Buffer, Matmul
from tests.prover import test_matmul, test_matmul_ints
from tests.prover.cuda.memory import AccessError
from tests.prover.cuda.ways import DEVICES, NEEDS_COMPILER, interpreter

Make = Callable[[], Device]
TILES = {
    "large": tiles.LARGE, "middle": tiles.MIDDLE, "small": tiles.SMALL, "tiny": tiles.TINY,
    "tall": tiles.TALL, "wide": tiles.WIDE,
}  # fmt: skip


def base_of(words: Any) -> tuple[Any, int, tuple[int, ...]]:
    """All memory that an array looks at, where in it the array begins, and its strides."""
    base = words
    while base.base is not None:
        base = base.base
    flat = base.reshape(-1)
    offset = (words.ctypes.data - flat.ctypes.data) // 4
    return flat, offset, tuple(stride // 4 for stride in words.strides)


def stage_of(x: Any, y: Any, opcode: Opcode) -> tuple[Matmul, dict[Buffer, Any]]:
    """A product of two arrays as a stage, and the words of its buffers."""
    x, y = x.view(np.uint32), y.view(np.uint32)
    stack = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    b0, b1 = (1,) * (2 - len(stack)) + stack
    x, y = (np.broadcast_to(one, (b0, b1, *one.shape[-2:])) for one in (x, y))
    m, k, n = int(x.shape[-2]), int(x.shape[-1]), int(y.shape[-1])
    found, given = [], {}
    for place, one in enumerate((x, y)):
        flat, offset, strides = base_of(one)
        buffer = Buffer(len(flat), None, place)
        given[buffer] = flat
        found.append(Address(buffer, offset, strides))
    out = Buffer(b0 * b1 * m * n, None, 2)
    given[out] = np.zeros(out.length, np.uint32)
    return Matmul((b0, b1, m, n, k), found[0], found[1], Address(out, 0, ()), (0,), opcode), given


def run(used: Device, launches: list[Launch], given: dict[Buffer, Any], out: Buffer) -> Any:
    """The words of a buffer after launches."""
    used.load([launch.kernel for launch in launches])
    pieces = {buffer: used.take(buffer.length) for buffer in given}
    control = used.take(CONTROL_WORDS)
    used.put(control, np.array([0, 0, 0, NO_ROW, 0, 0, 0, 0], np.uint32))
    for buffer, words in given.items():
        used.put(pieces[buffer], np.ascontiguousarray(words))
    calls = []
    for launch in launches:
        arguments = [
            pieces[one].address if isinstance(one, Buffer)
            else control.address if one is Given.CONTROL else int(one)  # type: ignore[arg-type]
            for one in launch.arguments
        ]  # fmt: skip
        calls.append(Call(launch.kernel.name, launch.blocks, launch.threads, tuple(arguments)))
    used.record(calls)(1)
    made = np.zeros(out.length, np.uint32)
    used.get(pieces[out], made)
    return made


def tiled(stage: Matmul, tile: Tile) -> list[Launch]:
    """A stage by a tile, whatever suits it."""
    b0, b1, m, n, _ = stage.sizes
    along = (abs(stage.x.strides[3]) == 1, abs(stage.y.strides[2]) == 1)
    kernel = products.kernel(tile, *along, opcode=stage.opcode)
    blocks = b0 * b1 * tile.blocks(m, n)
    return [Launch(kernel, blocks, tile.threads, arguments(stage, 1))]


def check(used: Device, x: Any, y: Any, expected: Any, tile: Tile | None = None) -> None:
    opcode = Opcode.IDOT if x.dtype == np.int32 else Opcode.DOT
    stage, given = stage_of(x, y, opcode)
    launches = tiled(stage, tile) if tile else products.launches(stage, 3)
    made = run(used, launches, given, stage.out.buffer)
    assert np.array_equal(made, expected.view(np.uint32).reshape(-1)), (x.shape, y.shape)


@pytest.mark.parametrize("make", DEVICES)
@pytest.mark.parametrize("tile", TILES)
def test_every_tile(make: Make, tile: str) -> None:
    rows, columns = TILES[tile].sizes
    depth = TILES[tile].depth
    for seed, (m, n, k) in enumerate([
        (rows, columns, depth), (rows + 1, columns - 1, 2 * depth + 3),
        (5, 3, 1), (2 * rows - 3, columns + 2, 3 * depth - 1),
    ]):  # fmt: skip
        random = np.random.default_rng([seed, rows, columns])
        kind = test_matmul.KINDS[(seed + rows) % len(test_matmul.KINDS)]
        layouts = random.choice(test_matmul.LAYOUTS, 2)
        x = test_matmul.matrix(random, (m, k), kind, str(layouts[0]))
        y = test_matmul.matrix(random, (k, n), kind, str(layouts[1]))
        check(make(), x, y, test_matmul.chains(x, y), TILES[tile])


@pytest.mark.parametrize("make", DEVICES)
def test_random_shapes_layouts_and_words(make: Make) -> None:
    for seed in range(30):
        x, y = test_matmul.drawn(seed, 40, 40)
        check(make(), x, y, test_matmul.chains(x, y))


@pytest.mark.parametrize("make", DEVICES)
def test_no_step_is_added_to_a_chain(make: Make) -> None:
    """fma(x, 0, -0) is +0: a chain that ends in -0 shows every step too many."""
    for k in (1, 7, 8, 9, 15, 16, 17, 31, 33):
        x = np.full((3, k), 0x80000001, np.uint32)  # -2^-149: every product rounds to -0
        y = np.full((k, 5), 0x00000001, np.uint32)
        expected = test_matmul.chains(x, y)
        assert set(expected.reshape(-1).tolist()) == {0x80000000}
        for tile in (None, tiles.LARGE, tiles.MIDDLE):
            check(make(), x, y, expected, tile)


@pytest.mark.parametrize("make", DEVICES)
def test_ints_of_every_size(make: Make) -> None:
    for seed in range(16):
        x, y = test_matmul_ints.drawn(seed, 40, 40)
        check(make(), x, y, x @ y)


@pytest.mark.parametrize("make", DEVICES)
@pytest.mark.parametrize("layout", ["rows", "columns", "apart", "backwards"])
def test_bytes_by_tensor_instructions(make: Make, layout: str) -> None:
    for seed, (m, n, k) in enumerate([(64, 64, 32), (70, 33, 100), (130, 65, 64)]):
        random = np.random.default_rng([seed, 5])
        x = test_matmul_ints.matrix(random, (m, k), "bytes", layout)
        y = test_matmul_ints.matrix(random, (k, n), "bytes", "rows")
        stage, given = stage_of(x, y, Opcode.IDOT)
        *launches, general = products.launches(stage, 0)
        assert launches[-1].kernel == integers.bytes_kernel()
        expected = (x @ y).view(np.uint32).reshape(-1)
        assert np.array_equal(run(make(), launches, given, stage.out.buffer), expected)
        assert not run(make(), [general], given, stage.out.buffer).any(), "it has nothing to do"
        for one, at in ((x, (m - 1, k - 1)), (y, (0, n - 1))):
            one = one.copy()
            one[at] = 128 if seed else -129
            pair = (one, y) if at == (m - 1, k - 1) else (x, one)
            check(make(), *pair, pair[0] @ pair[1])


@pytest.mark.parametrize("make", DEVICES)
def test_the_largest_of_bytes(make: Make) -> None:
    for value in (-128, 127):
        x = np.full((64, 160), value, np.int32)
        y = np.full((160, 64), -128, np.int32)
        check(make(), x, y, x @ y)


@NEEDS_COMPILER
@pytest.mark.parametrize("team", [1, 32])
def test_threads_need_nobody_but_at_barriers(team: int) -> None:
    """Warps, or threads, one after the other, the last one first."""
    used = interpreter(team)
    x, y = (test_matmul.matrix(np.random.default_rng(1), (17, 17), "hard", "rows"),) * 2
    for tile in (tiles.TINY,) if team == 1 else (tiles.TINY, tiles.SMALL, tiles.MIDDLE):
        check(used, x, y, test_matmul.chains(x, y), tile)


@NEEDS_COMPILER
def test_a_missing_barrier_is_seen() -> None:
    used = interpreter()
    x, y = (test_matmul.matrix(np.random.default_rng(1), (70, 70), "numbers", "rows"),) * 2
    stage, given = stage_of(x, y, Opcode.DOT)
    launches = tiled(stage, tiles.MIDDLE)
    kernel = launches[0].kernel
    barrier = kernel.text.rindex("__syncthreads();")
    text = kernel.text[:barrier] + kernel.text[barrier + len("__syncthreads();") :]
    broken = type(kernel)(
        f"{kernel.name}_broken", text.replace(kernel.name, f"{kernel.name}_broken"), True
    )
    launch = Launch(broken, launches[0].blocks, launches[0].threads, launches[0].arguments)
    with pytest.raises(AccessError, match="a warp"):
        run(used, [launch], given, stage.out.buffer)
