"""What a chain says: blocks, state, logs and calls, each asked for anew.

Everything blocks; whoever has an event loop uses a thread. Nothing is kept between calls, so that
a reorganisation leaves nothing stale here.
"""

from collections.abc import Sequence
from typing import Final

from prover.commit.keccak import Hash
from rollup.l1.artifacts import decode_error
from rollup.l1.chain import (
    NO_WEI,
    At,
    Block,
    BlockNumber,
    Log,
    Mined,
    from_hex,
    parse_block,
    parse_log,
    parse_mined,
    tag_of,
    to_hex,
    topic_filter,
)
from rollup.l1.errors import Reverted, RpcRefused, UnknownContract, WrongChain
from rollup.l1.transport import REVERTED, Transport
from rollup.protocol.types import Address, Wei, address_text

LATEST: Final = "latest"
LOG_SPAN: Final = 5_000
"""Blocks whose logs are asked for at once: public endpoints answer for some thousands."""


class L1Reader:
    """One chain behind one endpoint, read only. Safe to use from several threads.

    Args:
        url: the endpoint.
        chain_id: what it must serve; ``check_chain`` says whether it does.
    """

    def __init__(self, url: str, chain_id: int, *, transport: Transport | None = None) -> None:
        self.url = url
        self.chain_id = chain_id
        self._transport = transport if transport is not None else Transport(url)

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def check_chain(self) -> None:
        """That the endpoint serves the chain asked for.

        Raises:
            WrongChain: when it serves another one.
        """
        served = int(self._transport.request("eth_chainId"), 16)
        if served != self.chain_id:
            raise WrongChain(
                f"{self.url} serves chain {served}, not {self.chain_id}: check the endpoint or the"
                " deployment file"
            )

    def check_code(self, address: Address, name: str) -> bytes:
        """The code at ``address``, which must be some.

        Raises:
            UnknownContract: when there is none.
        """
        code = self.code(address)
        if not code:
            raise UnknownContract(
                f"there is no contract at {address_text(address)} on chain {self.chain_id}, where"
                f" {name} should be: check the deployment file"
            )
        return code

    def code(self, address: Address) -> bytes:
        """The code at ``address``; empty when there is none."""
        return from_hex(self._transport.request("eth_getCode", to_hex(address), LATEST))

    def balance(self, address: Address) -> Wei:
        """ETH of an account."""
        return Wei(int(self._transport.request("eth_getBalance", to_hex(address), LATEST), 16))

    def nonce(self, address: Address, *, pending: bool = False, block: At | None = None) -> int:
        """The account's next nonce; with ``pending``, after those that wait to be mined."""
        tag = "pending" if pending else tag_of(block)
        return int(self._transport.request("eth_getTransactionCount", to_hex(address), tag), 16)

    def head(self) -> Block:
        """The newest block."""
        raw = self._transport.request("eth_getBlockByNumber", LATEST, False)
        return parse_block(raw)

    def block(self, number: BlockNumber) -> Block | None:
        """The block of that number in the chain as it is now; None beyond its head."""
        raw = self._transport.request("eth_getBlockByNumber", hex(number), False)
        return None if raw is None else parse_block(raw)

    def logs(
        self,
        address: Address,
        topics: Sequence[bytes | Sequence[bytes] | None],
        first: BlockNumber,
        last: BlockNumber,
    ) -> list[Log]:
        """Logs of a contract in blocks first..last, in order. A topic may be given as choices."""
        return [
            log
            for start, end in self.spans(first, last)
            for log in self.logs_in(address, topics, start, end)
        ]

    def spans(self, first: BlockNumber, last: BlockNumber) -> list[tuple[BlockNumber, BlockNumber]]:
        """first..last in pieces that an endpoint answers at once, both ends included."""
        return [
            (BlockNumber(start), BlockNumber(min(start + LOG_SPAN - 1, last)))
            for start in range(first, last + 1, LOG_SPAN)
        ]

    def logs_in(
        self,
        address: Address,
        topics: Sequence[bytes | Sequence[bytes] | None],
        first: BlockNumber,
        last: BlockNumber,
    ) -> list[Log]:
        """As ``logs``, for at most LOG_SPAN blocks."""
        wanted = {
            "address": to_hex(address),
            "topics": [topic_filter(topic) for topic in topics],
            "fromBlock": hex(first),
            "toBlock": hex(last),
        }
        return [parse_log(raw) for raw in self._transport.request("eth_getLogs", wanted)]

    def mined(self, transaction: Hash) -> Mined | None:
        """A transaction that is in a block; None when it is in none."""
        raw = self._transport.request("eth_getTransactionReceipt", to_hex(transaction))
        return None if raw is None else parse_mined(raw)

    def input_of(self, transaction: Hash) -> bytes | None:
        """The call data of a transaction; None when the chain does not have it."""
        raw = self._transport.request("eth_getTransactionByHash", to_hex(transaction))
        return None if raw is None else from_hex(raw["input"])

    def sender_of(self, transaction: Hash) -> Address | None:
        """Who sent a transaction; None when the chain does not have it."""
        raw = self._transport.request("eth_getTransactionByHash", to_hex(transaction))
        return None if raw is None else Address(from_hex(raw["from"]))

    def call(
        self,
        to: Address,
        data: bytes,
        *,
        name: str = "call",
        sender: Address | None = None,
        value: Wei = NO_WEI,
        block: At | None = None,
    ) -> bytes:
        """What a contract answers, without a transaction.

        Raises:
            Reverted: when it refuses; ``name`` is what the error calls the call.
        """
        request = request_of(to, data, sender, value)
        try:
            return from_hex(self._transport.request("eth_call", request, tag_of(block)))
        except RpcRefused as error:
            raise reverted(name, error) from error


def reverted(name: str, error: RpcRefused) -> Reverted:
    """The typed revert of the call ``name``; re-raises what is none."""
    if error.number != REVERTED and "revert" not in error.message.lower():
        raise error
    return Reverted(name, *decode_error(error.data), error.data)


def request_of(
    to: Address | None, data: bytes, sender: Address | None, value: Wei
) -> dict[str, str]:
    """A call as the endpoint takes it; what is left out is None, or 0 wei."""
    request = {"data": to_hex(data)}
    if to is not None:
        request["to"] = to_hex(to)
    if sender is not None:
        request["from"] = to_hex(sender)
    if value:
        request["value"] = hex(value)
    return request
