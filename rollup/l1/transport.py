"""JSON-RPC over HTTP: one endpoint, typed errors, retries of what may be asked again.

web3.py carries the calls; it takes seconds to import, so it is imported at the first of them.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from rollup.l1.errors import (
    InsufficientFunds,
    L1Error,
    L1Unavailable,
    NonceUsed,
    RpcRefused,
    Underpriced,
)

if TYPE_CHECKING:
    from web3 import HTTPProvider

REVERTED: Final = 3
"""JSON-RPC error code of a call that a contract refused."""

# Nodes say what is wrong in words; these are shared by geth, anvil, and the embedded chain.
_WORDS: Final[tuple[tuple[str, type[L1Error], str], ...]] = (
    ("insufficient funds", InsufficientFunds, "the account cannot pay: send it ETH"),
    ("nonce too low", NonceUsed, "another transaction of this account took the nonce"),
    ("underpriced", Underpriced, "the fee is too low for the endpoint"),
    ("max fee per gas less than block base fee", Underpriced, "the fee is below the base fee"),
)
_TRY_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class Transport:
    """Calls of one JSON-RPC endpoint. Safe to use from several threads.

    Args:
        url: http or https address.
        timeout: seconds for one attempt.
        attempts: how often a call is tried before the endpoint counts as unavailable. All calls may
            be repeated: sending the same signed transaction twice is sending it once.
        pause: seconds before the second attempt; doubles from then on.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 20,
        attempts: int = 3,
        pause: float = 0.25,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url
        self._attempts = attempts
        self._pause = pause
        self._sleep = sleep
        self._timeout = timeout
        self._opened: HTTPProvider | None = None

    def close(self) -> None:
        """Lets go of the endpoint; its connections close when nobody uses them."""
        self._opened = None

    def _provider(self) -> "HTTPProvider":
        if self._opened is None:
            from web3 import HTTPProvider

            # Retries are ours: they cover every call, and end in our own error.
            self._opened = HTTPProvider(
                self.url,
                request_kwargs={"timeout": self._timeout},
                exception_retry_configuration=None,
            )
        return self._opened

    def request(self, method: str, *params: Any) -> Any:
        """The result of one call.

        Raises:
            L1Unavailable: when no attempt was answered with JSON-RPC.
            InsufficientFunds, NonceUsed, Underpriced: when the endpoint says so.
            RpcRefused: for any other error that it answers with.
        """
        from requests import exceptions
        from web3.types import RPCEndpoint

        reason = ""
        for attempt in range(self._attempts):
            if attempt:
                self._sleep(self._pause * 2 ** (attempt - 1))
            try:
                answer: Any = self._provider().make_request(RPCEndpoint(method), list(params))
            except exceptions.HTTPError as error:
                status = 0 if error.response is None else error.response.status_code
                if status in _TRY_AGAIN:
                    reason = f"HTTP status {status}"
                    continue
                raise L1Unavailable(
                    f"{self.url} does not speak JSON-RPC: HTTP status {status}"
                ) from error
            except (exceptions.InvalidURL, exceptions.InvalidSchema, exceptions.MissingSchema):
                raise L1Unavailable(
                    f"{self.url!r} is no endpoint: name an http:// or https:// address"
                ) from None
            except ValueError as error:
                raise L1Unavailable(f"{self.url} does not speak JSON-RPC: {error}") from error
            except exceptions.RequestException as error:
                reason = type(error).__name__
                continue
            if not isinstance(answer, dict) or not ({"result", "error"} & answer.keys()):
                raise L1Unavailable(
                    f"{self.url} does not speak JSON-RPC: it says {str(answer)[:80]}"
                )
            if "error" in answer:
                raise _refusal(method, answer["error"])
            return answer["result"]
        raise L1Unavailable(f"no answer from the L1 endpoint {self.url}: {reason}")


def _refusal(method: str, error: Any) -> L1Error:
    message = str(error.get("message", error)) if isinstance(error, dict) else str(error)
    lowered = message.lower()
    for words, kind, advice in _WORDS:
        if words in lowered:
            return kind(f"{method}: {advice} ({message})")
    number = error.get("code", 0) if isinstance(error, dict) else 0
    return RpcRefused(int(number), message, _data(error))


def _data(error: Any) -> bytes:
    """Revert data, which some nodes nest one level deeper."""
    data = error.get("data") if isinstance(error, dict) else None
    if isinstance(data, dict):
        data = data.get("data")
    if isinstance(data, str) and data.startswith("0x"):
        try:
            return bytes.fromhex(data[2:])
        except ValueError:
            return b""
    return b""
