"""The contract tests' driver on anvil, and py-evm's beside it with the same clock."""

from __future__ import annotations

import time
from typing import Any

from prover.commit.keccak import keccak
from rollup.l1.accounts import LocalSigner, Transaction
from rollup.l1.devnet import Devnet
from rollup.l1.errors import DevnetError
from rollup.protocol.types import Address, Wei
from tests.contracts.evm import ETHER, Chain, Contract, Revert, address_of
from tests.contracts.metered import MeteredEvm

_GAS = 16_000_000


class TickingEvm(MeteredEvm):
    """py-evm; each transaction comes a second after the one before, as anvil wants it."""

    def __init__(self, chain_id: int, start: int) -> None:
        super().__init__(chain_id)
        self._time = start

    def create(self, code: bytes, *, sender: str, value: int = 0) -> str:
        """See `Chain.create`."""
        self._time += 1
        return super().create(code, sender=sender, value=value)

    def transact(
        self,
        to: Contract | str,
        calldata: bytes,
        *,
        sender: str,
        value: int = 0,
        gas_price: int = 0,
        view: bool = False,
    ) -> bytes:
        """See `Chain.transact`."""
        self._time += not view
        return super().transact(
            to, calldata, sender=sender, value=value, gas_price=gas_price, view=view
        )


class AnvilEvm(Chain):
    """A running anvil, driven by JSON-RPC."""

    def __init__(self, devnet: Devnet, start: int) -> None:
        super().__init__()
        self._devnet = devnet
        self._time = start
        self._signers: dict[str, LocalSigner] = {}

    def account(self, name: str, balance: int = 1_000_000 * ETHER) -> str:
        """See `Chain.account`."""
        signer = LocalSigner(keccak(name.encode()))
        address = "0x" + signer.address.hex()
        self._signers[address] = signer
        self._devnet.set_balance(signer.address, balance)
        return address

    def warp(self, seconds: int) -> None:
        """See `Chain.warp`; an empty block makes calls see the time."""
        self._time += seconds
        self._devnet.rpc("evm_setNextBlockTimestamp", self._time)
        self._devnet.mine()

    def balance(self, address: Contract | str) -> int:
        """See `Chain.balance`."""
        return int(self._devnet.rpc("eth_getBalance", address_of(address), "latest"), 16)

    def nonce(self, address: str) -> int:
        """See `Chain.nonce`."""
        return int(self._devnet.rpc("eth_getTransactionCount", address, "latest"), 16)

    def create(self, code: bytes, *, sender: str, value: int = 0) -> str:
        """See `Chain.create`."""
        created: str = self._mine(sender, None, code, value, 0)["contractAddress"]
        return created.lower()

    def transact(
        self,
        to: Contract | str,
        calldata: bytes,
        *,
        sender: str,
        value: int = 0,
        gas_price: int = 0,
        view: bool = False,
    ) -> bytes:
        """See `Chain.transact`; what a transaction would return is not known."""
        target = address_of(to)
        if view:
            call = {"from": sender, "to": target, "data": "0x" + calldata.hex()}
            return bytes.fromhex(self._devnet.rpc("eth_call", call, "latest")[2:])
        call = {"from": sender, "to": target, "value": hex(value), "data": "0x" + calldata.hex()}
        try:
            output = bytes.fromhex(self._devnet.rpc("eth_call", call, "pending")[2:])
        except DevnetError as error:
            raise Revert("Halt", (str(error),)) from error
        self._mine(sender, target, calldata, value, gas_price)
        return output

    def _mine(
        self, sender: str, to: str | None, data: bytes, value: int, price: int
    ) -> dict[str, Any]:
        self._time += 1
        self._devnet.rpc("evm_setNextBlockTimestamp", self._time)
        self._devnet.rpc("anvil_setNextBlockBaseFeePerGas", hex(price))
        signed = self._signers[sender].sign(
            Transaction(
                self._devnet.chain_id,
                self.nonce(sender),
                Wei(0),
                Wei(price),
                _GAS,
                None if to is None else Address(bytes.fromhex(to[2:])),
                Wei(value),
                data,
            )
        )
        digest = self._devnet.rpc("eth_sendRawTransaction", "0x" + signed.hex())
        receipt = self._receipt(digest)
        if int(receipt["status"], 16) != 1:
            raise Revert("Halt", ("mined without success",))
        self.gas_used = int(receipt["gasUsed"], 16)
        decoded = [
            self.decode_event(
                log["address"],
                [bytes.fromhex(topic[2:]) for topic in log["topics"]],
                bytes.fromhex(log["data"][2:]),
            )
            for log in receipt["logs"]
        ]
        self.events = [event for event in decoded if event is not None]
        return receipt

    def _receipt(self, digest: str) -> dict[str, Any]:
        """Of a transaction that is mined or about to be."""
        for _ in range(500):
            receipt: dict[str, Any] | None = self._devnet.rpc("eth_getTransactionReceipt", digest)
            if receipt is not None:
                return receipt
            time.sleep(0.01)
        raise Revert("Halt", ("not mined",))
