"""The program that an argument means: an id in the folder of content, a file, or a source."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prover.content import ContentStore, read_layout, read_program
from prover.program import Program
from prover.row import RegisterId
from prover.tracer.described import Layouts, described, layouts_of
from rollup.cli import options
from rollup.cli.program import source
from rollup.errors import ConfigError

_ID: Final = re.compile("0x[0-9a-fA-F]*")


@dataclass(frozen=True, slots=True)
class Found:
    """A program, and what its registers are called, where that is known."""

    program: Program
    layouts: Layouts | None

    @property
    def id(self) -> str:
        """Its id, 0x and 64 hex digits."""
        return "0x" + self.program.id.hex()

    @property
    def names(self) -> Mapping[RegisterId, str] | None:
        """The arrays' names by register."""
        return self.layouts.names if self.layouts else None


def find(said: str, content: Path) -> Found:
    """The program of an id, a file or a source.

    Raises:
        ConfigError: when it is none of them, or the source fails.
        ContentError: when the folder or the file does not hold it.
    """
    if _ID.fullmatch(said):
        store = ContentStore(content)
        program = store.program(options.hash_of(said, "a program's id"))
        return Found(program, described(store.layout(program.id), program))
    path = Path(said)
    if path.suffix == ".py":
        raise ConfigError(f"{said} is no program; name its function too, as in {said}:train")
    if path.is_file() or path.suffix == ".program":
        program = read_program(path)
        return Found(program, described(read_layout(path), program))
    if ":" in said:
        traced = source.run(said).traced
        return Found(traced.program, layouts_of(traced))
    raise ConfigError(f"{said!r} is no program's id, no file, and no source ({source.FORMS})")
