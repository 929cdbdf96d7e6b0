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


class TorchFrontError(TraceError):
    """A torch module, loss, optimizer or tensor that cannot become part of a program."""


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
    frames = [one for one in frames if _TORCH not in one["file"]] or frames
    if frames:
        last = frames[-1]
        parts.append(f"at {_short(last['file'])}:{last['line']}: {last['code'].strip()}")
    return f" ({', '.join(parts)})" if parts else ""


def _short(name: str) -> Path:
    path, here = Path(name), Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


@contextmanager
def told_where(node: Any) -> Iterator[None]:
    """Errors of tracing say the op, and where it comes from."""
    try:
        yield
    except TraceError as error:
        raise TorchFrontError(f"{node.target}: {error}{place_of(node)}") from error
