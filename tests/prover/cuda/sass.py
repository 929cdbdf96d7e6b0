"""Machine code as NVIDIA's disassembler writes it: what its instructions are, and where."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

_FUNCTION = re.compile(r"^\.text\.(\w+):")
_INSTRUCTION = re.compile(r"^\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)")


@dataclass(slots=True)
class Code:
    """A kernel's instructions by full name: its own, and those of NVIDIA's subroutines, such as
    the slow paths of division and square root.
    """

    own: Counter[str] = field(default_factory=Counter)
    routines: Counter[str] = field(default_factory=Counter)

    def count(self, *names: str) -> int:
        """Own instructions of these names, whatever their suffixes."""
        return sum(n for name, n in self.own.items() if name.split(".")[0] in names)


@cache
def disassembler() -> str | None:
    """Where nvdisasm lies, if it is there: a wheel of that name, or a toolkit."""
    for folder in sys.path:
        for found in Path(folder or ".").glob("nvidia/*/bin/nvdisasm"):
            return str(found)
    return shutil.which("nvdisasm")


def disassemble(cubin: bytes) -> dict[str, Code]:
    """The kernels of machine code, by name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "code.cubin"
        path.write_bytes(cubin)
        command = [disassembler() or "nvdisasm", "-c", str(path)]
        text = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    found: dict[str, Code] = {}
    name, into = "", Counter[str]()
    for line in text.splitlines():
        if match := _FUNCTION.match(line):
            into = found.setdefault(match[1], Code()).own
            name = match[1]
        elif "__internal_" in line and line.rstrip().endswith(":"):
            into = found[name].routines
        elif match := _INSTRUCTION.match(line):
            into[match[1]] += 1
    return found
