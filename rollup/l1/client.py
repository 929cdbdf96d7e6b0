"""The ledger's view of a chain: blocks, calls, logs, and transactions that are seen through.

Everything blocks; whoever has an event loop uses a thread. A transaction is signed with the nonce
that the endpoint says comes next, under a lock an account; what is not mined in time is sent again
with a higher fee under the same nonce, up to a limit. Nothing is kept between calls, so that a
reorganisation leaves nothing stale here.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from prover.commit.keccak import Hash
from rollup.l1.accounts import RawTransaction, Signer, Transaction, transaction_hash
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
from rollup.l1.errors import (
    InsufficientFunds,
    NonceUsed,
    NotMined,
    Reverted,
    RpcRefused,
    Underpriced,
    UnknownContract,
    WrongChain,
)
from rollup.l1.fees import FeePolicy
from rollup.l1.transport import REVERTED, Transport
from rollup.protocol.types import Address, Gas, Wei, address_text

LATEST: Final = "latest"
LOG_SPAN: Final = 5_000
"""Blocks whose logs are asked for at once: public endpoints answer for some thousands."""

_FIRST_POLL: Final = 0.01
_KNOWN: Final = ("already known", "already imported", "already in mempool")


@dataclass(slots=True)
class Sent:
    """A transaction on its way, with every replacement of it that was sent."""

    signer: Signer
    call: str
    transaction: Transaction
    raws: list[RawTransaction] = field(default_factory=list)

    @property
    def hash(self) -> Hash:
        """Of the last replacement."""
        return transaction_hash(self.raws[-1])


class L1Client:
    """One chain behind one endpoint. Safe to use from several threads.

    Args:
        url: the endpoint.
        chain_id: what it must serve; ``check_chain`` says whether it does.
        confirmations: blocks that a transaction must be deep to count, its own included.
        fees: what transactions may cost.
        patience: seconds until a transaction that is in no block counts as not mined.
        poll: seconds between looks for a receipt; the first ones come sooner.
    """

    def __init__(
        self,
        url: str,
        chain_id: int,
        *,
        confirmations: int = 1,
        fees: FeePolicy | None = None,
        patience: float = 600.0,
        poll: float = 1.0,
        transport: Transport | None = None,
    ) -> None:
        self.url = url
        self.chain_id = chain_id
        self.confirmations = confirmations
        self.fees = fees if fees is not None else FeePolicy()
        self.patience = patience
        self.poll = poll
        self._transport = transport if transport is not None else Transport(url)
        self._lanes: defaultdict[Address, threading.Lock] = defaultdict(threading.Lock)

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    # ---- reading

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
        request = _request(to, data, sender, value)
        try:
            return from_hex(self._transport.request("eth_call", request, tag_of(block)))
        except RpcRefused as error:
            raise _reverted(name, error) from error

    def broadcast(self, raw: RawTransaction) -> None:
        """Hands signed bytes to the endpoint. That it knows them already is no error.

        Raises:
            NonceUsed: when the nonce is used by this or another transaction that is in a block.
            Underpriced, InsufficientFunds: as their names say.
        """
        try:
            self._transport.request("eth_sendRawTransaction", to_hex(raw))
        except RpcRefused as error:
            if not any(words in error.message.lower() for words in _KNOWN):
                raise

    # ---- writing

    def transact(
        self,
        signer: Signer,
        to: Address | None,
        data: bytes,
        *,
        name: str = "call",
        value: Wei = NO_WEI,
        gas: Gas | None = None,
    ) -> Mined:
        """Sends a transaction and sees it through; ``to`` None creates a contract.

        Without ``gas`` it is tried first, so that what would revert is not sent at all.

        Raises:
            Reverted: when the contract refuses, before or after sending.
            InsufficientFunds, FeeLimitReached, NonceUsed, NotMined: as their names say.
        """
        sent = self.send(signer, to, data, name=name, value=value, gas=gas)
        mined = self.wait(sent)
        if not mined.succeeded:
            raise self._why(sent, mined)
        return mined

    def send(
        self,
        signer: Signer,
        to: Address | None,
        data: bytes,
        *,
        name: str = "call",
        value: Wei = NO_WEI,
        gas: Gas | None = None,
    ) -> Sent:
        """Sends a transaction and returns at once; see ``transact`` for the errors."""
        limit = gas if gas is not None else self._estimate(signer, to, data, name, value)
        with self._lanes[signer.address]:
            tip, max_fee = self.fees.first(self.head().base_fee)
            transaction = Transaction(
                self.chain_id,
                self.nonce(signer.address, pending=True),
                tip,
                max_fee,
                limit,
                to,
                value,
                data,
            )
            sent = Sent(signer, name, transaction)
            self._submit(sent)
        return sent

    def wait(self, sent: Sent) -> Mined:
        """The transaction in a block that is deep enough; raises its fee while it is in none.

        Raises:
            NotMined: when ``patience`` is over.
            NonceUsed: when another transaction of the account was mined in its place.
        """
        begun = bumped = time.monotonic()
        pause = _FIRST_POLL
        while True:
            mined = self._receipt(sent)
            now = time.monotonic()
            if mined is not None and self._deep(mined):
                return mined
            if mined is None:
                if self._replaced(sent):
                    raise NonceUsed(
                        f"{sent.call}: nonce {sent.transaction.nonce} of"
                        f" {address_text(sent.signer.address)} went to another transaction"
                    )
                if now - bumped >= self.fees.bump_after:
                    self._bump(sent)
                    bumped = now
            if now - begun >= self.patience:
                raise NotMined(
                    f"{sent.call}: transaction 0x{sent.hash.hex()} is not"
                    f" {self.confirmations} blocks deep after {self.patience:.0f} s",
                    sent.hash,
                )
            time.sleep(min(pause, max(0.0, begun + self.patience - now)))
            pause = min(2 * pause, self.poll)

    # ---- inside

    def _estimate(
        self, signer: Signer, to: Address | None, data: bytes, name: str, value: Wei
    ) -> Gas:
        request = _request(to, data, signer.address, value)
        try:
            needed = int(self._transport.request("eth_estimateGas", request), 16)
        except RpcRefused as error:
            if value and "insufficient" in error.message.lower():
                raise InsufficientFunds(
                    f"{name}: {address_text(signer.address)} has not the {value} wei that it would"
                    " send: fund it"
                ) from error
            raise _reverted(name, error) from error
        # A fifth more: storage may be touched between the trial and the block.
        return Gas(needed + needed // 5)

    def _submit(self, sent: Sent) -> None:
        raw = sent.signer.sign(sent.transaction)
        try:
            self.broadcast(raw)
        except InsufficientFunds as error:
            cost = sent.transaction.gas * sent.transaction.max_fee + sent.transaction.value
            raise InsufficientFunds(
                f"{sent.call}: {address_text(sent.signer.address)} has"
                f" {self.balance(sent.signer.address)} wei and may need {cost}: fund it"
            ) from error
        except NonceUsed:
            # An earlier attempt of this very transaction may have come through.
            if (
                self._transport.request("eth_getTransactionByHash", to_hex(transaction_hash(raw)))
                is None
            ):
                raise
        sent.raws.append(raw)

    def _bump(self, sent: Sent) -> None:
        old = sent.transaction
        fees = self.fees.bumped(old.tip, old.max_fee, self.head().base_fee)
        if fees is None:
            # At the limit: say it once more as it is, in case the endpoint forgot it.
            self._rebroadcast(sent)
            return
        sent.transaction = Transaction(
            old.chain_id, old.nonce, *fees, old.gas, old.to, old.value, old.data
        )
        try:
            self._submit(sent)
        except (NonceUsed, Underpriced):
            # Mined just now, or somebody else replaced it: the next look tells.
            sent.transaction = old

    def _rebroadcast(self, sent: Sent) -> None:
        try:
            self.broadcast(sent.raws[-1])
        except (NonceUsed, Underpriced):
            return

    def _receipt(self, sent: Sent) -> Mined | None:
        for raw in reversed(sent.raws):
            found = self._transport.request(
                "eth_getTransactionReceipt", to_hex(transaction_hash(raw))
            )
            if found is not None:
                return parse_mined(found)
        return None

    def _deep(self, mined: Mined) -> bool:
        if self.confirmations <= 1:
            return True
        return self.head().number - mined.block + 1 >= self.confirmations

    def _replaced(self, sent: Sent) -> bool:
        """Whether the nonce is used and, looked at after that, none of ours is in a block."""
        used = self.nonce(sent.signer.address) > sent.transaction.nonce
        return used and self._receipt(sent) is None

    def _why(self, sent: Sent, mined: Mined) -> Reverted:
        """What a mined transaction reverted with, found by trying it again where it stood."""
        transaction = sent.transaction
        request = _request(transaction.to, transaction.data, sent.signer.address, transaction.value)
        request["gas"] = hex(transaction.gas)
        try:
            self._transport.request("eth_call", request, hex(mined.block - 1))
        except RpcRefused as error:
            return _reverted(sent.call, error)
        return Reverted(sent.call, "", {}, b"")


def _reverted(name: str, error: RpcRefused) -> Reverted:
    """The typed revert; re-raises what is none."""
    if error.number != REVERTED and "revert" not in error.message.lower():
        raise error
    return Reverted(name, *decode_error(error.data), error.data)


def _request(to: Address | None, data: bytes, sender: Address | None, value: Wei) -> dict[str, str]:
    request = {"data": to_hex(data)}
    if to is not None:
        request["to"] = to_hex(to)
    if sender is not None:
        request["from"] = to_hex(sender)
    if value:
        request["value"] = hex(value)
    return request
