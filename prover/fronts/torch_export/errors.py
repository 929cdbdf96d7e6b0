"""What cannot become a program, and where in the user's code it is."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from prover.tracer import TraceError

_FRAME: Final = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in \S+\n\s*(?P<code>.*)')
_TORCH: Final = f"{os.sep}torch{os.sep}"
_ROOM: Final = str(Path(__file__).resolve().parent)


class TorchFrontError(TraceError):
    """A torch module, loss, optimizer or tensor that cannot become part of a program."""

    def __init__(self, why: str) -> None:
        # Not the line that is being traced, which is this front's: `place_of` has the user's.
        super(TraceError, self).__init__(why)
        self.why = why


def place_of(node: Any) -> str:
    """Where a node of an exported graph comes from: its module and the line that called it.

    The line is the innermost one outside torch, or torch's own if there is no other; nothing is
    said of what torch does not give.
    """
    parts = []
    modules = [path for path, _ in (node.meta.get("nn_module_stack") or {}).values() if path]
    if modules:
        parts.append(f"in {modules[-1]}")
    frames = list(_FRAME.finditer(node.meta.get("stack_trace") or ""))
    frames = [one for one in frames if not one["file"].startswith(_ROOM)]
    frames = [one for one in frames if _TORCH not in one["file"]] or frames
    if frames:
        last = frames[-1]
        code = last["code"].strip().rstrip("(")
        parts.append(f"at {_short(last['file'])}:{last['line']}: {code}")
    return f" ({', '.join(parts)})" if parts else ""


def _short(name: str) -> Path:
    path, here = Path(name), Path.cwd()
    if "site-packages" in path.parts:
        return Path(*path.parts[path.parts.index("site-packages") + 1 :])
    return path.relative_to(here) if path.is_relative_to(here) else path


@contextmanager
def told_where(node: Any) -> Iterator[None]:
    """Errors of tracing say the op, and where it comes from."""
    try:
        yield
    except TraceError as error:
        raise TorchFrontError(f"{node.target}: {error.why}{place_of(node)}") from error
