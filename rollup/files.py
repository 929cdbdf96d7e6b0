"""JSON files that people and commands hand over: read with clear refusals, written whole."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from rollup.errors import ConfigError, DocumentError

MAX_NESTING: Final = 64
"""Brackets inside brackets; none of our documents has ten. Deeper ones can end the process: the
standard library's parser relies on a recursion limit, and py-evm raises it beyond the stack."""

_STRING: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKET: Final = re.compile(r"[\[{\]}]")


def parse_json(text: str) -> Any:
    """The JSON value of a text.

    Raises:
        ValueError: when it is none, or is nested more deeply than any document of ours.
    """
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_NESTING:
            raise ValueError(f"brackets are nested more than {MAX_NESTING} deep")
    return json.loads(text)


def read_json(path: Path, what: str) -> Any:
    """The JSON value in a file, or on standard input for `-`; `what` says what it should be:
    "proof", "file of jobs".

    Raises:
        ConfigError: when the file cannot be read.
        DocumentError: when it holds no JSON, or JSON that is cut short.
    """
    try:
        return parse_json(sys.stdin.read() if str(path) == "-" else path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"cannot read the {what} {path}: {error.strerror or error}; name another file"
        ) from error
    except ValueError as error:
        raise DocumentError(
            f"{path} is no {what}: it is damaged or cut short ({error}); get it anew"
        ) from error


def write_json(path: Path | None, value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Writes JSON to a file, whole or not at all; nothing without a path.

    Raises:
        ConfigError: when the file cannot be written.
    """
    if path is not None:
        write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def write_secret(path: Path, value: Mapping[str, Any]) -> None:
    """Writes JSON to a new file that its owner alone may read.

    Raises:
        ConfigError: when there is such a file already, or it cannot be written.
    """
    if path.exists():
        raise ConfigError(f"{path} is there already; name another file, it may hold secrets")
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n", mode=0o600)


def write_text(path: Path, text: str, mode: int | None = None) -> None:
    """Writes a file, whole or not at all; with other permissions than usual from the first byte on.

    Raises:
        ConfigError: when it cannot be written.
    """
    temporary = path.with_name(path.name + ".new")
    try:
        if mode is not None:
            temporary.touch(mode)
            temporary.chmod(mode)
        temporary.write_text(text, "utf-8", errors="backslashreplace")
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise ConfigError(
            f"cannot write {path}: {error.strerror or error}; name another file"
        ) from error
