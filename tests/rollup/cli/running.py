"""Commands as processes, an endpoint that can go away, and what commands say."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from rollup.config import PREFIX

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line about an error; that there is one, last, and no trace."""
        lines = self.err.splitlines()
        ours = [line for line in lines if line.startswith("plumbline: ")]
        assert len(ours) == 1, self.err
        assert lines[-1] == ours[0], self.err
        assert "Traceback" not in self.err, self.err
        return ours[0]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, without flags, and with the packages where a checkout has them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    paths = [str(ROOT), str(ROOT / "bisect"), kept.get("PYTHONPATH", "")]
    return kept | {"PYTHONPATH": os.pathsep.join(paths)} | dict(extra or {})


def eventually(true: Callable[[], bool], what: str, patience: float = 120.0) -> None:
    """Waits until something is so."""
    until = time.monotonic() + patience
    while not true():
        assert time.monotonic() < until, what
        time.sleep(0.05)


def _deaf() -> None:
    """Starts a process as a shell starts one in the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Command:
    """`plumbline ARGUMENTS` as a process of its own; killed when the `with` block ends."""

    def __init__(
        self, folder: Path, *arguments: object, extra: Mapping[str, str] | None = None
    ) -> None:
        self._out, self._err = folder / "out.txt", folder / "err.txt"
        folder.mkdir(parents=True, exist_ok=True)
        with self._out.open("ab") as out, self._err.open("ab") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "rollup", *map(str, arguments)],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment(extra),
                preexec_fn=_deaf,  # noqa: PLW1509 - it takes no lock
            )

    @property
    def err(self) -> str:
        return self._err.read_text()

    def said(self, words: str, patience: float = 120.0) -> None:
        """Waits until the process has said something on standard error."""

        def there() -> bool:
            assert self.process.poll() is None or words in self.err, self.err
            return words in self.err

        eventually(there, f"not said: {words!r}, but {self.err}", patience)

    def end(self, name: signal.Signals = signal.SIGTERM) -> Said:
        """Tells the process to stop, and waits for it."""
        self.process.send_signal(name)
        return self.wait()

    def wait(self, patience: float = 40.0) -> Said:
        code = self.process.wait(patience)
        return Said(code, self._out.read_text(), self.err)

    def kill(self) -> None:
        """Ends the process as a power cut does."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()


def run(folder: Path, *arguments: object) -> Said:
    """Runs a command in a process of its own to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "rollup", *map(str, arguments)],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        env=environment(),
        timeout=60,
    )
    return Said(done.returncode, done.stdout, done.stderr)


class Flaky:
    """An HTTP endpoint in front of another one. While `down`, it takes calls and hangs up."""

    def __init__(self, behind: str) -> None:
        self.down = False
        self.calls = 0
        self.fail_after: int | None = None
        outer = self
        pool = httpx.Client(timeout=60)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_POST(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.calls += 1
                if outer.fail_after is not None and outer.calls > outer.fail_after:
                    outer.down = True
                if outer.down:
                    self.close_connection = True
                    self.connection.close()
                    return
                headers = {"content-type": self.headers.get("content-type", "")}
                url = behind + self.path.removesuffix("/")
                answer = pool.request(self.command, url, content=body, headers=headers)
                self.send_response(answer.status_code)
                self.send_header("content-length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)
                self.wfile.flush()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self._pool = pool
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stops answering for good."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
