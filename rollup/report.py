"""How commands speak: tables for people, one JSON file for machines, one line for errors."""

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from rollup.errors import ConfigError

CONSOLE: Final = Console(highlight=False)
ERRORS: Final = Console(stderr=True, highlight=False)


def table(title: str, rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> Table:
    """A table; the first column names, the others are right-aligned figures."""
    made = Table(title=title, title_justify="left", show_header=bool(header), box=None)
    width = len(header) or max((len(row) for row in rows), default=1)
    for place in range(width):
        name = header[place] if header else ""
        made.add_column(name, justify="left" if place == 0 else "right", overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def write_json(path: Path | None, report: Mapping[str, Any]) -> None:
    """Writes a report, whole or not at all; nothing without a path.

    Raises:
        ConfigError: when the file cannot be written.
    """
    if path is None:
        return
    temporary = path.with_name(path.name + ".new")
    try:
        temporary.write_text(json.dumps(report, indent=2, sort_keys=True) + "\n", "utf-8")
        temporary.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or error}") from error


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": getattr(record, "event", record.getMessage()),
            **{key: str(value) for key, value in getattr(record, "fields", {}).items()},
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line)


def start_logging(log_format: str, level: int = logging.INFO) -> None:
    """Events to standard error, as text or as JSON lines.

    Raises:
        ConfigError: when the format is neither.
    """
    if log_format not in ("text", "json"):
        raise ConfigError(f"--log-format is text or json, not {log_format!r}")
    handler = logging.StreamHandler(sys.stderr)
    if log_format == "json":
        handler.setFormatter(_JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-8s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("rollup", "bisection", "prover"):
        logging.getLogger(name).setLevel(level)
