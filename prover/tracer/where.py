"""Which line of a user's function is being traced, for errors to say."""

import os
import sys
from pathlib import Path
from types import FrameType
from typing import Final

_PROVER: Final = Path(__file__).parent.parent
_ROOMS: Final = tuple(f"{_PROVER / room}{os.sep}" for room in ("tracer", "fronts"))


def users_line() -> str:
    """`file:line` of the innermost code outside the tracer that the tracer called, else "".

    Nothing for code that only calls the tracer, as `trace(...)` itself is called: its traceback
    shows where that was.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame and _ours(frame):
        frame = frame.f_back
    caller = frame
    while caller and not _ours(caller):
        caller = caller.f_back
    if not frame or not caller:
        return ""
    return f"{_short(Path(frame.f_code.co_filename))}:{frame.f_lineno}"


def _ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_ROOMS)


def _short(path: Path) -> Path:
    """The path from the working directory on, where it lies in there."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
