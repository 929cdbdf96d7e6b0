"""The JSON-RPC methods of the embedded chain, as Ethereum nodes serve them.

`eth_*`, `net_version` and `web3_clientVersion` follow the execution API; `evm_*` and `anvil_*` are
the development helpers that anvil has under the same names. Calls and estimates run in the block
that would come next, so that a contract sees the time at which the transaction would be mined.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from rollup.l1.embedded import (
    Block,
    Call,
    EmbeddedChain,
    ExecutionRefused,
    MinedTransaction,
    Outcome,
)
from rollup.l1.pool import PoolRefusal

CLIENT_VERSION: Final = "Plumbline/devnet"
GAS_TIP: Final = 10**9
"""What eth_maxPriorityFeePerGas proposes, in wei."""

METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
REFUSED: Final = -32000
REVERTED: Final = 3


class RpcError(Exception):
    """An error answer: its JSON-RPC code, message and data."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


def serve(chain: EmbeddedChain, method: str, params: Sequence[Any]) -> Any:
    """The result of one call, as JSON values.

    Raises:
        RpcError: for whatever is refused; nothing else is raised for bad input.
    """
    handler = _METHODS.get(method)
    if handler is None:
        raise RpcError(METHOD_NOT_FOUND, f"the method {method} does not exist")
    try:
        return handler(chain, *params)
    except RpcError:
        raise
    except (PoolRefusal, ExecutionRefused) as refusal:
        raise RpcError(REFUSED, str(refusal)) from refusal
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise RpcError(INVALID_PARAMS, f"{method}: bad parameters: {error}") from error


# ---- values


def quantity(value: int) -> str:
    """An integer as JSON-RPC writes it."""
    return hex(value)


def hexed(value: bytes) -> str:
    """Bytes as JSON-RPC writes them."""
    return "0x" + value.hex()


def _bytes(text: str, width: int | None = None) -> bytes:
    if not text.startswith("0x"):
        raise ValueError(f"{text[:70]!r} is not 0x-prefixed hex")
    value = bytes.fromhex(text[2:])
    if width is not None and len(value) != width:
        raise ValueError(f"{text[:70]!r} has not {width} bytes")
    return value


def _number(chain: EmbeddedChain, tag: str | dict[str, str] | None) -> int:
    if isinstance(tag, dict):
        if "blockHash" in tag:
            return _by_hash(chain, tag["blockHash"])
        tag = tag["blockNumber"]
    if tag in (None, "latest", "pending", "safe", "finalized"):
        return int(chain.head.header.block_number)
    return 0 if tag == "earliest" else int(str(tag), 16)


def _by_hash(chain: EmbeddedChain, text: str) -> int:
    number = chain.number_of(_bytes(text, 32))
    if number is None:
        raise RpcError(REFUSED, "unknown block")
    return number


def _call(request: dict[str, Any]) -> Call:
    data = request.get("input", request.get("data", "0x"))
    return Call(
        sender=_bytes(request.get("from") or "0x" + "00" * 20, 20),
        to=_bytes(request["to"], 20) if request.get("to") else None,
        data=_bytes(data),
        value=int(request.get("value", "0x0"), 16),
        gas=int(request["gas"], 16) if "gas" in request else None,
    )


def _log(block: Block, entry: MinedTransaction, place: int) -> dict[str, Any]:
    log = entry.logs[place]
    return {
        "address": hexed(log.address),
        "topics": [hexed(topic.to_bytes(32)) for topic in log.topics],
        "data": hexed(log.data),
        "blockNumber": quantity(entry.block),
        "blockHash": hexed(block.hash),
        "blockTimestamp": quantity(block.header.timestamp),
        "transactionHash": hexed(entry.hash),
        "transactionIndex": quantity(entry.index),
        "logIndex": quantity(entry.first_log + place),
        "removed": False,
    }


def _transaction(
    transaction: Any, sender: bytes, place: MinedTransaction | None, block: Block | None
) -> dict[str, Any]:
    type_id = transaction.type_id or 0
    fields: dict[str, Any] = {
        "hash": hexed(transaction.hash),
        "type": quantity(type_id),
        "nonce": quantity(transaction.nonce),
        "from": hexed(sender),
        "to": hexed(transaction.to) if transaction.to else None,
        "value": quantity(transaction.value),
        "gas": quantity(transaction.gas),
        "gasPrice": quantity(transaction.max_fee_per_gas if place is None else place.price),
        "input": hexed(transaction.data),
        "r": quantity(transaction.r),
        "s": quantity(transaction.s),
        "v": quantity(transaction.y_parity if type_id else transaction.v),
        "blockHash": None if block is None else hexed(block.hash),
        "blockNumber": None if place is None else quantity(place.block),
        "transactionIndex": None if place is None else quantity(place.index),
    }
    if type_id:
        fields["chainId"] = quantity(transaction.chain_id)
        fields["yParity"] = quantity(transaction.y_parity)
        fields["accessList"] = [
            {"address": hexed(address), "storageKeys": [hexed(slot.to_bytes(32)) for slot in slots]}
            for address, slots in transaction.access_list
        ]
    if type_id >= 2:
        fields["maxFeePerGas"] = quantity(transaction.max_fee_per_gas)
        fields["maxPriorityFeePerGas"] = quantity(transaction.max_priority_fee_per_gas)
    return fields


def _block(block: Block, *, whole: bool) -> dict[str, Any]:
    header = block.header
    return {
        "number": quantity(header.block_number),
        "hash": hexed(block.hash),
        "parentHash": hexed(header.parent_hash),
        "nonce": hexed(header.nonce),
        "sha3Uncles": hexed(header.uncles_hash),
        "logsBloom": hexed(header.bloom.to_bytes(256)),
        "transactionsRoot": hexed(header.transaction_root),
        "stateRoot": hexed(header.state_root),
        "receiptsRoot": hexed(header.receipt_root),
        "miner": hexed(header.coinbase),
        "difficulty": "0x0",
        "extraData": hexed(header.extra_data),
        "mixHash": hexed(header.mix_hash),
        "size": quantity(600 + sum(len(entry.raw) for entry in block.transactions)),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "baseFeePerGas": quantity(header.base_fee_per_gas),
        "uncles": [],
        "withdrawals": [],
        "transactions": [
            _transaction(entry.transaction, entry.sender, entry, block)
            if whole
            else hexed(entry.hash)
            for entry in block.transactions
        ],
    }


def _run(chain: EmbeddedChain, request: dict[str, Any], tag: Any) -> Outcome:
    outcome = chain.call(_call(request), _number(chain, tag))
    if outcome.succeeded:
        return outcome
    if outcome.error == "execution reverted":
        raise RpcError(REVERTED, outcome.error, hexed(outcome.output))
    raise RpcError(REFUSED, outcome.error)


# ---- methods, in the order of the table below


def _get_block(chain: EmbeddedChain, tag: Any, whole: bool = False) -> Any:
    number = _number(chain, tag)
    if number >= len(chain.blocks):
        return None
    return _block(chain.block_at(number), whole=whole)


def _get_block_by_hash(chain: EmbeddedChain, text: str, whole: bool = False) -> Any:
    number = chain.number_of(_bytes(text, 32))
    return None if number is None else _block(chain.block_at(number), whole=whole)


def _state(chain: EmbeddedChain, tag: Any) -> Any:
    return chain.state_at(_number(chain, tag))


def _count(chain: EmbeddedChain, address: str, tag: Any = "latest") -> str:
    sender = _bytes(address, 20)
    nonce = _state(chain, tag).get_nonce(sender)
    return quantity(chain.pool.next_nonce(sender, nonce) if tag == "pending" else nonce)


def _get_transaction(chain: EmbeddedChain, text: str) -> Any:
    digest = _bytes(text, 32)
    entry = chain.mined.get(digest)
    if entry is not None:
        return _transaction(entry.transaction, entry.sender, entry, chain.block_at(entry.block))
    waiting = chain.pool.get(digest)
    return None if waiting is None else _transaction(waiting[1], waiting[2], None, None)


def _get_receipt(chain: EmbeddedChain, text: str) -> Any:
    entry = chain.mined.get(_bytes(text, 32))
    if entry is None:
        return None
    block = chain.block_at(entry.block)
    return {
        "transactionHash": hexed(entry.hash),
        "transactionIndex": quantity(entry.index),
        "blockHash": hexed(block.hash),
        "blockNumber": quantity(entry.block),
        "from": hexed(entry.sender),
        "to": hexed(entry.transaction.to) if entry.transaction.to else None,
        "cumulativeGasUsed": quantity(entry.cumulative_gas),
        "gasUsed": quantity(entry.gas_used),
        "effectiveGasPrice": quantity(entry.price),
        "contractAddress": hexed(entry.created) if entry.created else None,
        "logs": [_log(block, entry, place) for place in range(len(entry.logs))],
        "logsBloom": hexed(entry.bloom.to_bytes(256)),
        "status": quantity(int(entry.succeeded)),
        "type": quantity(entry.transaction.type_id or 0),
    }


def _get_logs(chain: EmbeddedChain, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    if "blockHash" in wanted:
        first = last = _by_hash(chain, wanted["blockHash"])
    else:
        first = _number(chain, wanted.get("fromBlock", "latest"))
        last = min(_number(chain, wanted.get("toBlock", "latest")), len(chain.blocks) - 1)
    addresses = wanted.get("address") or []
    held = {_bytes(a, 20) for a in ([addresses] if isinstance(addresses, str) else addresses)}
    topics = [
        None
        if entry is None
        else {int(t, 16) for t in ([entry] if isinstance(entry, str) else entry)}
        for entry in wanted.get("topics") or []
    ]
    return [
        _log(block, entry, place)
        for block in chain.blocks[first : last + 1]
        for entry in block.transactions
        for place, log in enumerate(entry.logs)
        if (not held or log.address in held) and _matches(log.topics, topics)
    ]


def _matches(have: Sequence[int], wanted: Sequence[set[int] | None]) -> bool:
    return len(have) >= len(wanted) and all(
        choice is None or topic in choice for topic, choice in zip(have, wanted, strict=False)
    )


def _fee_history(
    chain: EmbeddedChain, count: str | int, newest: Any, percentiles: Sequence[float] | None = None
) -> dict[str, Any]:
    last = _number(chain, newest)
    wanted = count if isinstance(count, int) else int(count, 16)
    first = max(0, last + 1 - min(wanted, 1024))
    headers = [chain.block_at(number).header for number in range(first, last + 1)]
    following = (
        chain.block_at(last + 1).header.base_fee_per_gas
        if last + 1 < len(chain.blocks)
        else chain.next_base_fee()
    )
    history: dict[str, Any] = {
        "oldestBlock": quantity(first),
        "baseFeePerGas": [quantity(header.base_fee_per_gas) for header in headers]
        + [quantity(following)],
        "gasUsedRatio": [header.gas_used / header.gas_limit for header in headers],
    }
    if percentiles:
        history["reward"] = [[quantity(GAS_TIP) for _ in percentiles] for _ in headers]
    return history


def _evm_mine(chain: EmbeddedChain, at: Any = None) -> str:
    if isinstance(at, dict):
        at = at.get("timestamp")
    chain.mine(_integer(at) if at is not None else None)
    return "0x0"


def _integer(value: str | int) -> int:
    return value if isinstance(value, int) else int(value, 0)


def _anvil_mine(chain: EmbeddedChain, count: str | int = 1, interval: str | int = 0) -> None:
    for place in range(_integer(count)):
        if place and _integer(interval):
            chain.set_next_time(chain.now() + _integer(interval))
        chain.mine()


def _set_automine(chain: EmbeddedChain, on: bool) -> None:
    chain.automine = on
    if on and len(chain.pool):
        chain.mine()


def _drop(chain: EmbeddedChain, digest: str) -> str | None:
    return digest if chain.pool.drop(_bytes(digest, 32)) else None


_METHODS: Final[dict[str, Callable[..., Any]]] = {
    "web3_clientVersion": lambda chain: CLIENT_VERSION,
    "net_version": lambda chain: str(chain.chain_id),
    "eth_chainId": lambda chain: quantity(chain.chain_id),
    "eth_syncing": lambda chain: False,
    "eth_blockNumber": lambda chain: quantity(chain.head.header.block_number),
    "eth_getBlockByNumber": _get_block,
    "eth_getBlockByHash": _get_block_by_hash,
    "eth_getBalance": lambda chain, address, tag="latest": quantity(
        _state(chain, tag).get_balance(_bytes(address, 20))
    ),
    "eth_getCode": lambda chain, address, tag="latest": hexed(
        _state(chain, tag).get_code(_bytes(address, 20))
    ),
    "eth_getStorageAt": lambda chain, address, slot, tag="latest": hexed(
        _state(chain, tag).get_storage(_bytes(address, 20), _integer(slot)).to_bytes(32)
    ),
    "eth_getTransactionCount": _count,
    "eth_getTransactionByHash": _get_transaction,
    "eth_getTransactionReceipt": _get_receipt,
    "eth_getLogs": _get_logs,
    "eth_call": lambda chain, request, tag="latest": hexed(_run(chain, request, tag).output),
    "eth_estimateGas": lambda chain, request, tag="latest": quantity(
        _run(chain, request, tag).gas_needed
    ),
    "eth_gasPrice": lambda chain: quantity(chain.next_base_fee() + GAS_TIP),
    "eth_maxPriorityFeePerGas": lambda chain: quantity(GAS_TIP),
    "eth_feeHistory": _fee_history,
    "eth_sendRawTransaction": lambda chain, raw: hexed(chain.submit(_bytes(raw))),
    "evm_increaseTime": lambda chain, seconds: chain.increase_time(_integer(seconds)),
    "evm_setNextBlockTimestamp": lambda chain, at: chain.set_next_time(_integer(at)),
    "evm_mine": _evm_mine,
    "evm_setAutomine": _set_automine,
    "evm_snapshot": lambda chain: quantity(chain.snapshot()),
    "evm_revert": lambda chain, number: chain.revert(_integer(number)),
    "anvil_mine": _anvil_mine,
    "anvil_setBalance": lambda chain, address, wei: chain.set_balance(
        _bytes(address, 20), _integer(wei)
    ),
    "anvil_setNextBlockBaseFeePerGas": lambda chain, wei: chain.set_next_base_fee(_integer(wei)),
    "anvil_dropTransaction": _drop,
}
