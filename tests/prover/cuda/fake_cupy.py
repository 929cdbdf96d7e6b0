"""What the backend uses of CuPy, over the interpreter: nothing here is computed by a device."""

import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from prover.backends.cuda import device as driven
from prover.backends.cuda.device import Call
from prover.backends.cuda.nvrtc import Compiled, compile_source
from tests.prover.cuda import ptx
from tests.prover.cuda.device import Emulated


class RuntimeFault(Exception):
    """CUDARuntimeError."""


class Array:
    """A device array of words."""

    def __init__(self, used: Emulated, address: int, count: int) -> None:
        self.used = used
        self.count = count
        self.data = types.SimpleNamespace(ptr=address)

    def __getitem__(self, cut: slice) -> "Array":
        assert (cut.start, cut.step) == (None, None)
        return Array(self.used, self.data.ptr, min(cut.stop, self.count))

    def set(self, words: Any, stream: "Stream") -> None:
        assert stream.capturing is None, "no copies while a graph is recorded"
        assert words.shape == (self.count,)
        self.used.heap.view(self.data.ptr, self.count)[:] = words

    def get(self, stream: "Stream") -> Any:
        assert stream.capturing is None
        return self.used.heap.view(self.data.ptr, self.count).copy()


class Stream:
    """A stream; the current one inside of `with`."""

    current: ClassVar[list["Stream"]] = []

    def __init__(self, non_blocking: bool = False) -> None:
        self.capturing: list[Callable[[], None]] | None = None
        self.graphs = 0

    def __enter__(self) -> Self:
        self.current.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.current.pop()

    def begin_capture(self) -> None:
        self.capturing = []

    def end_capture(self) -> Any:
        made, self.capturing = self.capturing or [], None

        def launch(stream: "Stream") -> None:
            stream.graphs += 1
            for act in made:
                act()

        return types.SimpleNamespace(launch=launch)


def fake(used: Emulated, monkeypatch: Any, devices: int = 1) -> Any:
    """The module. Machine code is PTX's text here, for the interpreter."""

    def compiled(source: str, arch: str) -> Compiled:
        assert arch == "sm_90"
        made = compile_source(source, "sm_80")
        return Compiled(made.ptx.encode(), made.ptx)

    monkeypatch.setattr(driven, "compile_source", compiled)

    def count() -> int:
        if devices < 0:
            raise RuntimeFault("no driver")
        return devices

    def module(path: str) -> Any:
        used.kernels |= ptx.parse(Path(path).read_text())

        def function(name: str) -> Any:
            assert name in used.kernels

            def run(grid: tuple[int], block: tuple[int], given: tuple[Any, ...]) -> None:
                assert all(type(one) is np.uint64 for one in given)
                call = Call(name, *grid, *block, tuple(int(one) for one in given))
                stream = Stream.current[-1]
                if stream.capturing is None:
                    used.call(call)
                else:
                    stream.capturing.append(lambda: used.call(call))

            run.compile = lambda: None  # type: ignore[attr-defined]
            return run

        return types.SimpleNamespace(get_function=function)

    def empty(size: int, dtype: Any) -> Array:
        assert dtype is np.uint32
        return Array(used, used.heap.take(size), size)

    return types.SimpleNamespace(
        empty=empty,
        RawModule=module,
        cuda=types.SimpleNamespace(
            Device=lambda: types.SimpleNamespace(compute_capability="90"),
            Stream=Stream,
            runtime=types.SimpleNamespace(getDeviceCount=count, CUDARuntimeError=RuntimeFault),
        ),
    )
