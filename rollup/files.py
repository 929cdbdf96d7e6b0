"""JSON files that people and commands hand over: read with clear refusals, written whole."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rollup.errors import ConfigError, DocumentError


def read_json(path: Path, what: str) -> Any:
    """The JSON value in a file; `what` says what it should be: "proof", "file of jobs".

    Raises:
        ConfigError: when the file cannot be read.
        DocumentError: when it holds no JSON, or JSON that is cut short.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"cannot read the {what} {path}: {error.strerror or error}; name another file"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DocumentError(
            f"{path} is no {what}: it is damaged or cut short ({error}); get it anew"
        ) from error


def write_json(path: Path | None, value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Writes JSON to a file, whole or not at all; nothing without a path.

    Raises:
        ConfigError: when the file cannot be written.
    """
    if path is None:
        return
    temporary = path.with_name(path.name + ".new")
    try:
        temporary.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", "utf-8")
        temporary.replace(path)
    except OSError as error:
        raise ConfigError(
            f"cannot write {path}: {error.strerror or error}; name another file"
        ) from error
