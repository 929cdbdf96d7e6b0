"""How loops are compiled, and where the machine code is kept.

numba's cache watches the file of a function, not what it calls. So the folder's name is a hash of
all kernel sources: after a change nothing old is found. Its parent is NUMBA_CACHE_DIR, or else
`plumbline` in the user's cache folder; where nothing can be written, nothing is kept.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")

_SOURCES = ("dispatch.py", "jit.py", "kernels.py", "words.py")


def _folder() -> Path:
    here = Path(__file__).parent
    sources = b"".join((here / name).read_bytes() for name in _SOURCES)
    user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    parent = os.environ.get("NUMBA_CACHE_DIR") or Path(user) / "plumbline"
    return Path(parent) / f"kernels-{hashlib.sha256(sources).hexdigest()[:16]}"


_FOLDER = str(_folder())


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """A function as machine code, compiled when it is first called.

    Without fast-math nothing is reassociated or contracted. The GIL is released while it runs.
    """
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = _FOLDER
    try:
        made: Callable[P, R] = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder can be written
        made = numba.njit(nogil=True)(function)
    finally:
        numba.config.CACHE_DIR = before
    return made
