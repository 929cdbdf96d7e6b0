"""What every kernel begins with: the scalar operations as device functions, and what is shared.

Words are `u32`. Float operations go by intrinsics that name their rounding, so no option and no
optimizer contracts or relaxes them. They are *raw*, as those of `prover.native.emit`: a NaN comes
out with the device's bits, and `canonical` makes it the one NaN.
"""

from collections.abc import Mapping
from typing import Final

from prover.ops import Opcode

LANES: Final = 32
"""Threads of a warp, lanes of a reduction."""
CONTROL_WORDS: Final = 8
"""Words of the control block, which all kernels see as `Control`."""
NO_ROW: Final = 0xFFFFFFFF

PRELUDE: Final = """\
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

// Where a run stands. Every kernel of a training step begins by looking at `stopped`.
struct Control {
    u64 step;     // number of the training step
    u32 done;     // steps of this run that are finished
    u32 row;      // the lowest row with a result that is not finite, or ~0
    u32 halts;    // whether such a row ends the run
    u32 stopped;
    u32 wide;     // whether ints met did not fit into bytes
    u32 unused;
};

#define F(word) __uint_as_float(word)
#define W(value) __float_as_uint(value)
#define OP __device__ __forceinline__ u32

OP canonical(u32 x) { return (x & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000u : x; }

OP op_add(u32 x, u32 y) { return W(__fadd_rn(F(x), F(y))); }
OP op_sub(u32 x, u32 y) { return W(__fsub_rn(F(x), F(y))); }
OP op_mul(u32 x, u32 y) { return W(__fmul_rn(F(x), F(y))); }
OP op_fma(u32 x, u32 y, u32 z) { return W(__fmaf_rn(F(x), F(y), F(z))); }
OP op_div(u32 x, u32 y) { return W(__fdiv_rn(F(x), F(y))); }
OP op_sqrt(u32 x) { return W(__fsqrt_rn(F(x))); }
OP op_max(u32 x, u32 y) { return F(x) > F(y) ? x : y; }
OP op_lt(u32 x, u32 y) { return F(x) < F(y) ? ~0u : 0u; }
OP op_le(u32 x, u32 y) { return F(x) <= F(y) ? ~0u : 0u; }
OP op_eq(u32 x, u32 y) { return F(x) == F(y) ? ~0u : 0u; }
OP op_ilt(u32 x, u32 y) { return (int)x < (int)y ? ~0u : 0u; }
OP op_ile(u32 x, u32 y) { return (int)x <= (int)y ? ~0u : 0u; }
OP op_ieq(u32 x, u32 y) { return x == y ? ~0u : 0u; }
OP op_select(u32 x, u32 y, u32 z) { return x != 0u ? y : z; }
OP op_iadd(u32 x, u32 y) { return x + y; }
OP op_isub(u32 x, u32 y) { return x - y; }
OP op_imul(u32 x, u32 y) { return x * y; }
OP op_umulh(u32 x, u32 y) { return __umulhi(x, y); }
OP op_and(u32 x, u32 y) { return x & y; }
OP op_or(u32 x, u32 y) { return x | y; }
OP op_xor(u32 x, u32 y) { return x ^ y; }
OP op_shl(u32 x, u32 y) { return x << (y & 31u); }
OP op_shr(u32 x, u32 y) { return x >> (y & 31u); }
OP op_sar(u32 x, u32 y) { return (u32)((int)x >> (y & 31u)); }
OP op_from_int(u32 x) { return W(__int2float_rn((int)x)); }
OP op_to_int_nearest(u32 x) { return (u32)__float2int_rn(F(x)); }  // saturates; NaN gives 0
OP op_to_int_zero(u32 x) { return (u32)__float2int_rz(F(x)); }
OP op_move(u32 x) { return x; }

// Folds: the accumulator first.
OP op_sum(u32 acc, u32 x) { return op_add(acc, x); }
OP op_dot(u32 acc, u32 x, u32 y) { return op_fma(x, y, acc); }
OP op_maxf(u32 acc, u32 x) { return op_max(acc, x); }
OP op_idot(u32 acc, u32 x, u32 y) { return acc + x * y; }

// A word at an index, or 0 outside of the buffer's `length` words.
OP within(const u32* words, i64 index, u64 length) {
    return (u64)index < length ? words[index] : 0u;
}

// Notes a row when a word is NaN or Inf.
__device__ __forceinline__ void look(Control* control, u32 word, u32 row) {
    if ((word & 0x7f800000u) == 0x7f800000u && control->row > row) atomicMin(&control->row, row);
}

// The first thread's number in its grid, and how far it is to the next that it stands for.
#define FIRST ((u64)blockIdx.x * blockDim.x + threadIdx.x)
#define HOP ((u64)gridDim.x * blockDim.x)
"""

CLEAR: Final = """\
extern "C" __global__ void clear(Control* control, u32* words, i64 length) {
    if (control->stopped) return;
    for (u64 at = FIRST; at < (u64)length; at += HOP) words[at] = 0u;
}
"""
"""Zeros for a whole buffer."""

FINISH: Final = """\
extern "C" __global__ void finish(Control* control) {
    if (control->stopped) return;
    control->done += 1u;
    if (control->halts && control->row != ~0u) control->stopped = 1u;
    else control->step += 1ull;
}
"""
"""Of one thread, at the end of a training step."""

FUNCTIONS: Final[Mapping[Opcode, str]] = {
    opcode: f"op_{opcode.name.lower()}" for opcode in Opcode if opcode != Opcode.GATHER
}
"""Operands (of folds the accumulator before them) to the result, raw. GATHER is a read."""

REDUCTIONS: Final[Mapping[Opcode, str]] = {
    Opcode.SUM: "op_sum", Opcode.MAXF: "op_maxf", Opcode.IDOT: "op_iadd",
}  # fmt: skip
"""Of folds over one operand: accumulator and operand to the next accumulator. IDOT's other is 1."""
