"""Files as memory: read when they are touched, shared with whoever else reads them, and several of
them behind each other as one array.

The standard library's `mmap` holds a descriptor for every mapping and puts it where the system
likes; a dataset is thousands of files that one array runs through. Hence the system's own call.
A file must not be cut short while it is mapped: touching what is gone ends the process. Ours are
only ever replaced by a rename, which leaves the mapped one as it was.
"""

import ctypes
import mmap
import os
import weakref
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_FIXED: Final = 0x10
"""MAP_FIXED, on Linux and on macOS."""
_PROT_NONE: Final = 0
_FAILED: Final = ctypes.c_void_p(-1).value
GRAIN: Final = 1 << 16
"""Files after the first begin at a multiple of this: of the largest page that there is."""


class Span:
    """`size` >= 1 bytes of address space, read-only, for files to be mapped into.

    Touching what no file was mapped to ends the process. The span lives as long as it, or an array
    that is made of it (`np.asarray`), is held.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._address = _map(None, size, _PROT_NONE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1)
        gone = weakref.finalize(self, _library().munmap, self._address, size)
        gone.atexit = False  # threads may still read when the interpreter ends

    def place(self, path: Path, at: int, size: int) -> None:
        """Map the first bytes of a file to `at`, a multiple of `GRAIN`, as many as fit, of a file
        that must hold `size` bytes.

        Raises:
            OSError: when it cannot be opened.
            ValueError: when it has another size.
        """
        descriptor = os.open(path, os.O_RDONLY)
        try:
            found = os.fstat(descriptor).st_size
            if found != size:
                raise ValueError(f"it holds {found} bytes, not {size}")
            flags = mmap.MAP_SHARED | _FIXED
            fits = min(size, self._size - at)
            _map(self._address + at, fits, mmap.PROT_READ, flags, descriptor)
        finally:
            os.close(descriptor)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        data = (self._address, True)
        return {"version": 3, "shape": (self._size,), "typestr": "|u1", "data": data}


def mapped(path: Path) -> NDArray[np.uint8]:
    """A file's bytes, read-only.

    Raises:
        OSError: when it cannot be opened.
    """
    size = path.stat().st_size
    if not size:
        return np.frombuffer(b"", np.uint8)
    span = Span(size)
    span.place(path, 0, size)
    return np.asarray(span)


@cache
def _library() -> Any:
    library = ctypes.CDLL(None, use_errno=True)
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = [
        ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_int64,
    ]  # fmt: skip
    library.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    return library


def _map(at: int | None, size: int, access: int, flags: int, descriptor: int) -> int:
    address = _library().mmap(at, size, access, flags, descriptor, 0)
    if address == _FAILED:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return int(address)
