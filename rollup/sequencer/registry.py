"""What admission may remember of L1's answers."""

from typing import Any

from rollup.protocol.claims import ProgramInfo
from rollup.protocol.types import AccountIndex, Address, Hash, SlotIndex
from rollup.sequencer.ports import Clock, RegistryPort


class CachedRegistry:
    """`RegistryPort` in front of another one.

    An account's owner and a program never change once they are there, and are kept for good. A live
    slot may be exited or slashed: it is asked for again after `slot_age` seconds. What is not there
    may come at any moment and is never remembered.
    """

    def __init__(
        self,
        registry: RegistryPort,
        clock: Clock,
        slot_age: float = 10.0,
        capacity: int = 100_000,
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._slot_age = slot_age
        self._capacity = capacity
        self._owners: dict[AccountIndex, Address] = {}
        self._programs: dict[Hash, ProgramInfo] = {}
        self._live: dict[tuple[AccountIndex, SlotIndex], float] = {}

    async def owner(self, account: AccountIndex) -> Address | None:
        """See `RegistryPort.owner`."""
        known = self._owners.get(account)
        if known is None:
            known = await self._registry.owner(account)
            if known is not None:
                self._room(self._owners)
                self._owners[account] = known
        return known

    async def slot_live(self, account: AccountIndex, slot: SlotIndex) -> bool:
        """See `RegistryPort.slot_live`; a slot that died may be called live for `slot_age`."""
        now = self._clock()
        seen = self._live.get((account, slot))
        if seen is not None and 0 <= now - seen < self._slot_age:
            return True
        live = await self._registry.slot_live(account, slot)
        if live:
            self._room(self._live)
            self._live[account, slot] = now
        else:
            self._live.pop((account, slot), None)
        return live

    async def program(self, program: Hash) -> ProgramInfo | None:
        """See `RegistryPort.program`."""
        known = self._programs.get(program)
        if known is None:
            known = await self._registry.program(program)
            if known is not None:
                self._room(self._programs)
                self._programs[program] = known
        return known

    def _room(self, table: dict[Any, Any]) -> None:
        if len(table) >= self._capacity:
            table.pop(next(iter(table)))
