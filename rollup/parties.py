"""Parties put together over a deployed ledger: what commands and the demo both run."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from bisection.events import Events
from bisection.machine import TraceFactory
from prover.content import ContentStore
from rollup.client import GatewayClient
from rollup.follower import Follower
from rollup.jobs import Job
from rollup.l1.accounts import LocalSigner
from rollup.l1.deploy import Contracts
from rollup.l1.game_port import ContractGames
from rollup.protocol.types import Seconds, SlotIndex
from rollup.validator import Defender
from rollup.worker import Execute, Identity, Worker

EVENTS: Final = Events(logging.getLogger(__name__))


def identity(contracts: Contracts, signer: LocalSigner) -> Identity:
    """The signer's account with its live slots, as L1 has them now."""
    vault = contracts.vault
    account = vault.account_of(signer.address)
    now = Seconds(contracts.game.time())
    slots = (SlotIndex(number) for number in range(vault.slots_of(account)))
    live = tuple(slot for slot in slots if vault.is_live(account, slot, now))
    return Identity(signer.key, contracts.deployment.domain, account, live)


def work(
    jobs: Sequence[Job],
    contracts: Contracts,
    signer: LocalSigner,
    gateway: str,
    content: ContentStore,
    execute: Execute,
) -> dict[str, Any]:
    """Runs jobs and submits their receipts as they are made; a report of what was done.

    Raises:
        Refused: when the sequencer does not admit a receipt.
        GatewayUnavailable: when it cannot be reached.
    """
    client = GatewayClient(gateway)
    me = identity(contracts, signer)
    worker = Worker(content, execute, me, client.next_nonce(me.account))
    receipts: list[str] = []
    for number, job in enumerate(jobs):
        for entry in worker.run(job):
            client.submit([entry])
            receipts += ["0x" + receipt.id.hex() for receipt in entry.receipts]
        EVENTS.info("job.done", job=number, kind=job.kind.name.lower(), receipts=job.receipts)
    client.close()
    params = None if worker.params is None else "0x" + worker.params.hex()
    return {"account": me.account, "receipts": receipts, "params": params}


def defence(
    contracts: Contracts, signer: LocalSigner, follower: Follower, traces: TraceFactory
) -> Callable[[], bool]:
    """A round of defending the signer's claims; never done by itself."""
    games = ContractGames(contracts, signer, follower.opening)
    defender = Defender(follower, games, traces, signer.address)

    def look() -> bool:
        defender.round()
        return False

    return look
