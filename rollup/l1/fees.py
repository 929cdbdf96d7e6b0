"""What a transaction may cost (EIP-1559). All fees are wei a gas."""

from dataclasses import dataclass
from typing import Final

from rollup.l1.errors import FeeLimitReached
from rollup.protocol.types import Wei

GWEI: Final = 10**9
_TIP: Final = Wei(GWEI)
_LIMIT: Final = Wei(500 * GWEI)


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """What a transaction may cost. Fees are wei a gas.

    ``limit`` is never exceeded. ``bump_after`` seconds without a block, both fees rise by an
    eighth: nodes take a replacement from a tenth on.
    """

    tip: Wei = _TIP
    limit: Wei = _LIMIT
    bump_after: float = 36.0

    def first(self, base_fee: Wei) -> tuple[Wei, Wei]:
        """(tip, max fee) for a base fee: room for it to double.

        Raises:
            FeeLimitReached: when base fee and tip alone are above the limit.
        """
        if base_fee + self.tip > self.limit:
            raise FeeLimitReached(
                f"a base fee of {base_fee} wei and a tip of {self.tip} are above the fee limit of"
                f" {self.limit} wei a gas: raise the limit or wait"
            )
        return self.tip, Wei(min(2 * base_fee + self.tip, self.limit))

    def bumped(self, tip: Wei, max_fee: Wei, base_fee: Wei) -> tuple[Wei, Wei] | None:
        """The next (tip, max fee) for a replacement; None when that is above the limit."""
        raised_tip = Wei(tip + tip // 8 + 1)
        raised = Wei(max(max_fee + max_fee // 8 + 1, 2 * base_fee + raised_tip))
        if raised > self.limit:
            raised = self.limit
        if raised < max_fee + max_fee // 8 + 1:
            return None
        return Wei(min(raised_tip, raised)), raised


def intrinsic_gas(data: bytes, *, creates: bool) -> tuple[int, int]:
    """Gas before execution, and EIP-7623's floor on the total, of a transaction with ``data``."""
    zeros = data.count(0)
    tokens = zeros + 4 * (len(data) - zeros)
    creation = 32_000 + 2 * (-(-len(data) // 32)) if creates else 0
    return 21_000 + 4 * tokens + creation, 21_000 + 10 * tokens
