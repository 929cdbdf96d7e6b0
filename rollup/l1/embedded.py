"""A whole L1 inside this process: py-evm's Prague rules under a small pool and block producer.

Prague, because it prices calldata as the main chain does (EIP-7623: at least 10 gas a zero byte and
40 a non-zero one). Blocks are made when a transaction arrives (automine) or when asked for. Time is
the wall clock plus an offset, and never runs backwards; two blocks may share a second, so that a
burst of transactions does not push the chain's clock ahead of the wall's.

All is kept in memory; ``snapshot`` and ``revert`` make reorganisations.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

# Before py-evm chooses one: safe-pysha3 hashes 8 times as fast as the pure default.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

import rlp
from eth.chains.base import MiningChain
from eth.db.atomic import AtomicDB
from eth.db.backends.memory import MemoryDB
from eth.exceptions import Revert
from eth.vm.forks import PragueVM
from eth.vm.message import Message
from eth_utils.exceptions import ValidationError

from prover.commit.keccak import keccak
from rollup.l1.chain import GAS_LIMIT
from rollup.l1.fees import intrinsic_gas
from rollup.l1.pool import Pool, PoolRefusal

# What py-evm wants for calls in calls; a library under it asks for more than the stack holds.
sys.setrecursionlimit(10_240)
FIRST_BASE_FEE: Final = 10**9
COINBASE: Final = bytes(20)
# All gas but a 64th may go into a call: four deep, (64/63)^4 times the gas used is enough.
_NESTING: Final = (64 / 63) ** 4


@dataclass(frozen=True, slots=True)
class MinedTransaction:
    """A transaction in a block, with what its receipt says. Amounts are gas and wei."""

    raw: bytes
    transaction: Any
    hash: bytes
    sender: bytes
    block: int
    index: int
    succeeded: bool
    gas_used: int
    cumulative_gas: int
    price: int
    created: bytes | None
    logs: tuple[Any, ...]
    first_log: int
    bloom: int


@dataclass(frozen=True, slots=True)
class Block:
    """A produced block: py-evm's header and the transactions in it."""

    header: Any
    transactions: tuple[MinedTransaction, ...]

    @property
    def hash(self) -> bytes:
        """The header's hash."""
        value: bytes = self.header.hash
        return value


@dataclass(frozen=True, slots=True)
class Call:
    """A message to try without mining it; ``to`` None creates, ``gas`` None is plenty."""

    sender: bytes
    to: bytes | None
    data: bytes
    value: int = 0
    gas: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tried call gave: its output or revert data, and the gas that it charged."""

    succeeded: bool
    output: bytes
    gas_used: int
    gas_needed: int
    error: str


@dataclass(frozen=True, slots=True)
class _Snapshot:
    database: dict[bytes, bytes]
    blocks: int
    offset: float
    pool: Pool


class ExecutionRefused(Exception):
    """A block, snapshot or transaction that is not there; the text is for the RPC's caller."""


class EmbeddedChain:
    """One chain. Not thread-safe: the server that owns it takes a lock.

    Args:
        chain_id: EIP-155 id.
        balances: wei of the accounts that exist from the start.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        chain_id: int,
        balances: dict[bytes, int],
        *,
        gas_limit: int = GAS_LIMIT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._offset = 0.0
        self._next_time: int | None = None
        self._next_base_fee: int | None = None
        self._gas_limit = gas_limit
        self.chain_id = chain_id
        self.automine = True
        self._class = MiningChain.configure(
            "EmbeddedL1", vm_configuration=((0, PragueVM),), chain_id=chain_id
        )
        self._database: dict[bytes, bytes] = {}
        state = {
            address: {"balance": balance, "nonce": 0, "code": b"", "storage": {}}
            for address, balance in balances.items()
        }
        genesis = {
            "coinbase": COINBASE,
            "difficulty": 0,
            "extra_data": b"",
            "gas_limit": gas_limit,
            "timestamp": int(clock()),
            "base_fee_per_gas": FIRST_BASE_FEE,
        }
        self._chain = self._class.from_genesis(AtomicDB(MemoryDB(self._database)), genesis, state)
        self.blocks = [Block(self._chain.get_canonical_head(), ())]
        self._by_hash = {self.blocks[0].hash: 0}
        self.mined: dict[bytes, MinedTransaction] = {}
        self._snapshots: list[_Snapshot] = []
        self.pool = Pool(gas_limit)

    # ---- reading

    @property
    def head(self) -> Block:
        """The newest block."""
        return self.blocks[-1]

    def block_at(self, number: int) -> Block:
        """Block ``number``; raises ExecutionRefused when there is none."""
        if not 0 <= number < len(self.blocks):
            raise ExecutionRefused(f"no block {number}; the head is {len(self.blocks) - 1}")
        return self.blocks[number]

    def number_of(self, block_hash: bytes) -> int | None:
        """Number of the canonical block of that hash, if it is one."""
        return self._by_hash.get(block_hash)

    def state_at(self, number: int) -> Any:
        """py-evm's state after block ``number``."""
        return self._chain.get_vm(self.block_at(number).header).state

    def call(self, call: Call, number: int) -> Outcome:
        """Runs ``call`` on the state after block ``number``, in the block that would come next."""
        parent = self.block_at(number).header
        # Prepared as the next block, so that contracts see the time at which it would be mined.
        state = self._chain.get_vm(self._next_header(parent)).state
        gas = call.gas if call.gas is not None else self._gas_limit
        intrinsic, floor = intrinsic_gas(call.data, creates=call.to is None)
        if gas < max(intrinsic, floor):
            return Outcome(False, b"", 0, max(intrinsic, floor), "intrinsic gas too low")
        if state.get_balance(call.sender) < call.value:
            return Outcome(False, b"", 0, 0, "insufficient funds for transfer")
        nonce = state.get_nonce(call.sender)
        created = keccak(rlp.encode([call.sender, nonce]))[12:] if call.to is None else None
        state.increment_nonce(call.sender)
        for address in (call.sender, call.to or created):
            state.mark_address_warm(address)
        message = Message(
            gas=gas - intrinsic,
            to=call.to or b"",
            sender=call.sender,
            value=call.value,
            data=call.data if call.to else b"",
            code=state.get_code(call.to) if call.to else call.data,
            create_address=created,
        )
        context = state.transaction_context_class(
            gas_price=state.execution_context.base_fee_per_gas, origin=call.sender
        )
        run = state.computation_class
        apply = run.apply_message if call.to else run.apply_create_message
        computation = apply(state, message, context)
        before_refund = gas - computation.get_gas_remaining()
        refund = min(computation.get_gas_refund(), before_refund // 5)
        error = computation.error if computation.is_error else None
        reverted = isinstance(error, Revert)
        return Outcome(
            succeeded=error is None,
            output=bytes(computation.output) if error is None or reverted else b"",
            gas_used=max(before_refund - refund, floor),
            gas_needed=max(min(int(before_refund * _NESTING) + 2300, self._gas_limit), floor),
            error="" if error is None else "execution reverted" if reverted else _reason(error),
        )

    # ---- writing

    def submit(self, raw: bytes) -> bytes:
        """Takes a signed transaction; with automine, mines what can be mined. Returns its hash.

        Raises:
            PoolRefusal: in the words that Ethereum nodes use.
        """
        try:
            transaction = PragueVM.get_transaction_builder().decode(raw)
            transaction.validate()
            sender = transaction.sender
        except Exception as error:  # py-evm and rlp raise what they like on bad bytes
            raise PoolRefusal(f"invalid transaction: {error}") from error
        if transaction.chain_id not in (None, self.chain_id):
            raise PoolRefusal(f"invalid chain id: this is chain {self.chain_id}")
        digest: bytes = transaction.hash
        state = self.state_at(len(self.blocks) - 1)
        self.pool.add(raw, transaction, sender, state.get_nonce(sender), state.get_balance(sender))
        if self.automine:
            self.mine()
        return digest

    def mine(self, at: int | None = None) -> Block:
        """Produces one block of what the pool can offer; ``at`` sets its time."""
        if at is not None:
            self.set_next_time(at)
        header = self._next_header(self.head.header)
        self._next_time = self._next_base_fee = None
        vm = self._chain.get_vm(header)
        taken: list[tuple[Any, bytes, bytes, Any, Any]] = []
        for raw, transaction, sender in self._offers(vm, header):
            try:
                receipt, computation = vm.apply_transaction(header, transaction)
            except ValidationError:
                self.pool.drop(transaction.hash)
                continue
            header = vm.add_receipt_to_header(header, receipt)
            taken.append((transaction, raw, sender, receipt, computation))
        vm.state.persist()
        filled = vm.set_block_transactions_and_withdrawals(
            vm.get_block(),
            header.copy(state_root=vm.state.state_root),
            tuple(entry[0] for entry in taken),
            tuple(entry[3] for entry in taken),
        )
        return self._remember(self._seal(vm, filled), taken)

    def snapshot(self) -> int:
        """Keeps the present; returns what ``revert`` takes."""
        pool = self.pool.copy()
        self._snapshots.append(
            _Snapshot(dict(self._database), len(self.blocks), self._offset, pool)
        )
        return len(self._snapshots)

    def revert(self, number: int) -> bool:
        """Goes back to a snapshot, which is used up together with later ones. False if unknown."""
        if not 1 <= number <= len(self._snapshots):
            return False
        kept = self._snapshots[number - 1]
        del self._snapshots[number - 1 :]
        self._database = kept.database
        self._chain = self._class(AtomicDB(MemoryDB(self._database)))
        for block in self.blocks[kept.blocks :]:
            del self._by_hash[block.hash]
            for entry in block.transactions:
                del self.mined[entry.hash]
        del self.blocks[kept.blocks :]
        self._offset, self.pool = kept.offset, kept.pool
        return True

    def set_balance(self, address: bytes, wei: int) -> None:
        """Gives ``address`` exactly ``wei``, in a block of its own."""
        header = self._next_header(self.head.header)
        vm = self._chain.get_vm(header)
        vm.state.set_balance(address, wei)
        vm.state.persist()
        filled = vm.get_block().copy(header=header.copy(state_root=vm.state.state_root))
        self._remember(self._seal(vm, filled), [])

    # ---- time and fees

    def now(self) -> int:
        """The time that a block made now would have."""
        head: int = self.head.header.timestamp
        return max(int(self._clock() + self._offset), head)

    def increase_time(self, seconds: int) -> int:
        """Moves the clock ahead for good; returns the whole offset in seconds."""
        self._offset += seconds
        return int(self._offset)

    def set_next_time(self, timestamp: int) -> None:
        """Sets the next block's time; the clock goes on from there."""
        if timestamp < self.head.header.timestamp:
            raise ExecutionRefused("timestamp is before the head's")
        self._next_time = timestamp
        self._offset = timestamp - self._clock()

    def set_next_base_fee(self, wei: int) -> None:
        """Sets the next block's base fee; later ones follow EIP-1559 from it."""
        self._next_base_fee = wei

    def next_base_fee(self) -> int:
        """The base fee that a block made now would have."""
        value: int = self._next_header(self.head.header).base_fee_per_gas
        return value

    # ---- inside

    def _next_header(self, parent: Any) -> Any:
        header = self._chain.create_header_from_parent(
            parent, gas_limit=self._gas_limit, coinbase=COINBASE
        )
        at = self._next_time if self._next_time is not None else self.now()
        changed: dict[str, Any] = {"timestamp": max(at, parent.timestamp)}
        if self._next_base_fee is not None:
            changed["base_fee_per_gas"] = self._next_base_fee
        return header.copy(**changed)

    def _seal(self, vm: Any, filled: Any) -> Any:
        """Stores the block. Not through py-evm's own last check, which wants a new second."""
        packed = vm.pack_block(filled, mix_hash=os.urandom(32))
        produced = vm.finalize_block(packed).block
        self._chain.chaindb.persist_block(produced)
        return produced.header

    def _offers(self, vm: Any, header: Any) -> Iterator[tuple[bytes, Any, bytes]]:
        """What fits, best tip first, an account's in the order of their nonces."""
        room = self._gas_limit
        for raw, transaction, sender in self.pool.ordered(
            header.base_fee_per_gas, vm.state.get_nonce
        ):
            if transaction.gas <= room:
                room -= transaction.gas
                yield raw, transaction, sender

    def _remember(self, header: Any, taken: Sequence[tuple[Any, bytes, bytes, Any, Any]]) -> Block:
        mined: list[MinedTransaction] = []
        cumulative = logs = 0
        for index, (transaction, raw, sender, receipt, computation) in enumerate(taken):
            created = keccak(rlp.encode([sender, transaction.nonce]))[12:]
            entry = MinedTransaction(
                raw=raw,
                transaction=transaction,
                hash=transaction.hash,
                sender=sender,
                block=header.block_number,
                index=index,
                succeeded=not computation.is_error,
                gas_used=receipt.gas_used - cumulative,
                cumulative_gas=receipt.gas_used,
                price=min(
                    transaction.max_fee_per_gas,
                    header.base_fee_per_gas + transaction.max_priority_fee_per_gas,
                ),
                created=created if transaction.to == b"" else None,
                logs=tuple(receipt.logs),
                first_log=logs,
                bloom=receipt.bloom,
            )
            cumulative, logs = receipt.gas_used, logs + len(receipt.logs)
            mined.append(entry)
            self.mined[entry.hash] = entry
            self.pool.drop(entry.hash)
        block = Block(header, tuple(mined))
        self.blocks.append(block)
        self._by_hash[block.hash] = header.block_number
        return block


def _reason(error: BaseException) -> str:
    name = type(error).__name__
    return "out of gas" if name == "OutOfGas" else f"invalid execution: {name}"


__all__ = ["Block", "Call", "EmbeddedChain", "ExecutionRefused", "MinedTransaction", "Outcome"]
