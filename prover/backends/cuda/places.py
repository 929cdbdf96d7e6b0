"""Addresses of a nest as expressions of CUDA C."""

from prover.plan.nest import Address, Fold, Load, Nest, Store, addresses

_NARROW = 1 << 30
"""Numbers below this are computed in 32 bits."""


class Places:
    """What a nest's kernel says of memory. Its loops define the digits d0, d1, ... of the run's
    number, `at` along the run, and `k` in folds; `N` is the type of counts and `I` of indices.
    """

    def __init__(self, nest: Nest) -> None:
        self._nest = nest
        self._names = {buffer: f"b{place}" for place, buffer in enumerate(nest.buffers)}
        found = [address for one in nest.body for address in addresses(one)]
        turns = dict.fromkeys(address.turn for address in found if address.turn[0] > 1)
        self._turns = {turn: f"turn{place}" for place, turn in enumerate(turns)}
        spans = [self._span(address) for address in found]
        spans += [self._fold_span(one) for one in nest.body if isinstance(one, Fold)]
        self.wide = max([nest.runs * nest.inner, *spans]) >= _NARROW

    @property
    def parameters(self) -> str:
        """Of the kernel: the nest's buffers, in order."""
        written = {one.address.buffer for one in self._nest.body if isinstance(one, Store)}
        return "".join(
            f", {'' if buffer in written else 'const '}u32* __restrict__ {name}"
            for buffer, name in self._names.items()
        )

    @property
    def turns(self) -> str:
        """The kernel's first line: types, and what moves addresses in this training step."""
        long = " typedef i64 I; typedef u64 N;" if self.wide else " typedef int I; typedef u32 N;"
        return long + "".join(
            f" const I {name} = (I)(control->step % {modulus}ull) * ({stride});"
            for (modulus, stride), name in self._turns.items()
        )

    @property
    def digits(self) -> str:
        """From `run` to its digits."""
        outer = self._nest.outer
        if not outer:
            return ""
        lines = [
            f"const I d{place} = (I)(run % {size}u); run /= {size}u;"
            for place, size in reversed([*enumerate(outer)][1:])
        ]
        return " ".join([*lines, "const I d0 = (I)run;"])

    def load(self, load: Load, fold_stride: int = 0) -> str:
        """The word of a load, at the fold index `k` where it moves with it."""
        index = self._index(load.address, fold_stride)
        if load.checked:
            return self.within(load.address, index)
        return f"{self._names[load.address.buffer]}[{index}]"

    def at(self, address: Address) -> str:
        """The word at an address."""
        return f"{self._names[address.buffer]}[{self._index(address)}]"

    def within(self, address: Address, index: str) -> str:
        """The word at an index, or 0 outside of the buffer."""
        return f"within({self._names[address.buffer]}, {index}, {address.buffer.length}ull)"

    def shifted(self, address: Address, x: str, y: str) -> str:
        """An address shifted by a product of ints."""
        return f"(i64)({self._index(address)}) + (i64)(int){x} * (i64)(int){y}"

    def _index(self, address: Address, fold_stride: int = 0) -> str:
        parts = [f"({address.offset})"] if address.offset else []
        digits = [f"d{place}" for place in range(len(self._nest.outer))]
        # Only addresses that move along the run have a stride more than there are digits.
        for digit, stride in zip([*digits, "(I)at"], address.strides, strict=False):
            if stride:
                parts.append(digit if stride == 1 else f"{digit} * ({stride})")
        if address.turn[0] > 1:
            parts.append(self._turns[address.turn])
        if fold_stride:
            parts.append(f"k * ({fold_stride})")
        return " + ".join(parts) or "0"

    def _span(self, address: Address) -> int:
        """How large an index, or a part of its sum, may become."""
        sizes = (*self._nest.outer, self._nest.inner)
        moves = [abs(s) * n for s, n in zip(address.strides, sizes, strict=False)]
        return abs(address.offset) + sum(moves) + abs(address.turn[1]) * address.turn[0]

    def _fold_span(self, fold: Fold) -> int:
        reaches = [
            self._span(one.address) + abs(stride) * fold.count
            for one, stride in zip(fold.operands, fold.strides, strict=True)
            if isinstance(one, Load)
        ]
        return max([fold.count, *reaches])
