"""The ledger's view of a chain: what can be read, and transactions that are seen through.

Everything blocks; whoever has an event loop uses a thread. A transaction is signed with the nonce
that the endpoint says comes next, under a lock an account; what is not mined in time is sent again
with a higher fee under the same nonce, up to a limit. Nothing is kept between calls, so that a
reorganisation leaves nothing stale here.
"""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from prover.commit.keccak import Hash
from rollup.l1.accounts import RawTransaction, Signer, Transaction, transaction_hash
from rollup.l1.chain import NO_WEI, Mined, parse_mined, to_hex
from rollup.l1.errors import (
    InsufficientFunds,
    NonceUsed,
    NotMined,
    Reverted,
    RpcRefused,
    Underpriced,
)
from rollup.l1.fees import FeePolicy
from rollup.l1.reading import L1Reader, request_of, reverted
from rollup.l1.transport import Transport
from rollup.protocol.types import Address, Gas, Wei, address_text

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


class L1Client(L1Reader):
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
        super().__init__(url, chain_id, transport=transport)
        self.confirmations = confirmations
        self.fees = fees if fees is not None else FeePolicy()
        self.patience = patience
        self.poll = poll
        self._lanes: defaultdict[Address, threading.Lock] = defaultdict(threading.Lock)

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
        request = request_of(to, data, signer.address, value)
        try:
            needed = int(self._transport.request("eth_estimateGas", request), 16)
        except RpcRefused as error:
            if value and "insufficient" in error.message.lower():
                raise InsufficientFunds(
                    f"{name}: {address_text(signer.address)} has not the {value} wei that it would"
                    " send: fund it"
                ) from error
            raise reverted(name, error) from error
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
        request = request_of(
            transaction.to, transaction.data, sent.signer.address, transaction.value
        )
        request["gas"] = hex(transaction.gas)
        try:
            self._transport.request("eth_call", request, hex(mined.block - 1))
        except RpcRefused as error:
            return reverted(sent.call, error)
        return Reverted(sent.call, "", {}, b"")
