"""The demo's parties as processes of their own, each with a log file."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from rollup.config import PREFIX
from rollup.demo.errors import DemoError


class Processes:
    """Children that are stopped, last started first, when the `with` block ends."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, arguments: Sequence[str]) -> None:
        """Starts `python -m MODULE ARGUMENTS`; its output goes to NAME.log.

        Flags that the environment sets are ours and not the child's.
        """
        inherited = {
            variable: value
            for variable, value in os.environ.items()
            if not variable.startswith(PREFIX)
        }
        with (self._logs / f"{name}.log").open("wb") as log:
            self._children[name] = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=inherited,
                start_new_session=True,
            )

    def check(self) -> None:
        """That all children are at work: none of them ends before it is told to.

        Raises:
            DemoError: naming the first that did, with the last line that it said.
        """
        for name, child in self._children.items():
            if child.poll() is not None:
                raise DemoError(
                    f"the {name} ended with {child.returncode}: {self._last_line(name)}"
                )

    def _last_line(self, name: str) -> str:
        path = self._logs / f"{name}.log"
        lines = path.read_text("utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else f"it said nothing; its log is {path}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in reversed(self._children.values()):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        try:
            for child in reversed(self._children.values()):
                with suppress(subprocess.TimeoutExpired):
                    child.wait(timeout=10)
        finally:  # at once, when a second interrupt ends the wait
            for child in self._children.values():
                child.kill()
                child.wait()
