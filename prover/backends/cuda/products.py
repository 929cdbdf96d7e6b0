"""Matrix products as CUDA C: a tile of results a block, fold indices ascending in each of them.

The chain is the definition's: from 0, one fma after the other, as many as there are fold indices.
So fold indices are neither split among threads nor filled up with zeros. Rows and columns past the
edge repeat the last one, and nobody stores what comes of them. While a block computes on one part
of shared memory, the next fold indices are on their way to the other.
"""

from functools import cache
from typing import Final

from prover.backends.cuda import integers
from prover.backends.cuda.kernels import Kernel, Launch, named
from prover.backends.cuda.prelude import FUNCTIONS
from prover.backends.cuda.stacks import HEAD, PARAMETERS, TAIL, TILE, arguments
from prover.backends.cuda.tiles import Tile, choose
from prover.native.emit import MAKES_NAN
from prover.ops import Opcode
from prover.plan.nest import Matmul

_NARROW: Final = 1 << 30
"""Indices below this are computed in 32 bits."""

_BODY: Final = """\
    typedef {index} I;
    __shared__ __align__(16) u32 xs[2][{depth}][{rows} + 4], ys[2][{depth}][{columns} + 4];
    #define OWN_M(thread) \\
        ((thread) / {warp}u * {warp_m}u + (thread) % 32u / {lanes_n}u * {group_m}u)
    #define OWN_N(thread) \\
        ((thread) / 32u % {warps_n}u * {warp_n}u + (thread) % {lanes_n}u * {group_n}u)
    const u32 own_m = OWN_M(threadIdx.x), own_n = OWN_N(threadIdx.x);
    u32 next_x[{many_x}], next_y[{many_y}], acc[{own_m}][{own_n}];
    I from_x[{many_x}], from_y[{many_y}];
    #pragma unroll
    for (u32 i = 0; i < {many_x}u; ++i)
        from_x[i] = (I)min(here.row + {line_x}, M - 1u) * (I)x_m + (I){deep_x} * (I)x_k;
    #pragma unroll
    for (u32 i = 0; i < {many_y}u; ++i)
        from_y[i] = (I)min(here.column + {line_y}, N - 1u) * (I)y_n + (I){deep_y} * (I)y_k;
    #pragma unroll
    for (u32 i = 0; i < {own_m}u; ++i)
        #pragma unroll
        for (u32 j = 0; j < {own_n}u; ++j) acc[i][j] = 0u;

    // The next fold indices, as far as there are any, on their way here.
    #define FETCH \\
        _Pragma("unroll") for (u32 i = 0; i < {many_x}u; ++i) \\
            if ({deep_x} < left) next_x[i] = x[from_x[i]]; \\
        _Pragma("unroll") for (u32 i = 0; i < {many_y}u; ++i) \\
            if ({deep_y} < left) next_y[i] = y[from_y[i]];
    #define PLACE(half) \\
        _Pragma("unroll") for (u32 i = 0; i < {many_x}u; ++i) \\
            xs[half][{deep_x}][{line_x}] = next_x[i]; \\
        _Pragma("unroll") for (u32 i = 0; i < {many_y}u; ++i) \\
            ys[half][{deep_y}][{line_y}] = next_y[i];
    #define STEP(half, k) {{ \\
        {vector_m} a[{groups_m}]; {vector_n} b[{groups_n}]; \\
        _Pragma("unroll") for (u32 g = 0; g < {groups_m}u; ++g) \\
            a[g] = *(const {vector_m}*)&xs[half][k][own_m + g * {stride_m}u]; \\
        _Pragma("unroll") for (u32 g = 0; g < {groups_n}u; ++g) \\
            b[g] = *(const {vector_n}*)&ys[half][k][own_n + g * {stride_n}u]; \\
        _Pragma("unroll") for (u32 i = 0; i < {own_m}u; ++i) \\
            _Pragma("unroll") for (u32 j = 0; j < {own_n}u; ++j) \\
                acc[i][j] = {function}(acc[i][j], ((const u32*)a)[i], ((const u32*)b)[j]); }}

    int left = (int)K;
    FETCH
    PLACE(0)
    __syncthreads();
    u32 half = 0u;
    while (left > {depth}) {{
        left -= {depth};
        x += (I)x_k * (I){depth};
        y += (I)y_k * (I){depth};
        FETCH
        #pragma unroll 4  // more, and registers are short
        for (u32 k = 0; k < {depth}u; ++k) STEP(half, k)
        half ^= 1u;
        PLACE(half)
        __syncthreads();
    }}
    #pragma unroll 1
    for (u32 k = 0; k < (u32)left; ++k) STEP(half, k)
"""
_STORE: Final = """\
    const u32 to_m = there.row + OWN_M(thread), to_n = there.column + OWN_N(thread);
    #pragma unroll
    for (u32 i = 0; i < {own_m}u; ++i) {{
        const u32 row = to_m + i / {group_m}u * {stride_m}u + i % {group_m}u;
        #pragma unroll
        for (u32 j = 0; j < {own_n}u; ++j) {{
            const u32 column = to_n + j / {group_n}u * {stride_n}u + j % {group_n}u;
            if (row < M && column < N) out[(i64)row * N + column] = {settled};
        }}
    }}
"""


def launches(stage: Matmul, number: int) -> list[Launch]:
    """The kernels of a product, the plan's stage of a number, and how they are launched."""
    b0, b1, m, n, _ = stage.sizes
    wide = not _is_near(stage)
    tile = choose(b0 * b1, m, n, large=stage.opcode == Opcode.DOT and not wide)
    along = (abs(stage.x.strides[3]) == 1, abs(stage.y.strides[2]) == 1)
    given = arguments(stage, 1 << number % 32)
    made = kernel(tile, *along, wide=wide, opcode=stage.opcode)
    general = Launch(made, b0 * b1 * tile.blocks(m, n), tile.threads, given)
    if stage.opcode == Opcode.IDOT and not wide:
        return integers.launches(stage, general)
    return [general]


def _is_near(stage: Matmul) -> bool:
    """Whether indices inside of a matrix need no more than 32 bits."""
    _, _, m, n, k = stage.sizes
    x, y = stage.x.strides, stage.y.strides
    reach = max(abs(x[2]) * m + abs(x[3]) * (k + 64), abs(y[3]) * n + abs(y[2]) * (k + 64))
    return reach < _NARROW


@cache
def kernel(
    tile: Tile, x_along: bool, y_along: bool, *, wide: bool = False, opcode: Opcode = Opcode.DOT
) -> Kernel:
    """The kernel of a tile. `x_along` and `y_along` say along what threads read neighbouring
    words: fold indices, or rows of x and columns of y.
    """
    (rows, columns), threads = tile.sizes, tile.threads
    acc = "acc[i][j]"
    facts: dict[str, object] = {
        "index": "i64" if wide else "int",
        "rows": rows, "columns": columns, "depth": tile.depth,
        "warp": 32 * tile.warps[1], "warps_n": tile.warps[1], "lanes_n": tile.lanes[1],
        "function": FUNCTIONS[opcode],
        "settled": f"canonical({acc})" if opcode in MAKES_NAN else acc,
    }  # fmt: skip
    for place, name in enumerate("mn"):
        own, lanes = tile.own[place], tile.lanes[place]
        group = min(own, 4)
        facts |= {
            f"own_{name}": own, f"warp_{name}": own * lanes, f"group_{name}": group,
            f"groups_{name}": own // group, f"stride_{name}": lanes * group,
            f"vector_{name}": {1: "u32", 2: "uint2", 4: "uint4"}[group],
        }  # fmt: skip
    for name, lines, along in (("x", rows, x_along), ("y", columns, y_along)):
        facts[f"many_{name}"] = lines * tile.depth // threads
        at = f"(threadIdx.x + i * {threads}u)"
        facts[f"line_{name}"] = f"{at} / {tile.depth}u" if along else f"{at} % {lines}u"
        facts[f"deep_{name}"] = f"(int)({at} {f'% {tile.depth}u' if along else f'/ {lines}u'})"
    head = TILE + (
        f'extern "C" __global__ void __launch_bounds__({threads}, {tile.together})\n'
        f"KERNEL(Control* control,\n{PARAMETERS}) {{\n"
    )
    text = head + HEAD.format(rows=rows, columns=columns) + _BODY.format(**facts)
    text += TAIL.format(rows=rows, columns=columns) + _STORE.format(**facts) + "}\n"
    return named("idot" if opcode == Opcode.IDOT else "dot", text, shared=True)
