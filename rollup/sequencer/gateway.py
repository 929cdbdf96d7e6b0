"""The HTTP front: receipts in, an answer after they are durable.

    POST /v1/receipts            one entry, {"entries": [...]}, or batch data as
    application/octet-stream GET  /v1/receipts/ID         where a receipt is GET
    /v1/receipts/ID/proof   its portable proof, once its batch is on L1 GET  /v1/accounts/INDEX
    the nonce that comes next GET  /healthz                200, or 503 when something has waited too
    long

A request that is malformed is refused whole (400, 413, 415). Otherwise each entry stands for itself
and `results` has one answer for each, in order; the status is 200, or that of the first refusal:
409 for a nonce, 403 for signature and account, 422 for the rest. Sending the same entry again is
safe: it is "known". 503 means that nothing was accepted.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bisection.events import Events
from rollup.errors import (
    DocumentError,
    InvalidInput,
    L1Error,
    LostConsistency,
    PlumblineError,
    PoolFull,
    Refused,
    StoreUnavailable,
)
from rollup.files import parse_json
from rollup.protocol import codec
from rollup.protocol.documents import entry_from_json, octets, text
from rollup.protocol.entries import Entry
from rollup.protocol.types import U64_MAX, AccountIndex, Hash, ReceiptId
from rollup.sequencer.admission import Admission, Admitted
from rollup.sequencer.pool import Pool
from rollup.sequencer.proofs import Proofs
from rollup.store import Accepted, Store

LOG: Final = Events(logging.getLogger(__name__))

BODY_LIMIT: Final = 8 * 2**20
"""Bytes of a request's body; a full batch in JSON is about a third of it."""

DATA_TYPE: Final = "application/octet-stream"
"""Content type of entries in the format of batch data: ten times as fast to read as JSON."""

_STATUS: Final = {
    "nonce-gap": 409,
    "nonce-used": 409,
    "bad-signature": 403,
    "wrong-signer": 403,
    "unknown-account": 403,
}


class _Refusal(PlumblineError):
    """A request refused whole."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Gateway:
    """The routes over admission, pool and store.

    `lost` is called once consistency is lost, with the error; whoever runs the gateway then stops.
    `health` says what /healthz says: ("ok" or a sentence of what is wrong, figures).
    """

    def __init__(
        self,
        admission: Admission,
        pool: Pool,
        store: Store,
        proofs: Proofs,
        health: Callable[[], tuple[str, dict[str, Any]]],
        lost: Callable[[LostConsistency], None],
        body_limit: int = BODY_LIMIT,
    ) -> None:
        self._admission = admission
        self._pool = pool
        self._store = store
        self._proofs = proofs
        self._health = health
        self._lost = lost
        self._body_limit = body_limit
        self.app = Starlette(
            routes=[
                Route("/v1/receipts", self._submit, methods=["POST"]),
                Route("/v1/receipts/{id}", self._receipt),
                Route("/v1/receipts/{id}/proof", self._proof),
                Route("/v1/accounts/{account}", self._account),
                Route("/healthz", self._healthz),
            ],
            exception_handlers={PlumblineError: self._failed},
        )

    # ---- submitting

    async def _submit(self, request: Request) -> JSONResponse:
        entries = _entries(request.headers.get("content-type", ""), await self._body(request))
        verdicts = await self._admission.check(entries)
        admitted = [
            (entry, verdict.work)
            for entry, verdict in zip(entries, verdicts, strict=True)
            if isinstance(verdict, Admitted)
        ]
        stored = iter(await self._pool.submit(*zip(*admitted, strict=True)) if admitted else [])
        results = [next(stored) if isinstance(v, Admitted) else v for v in verdicts]
        refusals = [result for result in results if isinstance(result, Refused)]
        status = _STATUS.get(refusals[0].code, 422) if refusals else 200
        answers = [_answer(entry, result) for entry, result in zip(entries, results, strict=True)]
        return JSONResponse({"results": answers}, status)

    async def _body(self, request: Request) -> bytes:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > self._body_limit:
                raise _Refusal(
                    413, "too-large", f"a request has at most {self._body_limit} bytes; send fewer"
                )
        return bytes(body)

    # ---- asking

    async def _receipt(self, request: Request) -> JSONResponse:
        receipt = _id(request)
        return JSONResponse({"id": text(receipt), **await self._proofs.whereabouts(receipt)})

    async def _proof(self, request: Request) -> JSONResponse:
        return JSONResponse(await self._proofs.proof(_id(request)))

    async def _account(self, request: Request) -> JSONResponse:
        said = request.path_params["account"]
        if not (said.isascii() and said.isdigit() and int(said) <= U64_MAX):
            raise DocumentError("an account is an index, a number from 1 up")
        account = AccountIndex(int(said))
        following = await self._store.next_nonce(account)
        return JSONResponse({"account": account, "nextNonce": following})

    async def _healthz(self, _: Request) -> JSONResponse:
        status, figures = self._health()
        return JSONResponse({"status": status, **figures}, 200 if status == "ok" else 503)

    # ---- failing

    async def _failed(self, _: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, PlumblineError):
            raise error
        headers = None
        match error:
            case _Refusal(status=status):
                pass
            case Refused():
                status = 404
            case InvalidInput():
                status = 400
            case StoreUnavailable() | L1Error() | PoolFull():
                status, headers = 503, {"retry-after": "5"}
            case LostConsistency():
                status = 503
                self._lost(error)
            case _:
                status = 500
        if status >= 500:
            LOG.warning("request.failed", code=error.code, error=error)
        body = {"error": {"code": error.code, "message": str(error)}}
        return JSONResponse(body, status, headers)


def _id(request: Request) -> ReceiptId:
    return ReceiptId(Hash(octets(request.path_params["id"], 32, "a receipt's id")))


def _entries(content_type: str, body: bytes) -> Sequence[Entry]:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == DATA_TYPE:
        entries: Sequence[Entry] = codec.decode(body)
    elif kind in {"application/json", ""}:
        try:
            document = parse_json(body.decode())
        except ValueError:
            raise DocumentError("the body is no JSON") from None
        listed = document.get("entries") if isinstance(document, dict) else None
        if isinstance(listed, list) and len(document) == 1:
            entries = [entry_from_json(item) for item in listed]
        else:
            entries = [entry_from_json(document)]
    else:
        raise _Refusal(415, "content-type", f"send application/json or {DATA_TYPE}")
    if not entries:
        raise DocumentError("a request holds at least one entry")
    return entries


def _answer(entry: Entry, result: Accepted | Refused) -> dict[str, Any]:
    answer: dict[str, Any] = {"id": text(entry.id), "receipts": len(entry.receipts)}
    if isinstance(result, Accepted):
        return {**answer, "status": "known" if result.known else "accepted"}
    return {**answer, "status": "refused", "code": result.code, "message": str(result)}
