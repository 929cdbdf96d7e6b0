"""Products of ints on tensor cores, where all of them fit into bytes.

Whether they do is seen on the device: a kernel looks at both operands and notes any int that does
not, for the rest of the run. Then two kernels are launched, of which one does nothing: that of
bytes, or the general one. Sums are modulo 2^32, so any order is right, and so are zeros past the
last fold index.
"""

from dataclasses import replace
from functools import cache
from typing import Final

from prover.backends.cuda.kernels import Argument, Given, Kernel, Launch, named
from prover.backends.cuda.stacks import BIT, HEAD, PARAMETERS, TAIL, TILE
from prover.plan.nest import Matmul

_ROWS: Final = 64
_COLUMNS: Final = 64
_THREADS: Final = 128
"""Four warps, each with 32 x 32 results: 2 x 4 of the instruction's 16 x 8."""
_WORTH: Final = 32
"""Fold indices of the instruction; and rows and columns below which looking costs more."""
_LOOKING: Final = 1024

_LOOK: Final = """\
extern "C" __global__ void __launch_bounds__(256)
KERNEL(Control* control, const u32* __restrict__ words, i64 offset, i64 modulus, i64 turn,
       i64 n0, i64 n1, i64 n2, i64 n3, i64 s0, i64 s1, i64 s2, i64 s3, i64 bit) {
    if (control->stopped || (control->wide & (u32)bit)) return;
    words += offset;
    if (modulus > 1) words += (i64)(control->step % (u64)modulus) * turn;
    const u64 count = (u64)(n0 * n1 * n2 * n3);
    bool wide = false;
    for (u64 at = FIRST; at < count; at += HOP) {
        const u64 d3 = at % (u64)n3, r2 = at / (u64)n3, d2 = r2 % (u64)n2, r1 = r2 / (u64)n2;
        const i64 d1 = (i64)(r1 % (u64)n1), d0 = (i64)(r1 / (u64)n1);
        const u32 word = words[d0 * s0 + d1 * s1 + (i64)d2 * s2 + (i64)d3 * s3];
        wide |= word + 128u > 255u;
    }
    if (wide) atomicOr(&control->wide, (u32)bit);
}
"""

_BODY: Final = """\
    if (control->wide & (u32)bit) return;
    // Four fold indices a word; 12 words a line let all lanes read at once.
    __shared__ u32 xs[2][{rows}][12], ys[2][{columns}][12];
    const u32 lane = threadIdx.x & 31u, warp = threadIdx.x >> 5;
    const u32 group = lane >> 2, in = lane & 3u;
    const u32 own_m = (warp >> 1) * 32u, own_n = (warp & 1u) * 32u;
    u32 next_x[4], next_y[4];
    int from_x[4], from_y[4], acc[2][4][4] = {{}};
    #pragma unroll
    for (u32 i = 0; i < 4u; ++i) {{
        const u32 line = (threadIdx.x >> 3) + 16u * i, deep = (threadIdx.x & 7u) * 4u;
        from_x[i] = (int)min(here.row + line, M - 1u) * (int)x_m + (int)deep * (int)x_k;
        from_y[i] = (int)min(here.column + line, N - 1u) * (int)y_n + (int)deep * (int)y_k;
    }}

    #define BYTES(next, from, words, fold) \\
        _Pragma("unroll") for (u32 i = 0; i < 4u; ++i) {{ \\
            u32 packed = 0u; \\
            _Pragma("unroll") for (u32 b = 0; b < 4u; ++b) \\
                if ((int)((threadIdx.x & 7u) * 4u + b) < left) \\
                    packed |= (words[from[i] + (int)b * (int)(fold)] & 255u) << (8u * b); \\
            next[i] = packed; \\
        }}
    #define FETCH BYTES(next_x, from_x, x, x_k) BYTES(next_y, from_y, y, y_k)
    #define PLACE(half) \\
        _Pragma("unroll") for (u32 i = 0; i < 4u; ++i) {{ \\
            const u32 at = threadIdx.x + i * 128u; \\
            xs[half][at >> 3][at & 7u] = next_x[i]; \\
            ys[half][at >> 3][at & 7u] = next_y[i]; \\
        }}

    int left = (int)K;
    FETCH
    PLACE(0)
    __syncthreads();
    u32 half = 0u;
    for (;;) {{
        left -= 32;
        x += (int)x_k * 32;
        y += (int)y_k * 32;
        if (left > 0) {{ FETCH }}
        u32 a[2][4], b[4][2];
        #pragma unroll
        for (u32 i = 0; i < 2u; ++i)
            #pragma unroll
            for (u32 r = 0; r < 4u; ++r)
                a[i][r] = xs[half][own_m + 16u * i + group + 8u * (r & 1u)][in + 4u * (r >> 1)];
        #pragma unroll
        for (u32 j = 0; j < 4u; ++j)
            #pragma unroll
            for (u32 r = 0; r < 2u; ++r) b[j][r] = ys[half][own_n + 8u * j + group][in + 4u * r];
        #pragma unroll
        for (u32 i = 0; i < 2u; ++i)
            #pragma unroll
            for (u32 j = 0; j < 4u; ++j)
                asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 "
                    "{{%0,%1,%2,%3}}, {{%4,%5,%6,%7}}, {{%8,%9}}, {{%0,%1,%2,%3}};"
                    : "+r"(acc[i][j][0]), "+r"(acc[i][j][1]), "+r"(acc[i][j][2]),
                      "+r"(acc[i][j][3])
                    : "r"(a[i][0]), "r"(a[i][1]), "r"(a[i][2]), "r"(a[i][3]),
                      "r"(b[j][0]), "r"(b[j][1]));
        if (left <= 0) break;
        half ^= 1u;
        PLACE(half)
        __syncthreads();
    }}
"""
_STORE: Final = """\
    const u32 to_m = there.row + thread / 64u * 32u + thread % 32u / 4u;
    const u32 to_n = there.column + thread / 32u % 2u * 32u + thread % 4u * 2u;
    #pragma unroll
    for (u32 i = 0; i < 2u; ++i)
        #pragma unroll
        for (u32 j = 0; j < 4u; ++j)
            #pragma unroll
            for (u32 c = 0; c < 4u; ++c) {
                const u32 row = to_m + 16u * i + 8u * (c >> 1);
                const u32 column = to_n + 8u * j + (c & 1u);
                if (row < M && column < N) out[(i64)row * N + column] = (u32)acc[i][j][c];
            }
"""


def launches(stage: Matmul, general: Launch) -> list[Launch]:
    """The kernels of a product of ints whose indices are small; `general` takes any ints."""
    b0, b1, m, n, k = stage.sizes
    if min(m, n, k) < _WORTH:
        return [general]
    looks, bit = [], general.arguments[BIT]
    for operand, sizes, strides in (
        (stage.x, (b0, b1, m, k), stage.x.strides),
        (stage.y, (b0, b1, n, k), (*stage.y.strides[:2], stage.y.strides[3], stage.y.strides[2])),
    ):
        # Each word once: what does not move along a dimension, or is read the other way round.
        read = sorted(((s, d) for s, d in zip(strides, sizes, strict=True) if s), key=_size)
        read = [(0, 1)] * (4 - len(read)) + read
        counts, moves = [d for _, d in read], [s for s, _ in read]
        total = counts[0] * counts[1] * counts[2] * counts[3]
        whole: tuple[Argument, ...] = (Given.CONTROL, operand.buffer, operand.offset)
        given = (*whole, *operand.turn, *counts, *moves, bit)
        looks.append(Launch(look(), min(-(-total // 256), _LOOKING), 256, given))
    blocks = b0 * b1 * -(-m // _ROWS) * -(-n // _COLUMNS)
    packed = Launch(bytes_kernel(), blocks, _THREADS, general.arguments)
    return [*looks, packed, replace(general, kernel=otherwise(general.kernel))]


def _size(stride_and_count: tuple[int, int]) -> int:
    return -abs(stride_and_count[0])


@cache
def look() -> Kernel:
    """Notes ints of a matrix that do not fit into bytes."""
    return named("look", _LOOK, shared=True)


@cache
def bytes_kernel() -> Kernel:
    """The product of ints that fit into bytes; nothing where some do not."""
    head = TILE + (
        f'extern "C" __global__ void __launch_bounds__({_THREADS})\n'
        f"KERNEL(Control* control,\n{PARAMETERS}) {{\n"
    )
    sizes = {"rows": _ROWS, "columns": _COLUMNS}
    body = HEAD.format(**sizes) + _BODY.format(**sizes) + TAIL.format(**sizes) + _STORE
    return named("bytes", head + body + "}\n", shared=True)


@cache
def otherwise(general: Kernel) -> Kernel:
    """The same kernel, which does nothing where all ints fit into bytes."""
    first = "if (control->stopped) return;"
    text = general.text.replace(general.name, "KERNEL")
    other = "if (control->stopped || !(control->wide & (u32)bit)) return;"
    return named("idot", text.replace(first, other), shared=True)
