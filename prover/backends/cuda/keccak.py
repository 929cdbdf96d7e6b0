"""keccak256 as CUDA C: a thread a hash, and up to eight levels of many trees in one launch.

A block holds up to 256 nodes of one tree in shared memory and climbs; what is left at the top goes
to the next launch. What a tree is here, `prover.commit.tensor` says: leaves of 64 words, the last
one filled up with zeros, absent subtrees where a level has an odd node.
"""

from functools import cache
from typing import Final

from prover.backends.cuda.kernels import Kernel, named
from prover.commit.permutation import ROTATIONS, STATE_WORDS
from prover.commit.tags import Tag

NODES: Final = 256
"""Of a block, one a thread; its levels are the logarithm of that."""
THREADS: Final = 256
"""Of a block of each kernel here."""

_UNROLL: Final = 2
"""Rounds in the body of the loop: all of them would not fit an instruction cache."""

_HEAD: Final = """\
// One tree, or many words, in one launch.
struct Tree {
    u64 source;  // address of its words; or place of its nodes in `made`
    u64 words;   // how many there are, for leaves and copies
    u64 count;   // leaves or nodes
    u64 first;   // number of its first block
    u64 out;     // place in `made` of what is made
    u64 height;  // levels to climb
    u64 level;   // of the nodes that are given
};

__device__ __forceinline__ u64 joined(u32 low, u32 high) {
    u64 both;
    asm("mov.b64 %0, {%1, %2};" : "=l"(both) : "r"(low), "r"(high));
    return both;
}

// Rotation to the left by 0 < bits < 64, as two funnel shifts.
__device__ __forceinline__ u64 turned(u64 x, u32 bits) {
    u32 low, high;
    asm("mov.b64 {%0, %1}, %2;" : "=r"(low), "=r"(high) : "l"(x));
    if (bits & 32u) { const u32 other = low; low = high; high = other; }
    const u32 by = bits & 31u;
    return joined(__funnelshift_l(high, low, by), __funnelshift_l(low, high, by));
}

__device__ __forceinline__ void round(u64* a, u64 constant) {
ROUND}

__device__ __forceinline__ void permute(u64* a, const u64* __restrict__ constants) {
    #pragma unroll UNROLL
    for (u32 number = 0; number < 24u; ++number) round(a, constants[number]);
}

// Words of a leaf, as many quads from quad `first` on; those past the tensor's end are 0. All are
// asked for before the first one is waited for.
__device__ __forceinline__ void quads(
    u32* w, const u32* words, u32 first, u32 count, u32 present
) {
    if (4u * (first + count) <= present) {
        #pragma unroll
        for (u32 q = 0; q < count; ++q) {
            const uint4 four = __ldg((const uint4*)words + first + q);
            w[4u * q] = four.x; w[4u * q + 1u] = four.y;
            w[4u * q + 2u] = four.z; w[4u * q + 3u] = four.w;
        }
        return;
    }
    #pragma unroll
    for (u32 i = 0; i < 4u * count; ++i)
        w[i] = 4u * first + i < present ? __ldg(words + 4u * first + i) : 0u;
}

// A leaf's hash: the tag's byte, so that all words lie a byte further, 64 words and the padding
// make 257 bytes, two blocks of 136.
__device__ __forceinline__ void leaf(
    u64* a, const u32* words, u32 present, const u64* __restrict__ constants
) {
    u32 w[36], last = LEAFu << 24;
    quads(w, words, 0u, 9u, present);
    #pragma unroll
    for (u32 i = 0; i < 17u; ++i) {
        a[i] = joined(
            __funnelshift_l(last, w[2u * i], 8), __funnelshift_l(w[2u * i], w[2u * i + 1u], 8));
        last = w[2u * i + 1u];
    }
    #pragma unroll
    for (u32 i = 17; i < 25u; ++i) a[i] = 0ull;
    permute(a, constants);
    // Words 32 and 33 again: they are not worth registers meanwhile.
    quads(w, words, 8u, 8u, present);
    last = w[1];
    #pragma unroll
    for (u32 i = 0; i < 15u; ++i) {
        a[i] ^= joined(
            __funnelshift_l(last, w[2u * i + 2u], 8),
            __funnelshift_l(w[2u * i + 2u], w[2u * i + 3u], 8));
        last = w[2u * i + 3u];
    }
    a[15] ^= (u64)(last >> 24 | 0x100u);
    a[16] ^= 0x8000000000000000ull;
    permute(a, constants);
}

// A node's hash: the tag's byte, two hashes and the padding, one block.
__device__ __forceinline__ void node(
    u64* a, const u32* both, const u64* __restrict__ constants
) {
    u32 last = NODEu << 24;
    #pragma unroll
    for (u32 q = 0; q < 4u; ++q) {
        const uint4 w = ((const uint4*)both)[q];
        a[2u * q] = joined(__funnelshift_l(last, w.x, 8), __funnelshift_l(w.x, w.y, 8));
        a[2u * q + 1u] = joined(__funnelshift_l(w.y, w.z, 8), __funnelshift_l(w.z, w.w, 8));
        last = w.w;
    }
    a[8] = (u64)(last >> 24 | 0x100u);
    #pragma unroll
    for (u32 i = 9; i < 25u; ++i) a[i] = 0ull;
    a[16] = 0x8000000000000000ull;
    permute(a, constants);
}

__device__ __forceinline__ void keep(u32* into, const u64* a) {
    ((uint4*)into)[0] = make_uint4((u32)a[0], (u32)(a[0] >> 32), (u32)a[1], (u32)(a[1] >> 32));
    ((uint4*)into)[1] = make_uint4((u32)a[2], (u32)(a[2] >> 32), (u32)a[3], (u32)(a[3] >> 32));
}

// The tree that a block belongs to: the last one whose first block is not after it.
__device__ __forceinline__ Tree mine(const Tree* trees, u32 count) {
    u32 low = 0u, high = count;
    while (high - low > 1u) {
        const u32 middle = (low + high) >> 1;
        if (trees[middle].first <= (u64)blockIdx.x) low = middle; else high = middle;
    }
    return trees[low];
}
"""

_CLIMB: Final = """\
    u32 here = present;
    #pragma unroll 1
    for (u32 up = 0; up < (u32)tree.height; ++up) {
        // Where a level has an odd node, the absent subtree of that height is its sibling.
        if ((here & 1u) && threadIdx.x < 8u)
            nodes[here][threadIdx.x] = __ldg(absents + 8ull * (tree.level + up) + threadIdx.x);
        __syncthreads();
        const u32 pairs = (here + 1u) >> 1;
        u64 a[25];
        if (threadIdx.x < pairs) node(a, nodes[2u * threadIdx.x], constants);
        __syncthreads();
        if (threadIdx.x < pairs) keep(nodes[threadIdx.x], a);
        here = pairs;
    }
    const u64 start = base >> tree.height;
    u32* out = made + tree.out + 8ull * (start + threadIdx.x);
    if (threadIdx.x < here) {
        ((uint4*)out)[0] = ((const uint4*)nodes[threadIdx.x])[0];
        ((uint4*)out)[1] = ((const uint4*)nodes[threadIdx.x])[1];
    }
}
"""

_BEGIN: Final = """\
extern "C" __global__ void __launch_bounds__(NODES, 2)
KERNEL(const Tree* __restrict__ trees, i64 count, const u64* __restrict__ constants,
       const u32* __restrict__ absents, u32* made) {
    __shared__ __align__(16) u32 nodes[NODES][8];
    const Tree tree = mine(trees, (u32)count);
    const u64 base = ((u64)blockIdx.x - tree.first) * NODESull;
    const u32 present = (u32)min((u64)NODES, tree.count - base);
"""

_LEAVES: Final = """\
    if (threadIdx.x < present) {
        const u64 start = 64ull * (base + threadIdx.x);
        const u64 rest = tree.words - min(tree.words, start);
        u64 a[25];
        leaf(a, (const u32*)tree.source + start, (u32)min(64ull, rest), constants);
        keep(nodes[threadIdx.x], a);
    }
"""

_GIVEN: Final = """\
    if (threadIdx.x < present) {
        const uint4* from = (const uint4*)(made + tree.source) + 2ull * (base + threadIdx.x);
        ((uint4*)nodes[threadIdx.x])[0] = from[0];
        ((uint4*)nodes[threadIdx.x])[1] = from[1];
    }
"""

_COPY: Final = """\
extern "C" __global__ void __launch_bounds__(THREADS)
KERNEL(const Tree* __restrict__ trees, i64 count, u32* __restrict__ made) {
    const Tree tree = mine(trees, (u32)count);
    const u64 base = ((u64)blockIdx.x - tree.first) * COPIEDull;
    #pragma unroll
    for (u32 i = 0; i < COPIEDu / THREADSu; ++i) {
        const u64 at = base + THREADSu * i + threadIdx.x;
        if (at < tree.words) made[tree.out + at] = __ldg((const u32*)tree.source + at);
    }
}
"""
COPIED: Final = 1024
"""Words that a block of `copy` takes."""


@cache
def leaves() -> Kernel:
    """From words to the nodes `height` levels above their leaves.

    Its arguments, as those of `nodes`: trees, how many, the constants of the rounds, the hashes of
    absent subtrees by height, and memory for nodes. Words begin at a multiple of 16 bytes.
    """
    return named("leaves", _text(_BEGIN + _LEAVES + _CLIMB), shared=True)


@cache
def nodes() -> Kernel:
    """From nodes to those `height` levels above them."""
    return named("nodes", _text(_BEGIN + _GIVEN + _CLIMB), shared=True)


@cache
def copy() -> Kernel:
    """Words from `source` to `out`. Its arguments: trees, how many, and the memory to write."""
    return named("copy", _text(_COPY), shared=True)


def _text(body: str) -> str:
    text = _HEAD.replace("ROUND", _round(), 1) + body
    for name, value in (
        ("UNROLL", _UNROLL), ("LEAF", int(Tag.TENSOR_LEAF)), ("COPIED", COPIED),
        ("NODES", NODES), ("NODE", int(Tag.TENSOR_NODE)), ("THREADS", THREADS),
    ):  # fmt: skip
        text = text.replace(name, str(value))
    return text


def _round() -> str:
    """Theta, rho, pi, chi, iota on words at x + 5y, as `prover.commit.permutation` has them."""
    lines = [
        f"const u64 c{x} = a[{x}] ^ a[{x + 5}] ^ a[{x + 10}] ^ a[{x + 15}] ^ a[{x + 20}];"
        for x in range(5)
    ]
    lines += [f"const u64 t{x} = c{(x + 4) % 5} ^ turned(c{(x + 1) % 5}, 1u);" for x in range(5)]
    for y in range(5):
        for x in range(5):
            from_x = (y - 3 * x) * 3 % 5
            place = from_x + 5 * x
            word = f"a[{place}] ^ t{from_x}"
            turn = f"turned({word}, {ROTATIONS[place]}u)" if ROTATIONS[place] else word
            lines.append(f"const u64 b{x + 5 * y} = {turn};")
    for place in range(STATE_WORDS):
        x, y = place % 5, place // 5 * 5
        lines.append(f"a[{place}] = b{place} ^ (~b{y + (x + 1) % 5} & b{y + (x + 2) % 5});")
    lines.append("a[0] ^= constant;")
    return "".join(f"    {line}\n" for line in lines)
