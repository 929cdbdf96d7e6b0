"""The development chains as an independent client, web3.py, finds them."""

import json
import time
from typing import Any

import httpx
import pytest
from eth_account import Account
from web3 import HTTPProvider, Web3
from web3.exceptions import ContractCustomError, TransactionNotFound, Web3RPCError

from rollup.l1.accounts import LocalSigner, Transaction, created_address, transaction_hash
from rollup.l1.chain import GAS_LIMIT
from rollup.l1.devnet import FUNDS, Devnet
from rollup.protocol.types import Address, Wei, address_text

GWEI = 10**9
SINK = "0x" + "11" * 20
# PUSH4 0xdeadbeef, to the top of word 0 at 0: revert with these 4 bytes.
REVERTER = "0x63deadbeef60e01b5f5260045ffd"
# Stores the call data's first word at slot 0 and logs it under topic 7.
LOGGER_RUNTIME = "5f35805f555f52600760205fa1"
TOPIC = "0x" + "00" * 31 + "07"


@pytest.fixture
def web3(clean: Devnet) -> Any:
    return Web3(HTTPProvider(clean.url))


def text(signer: LocalSigner) -> Any:
    return address_text(signer.address)


def receipt(web3: Any, digest: bytes) -> Any:
    """A mined transaction's receipt; anvil mines a moment after it has answered."""
    return web3.eth.wait_for_transaction_receipt(digest, timeout=5, poll_latency=0.02)


def send(web3: Any, chain: Devnet, who: int = 0, **changed: Any) -> bytes:
    """Sends a transfer of 1 wei, signed by eth_account; returns its hash."""
    signer = chain.accounts[who]
    fields = {
        "type": 2,
        "chainId": chain.chain_id,
        "nonce": web3.eth.get_transaction_count(text(signer)),
        "to": SINK,
        "value": 1,
        "gas": 21_000,
        "maxFeePerGas": 10 * GWEI,
        "maxPriorityFeePerGas": GWEI,
    } | changed
    if fields["to"] is None:
        del fields["to"]
    signed = Account.sign_transaction(fields, signer.key)
    return bytes(web3.eth.send_raw_transaction(signed.raw_transaction))


def test_a_chain_tells_its_head_id_and_time(web3: Any, clean: Devnet) -> None:
    assert web3.eth.chain_id == clean.chain_id
    assert web3.net.version == str(clean.chain_id)
    assert web3.client_version
    block = web3.eth.get_block("latest")
    assert block["number"] == web3.eth.block_number
    assert web3.eth.get_block(block["hash"]) == block
    assert abs(block["timestamp"] - time.time()) < 3_600
    assert block["gasLimit"] == GAS_LIMIT
    assert web3.eth.get_block("earliest")["number"] == 0


def test_the_accounts_are_funded_and_the_same_everywhere(web3: Any, clean: Devnet) -> None:
    assert [web3.eth.get_balance(text(signer)) for signer in clean.accounts] == [FUNDS] * 10
    assert clean.accounts[0].address.hex() == "d7684dad8739e321931a8e1972a25b1f195369b3"


def test_a_transfer_is_mined_at_once(web3: Any, clean: Devnet) -> None:
    before = web3.eth.block_number
    digest = send(web3, clean, value=12)
    mined = receipt(web3, digest)
    assert (mined["status"], mined["gasUsed"]) == (1, 21_000)
    assert mined["blockNumber"] == before + 1
    assert web3.eth.get_balance(SINK) == 12
    transaction = web3.eth.get_transaction(digest)
    assert (transaction["from"], transaction["value"], transaction["nonce"]) == (
        text(clean.accounts[0]),
        12,
        0,
    )
    block = web3.eth.get_block(before + 1, full_transactions=True)
    assert [entry["hash"] for entry in block["transactions"]] == [digest]
    paid = 12 + mined["gasUsed"] * mined["effectiveGasPrice"]
    assert web3.eth.get_balance(text(clean.accounts[0])) == FUNDS - paid


def test_our_signature_is_eth_accounts(clean: Devnet) -> None:
    signer = clean.accounts[3]
    for to in (None, Address(b"\x11" * 20)):
        ours = signer.sign(
            Transaction(31_337, 7, Wei(GWEI), Wei(3 * GWEI), 90_000, to, Wei(5), b"\0data")
        )
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": 31_337,
            "nonce": 7,
            "value": 5,
            "gas": 90_000,
            "maxFeePerGas": 3 * GWEI,
            "maxPriorityFeePerGas": GWEI,
            "data": b"\0data",
        }
        if to is not None:
            fields["to"] = to
        theirs = Account.sign_transaction(fields, signer.key)
        assert ours == bytes(theirs.raw_transaction)
        assert transaction_hash(ours) == bytes(theirs.hash)


@pytest.mark.parametrize("byte", [b"\0", b"\x01"], ids=["zeros", "non-zeros"])
def test_calldata_has_its_floor(web3: Any, clean: Devnet, byte: bytes) -> None:
    """EIP-7623, the rule of Prague: 10 gas a zero byte and 40 a non-zero one at the least."""
    data = byte * 1_000
    floor = 21_000 + 1_000 * (10 if byte == b"\0" else 40)
    digest = send(web3, clean, data=data, gas=200_000)
    assert receipt(web3, digest)["gasUsed"] == floor
    if clean.engine == "embedded":  # anvil takes it, and never mines it
        with pytest.raises(Web3RPCError, match="floor"):
            send(web3, clean, data=data, gas=floor - 1)


def test_a_contract_is_created_called_and_its_logs_found(web3: Any, clean: Devnet) -> None:
    size = len(LOGGER_RUNTIME) // 2
    code = f"0x60{size:02x}80600a5f395ff300" + LOGGER_RUNTIME
    nonce = web3.eth.get_transaction_count(text(clean.accounts[0]))
    created = send(web3, clean, to=None, data=code, value=0, gas=200_000)
    address = receipt(web3, created)["contractAddress"]
    expected = created_address(clean.accounts[0].address, nonce)
    assert address == Web3.to_checksum_address(expected)
    assert web3.eth.get_code(address).hex().removeprefix("0x") == LOGGER_RUNTIME
    first = web3.eth.block_number + 1
    for value in (1, 2):
        receipt(web3, send(web3, clean, to=address, data=value.to_bytes(32), value=0, gas=100_000))
    assert int.from_bytes(web3.eth.get_storage_at(address, 0)) == 2
    wanted: Any = {"address": address, "fromBlock": first, "toBlock": "latest"}
    assert len(web3.eth.get_logs(wanted)) == 2
    head = web3.eth.get_block("latest")
    (last,) = web3.eth.get_logs({"blockHash": head["hash"]})
    assert (last["blockNumber"], last["logIndex"]) == (head["number"], 0)
    assert web3.eth.get_logs(wanted | {"toBlock": first}) != []
    assert web3.eth.get_logs(wanted | {"topics": ["0x" + "ee" * 32]}) == []
    for topics in ([], [None], [TOPIC], [["0x" + "ee" * 32, TOPIC]]):
        assert len(web3.eth.get_logs(wanted | {"topics": topics})) == 2


def test_a_revert_carries_its_data(web3: Any, clean: Devnet) -> None:
    call: Any = {"from": text(clean.accounts[0]), "data": REVERTER}
    for attempt in (web3.eth.call, web3.eth.estimate_gas):
        with pytest.raises(ContractCustomError, match="deadbeef"):
            attempt(call)
    digest = send(web3, clean, to=None, data=REVERTER, value=0, gas=100_000)
    assert receipt(web3, digest)["status"] == 0


def test_refusals_are_in_ethereums_words(web3: Any, clean: Devnet) -> None:
    receipt(web3, send(web3, clean))
    cases: list[tuple[dict[str, Any], str]] = [
        ({"nonce": 0}, "nonce too low"),
        ({"value": FUNDS}, r"[Ii]nsufficient funds"),
        ({"gas": 20_000}, r"intrinsic gas too low|gas"),
        ({"chainId": 1}, r"[Ii]nvalid chain id|chain"),
        ({"gas": GAS_LIMIT + 1}, r"gas limit|too high"),
    ]
    for change, words in cases:
        with pytest.raises(Web3RPCError, match=words):
            send(web3, clean, **change)
    with pytest.raises(Web3RPCError):
        web3.eth.send_raw_transaction(b"\x02nonsense")
    with pytest.raises(TransactionNotFound):
        web3.eth.get_transaction_receipt(b"\1" * 32)


def test_fees_follow_eip_1559(web3: Any, clean: Devnet) -> None:
    history = web3.eth.fee_history(4, "latest", [50])
    assert len(history["baseFeePerGas"]) == len(history["gasUsedRatio"]) + 1
    before = web3.eth.get_block("latest")["baseFeePerGas"]
    clean.mine(3)
    assert web3.eth.get_block("latest")["baseFeePerGas"] < before
    assert web3.eth.gas_price > 0
    assert web3.eth.max_priority_fee >= 0


def test_an_estimate_is_enough_and_not_much_more(web3: Any, clean: Devnet) -> None:
    call: Any = {"from": text(clean.accounts[0]), "to": SINK, "data": "0x" + "01" * 500}
    estimate = web3.eth.estimate_gas(call)
    assert 41_000 <= estimate <= 45_000
    digest = send(web3, clean, data=b"\x01" * 500, gas=estimate)
    assert receipt(web3, digest)["status"] == 1


def test_the_clock_moves_when_told(web3: Any, clean: Devnet) -> None:
    before = web3.eth.get_block("latest")["timestamp"]
    clean.advance(10_000)
    after = web3.eth.get_block("latest")["timestamp"]
    assert 10_000 <= after - before < 10_100
    clean.rpc("evm_setNextBlockTimestamp", after + 500)
    clean.mine()
    assert web3.eth.get_block("latest")["timestamp"] == after + 500


def test_a_burst_does_not_push_the_clock_ahead(web3: Any, clean: Devnet) -> None:
    before = web3.eth.get_block("latest")["timestamp"]
    for _ in range(20):
        receipt(web3, send(web3, clean))
    # Twenty blocks in about a second: were each a second later, they would be twenty ahead.
    assert web3.eth.get_block("latest")["timestamp"] - before < 20


def test_a_reorganisation_takes_blocks_back(web3: Any, clean: Devnet) -> None:
    kept = clean.snapshot()
    head = web3.eth.get_block("latest")
    digest = send(web3, clean)
    receipt(web3, digest)
    gone = web3.eth.get_block("latest")
    clean.revert(kept)
    assert web3.eth.get_block("latest") == head
    with pytest.raises(TransactionNotFound):
        web3.eth.get_transaction_receipt(digest)
    receipt(web3, send(web3, clean, value=5))
    other = web3.eth.get_block("latest")
    assert other["number"] == gone["number"]
    assert other["hash"] != gone["hash"]
    assert other["parentHash"] == head["hash"]


def test_without_automine_transactions_wait_for_a_block(web3: Any, clean: Devnet) -> None:
    clean.automine(False)
    digests = [send(web3, clean, nonce=nonce) for nonce in (1, 0)]
    sender = text(clean.accounts[0])
    assert web3.eth.get_transaction_count(sender) == 0
    assert web3.eth.get_transaction_count(sender, "pending") == 2
    assert web3.eth.get_transaction(digests[0]).get("blockNumber") is None
    clean.mine()
    receipts = [receipt(web3, digest) for digest in digests]
    assert [mined["transactionIndex"] for mined in receipts] == [1, 0]
    assert receipts[0]["cumulativeGasUsed"] == 42_000


def test_a_higher_fee_replaces_a_waiting_transaction(web3: Any, clean: Devnet) -> None:
    clean.automine(False)
    old = send(web3, clean, nonce=0)
    with pytest.raises(Web3RPCError, match="underpriced"):
        send(web3, clean, nonce=0, value=2)
    new = send(web3, clean, nonce=0, value=2, maxFeePerGas=20 * GWEI, maxPriorityFeePerGas=2 * GWEI)
    clean.mine()
    assert receipt(web3, new)["status"] == 1
    with pytest.raises(TransactionNotFound):
        web3.eth.get_transaction(old)


def test_a_fee_spike_keeps_cheap_transactions_waiting(web3: Any, clean: Devnet) -> None:
    if clean.engine == "anvil":
        pytest.skip("anvil drops a waiting transaction when the base fee rises above it")
    clean.automine(False)
    clean.rpc("anvil_setNextBlockBaseFeePerGas", hex(100 * GWEI))
    clean.mine()
    assert web3.eth.get_block("latest")["baseFeePerGas"] == 100 * GWEI
    digest = send(web3, clean, nonce=0, maxFeePerGas=100 * GWEI)
    clean.rpc("anvil_setNextBlockBaseFeePerGas", hex(200 * GWEI))
    clean.mine()
    with pytest.raises(TransactionNotFound):
        web3.eth.get_transaction_receipt(digest)
    clean.rpc("anvil_setNextBlockBaseFeePerGas", hex(50 * GWEI))
    clean.mine()
    assert receipt(web3, digest)["status"] == 1


def test_the_past_can_be_read_by_number_and_by_hash(web3: Any, clean: Devnet) -> None:
    block = web3.eth.get_block("latest")
    receipt(web3, send(web3, clean))
    sink = "0x" + SINK[2:]
    for tag in (hex(block["number"]), {"blockHash": "0x" + bytes(block["hash"]).hex()}):
        assert clean.rpc("eth_getBalance", sink, tag) == "0x0"
    assert clean.rpc("eth_getBalance", sink, "latest") == "0x1"


def test_what_is_no_request_gets_an_error_and_not_silence(clean: Devnet) -> None:
    if clean.engine != "embedded":
        pytest.skip("the wording of errors is the embedded chain's own")

    def post(body: Any) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.post(clean.url, content=content).json()

    def ask(method: str, *params: Any) -> Any:
        return post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})["error"]

    assert post(b"{")["error"]["code"] == -32700
    assert post([])["error"]["code"] == -32600
    assert post({"id": 4, "params": []})["error"]["code"] == -32600
    assert post({"id": 4, "method": "eth_chainId", "params": {}})["error"]["code"] == -32600
    assert ask("eth_wat")["code"] == -32601
    assert ask("eth_getBalance")["code"] == -32602
    assert ask("eth_getBalance", "0x12")["code"] == -32602
    assert ask("eth_getBlockByHash", "zz")["code"] == -32602
    assert ask("eth_call", {"to": "0x" + "00" * 20}, "0xffff")["code"] == -32000
    answers = post([{"id": n, "method": "eth_chainId"} for n in range(3)] + [7])
    assert [answer["id"] for answer in answers] == [0, 1, 2, None]
    assert httpx.get(clean.url + "/healthz").json() == {"status": "ok"}
    assert httpx.post(clean.url, content=bytes(5 << 20)).status_code == 413
