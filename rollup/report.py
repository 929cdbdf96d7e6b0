"""How commands speak to people: tables on standard output, events on standard error."""

import json
import logging
import sys
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from rollup.errors import ConfigError

# What is printed is text and never markup; a pipe gets lines that are not folded.
CONSOLE: Final = Console(
    highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 200
)


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
