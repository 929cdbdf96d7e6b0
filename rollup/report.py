"""How commands speak to people: tables on standard output, events on standard error."""

import json
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from bisection.events import Events
from rollup.errors import ConfigError

EVENTS: Final = Events(logging.getLogger(__name__))

# What is printed is text and never markup; a pipe gets lines that are not folded.
CONSOLE: Final = Console(
    highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 200
)


def table(
    title: str,
    rows: Sequence[Sequence[str]],
    header: Sequence[str] = (),
    left: Sequence[int] = (0,),
) -> Table:
    """A table; columns are right-aligned figures, but those whose places are in `left`."""
    said = Text(title, no_wrap=True, overflow="ignore")  # an address is to be copied whole
    made = Table(title=said, title_justify="left", show_header=bool(header), box=None)
    width = len(header) or max((len(row) for row in rows), default=1)
    for place in range(width):
        name = header[place] if header else ""
        made.add_column(name, justify="left" if place in left else "right", overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def facts(title: str, said: Mapping[str, object]) -> Table:
    """A table of names and what they are."""
    return table(title, [(what.replace("_", " "), str(value)) for what, value in said.items()])


class Meter:
    """Shows how far a long computation is: a bar on a terminal, an event now and then elsewhere.

    Called with what is computed, how far it is and how long; within a `with` block, at whose end
    the bar goes away.
    """

    EVERY: Final = 10.0
    """Seconds between two events; what takes less is not reported."""

    def __init__(self) -> None:
        self._bars: Progress | None = None
        self._task: TaskID | None = None
        self._what = ""
        self._last = 0.0

    def __call__(self, what: str, position: int, length: int) -> None:
        """`what` is at `position` of `length`."""
        now = time.monotonic()
        begins = what != self._what
        if begins:
            self._what, self._last = what, now
        if sys.stderr.isatty():
            self._draw(what, position, length, begins)
        elif now - self._last >= self.EVERY:
            self._last = now
            share = f"{100 * position // length}%"
            EVENTS.info("progress", what=what, position=position, length=length, done=share)

    def _draw(self, what: str, position: int, length: int, begins: bool) -> None:
        if self._bars is None:
            self._bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f}%"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bars.start()
        if self._task is None:
            self._task = self._bars.add_task(what, total=length)
        elif begins:
            self._bars.reset(self._task, description=what, total=length)
        self._bars.update(self._task, completed=position)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
        self._bars, self._task, self._what = None, None, ""


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what standard error is now: above a bar while one is drawn."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr

    @stream.setter
    def stream(self, value: Any) -> None:
        """Whoever sets it means standard error."""


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
    handler = _StandardError()
    if log_format == "json":
        handler.setFormatter(_JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-8s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("rollup", "bisection", "prover"):
        logging.getLogger(name).setLevel(level)
