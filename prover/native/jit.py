"""How numba's loops are compiled, and where machine code is kept.

numba's cache watches the file of a function, not what it calls. So the folder's name is a hash of
the sources of everything that generates code: after a change nothing old is found. Its parent is
NUMBA_CACHE_DIR, or else `plumbline` in the user's cache folder; where nothing can be written,
nothing is kept.
"""

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_ROOMS = ("native", "backends", "commit")
"""Of `prover`: where code is generated, or called from what is."""


@cache
def code_folder() -> Path:
    """Where machine code of the present sources is kept. It need not exist."""
    prover = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for room in _ROOMS:
        for source in sorted((prover / room).glob("*.py")):
            digest.update(f"{room}/{source.name}\n".encode() + source.read_bytes())
    user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    parent = os.environ.get("NUMBA_CACHE_DIR") or Path(user) / "plumbline"
    return Path(parent) / f"kernels-{digest.hexdigest()[:16]}"


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """A function as machine code, compiled when it is first called.

    Without fast-math nothing is reassociated or contracted. The GIL is released while it runs.
    """
    import numba  # half a second, which hashing alone does not need

    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(code_folder())
    try:
        made: Callable[P, R] = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder can be written
        made = numba.njit(nogil=True)(function)
    finally:
        numba.config.CACHE_DIR = before
    return made
