"""The embedded chain's transaction pool: order by nonce and tip, replacement by fee."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from rollup.l1.fees import intrinsic_gas

# A replacement must pay this much more, in per cent: the rule of Ethereum's own nodes.
BUMP: Final = 10


class PoolRefusal(Exception):
    """A transaction that the pool does not take; the text is in Ethereum nodes' own words."""


class Pool:
    """Signed transactions by account and nonce."""

    def __init__(self, gas_limit: int) -> None:
        self._gas_limit = gas_limit
        self._held: dict[bytes, dict[int, tuple[bytes, Any, bytes]]] = {}
        self._by_hash: dict[bytes, tuple[bytes, int]] = {}

    def __len__(self) -> int:
        return len(self._by_hash)

    def copy(self) -> "Pool":
        """The same content, held apart."""
        twin = Pool(self._gas_limit)
        twin._held = {sender: dict(lane) for sender, lane in self._held.items()}
        twin._by_hash = dict(self._by_hash)
        return twin

    def get(self, digest: bytes) -> tuple[bytes, Any, bytes] | None:
        """(raw bytes, transaction, sender) of a waiting transaction."""
        place = self._by_hash.get(digest)
        return None if place is None else self._held[place[0]][place[1]]

    def add(self, raw: bytes, transaction: Any, sender: bytes, nonce: int, balance: int) -> None:
        """Takes a transaction of ``sender``, whose next nonce and wei are given.

        Raises:
            PoolRefusal: when it cannot be paid, cannot run, is old, or replaces one for too little.
        """
        creates = transaction.to == b""
        _, floor = intrinsic_gas(transaction.data, creates=creates)
        if transaction.hash in self._by_hash:
            raise PoolRefusal("already known")
        if transaction.nonce < nonce:
            raise PoolRefusal(f"nonce too low: next nonce {nonce}, tx nonce {transaction.nonce}")
        if transaction.gas > self._gas_limit:
            raise PoolRefusal("exceeds block gas limit")
        if transaction.gas < transaction.intrinsic_gas:
            raise PoolRefusal(f"intrinsic gas too low: have {transaction.gas}")
        if transaction.gas < floor:
            raise PoolRefusal(
                f"insufficient gas for floor data gas cost: have {transaction.gas}, want {floor}"
            )
        cost = transaction.value + transaction.gas * transaction.max_fee_per_gas
        if balance < cost:
            raise PoolRefusal(
                f"insufficient funds for gas * price + value: have {balance} want {cost}"
            )
        lane = self._held.setdefault(sender, {})
        held = lane.get(transaction.nonce)
        if held is not None:
            old = held[1]
            if not (
                _raised(old.max_fee_per_gas, transaction.max_fee_per_gas)
                and _raised(old.max_priority_fee_per_gas, transaction.max_priority_fee_per_gas)
            ):
                raise PoolRefusal("replacement transaction underpriced")
            del self._by_hash[old.hash]
        lane[transaction.nonce] = (raw, transaction, sender)
        self._by_hash[transaction.hash] = (sender, transaction.nonce)

    def drop(self, digest: bytes) -> bool:
        """Forgets a transaction; False when it was not there."""
        place = self._by_hash.pop(digest, None)
        if place is None:
            return False
        lane = self._held[place[0]]
        del lane[place[1]]
        if not lane:
            del self._held[place[0]]
        return True

    def next_nonce(self, sender: bytes, nonce: int) -> int:
        """The nonce after those that are mined (``nonce`` comes next) and waiting in a row."""
        lane = self._held.get(sender, {})
        while nonce in lane:
            nonce += 1
        return nonce

    def ordered(
        self, base_fee: int, nonce_of: Callable[[bytes], int]
    ) -> Iterator[tuple[bytes, Any, bytes]]:
        """What could run now, best tip first, each account's in the order of its nonces."""
        heads = {sender: nonce_of(sender) for sender in self._held}
        while True:
            ready = [
                self._held[sender][nonce]
                for sender, nonce in heads.items()
                if nonce in self._held.get(sender, {})
                and self._held[sender][nonce][1].max_fee_per_gas >= base_fee
            ]
            if not ready:
                return
            best = max(ready, key=lambda entry: _tip(entry[1], base_fee))
            heads[best[2]] += 1
            yield best


def _tip(transaction: Any, base_fee: int) -> int:
    tip: int = min(transaction.max_priority_fee_per_gas, transaction.max_fee_per_gas - base_fee)
    return tip


def _raised(old: int, new: int) -> bool:
    return new * 100 >= old * (100 + BUMP)
