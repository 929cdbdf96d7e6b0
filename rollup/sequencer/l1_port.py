"""L1 as the sequencer sees it: its ports over the deployed contracts.

The client blocks, so every call runs in a thread.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import rlp

from bisection.events import Events
from prover.commit.keccak import Hash
from rollup.errors import DataMismatch, SignatureError
from rollup.l1.accounts import RawTransaction, Signer, Transaction, transaction_hash
from rollup.l1.contracts import post_values
from rollup.l1.deploy import Contracts
from rollup.l1.errors import L1Unavailable, NonceUsed, Reverted, RpcRefused, Underpriced
from rollup.l1.fees import intrinsic_gas
from rollup.l1.view import ContractView
from rollup.protocol.batch import check_inbox
from rollup.protocol.claims import ProgramInfo
from rollup.protocol.eip712 import recover
from rollup.protocol.header import Header
from rollup.protocol.ledger.inbox import InboxEntry
from rollup.protocol.receipts import Receipt
from rollup.protocol.types import (
    AccountIndex,
    Address,
    BatchNumber,
    Gas,
    Seconds,
    SlotIndex,
    Wei,
)
from rollup.sequencer.ports import Call, Discard, Post, Publish, View
from rollup.store import Intent, Posted

LOG: Final = Events(logging.getLogger(__name__))
Result = TypeVar("Result")

# A batch's transactions are signed before the first of them is mined: none can be tried beforehand.
# Measured: a post takes 74,100 gas, 2,600 an inbox entry, and some for each peak; a discard less
# than 30,000.
POST_GAS: Final = Gas(150_000)
TAKEN_GAS: Final = Gas(3_600)
DISCARD_GAS: Final = Gas(60_000)

_KEPT: Final = 1_024
"""Batches whose forced receipts are remembered; then all over again."""


class ContractRollup:
    """`RollupPort` and `RegistryPort` for the sequencer's account."""

    def __init__(self, contracts: Contracts, signer: Signer) -> None:
        self._contracts = contracts
        self._client = contracts.client
        self._signer = signer
        self._read = ContractView(contracts)
        self._forced: dict[Hash, tuple[Receipt, ...]] = {}

    # ---- RegistryPort

    async def owner(self, account: AccountIndex) -> Address | None:
        """See `RegistryPort.owner`."""
        return await _threaded(lambda: self._contracts.vault.owner_of(account))

    async def slot_live(self, account: AccountIndex, slot: SlotIndex) -> bool:
        """See `RegistryPort.slot_live`."""
        vault, game = self._contracts.vault, self._contracts.game
        return await _threaded(lambda: vault.is_live(account, slot, Seconds(game.time())))

    async def program(self, program: Hash) -> ProgramInfo | None:
        """See `RegistryPort.program`."""
        return await _threaded(lambda: self._contracts.programs.info(program))

    # ---- RollupPort

    async def view(self) -> View:
        """See `RollupPort.view`; everything is read by one block's hash."""
        return await _threaded(self._view)

    async def posted(self, number: BatchNumber) -> Posted | None:
        """See `RollupPort.posted`."""
        first = self._contracts.deployment.block
        found = await _threaded(lambda: self._contracts.rollup.posted(number, first))
        if found is None:
            return None
        transaction = found.place.transaction
        sender = await _threaded(lambda: self._client.sender_of(transaction))
        ours = sender == self._signer.address
        forced = await _threaded(lambda: self._forced_in(found.header))
        return Posted(found.header, found.place.block, transaction, ours, forced)

    async def inbox(self, first: int, end: int) -> list[InboxEntry]:
        """See `RollupPort.inbox`."""
        return await _threaded(lambda: self._read.waiting(first, end))

    async def sign(self, number: BatchNumber, calls: Sequence[Call], nonce: int) -> list[Intent]:
        """See `RollupPort.sign`."""
        return await _threaded(lambda: self._sign(number, calls, nonce))

    async def bump(self, intent: Intent) -> Intent | None:
        """See `RollupPort.bump`."""
        return await _threaded(lambda: self._bump(intent))

    async def send(self, intent: Intent) -> None:
        """See `RollupPort.send`. A fee that L1 does not take now is no error: it will be raised."""
        await _threaded(lambda: self._send(intent))

    # ---- inside

    def _view(self) -> View:
        block = self._client.head()
        rollup, sequencer = self._contracts.rollup, self._signer.address
        try:
            number, head_hash = rollup.head(block.hash)
            data_hash = rollup.data_hash_of(sequencer, block.hash)
            inbox = rollup.inbox_count(block.hash)
            nonce = self._client.nonce(sequencer, block=block.hash)
        except RpcRefused as error:
            raise L1Unavailable(f"block {block.number} is gone again: {error.message}") from error
        return View(block.number, number, head_hash, data_hash, inbox, nonce)

    def _forced_in(self, header: Header) -> tuple[Receipt, ...]:
        """The receipts that a batch took from the inbox, each signed by its account's owner."""
        if header.taken == 0:
            return ()
        if header.hash not in self._forced:
            try:
                taken = check_inbox(header, self._read.inbox(header))
            except DataMismatch as error:
                raise L1Unavailable(f"L1's events do not tell what was taken: {error}") from error
            if len(self._forced) >= _KEPT:
                self._forced.clear()
            self._forced[header.hash] = tuple(filter(None, map(self._owners, taken)))
        return self._forced[header.hash]

    def _owners(self, entry: InboxEntry) -> Receipt | None:
        """The receipt that an inbox entry forces, if it counts."""
        forced = entry.receipt
        if forced is None:
            return None
        said, domain = forced.receipt, self._contracts.deployment.domain
        try:
            signer = recover(domain.digest(said.id), forced.signature)
        except SignatureError:
            return None
        return said if signer == self._contracts.vault.owner_of(said.account) else None

    def _sign(self, number: BatchNumber, calls: Sequence[Call], nonce: int) -> list[Intent]:
        self._try(calls[0])
        tip, max_fee = self._client.fees.first(self._client.head().base_fee)
        signed: list[Intent] = []
        for place, call in enumerate(calls):
            data, gas = self._encode(call)
            transaction = Transaction(
                self._client.chain_id,
                nonce + place,
                tip,
                max_fee,
                gas,
                self._contracts.rollup.address,
                Wei(0),
                data,
            )
            signed.append(self._intent(number, transaction))
        return signed

    def _try(self, call: Call) -> None:
        """That L1 would take the call now: a post that reverts, again and again, costs gas."""
        data, _ = self._encode(call)
        try:
            self._client.call(
                self._contracts.rollup.address,
                data,
                name=f"Rollup.{type(call).__name__.lower()}",
                sender=self._signer.address,
            )
        except Reverted as refusal:
            raise L1Unavailable(f"L1 would refuse the sequencer now: {refusal}") from refusal

    def _encode(self, call: Call) -> tuple[bytes, Gas]:
        functions = self._contracts.rollup.artifact.functions
        match call:
            case Publish(chunk):
                data = functions["publish"].encode(chunk)
                return data, publish_gas(data)
            case Post(parent=parent, inbox=inbox):
                values = post_values(
                    parent, call.peaks, call.receipts, call.root, call.data_hash, inbox
                )
                return functions["post"].encode(*values), post_gas(inbox - parent.inbox)
            case Discard():
                return functions["discard"].encode(), DISCARD_GAS

    def _bump(self, intent: Intent) -> Intent | None:
        old = parse(RawTransaction(intent.raw))
        fees = self._client.fees.bumped(old.tip, old.max_fee, self._client.head().base_fee)
        if fees is None:
            return None
        raised = Transaction(old.chain_id, old.nonce, *fees, old.gas, old.to, old.value, old.data)
        return self._intent(intent.number, raised)

    def _intent(self, number: BatchNumber, transaction: Transaction) -> Intent:
        raw = self._signer.sign(transaction)
        return Intent(number, transaction.nonce, transaction_hash(raw), raw)

    def _send(self, intent: Intent) -> None:
        try:
            self._client.broadcast(RawTransaction(intent.raw))
        except NonceUsed:
            return
        except Underpriced as error:
            LOG.info("fee.refused", nonce=intent.nonce, reason=error)


def post_gas(taken: int) -> Gas:
    """A gas limit that a `post` which takes so many inbox entries never reaches."""
    return Gas(POST_GAS + TAKEN_GAS * taken)


def publish_gas(data: bytes) -> Gas:
    """A gas limit that `publish` with this call data never reaches."""
    intrinsic, floor = intrinsic_gas(data, creates=False)
    words = len(data) // 32 + 1
    # Copy and hash: 9 gas a word and some for growing the memory; a storage word, an event.
    return Gas(max(floor, intrinsic + 60_000 + 15 * words + words * words // 512))


def parse(raw: RawTransaction) -> Transaction:
    """The fields of a signed EIP-1559 transaction that was made here."""
    fields = rlp.decode(raw[1:])
    chain_id, nonce, tip, max_fee, gas = (int.from_bytes(field) for field in fields[:5])
    to = Address(fields[5]) if fields[5] else None
    return Transaction(
        chain_id, nonce, Wei(tip), Wei(max_fee), gas, to, Wei(int.from_bytes(fields[6])), fields[7]
    )


async def _threaded(call: Callable[[], Result]) -> Result:
    return await asyncio.to_thread(call)
