"""A sequencer's gateway as a client sees it. Sending an entry twice is safe: it is known then."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import httpx

from rollup.errors import GatewayUnavailable, Refused
from rollup.protocol import codec
from rollup.protocol.documents import text
from rollup.protocol.entries import Entry
from rollup.protocol.types import AccountIndex, Nonce, ReceiptId

_BINARY: Final = {"content-type": "application/octet-stream"}
_RETRIED: Final = frozenset({429, 502, 503, 504})


class GatewayClient:
    """Submits entries and asks where receipts are.

    What cannot be delivered is tried again for `patience` seconds, ever more slowly.
    """

    def __init__(self, url: str, *, patience: float = 60.0, timeout: float = 60.0) -> None:
        self.url = url.rstrip("/")
        self._patience = patience
        self._http = httpx.Client(timeout=timeout)

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def submit(self, entries: Sequence[Entry]) -> int:
        """Hands entries in; returns how many receipts are durably held, known ones included.

        Raises:
            Refused: with the code and reason of the first refusal.
            GatewayUnavailable: when it cannot take them within the patience.
        """
        data = codec.encode(entries)
        url = f"{self.url}/v1/receipts"
        answer = self._tried(lambda: self._http.post(url, content=data, headers=_BINARY))
        held = 0
        for result in answer.get("results", []):
            if result["status"] == "refused":
                raise Refused(result["code"], result["message"])
            held += int(result["receipts"])
        return held

    def next_nonce(self, account: AccountIndex) -> Nonce:
        """The nonce that the account's next receipt must have."""
        answer = self._tried(lambda: self._http.get(f"{self.url}/v1/accounts/{account}"))
        return Nonce(int(answer["nextNonce"]))

    def whereabouts(self, receipt: ReceiptId) -> dict[str, Any]:
        """Where a receipt is: state, batch, index.

        Raises:
            Refused: when the sequencer never accepted it.
        """
        return self._tried(lambda: self._http.get(f"{self.url}/v1/receipts/{text(receipt)}"))

    def _tried(self, send: Callable[[], httpx.Response]) -> dict[str, Any]:
        until = time.monotonic() + self._patience
        delay = 0.1
        while True:
            try:
                answer = send()
                if answer.status_code not in _RETRIED:
                    return _body(answer)
                trouble = str(_body_error(answer))
            except httpx.HTTPError as error:
                trouble = f"{type(error).__name__}: {error}"
            if time.monotonic() + delay > until:
                raise GatewayUnavailable(
                    f"the gateway at {self.url} takes nothing ({trouble}); is it running?"
                )
            time.sleep(delay)
            delay = min(2 * delay, 5.0)


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise GatewayUnavailable(
            f"{answer.url} answers {answer.status_code}: no sequencer's gateway"
        )
    if "error" in body:
        raise _body_error(answer)
    return body


def _body_error(answer: httpx.Response) -> Refused:
    try:
        error = answer.json()["error"]
        return Refused(str(error["code"]), str(error["message"]))
    except (ValueError, KeyError, TypeError):
        return Refused("http", f"status {answer.status_code}")
