"""A sequencer's gateway as a client sees it. Sending an entry twice is safe: it is known then."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import httpx

from rollup.errors import ConfigError, GatewayUnavailable, Refused
from rollup.protocol import codec
from rollup.protocol.documents import text
from rollup.protocol.entries import Entry
from rollup.protocol.types import AccountIndex, Nonce, ReceiptId

_BINARY: Final = {"content-type": "application/octet-stream"}
_RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_SLOWEST: Final = 5.0
"""Seconds between two attempts, at the most."""


class GatewayClient:
    """Submits entries and asks where receipts are.

    What cannot be delivered is tried again for `patience` seconds, ever more slowly.

    Raises:
        ConfigError: when `url` is no http address.
    """

    def __init__(
        self,
        url: str,
        *,
        patience: float = 60.0,
        timeout: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            parsed = httpx.URL()
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ConfigError(f"--gateway is an address like http://127.0.0.1:8600, not {url!r}")
        self.url = url.rstrip("/")
        self._patience = patience
        self._http = httpx.Client(timeout=timeout, transport=transport)

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
        results = answer.get("results")
        if not isinstance(results, list) or len(results) != len(entries):
            raise self._stranger(answer)
        held = 0
        for result, entry in zip(results, entries, strict=True):
            status = result.get("status") if isinstance(result, dict) else None
            if status == "refused":
                raise Refused(str(result.get("code")), str(result.get("message")))
            if status not in ("accepted", "known"):
                raise self._stranger(answer)
            held += len(entry.receipts)
        return held

    def next_nonce(self, account: AccountIndex) -> Nonce:
        """The nonce that the account's next receipt must have.

        Raises:
            GatewayUnavailable: as `submit` does.
        """
        answer = self._tried(lambda: self._http.get(f"{self.url}/v1/accounts/{account}"))
        if not isinstance(answer.get("nextNonce"), int):
            raise self._stranger(answer)
        return Nonce(answer["nextNonce"])

    def whereabouts(self, receipt: ReceiptId) -> dict[str, Any]:
        """Where a receipt is: state, batch, index.

        Raises:
            Refused: when the sequencer never accepted it.
            GatewayUnavailable: as `submit` does.
        """
        return self._tried(lambda: self._http.get(f"{self.url}/v1/receipts/{text(receipt)}"))

    def _tried(self, send: Callable[[], httpx.Response]) -> dict[str, Any]:
        until = time.monotonic() + self._patience
        delay = 0.1
        while True:
            try:
                answer = send()
                if answer.status_code not in _RETRIED:
                    return self._body(answer)
                trouble = f"status {answer.status_code}{_reason(answer)}"
            except httpx.HTTPError as error:
                trouble = str(error) or type(error).__name__
            if time.monotonic() + delay > until:
                raise GatewayUnavailable(
                    f"the gateway at {self.url} takes nothing ({trouble}): is the sequencer"
                    " running? What it acknowledged is safe; run this again later"
                )
            time.sleep(delay)
            delay = min(2 * delay, _SLOWEST)

    def _body(self, answer: httpx.Response) -> dict[str, Any]:
        try:
            body = answer.json()
        except ValueError:
            body = answer.text
        if not isinstance(body, dict):
            raise self._stranger(body)
        error = body.get("error")
        if isinstance(error, Mapping):
            raise Refused(str(error.get("code")), str(error.get("message")))
        return body

    def _stranger(self, said: object) -> GatewayUnavailable:
        return GatewayUnavailable(
            f"{self.url} is no sequencer's gateway, it says {str(said)[:60]!r}: check --gateway"
        )


def _reason(answer: httpx.Response) -> str:
    """What a gateway that takes nothing now says of it."""
    try:
        return f", {answer.json()['error']['message']}"
    except (ValueError, KeyError, TypeError):
        return ""
