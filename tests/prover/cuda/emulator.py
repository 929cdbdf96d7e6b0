"""An interpreter of PTX: all threads of a launch at once, as arrays.

Threads that stand at the same instruction execute it together; where branches part them, those
furthest behind go first, so that they meet again. Barriers, shuffles and tensor instructions wait
for the threads that have part in them, as on a device. `team` makes them go in smaller parties: 32
is a warp at a time and 1 a thread, each as far as it can come alone, the last one first.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.prover.cuda import assembled
from tests.prover.cuda.assembled import Step
from tests.prover.cuda.memory import AccessError, Heap, Words, shared
from tests.prover.cuda.ptx import Kernel

WARP = 32
_GOING, _WITH_WARP, _WITH_BLOCK, _GONE = range(4)


class Run:
    """One launch: registers of all threads, and where each of them stands."""

    def __init__(
        self, kernel: Kernel, heap: Heap, blocks: int, threads: int, given: list[int], number: int
    ) -> None:
        count = blocks * threads
        self.kernel = kernel
        self.heap = heap
        self.given = dict(zip(kernel.parameters, given, strict=True))
        self.registers: dict[str, Any] = {}
        self.count = count
        thread = np.arange(count, dtype=np.uint32)
        self.special = {
            "%tid.x": thread % np.uint32(threads),
            "%ctaid.x": thread // np.uint32(threads),
            "%ntid.x": np.full(count, threads, np.uint32),
            "%nctaid.x": np.full(count, blocks, np.uint32),
        }
        self.blocks = thread // threads
        self.warps = thread // WARP
        self.block_threads = threads
        self.who = (np.int64(number) << 32) + self.warps
        self.since = np.int64(number) << 32
        self.epochs = np.zeros(count, np.int64)
        self.shared: Words = shared(blocks, kernel.shared_bytes)
        self.shared_base = self.blocks.astype(np.uint64) * np.uint64(kernel.shared_bytes)
        self.at = np.zeros(count, np.int64)
        self.state = np.full(count, _GOING, np.int8)

    def register(self, name: str) -> Any:
        """A register's words in all threads."""
        found = self.registers.get(name)
        if found is None:
            kind = self.kernel.registers[name.rstrip("0123456789")]
            found = self.registers[name] = np.zeros(self.count, kind)
        return found

    def go(self, team: int = 0) -> None:
        """Until all threads are gone."""
        code = assembled.code(self.kernel)
        teams = np.arange(self.count) // team if team else None
        with np.errstate(all="ignore"):
            while True:
                going = np.flatnonzero(self.state == _GOING)
                if not len(going):
                    if (self.state == _GONE).all():
                        return
                    self._meet()
                    continue
                if teams is not None:
                    going = going[teams[going] == teams[going[-1]]]
                at = self.at[going]
                first = int(at.min())
                self._advance(code, first, going[at == first])

    def _advance(self, code: list[Step], at: int, who: NDArray[np.int64]) -> None:
        """Some threads, from one instruction to where they may part or meet others."""
        everyone: Any = slice(None) if len(who) == self.count else who
        while True:
            step = code[at]
            if step.kind == "plain":
                if step.guard:
                    asked = self.register(step.guard)[who] != step.negated
                    if asked.any():
                        step.run(self, who[asked])
                else:
                    step.run(self, everyone)
                at += 1
                if at in step.ends:
                    self.at[who] = at
                    return
                continue
            break
        self.at[who] = at
        if step.kind == "branch":
            taken = np.ones(len(who), np.bool_)
            if step.guard:
                taken = self.register(step.guard)[who] != step.negated
            self.at[who] = np.where(taken, step.target, at + 1)
        elif step.kind == "exit":
            self.state[who] = _GONE
        elif step.kind == "block":
            self.state[who] = _WITH_BLOCK
        else:
            self.state[who] = _WITH_WARP
            self._meet_warps(step, at)

    def _meet_warps(self, step: Step, at: int) -> None:
        here = (self.state == _WITH_WARP) & (self.at == at)
        whole = np.flatnonzero(here.reshape(-1, WARP).all(axis=1))
        if len(whole):
            who = (whole[:, None] * WARP + np.arange(WARP)).reshape(-1)
            step.run(self, who)
            self.at[who] = at + 1
            self.state[who] = _GOING

    def _meet(self) -> None:
        """Nobody goes on alone: whole blocks at one barrier do."""
        waiting = (self.state == _WITH_BLOCK).reshape(-1, self.block_threads)
        at = self.at.reshape(-1, self.block_threads)
        whole = waiting.all(axis=1) & (at == at[:, :1]).all(axis=1)
        if not whole.any():
            raise AccessError(f"{self.kernel.name}: threads wait for others that never come")
        who = np.repeat(whole, self.block_threads)
        self.at[who] += 1
        self.epochs[who] += 1
        self.state[who] = _GOING
