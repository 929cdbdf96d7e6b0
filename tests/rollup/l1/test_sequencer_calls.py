"""Single calls of the sequencer's port: what they cost, and what they say."""

import asyncio
from typing import Any

import pytest
from eth_account import Account

from prover.commit.keccak import Hash
from rollup.l1.accounts import RawTransaction
from rollup.l1.client import L1Client
from rollup.l1.deploy import Contracts, connect
from rollup.l1.devnet import Devnet
from rollup.l1.errors import Reverted
from rollup.l1.fees import GWEI, FeePolicy
from rollup.protocol.actions import Action
from rollup.protocol.eip712 import Signature
from rollup.protocol.ledger.packing import forced_bytes
from rollup.protocol.types import (
    AccountIndex,
    BatchNumber,
    Nonce,
    SlotIndex,
    Wei,
    address_text,
)
from rollup.sequencer.l1_port import ContractRollup, parse, post_gas, publish_gas
from rollup.sequencer.ports import Discard
from tests.contracts.ledger import COUNTER
from tests.rollup.headers import newest
from tests.rollup.l1.conftest import DEPLOYER, SEQUENCER, WORKER

LIE = Hash(b"\7" * 32)
NO_SIGNATURE = Signature(bytes(65))


@pytest.mark.parametrize("taken", [0, 1, 40])
def test_posting_stays_below_its_gas_limit(clean: Devnet, contracts: Contracts, taken: int) -> None:
    rollup, sequencer = contracts.rollup, clean.accounts[SEQUENCER]
    forced = forced_bytes(Action(32, AccountIndex(1), Nonce(0), 1, 0, 5), NO_SIGNATURE)
    for _ in range(taken - rollup.inbox_count()):
        rollup.force(sequencer, forced)
    rollup.publish(sequencer, b"data")
    data_hash = rollup.data_hash_of(sequencer.address)
    what = (*newest(contracts), 2**16, LIE, data_hash, min(taken, rollup.inbox_count()))
    header, mined = rollup.post(sequencer, *what)
    assert mined.gas_used <= post_gas(header.taken) <= mined.gas_used * 9 // 4


def test_bumping_ends_at_the_fee_limit(clean: Devnet, contracts: Contracts) -> None:
    limit = Wei(contracts.client.head().base_fee * 2 + GWEI + 1)
    frugal = L1Client(clean.url, clean.chain_id, fees=FeePolicy(limit=limit))
    port = ContractRollup(connect(frugal, contracts.deployment), clean.accounts[SEQUENCER])

    async def scene() -> None:
        (intent,) = await port.sign(BatchNumber(1), [Discard()], 5)
        assert parse(intent.raw).nonce == 5  # type: ignore[arg-type]
        assert await port.bump(intent) is None

    asyncio.run(scene())


@pytest.mark.parametrize("chunk", [b"", b"\0" * 40_000, b"\x01" * 40_000, b"\x01" * 120_000])
def test_publishing_stays_below_its_gas_limit(
    clean: Devnet, contracts: Contracts, chunk: bytes
) -> None:
    data = contracts.rollup.artifact.functions["publish"].encode(chunk)
    mined = contracts.rollup.publish(clean.accounts[SEQUENCER], chunk)
    assert mined.gas_used <= publish_gas(data) <= mined.gas_used * 2


def test_an_account_that_runs_code_cannot_publish(clean: Devnet, contracts: Contracts) -> None:
    """With EIP-7702 its chunk need not be the transaction's input, where everybody looks for it."""
    signer = clean.accounts[DEPLOYER]
    client, rollup = contracts.client, contracts.rollup
    assert rollup.publish(signer, b"as it is").succeeded
    nonce = client.nonce(signer.address)
    code = address_text(contracts.deployment.programs)
    authorization = {"chainId": clean.chain_id, "address": code, "nonce": nonce + 1}
    fields: dict[str, Any] = {
        "type": 4,
        "chainId": clean.chain_id,
        "nonce": nonce,
        "to": "0x" + "11" * 20,
        "value": 0,
        "gas": 100_000,
        "maxFeePerGas": 10 * GWEI,
        "maxPriorityFeePerGas": GWEI,
        "data": b"",
        "authorizationList": [Account.sign_authorization(authorization, signer.key)],
    }
    signed = Account.sign_transaction(fields, signer.key)
    client.broadcast(RawTransaction(bytes(signed.raw_transaction)))
    clean.mine()
    assert client.code(signer.address).hex() == "ef0100" + contracts.deployment.programs.hex()
    with pytest.raises(Reverted, match="NotDirect"):
        rollup.publish(signer, b"from code")


def test_the_registry_is_what_the_contracts_say(clean: Devnet, contracts: Contracts) -> None:
    port = ContractRollup(contracts, clean.accounts[SEQUENCER])
    contracts.programs.register(clean.accounts[DEPLOYER], COUNTER.packed, COUNTER.depths)
    account, slot, _ = contracts.vault.deposit(clean.accounts[WORKER], 1)

    async def scene() -> None:
        assert await port.owner(account) == clean.accounts[WORKER].address
        assert await port.owner(AccountIndex(99)) is None
        assert await port.slot_live(account, slot)
        assert not await port.slot_live(account, SlotIndex(slot + 1))
        facts = await port.program(COUNTER.id)
        assert facts is not None
        assert (facts.rows, facts.work, facts.words) == (1, COUNTER.work, COUNTER.words)
        assert facts.micro_steps == COUNTER.micro_steps
        assert await port.program(Hash(bytes(32))) is None

    asyncio.run(scene())
