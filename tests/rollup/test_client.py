"""What a client makes of a gateway's answers, of silence, and of strangers."""

from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest

from rollup.client import GatewayClient
from rollup.errors import ConfigError, GatewayUnavailable, Refused
from rollup.protocol import codec
from rollup.protocol.entries import Entry
from rollup.protocol.types import AccountIndex, ReceiptId
from tests.rollup.entries import digest, mixed, single

Answer = tuple[int, Any] | Exception
ENTRIES: list[Entry] = [single(0), mixed(1)]
TAKEN = {"results": [{"status": "accepted", "receipts": 1}, {"status": "known", "receipts": 4}]}
FULL = (503, {"error": {"code": "pool-full", "message": "9 receipts wait for L1"}})


class Gateway:
    """Says one answer after another, the last one for ever."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        if isinstance(body, str):
            return httpx.Response(status, text=body)
        return httpx.Response(status, json=body)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[GatewayClient, Gateway]]:
    """A client of a gateway with these answers, on a clock that waiting moves."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr("rollup.client.time.monotonic", lambda: now[0])
    monkeypatch.setattr("rollup.client.time.sleep", sleep)

    def make(*answers: Answer, patience: float = 60.0) -> tuple[GatewayClient, Gateway]:
        gateway = Gateway(answers)
        transport = httpx.MockTransport(gateway)
        return GatewayClient("http://gate/", patience=patience, transport=transport), gateway

    return make


Make = Callable[..., tuple[GatewayClient, Gateway]]


def test_entries_are_handed_in_as_batch_data(at: Make) -> None:
    client, gateway = at((200, TAKEN))
    assert client.submit(ENTRIES) == 5
    (request,) = gateway.asked
    assert str(request.url) == "http://gate/v1/receipts"
    assert [entry.id for entry in codec.decode(request.content)] == [e.id for e in ENTRIES]
    client.close()


@pytest.mark.parametrize(
    "trouble",
    [
        FULL,
        (429, "slow down"),
        (502, "<html>bad gateway</html>"),
        (500, {"error": {"code": "error", "message": "whatever"}}),
        httpx.ConnectError("connection refused"),
        httpx.ReadTimeout("too slow"),
        httpx.RemoteProtocolError("gone in the middle"),
    ],
)
def test_what_may_pass_is_tried_again(at: Make, trouble: Answer) -> None:
    client, gateway = at(trouble, trouble, trouble, (200, TAKEN))
    assert client.submit(ENTRIES) == 5
    assert len(gateway.asked) == 4
    assert len({request.content for request in gateway.asked}) == 1


@pytest.mark.parametrize(
    ("trouble", "said"),
    [(FULL, "9 receipts wait"), (httpx.ConnectError("connection refused"), "connection refused")],
)
def test_patience_ends_with_one_line_that_says_what_to_do(
    at: Make, trouble: Answer, said: str
) -> None:
    client, gateway = at(trouble, patience=30)
    with pytest.raises(GatewayUnavailable, match=said) as caught:
        client.submit(ENTRIES)
    assert "is the sequencer running?" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert 8 < len(gateway.asked) < 16  # ever more slowly


def test_a_refusal_has_the_gateways_code_and_reason(at: Make) -> None:
    refusal = {"status": "refused", "code": "nonce-gap", "message": "the next nonce is 4"}
    client, gateway = at((409, {"results": [TAKEN["results"][0], refusal]}))
    with pytest.raises(Refused, match="the next nonce is 4") as caught:
        client.submit(ENTRIES)
    assert caught.value.code == "nonce-gap"
    assert len(gateway.asked) == 1
    client, _ = at((404, {"error": {"code": "unknown-receipt", "message": "never accepted"}}))
    with pytest.raises(Refused, match="never accepted"):
        client.whereabouts(ReceiptId(digest("some")))
    client, _ = at((413, {"error": {"code": "too-large", "message": "send fewer"}}))
    with pytest.raises(Refused, match="send fewer"):
        client.submit(ENTRIES)


@pytest.mark.parametrize(
    "answer",
    [
        (200, "<html>welcome</html>"),
        (200, []),
        (200, {}),
        (404, {"detail": "Not Found"}),
        (200, {"jsonrpc": "2.0", "error": "no method"}),
        (200, {"results": []}),
        (200, {"results": [1, 2]}),
        (200, {"results": [{"status": "perhaps"}] * 2}),
        (200, {"results": "yes", "nextNonce": "7"}),
    ],
)
def test_a_stranger_is_told_from_a_gateway(at: Make, answer: Answer) -> None:
    client, _ = at(answer)
    with pytest.raises(GatewayUnavailable, match=r"is no sequencer's gateway.*check --gateway"):
        client.submit(ENTRIES)
    with pytest.raises(GatewayUnavailable, match=r"is no sequencer's gateway.*check --gateway"):
        client.next_nonce(AccountIndex(1))


def test_nonces_and_whereabouts_are_passed_on(at: Make) -> None:
    client, gateway = at((200, {"account": 7, "nextNonce": 12}))
    assert client.next_nonce(AccountIndex(7)) == 12
    assert gateway.asked[0].url.path == "/v1/accounts/7"
    client, gateway = at((200, {"state": "pooled", "batch": None, "index": None}))
    receipt = ReceiptId(digest("one"))
    assert client.whereabouts(receipt)["state"] == "pooled"
    assert gateway.asked[0].url.path == f"/v1/receipts/0x{receipt.hex()}"


@pytest.mark.parametrize("url", ["127.0.0.1:8600", "ftp://there", "", "http://", "http://a:x"])
def test_what_is_no_address_is_said_at_once(url: str) -> None:
    with pytest.raises(ConfigError, match="--gateway"):
        GatewayClient(url)
