"""The client: typed errors in one clear line, transactions seen through."""

import threading
import time
from itertools import pairwise
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rollup.errors import PlumblineError
from rollup.l1.accounts import RawTransaction, Transaction, dev_signer, transaction_hash
from rollup.l1.chain import BlockNumber
from rollup.l1.client import L1Client, Sent
from rollup.l1.devnet import FUNDS, Devnet
from rollup.l1.errors import (
    FeeLimitReached,
    InsufficientFunds,
    L1Unavailable,
    NonceUsed,
    NotMined,
    Reverted,
    RpcRefused,
    UnknownContract,
    WrongChain,
)
from rollup.l1.fees import GWEI, FeePolicy
from rollup.l1.server import BackgroundServer
from rollup.l1.transport import Transport
from rollup.protocol.types import Address, Gas, Wei

SINK = Address(b"\x11" * 20)
REVERTER = bytes.fromhex("63deadbeef60e01b5f5260045ffd")
TRANSFER = Gas(21_000)


def pay(client: L1Client, chain: Devnet, who: int = 0, wei: int = 1) -> Any:
    return client.transact(chain.accounts[who], SINK, b"", value=Wei(wei), gas=TRANSFER)


def one_line(error: pytest.ExceptionInfo[Any]) -> str:
    message = str(error.value)
    assert "\n" not in message
    assert isinstance(error.value, PlumblineError)
    return message


# ---- what is wrong with the endpoint


def test_another_chain_is_refused(clean: Devnet) -> None:
    client = L1Client(clean.url, 1)
    with pytest.raises(WrongChain, match="serves chain 31337, not 1: check") as caught:
        client.check_chain()
    one_line(caught)


def test_an_address_without_code_is_named(client: L1Client, clean: Devnet) -> None:
    assert client.code(SINK) == b""
    with pytest.raises(UnknownContract, match="where the rollup should be") as caught:
        client.check_code(SINK, "the rollup")
    assert "0x1111" in one_line(caught)


def test_a_dead_endpoint_is_tried_again_and_then_unavailable() -> None:
    pauses: list[float] = []
    transport = Transport("http://127.0.0.1:9", attempts=3, pause=0.5, sleep=pauses.append)
    with pytest.raises(L1Unavailable, match=r"no answer from the L1 endpoint http://127") as caught:
        L1Client("http://127.0.0.1:9", 1, transport=transport).head()
    one_line(caught)
    assert pauses == [0.5, 1.0]


class Endpoint:
    """Answers each request with the next of its responses."""

    def __init__(self, *responses: Response) -> None:
        self.responses = list(responses)
        self.asked: list[Any] = []

    async def answer(self, request: Request) -> Response:
        self.asked.append(await request.json())
        return self.responses.pop(0)

    def served(self) -> BackgroundServer:
        return BackgroundServer(Starlette(routes=[Route("/", self.answer, methods=["POST"])]))


def test_an_endpoint_that_comes_back_is_used() -> None:
    endpoint = Endpoint(
        Response("try later", status_code=503),
        Response("slow down", status_code=429),
        JSONResponse({"jsonrpc": "2.0", "id": 1, "result": "0x5"}),
    )
    with endpoint.served() as server:
        assert Transport(server.url, pause=0).request("eth_chainId") == "0x5"
    assert len(endpoint.asked) == 3


@pytest.mark.parametrize(
    "response",
    [Response("<html>"), JSONResponse([1]), JSONResponse({"jsonrpc": "2.0", "id": 1})],
    ids=["html", "list", "neither"],
)
def test_what_is_no_rpc_endpoint_is_unavailable_at_once(response: Response) -> None:
    with Endpoint(response).served() as server, pytest.raises(L1Unavailable, match="JSON-RPC"):
        Transport(server.url, pause=0).request("eth_chainId")


def test_errors_without_a_class_keep_code_message_and_data() -> None:
    error = {"code": -32005, "message": "query returned too much", "data": {"data": "0xabcd"}}
    endpoint = Endpoint(JSONResponse({"jsonrpc": "2.0", "id": 1, "error": error}))
    with endpoint.served() as server, pytest.raises(RpcRefused, match="too much") as caught:
        Transport(server.url).request("eth_getLogs")
    assert (caught.value.number, caught.value.data) == (-32005, b"\xab\xcd")


# ---- transactions


def test_a_transaction_is_seen_through(client: L1Client, clean: Devnet) -> None:
    mined = pay(client, clean, wei=7)
    assert mined.succeeded
    assert mined.gas_used == TRANSFER
    assert client.balance(SINK) == 7
    spent = 7 + mined.gas_used * mined.price
    assert client.balance(clean.accounts[0].address) == FUNDS - spent
    block = client.block(mined.block)
    assert block is not None
    assert block.hash == mined.block_hash
    assert client.block(BlockNumber(mined.block + 99)) is None


def test_a_refusal_before_sending_costs_nothing(client: L1Client, clean: Devnet) -> None:
    with pytest.raises(Reverted, match="create it reverted: without a reason") as caught:
        client.transact(clean.accounts[0], None, REVERTER, name="create it")
    assert caught.value.data == bytes.fromhex("deadbeef")
    assert client.nonce(clean.accounts[0].address) == 0


def test_a_refusal_after_sending_says_why_as_well(client: L1Client, clean: Devnet) -> None:
    with pytest.raises(Reverted) as caught:
        client.transact(clean.accounts[0], None, REVERTER, name="create it", gas=Gas(100_000))
    assert caught.value.data == bytes.fromhex("deadbeef")
    assert client.nonce(clean.accounts[0].address) == 1


def test_an_unpaid_account_is_told_what_it_lacks(client: L1Client, clean: Devnet) -> None:
    nobody = dev_signer("nobody", 0)
    with pytest.raises(InsufficientFunds, match=r"has 0 wei and may need \d+: fund it") as caught:
        client.transact(nobody, SINK, b"", gas=TRANSFER)
    one_line(caught)
    with pytest.raises(InsufficientFunds, match="fund"):
        client.transact(nobody, SINK, b"", value=Wei(1))


def test_a_fee_above_the_limit_is_not_paid(clean: Devnet) -> None:
    frugal = L1Client(clean.url, clean.chain_id, fees=FeePolicy(tip=Wei(5), limit=Wei(4)))
    with pytest.raises(FeeLimitReached, match="above the fee limit of 4 wei") as caught:
        frugal.transact(clean.accounts[0], SINK, b"", gas=TRANSFER)
    one_line(caught)


def test_a_transaction_that_waits_too_long_is_not_mined(clean: Devnet) -> None:
    clean.automine(False)
    client = L1Client(clean.url, clean.chain_id, patience=0.2, poll=0.02)
    with pytest.raises(NotMined, match="is not 1 blocks deep after 0 s") as caught:
        pay(client, clean)
    assert len(caught.value.transaction) == 32
    clean.mine()
    assert client.balance(SINK) == 1


def test_a_stuck_transaction_is_replaced_for_a_higher_fee(clean: Devnet) -> None:
    clean.automine(False)
    client = L1Client(
        clean.url, clean.chain_id, fees=FeePolicy(bump_after=0.1), patience=20, poll=0.02
    )
    sent = client.send(clean.accounts[0], SINK, b"", value=Wei(3), gas=TRANSFER)
    miner = threading.Timer(0.8, clean.mine)
    miner.start()
    mined = client.wait(sent)
    miner.join()
    assert len(sent.raws) > 1
    hashes = [transaction_hash(raw) for raw in sent.raws]
    assert mined.hash in hashes[1:]
    assert client.balance(SINK) == 3
    assert client.nonce(clean.accounts[0].address) == 1


def test_fees_rise_by_an_eighth_and_never_above_the_limit() -> None:
    policy = FeePolicy(tip=Wei(GWEI), limit=Wei(10 * GWEI))
    fees: tuple[Wei, Wei] | None = policy.first(Wei(2 * GWEI))
    assert fees == (GWEI, 5 * GWEI)
    seen: list[tuple[Wei, Wei]] = []
    while fees is not None:
        seen.append(fees)
        fees = policy.bumped(*fees, Wei(2 * GWEI))
    for (old_tip, old_max), (tip, most) in pairwise(seen):
        assert most * 10 >= old_max * 11
        assert tip * 10 >= old_tip * 11
        assert tip <= most
    assert len(seen) > 3
    assert all(most <= policy.limit for _, most in seen)
    assert policy.first(Wei(8 * GWEI)) == (GWEI, 10 * GWEI)
    with pytest.raises(FeeLimitReached):
        policy.first(Wei(9 * GWEI + 1))


def test_a_nonce_that_somebody_else_used_is_named(client: L1Client, clean: Devnet) -> None:
    clean.automine(False)
    sent = client.send(clean.accounts[0], SINK, b"", gas=TRANSFER)
    old = sent.transaction
    other = Transaction(
        old.chain_id, old.nonce, Wei(2 * old.tip), Wei(2 * old.max_fee), old.gas, SINK, Wei(9), b""
    )
    client.broadcast(clean.accounts[0].sign(other))
    clean.mine()
    with pytest.raises(NonceUsed, match=r"nonce 0 of 0x.* went to another transaction") as caught:
        client.wait(sent)
    one_line(caught)
    with pytest.raises(NonceUsed):
        client.broadcast(sent.raws[0])


def test_sending_the_same_bytes_again_is_no_error(client: L1Client, clean: Devnet) -> None:
    clean.automine(False)
    sent = client.send(clean.accounts[0], SINK, b"", gas=TRANSFER)
    client.broadcast(sent.raws[0])
    clean.mine()
    assert client.wait(sent).succeeded


def test_a_transaction_that_a_reorganisation_took_back_is_mined_again(
    client: L1Client, clean: Devnet
) -> None:
    kept = clean.snapshot()
    sent = client.send(clean.accounts[0], SINK, b"", value=Wei(4), gas=TRANSFER)
    client.wait(sent)
    clean.revert(kept)
    assert client.balance(SINK) == 0
    client.broadcast(sent.raws[0])
    assert client.wait(sent).succeeded
    assert client.balance(SINK) == 4


def test_confirmations_are_waited_for(clean: Devnet) -> None:
    client = L1Client(clean.url, clean.chain_id, confirmations=3, patience=20, poll=0.02)
    sent = client.send(clean.accounts[0], SINK, b"", gas=TRANSFER)
    done: list[float] = []

    def wait() -> None:
        client.wait(sent)
        done.append(time.monotonic())

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.2)
    assert not done
    clean.mine(2)
    waiting.join(timeout=10)
    assert done


def test_threads_share_an_account_without_a_clash(client: L1Client, clean: Devnet) -> None:
    threads = [
        threading.Thread(target=pay, args=(client, clean), kwargs={"who": who % 2})
        for who in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.balance(SINK) == 12
    assert [client.nonce(signer.address) for signer in clean.accounts[:2]] == [6, 6]


def test_logs_are_asked_for_in_pieces(
    client: L1Client, clean: Devnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rollup.l1.reading.LOG_SPAN", 3)
    assert client.spans(BlockNumber(0), BlockNumber(7)) == [(0, 2), (3, 5), (6, 7)]
    assert client.spans(BlockNumber(4), BlockNumber(3)) == []
    pay(client, clean)
    assert client.logs(SINK, [], BlockNumber(0), client.head().number) == []


def test_an_endpoint_that_forgets_is_told_again(clean: Devnet) -> None:
    """At the fee limit nothing can be raised: the same bytes go out again."""
    clean.automine(False)
    base = L1Client(clean.url, clean.chain_id).head().base_fee
    fees = FeePolicy(tip=Wei(1), limit=Wei(2 * base + 1), bump_after=0.05)
    client = L1Client(clean.url, clean.chain_id, fees=fees, patience=20, poll=0.02)
    sent: Sent = client.send(clean.accounts[0], SINK, b"", value=Wei(2), gas=TRANSFER)
    clean.rpc("anvil_dropTransaction", "0x" + sent.hash.hex())
    assert client.nonce(clean.accounts[0].address, pending=True) == 0
    miner = threading.Timer(0.5, clean.mine)
    miner.start()
    assert client.wait(sent).succeeded
    miner.join()
    assert sent.raws == [RawTransaction(sent.raws[0])]
