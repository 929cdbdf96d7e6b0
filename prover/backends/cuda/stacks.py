"""What all kernels of matrix products are given, and how each block finds its tile of results."""

from typing import Final

from prover.backends.cuda.kernels import Argument, Given
from prover.plan.nest import Matmul

PARAMETERS: Final = """\
    u32* __restrict__ out, i64 out_offset, i64 out_modulus, i64 out_turn,
    const u32* __restrict__ x, i64 x_offset, i64 x_modulus, i64 x_turn,
    const u32* __restrict__ y, i64 y_offset, i64 y_modulus, i64 y_turn,
    i64 stack0, i64 stack1, i64 m_size, i64 n_size, i64 k_size, i64 bit,
    i64 x_0, i64 x_1, i64 x_m, i64 x_k, i64 y_0, i64 y_1, i64 y_k, i64 y_n"""
"""Of each kernel of products, after the control block."""

BIT: Final = 18
"""The place of `bit` among the arguments, the control block's being 0."""

HEAD: Final = """\
    if (control->stopped) return;
    const u32 M = (u32)m_size, N = (u32)n_size, K = (u32)k_size;
    const Tile here = tile_of(blockIdx.x, M, N, {rows}u, {columns}u);
    const i64 at0 = here.stack / (u32)stack1, at1 = here.stack % (u32)stack1;
    x += x_offset + at0 * x_0 + at1 * x_1;
    y += y_offset + at0 * y_0 + at1 * y_1;
    if (x_modulus > 1) x += (i64)(control->step % (u64)x_modulus) * x_turn;
    if (y_modulus > 1) y += (i64)(control->step % (u64)y_modulus) * y_turn;
"""
"""Which tile a block has, and where its operands begin."""

TAIL: Final = """\
    // Asked again, so that no registers hold it all the while.
    u32 block, thread;
    asm volatile("mov.u32 %0, %%ctaid.x;" : "=r"(block));
    asm volatile("mov.u32 %0, %%tid.x;" : "=r"(thread));
    const Tile there = tile_of(block, M, N, {rows}u, {columns}u);
    out += out_offset + (i64)there.stack * m_size * n_size;
    if (out_modulus > 1) out += (i64)(control->step % (u64)out_modulus) * out_turn;
"""
"""Where its results begin."""

TILE: Final = """\
struct Tile { u32 row, column, stack; };

// A block's. Eight rows of tiles at a time, so that neighbouring blocks read the same words.
__device__ __forceinline__ Tile tile_of(u32 block, u32 M, u32 N, u32 rows, u32 columns) {
    const u32 tiles_m = (M + rows - 1u) / rows, tiles_n = (N + columns - 1u) / columns;
    const u32 tile = block % (tiles_m * tiles_n), band = tile / (8u * tiles_n);
    const u32 rest = tile - band * 8u * tiles_n, high = min(8u, tiles_m - 8u * band);
    return { (8u * band + rest % high) * rows, rest / high * columns, block / (tiles_m * tiles_n) };
}

"""


def arguments(stage: Matmul, bit: int) -> tuple[Argument, ...]:
    """What `PARAMETERS` are in a launch. `bit` of `Control.wide` is the product's own."""
    given: list[Argument] = [Given.CONTROL]
    for address in (stage.out, stage.x, stage.y):
        given += [address.buffer, address.offset, *address.turn]
    return (*given, *stage.sizes, bit, *stage.x.strides, *stage.y.strides)
