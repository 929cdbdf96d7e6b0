"""What a device is to a plan's machine, and the one that CuPy drives."""

import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from prover.backends import DeviceError
from prover.backends.cuda.kernels import Kernel, sources
from prover.backends.cuda.nvrtc import CompilerError, compile_source, version
from prover.commit.tensor import Words


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of a device's memory, as long as somebody holds this."""

    address: int
    count: int
    held: Any = None
    """What the device needs to know of it."""


class Call(NamedTuple):
    """A launch with addresses and int64s for arguments, 8 bytes each."""

    kernel: str
    blocks: int
    threads: int
    arguments: tuple[int, ...]


class Device(Protocol):
    """Runs kernels, in order. Used by one thread at a time."""

    def load(self, kernels: Collection[Kernel]) -> None:
        """Make kernels ready to be called by their names; those that are already are left alone.

        Raises:
            CompilerError: where they cannot be compiled.
        """
        ...

    def take(self, count: int) -> Piece:
        """Memory for so many words, which hold anything."""
        ...

    def put(self, piece: Piece, words: Words) -> None:
        """Copy as many words as a piece has onto the device."""
        ...

    def get(self, piece: Piece, words: Words) -> None:
        """Copy a piece's words, contiguous, back from the device, after all calls."""
        ...

    def record(self, calls: Sequence[Call]) -> Callable[[int], None]:
        """What makes these calls, in order, so many times over."""
        ...


_FEW: Final = 3
"""Repetitions below which recording a graph costs more than it saves."""
_MISSING: Final = "install the extra that fits the driver: plumbline[cuda12] or plumbline[cuda13]"


class CupyDevice:
    """See `Device`; on a stream of its own. Repeated calls are one CUDA graph."""

    def __init__(self) -> None:
        """The current device.

        Raises:
            DeviceError: when CuPy, a device or a compiler is missing.
        """
        self._cupy = _cupy()
        try:
            version()
            count = self._cupy.cuda.runtime.getDeviceCount()
        except self._cupy.cuda.runtime.CUDARuntimeError as error:
            raise DeviceError(f"backend cupy finds no CUDA device: {error}") from error
        except CompilerError as error:
            raise DeviceError(f"backend cupy cannot compile: {error}") from error
        if not count:
            raise DeviceError("backend cupy finds no CUDA device")
        self.arch = f"sm_{self._cupy.cuda.Device().compute_capability}"
        self.stream = self._cupy.cuda.Stream(non_blocking=True)
        self._kernels: dict[str, Any] = {}

    def load(self, kernels: Collection[Kernel]) -> None:
        """See `Device.load`."""
        fresh = [one for one in kernels if one.name not in self._kernels]
        for text, names in sources(fresh).items():
            code = compile_source(text, self.arch).cubin
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "kernels.cubin"
                path.write_bytes(code)
                module = self._cupy.RawModule(path=str(path))
                for name in names:
                    self._kernels[name] = module.get_function(name)
                    self._kernels[name].compile()  # loads it now: nothing may while recording

    def take(self, count: int) -> Piece:
        """See `Device.take`."""
        array = self._cupy.empty(max(count, 1), np.uint32)
        return Piece(int(array.data.ptr), count, array)

    def put(self, piece: Piece, words: Words) -> None:
        """See `Device.put`."""
        piece.held[: piece.count].set(words, stream=self.stream)

    def get(self, piece: Piece, words: Words) -> None:
        """See `Device.get`."""
        words[:] = piece.held[: piece.count].get(stream=self.stream)

    def record(self, calls: Sequence[Call]) -> Callable[[int], None]:
        """See `Device.record`."""
        graph: list[Any] = []

        def run(times: int) -> None:
            with self.stream:
                if times < _FEW:
                    for _ in range(times):
                        self._once(calls)
                    return
                if not graph:
                    self.stream.begin_capture()
                    self._once(calls)
                    graph.append(self.stream.end_capture())
                for _ in range(times):
                    graph[0].launch(self.stream)

        return run

    def _once(self, calls: Sequence[Call]) -> None:
        for call in calls:
            given = tuple(np.uint64(one & 0xFFFFFFFFFFFFFFFF) for one in call.arguments)
            self._kernels[call.kernel]((call.blocks,), (call.threads,), given)


def _cupy() -> Any:
    try:
        import cupy
    except ImportError as error:
        raise DeviceError(f"backend cupy needs CuPy: {_MISSING} ({error})") from error
    return cupy
