"""The embedded chain over HTTP: one JSON-RPC endpoint on loopback, batches included."""

import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rollup.files import parse_json
from rollup.l1.embedded import EmbeddedChain
from rollup.l1.errors import DevnetError
from rollup.l1.rpc import RpcError, serve

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
MAX_BODY: Final = 4 << 20
"""Bytes of a request: far above any block's worth of calldata in hex."""

Answer = dict[str, Any]


def application(chain: EmbeddedChain) -> Starlette:
    """An ASGI application: POST / takes JSON-RPC, GET /healthz says that it serves."""
    lock = threading.Lock()

    def answer(request: Any) -> Answer:
        identity = request.get("id") if isinstance(request, dict) else None
        base: Answer = {"jsonrpc": "2.0", "id": identity}
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return base | {"error": {"code": INVALID_REQUEST, "message": "not a request"}}
        params = request.get("params", [])
        if not isinstance(params, list):
            return base | {"error": {"code": INVALID_REQUEST, "message": "params must be a list"}}
        try:
            with lock:
                return base | {"result": serve(chain, request["method"], params)}
        except RpcError as error:
            detail: Answer = {"code": error.code, "message": error.message}
            return base | {"error": detail if error.data is None else detail | {"data": error.data}}

    def answer_all(request: Any) -> Any:
        if isinstance(request, list) and request:
            return [answer(part) for part in request]
        return answer(request)

    async def rpc(request: Request) -> Response:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY:
                return Response("request too large", status_code=413)
        try:
            parsed = parse_json(body.decode())
        except ValueError:
            error = {"code": PARSE_ERROR, "message": "not JSON"}
            return JSONResponse({"jsonrpc": "2.0", "id": None, "error": error})
        return JSONResponse(await run_in_threadpool(answer_all, parsed))

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/", rpc, methods=["POST"]),
            Route("/healthz", healthz, methods=["GET"]),
        ]
    )


class BackgroundServer:
    """An ASGI application served by a thread, until ``close``.

    Args:
        app: what to serve.
        host: address to listen on; loopback unless somebody asks for more.
        port: 0 picks a free one.

    Raises:
        DevnetError: when the address cannot be listened on.
    """

    def __init__(self, app: Starlette, host: str = "127.0.0.1", port: int = 0) -> None:
        # asyncio switches Nagle's delay off only on sockets that name their protocol.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise DevnetError(f"cannot listen on {host}:{port}: {error}") from error
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2
        )
        self._server = uvicorn.Server(config)
        run: Callable[[], None] = lambda: self._server.run(sockets=[self._socket])  # noqa: E731
        self._thread = threading.Thread(target=run, name="devnet", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise DevnetError(f"the server on {self.url} did not start")
            time.sleep(0.005)

    def close(self) -> None:
        """Stops serving; the port is free afterwards."""
        self._server.should_exit = True
        self._thread.join(timeout=5)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
