"""What a command works with: the contracts of a deployment, ETH to act with, rounds to the end."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bisection.events import Events
from rollup.errors import ConfigError, DocumentError, L1Error
from rollup.l1 import deploy
from rollup.l1 import deployment as deployments
from rollup.l1.accounts import Signer
from rollup.l1.client import L1Client
from rollup.l1.deploy import Contracts
from rollup.l1.errors import InsufficientFunds
from rollup.l1.transport import Transport
from rollup.protocol.documents import octets
from rollup.protocol.types import (
    AccountIndex,
    Address,
    Seconds,
    SlotIndex,
    Wei,
    address_text,
)

EVENTS: Final = Events(logging.getLogger(__name__))
PATIENCE: Final = 60.0
"""Seconds without one good round after which L1 is given up."""


def connect(
    l1: str, deployment_file: Path, *, confirmations: int = 1, poll: float = 0.5
) -> Contracts:
    """The contracts that a deployment file names, on the chain at `l1`, after a look at both.

    Raises:
        ConfigError, DocumentError: when the file is missing or damaged.
        WrongChain, UnknownContract, DeploymentError, L1Unavailable: as their names say.
    """
    deployment = deployments.read(deployment_file)
    client = L1Client(l1, deployment.chain_id, confirmations=confirmations, poll=poll)
    return deploy.verify(client, deployment, deployment.parameters)


def client(l1: str, *, poll: float) -> L1Client:
    """A client of whatever chain the endpoint serves."""
    transport = Transport(l1)
    return L1Client(l1, int(transport.request("eth_chainId"), 16), transport=transport, poll=poll)


def account(contracts: Contracts, owner: Address) -> AccountIndex:
    """The owner's account.

    Raises:
        ConfigError: when it has none.
    """
    found = contracts.vault.account_of(owner)
    if not found:
        raise ConfigError(
            f"{address_text(owner)} has no account; `plumbline account open` makes one"
        )
    return found


def account_named(contracts: Contracts, index: int | None, address: str | None) -> AccountIndex:
    """The account that flags name, by its index or its address.

    Raises:
        ConfigError: when they name none, or both.
    """
    if (index is None) == (address is None):
        raise ConfigError("name an account: --account INDEX, or --address 0x...")
    if index is not None:
        return AccountIndex(index)
    try:
        owner = Address(octets(address, 20, "--address"))
    except DocumentError as error:
        raise ConfigError(str(error)) from error
    return account(contracts, owner)


def live_slots(contracts: Contracts, owner: Address) -> tuple[AccountIndex, tuple[SlotIndex, ...]]:
    """The owner's account, 0 when it has none, and the slots that back what it claims now."""
    vault = contracts.vault
    found = vault.account_of(owner)
    now = Seconds(contracts.game.time())
    slots = (SlotIndex(number) for number in range(vault.slots_of(found)))
    return found, tuple(slot for slot in slots if vault.is_live(found, slot, now))


def funded(contracts: Contracts, signer: Signer, wanted: Wei, purpose: str) -> None:
    """That the signer has ETH to act with; a warning when it is less than `wanted`.

    Raises:
        InsufficientFunds: when it has none.
    """
    balance, who = contracts.client.balance(signer.address), address_text(signer.address)
    if balance == 0:
        raise InsufficientFunds(f"{who} has no ETH, and {purpose} takes gas: send it some")
    if balance < wanted:
        EVENTS.warning("balance.low", account=who, wei=balance, wanted=wanted, purpose=purpose)


def repeat(act: Callable[[], bool], poll: float, patience: float = PATIENCE) -> None:
    """Calls `act` every `poll` seconds until it says that it is done.

    An L1 that does not answer, or not sensibly, is waited for: up to `patience` seconds without one
    good round.

    Raises:
        L1Error: the last one, when L1 stayed away for longer.
    """
    good = time.monotonic()
    while True:
        try:
            if act():
                return
            good = time.monotonic()
        except L1Error as error:
            away = time.monotonic() - good
            if away > patience:
                raise
            EVENTS.warning("l1.away", code=error.code, reason=str(error), seconds=round(away))
        time.sleep(poll)


@contextmanager
def serving() -> Iterator[None]:
    """Around what goes on until the process is told to stop: being told so ends it well."""
    try:
        yield
    except KeyboardInterrupt:
        EVENTS.info("stopped")
