"""Registers that stay on a device: a claim of any number of steps leaves it as roots.

After a run each register that was written is a `DeviceWords` in the state: its words as they were
then, copied aside on the device, so that later runs may go on. Whoever asks for a root has all of
them hashed there, on another stream than what computes; whoever reads words has them copied to the
host. A run that begins with what the same machine wrote last moves nothing.
"""

from collections.abc import Sequence
from threading import Lock
from typing import Final, NamedTuple, cast

import numpy as np

from prover.backends.cuda.device import Device, Piece
from prover.backends.cuda.machine import Machine
from prover.backends.cuda.trees import Commitments, copies, copy
from prover.backends.steps import Runs, Steps
from prover.commit.committed import CommittedWords
from prover.commit.keccak import Hash
from prover.commit.lazy import LazyWords, raw
from prover.commit.tensor import Words
from prover.plan import Plan
from prover.row import RegisterId, Segment, segment_of
from prover.state import State

_MOST: Final = 4
"""Hashings that nobody asked the results of, before the device is waited for."""


class Hasher:
    """Hashes and fetches what lies in a device's memory, for any number of threads.

    `device` is the one that computes, on a stream of its own; all that is given to this was written
    before.
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        self._turn = Lock()
        self._flying: list[Commitments] = []
        """Begun, and perhaps not finished: their memory is not to be given to others."""

    def start(self, pieces: Sequence[Piece]) -> Commitments:
        """Begin to hash, and do not wait."""
        with self._turn:
            if len(self._flying) >= _MOST:
                self._land(self._flying[-1])
            made = Commitments(self.device, pieces)
            self._flying.append(made)
            made.start()
            return made

    def roots(self, of: Commitments) -> list[Hash]:
        """What was begun, finished."""
        with self._turn:
            return self._land(of)

    def fetch(self, piece: Piece) -> Words:
        """A tensor's words."""
        words = np.empty(piece.count, np.uint32)
        with self._turn:
            self.device.get(piece, words)
        return words

    def _land(self, of: Commitments) -> list[Hash]:
        roots = of.roots()
        # The device works in order and was waited for, so nothing is under way.
        self._flying.clear()
        return roots


class Snapshot:
    """Tensors on a device that nobody writes any more. Threads may share one."""

    def __init__(self, hasher: Hasher, pieces: Sequence[Piece]) -> None:
        self.pieces = tuple(pieces)
        self.hasher = hasher
        self._lock = Lock()
        self._begun: Commitments | None = None
        self._roots: list[Hash] | None = None

    def prepare(self) -> None:
        """Begin to hash all of them."""
        with self._lock:
            if self._roots is None:
                self._start()

    def roots(self) -> list[Hash]:
        """Of all of them."""
        with self._lock:
            if self._roots is None:
                self._roots = self.hasher.roots(self._start())
                self._begun = None
            return self._roots

    def _start(self) -> Commitments:
        if self._begun is None:
            self._begun = self.hasher.start(self.pieces)
        return self._begun


class DeviceWords(LazyWords):
    """A tensor of a snapshot: on the host once somebody reads it."""

    def __init__(self, snapshot: Snapshot, number: int) -> None:
        self._snapshot = snapshot
        self._number = number
        self._words: Words | None = None

    @property
    def root(self) -> Hash:
        """The tensor's root, computed on the device."""
        return self._snapshot.roots()[self._number]

    @property
    def piece(self) -> Piece:
        """Where it lies."""
        return self._snapshot.pieces[self._number]

    @property
    def device(self) -> Device:
        """What reads it there."""
        return self._snapshot.hasher.device

    @property
    def is_fetched(self) -> bool:
        """Whether its words are on the host."""
        return self._words is not None

    def prepare(self) -> None:
        """Begin to hash it and all others of its snapshot."""
        self._snapshot.prepare()

    def raw(self, start: int = 0, stop: int | None = None) -> Words:
        """All words, on the host."""
        if self._words is None:
            words = self._snapshot.hasher.fetch(self.piece)
            words.flags.writeable = False
            self._words = words
        return self._words

    def __len__(self) -> int:
        return self.piece.count


class Resident(Machine):
    """A plan on a device whose results stay there."""

    def __init__(self, plan: Plan, device: Device, hasher: Hasher) -> None:
        super().__init__(plan, device)
        self._hasher = hasher
        self._held: dict[RegisterId, _Held] = {}

    def upload(self, registers: dict[RegisterId, Words]) -> None:
        """See `Machine.upload`."""
        self._held = {}
        super().upload(registers)

    def run_on(
        self, state: State, first_step: int, steps: int, *, finite: bool
    ) -> tuple[int, int] | None:
        """Training steps on a state that fits the plan; what they write stays on the device."""
        before, self._held = self._held, {}
        held = self._bring(state, before)
        done, row = self.advance(first_step, steps, finite=finite)
        written = list(self.plan.written)
        pieces = copies(self.device, [self.registers[register] for register in written])
        snapshot = Snapshot(self._hasher, pieces)
        for number, register in enumerate(written):
            words = DeviceWords(snapshot, number).words
            state.put(register, words)
            held[register] = _Held(words)
        self._held = held
        return None if row is None else (first_step + done - 1, row)

    def _bring(self, state: State, before: dict[RegisterId, "_Held"]) -> dict[RegisterId, "_Held"]:
        """A state's words into registers, as far as they are not there; gives what is held now, of
        words that nobody writes.
        """
        held: dict[RegisterId, _Held] = {}
        moved: list[tuple[Piece, Piece]] = []
        for register, piece in self.registers.items():
            words = state.tensor(register)
            lazy: object = words
            now = _Held(words, lazy.verified if isinstance(lazy, CommittedWords) else 0)
            if segment_of(register) == Segment.INPUTS or not words.flags.writeable:
                held[register] = now
            there = before.get(register)
            if there and there.words is words and there.verified == now.verified:
                continue
            if isinstance(lazy, DeviceWords) and lazy.device is self._hasher.device:
                moved.append((lazy.piece, piece))
            elif len(words):
                self.device.put(piece, np.ascontiguousarray(raw(words, 0, 0)))
            else:  # as long as it is not written it reads as zeros
                self.device.put(piece, np.zeros(piece.count, np.uint32))
        copy(self.device, moved)
        return held


class _Held(NamedTuple):
    """What a register on the device is a copy of."""

    words: Words
    verified: int = 0
    """Chunks that were verified then: others may have been damaged, and mended since."""


class ResidentSteps(Steps):
    """Whole training steps by `Resident` machines."""

    def _go(
        self, machine: Runs, of: Plan, state: State, first: int, steps: int, *, finite: bool
    ) -> tuple[int, int] | None:
        return cast("Resident", machine).run_on(state, first, steps, finite=finite)
