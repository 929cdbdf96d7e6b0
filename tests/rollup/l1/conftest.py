"""Development chains to test against: the embedded one always, anvil where it is installed."""

from collections.abc import Iterator

import pytest

from rollup.l1 import devnet
from rollup.l1.client import L1Client
from rollup.l1.deploy import Contracts, connect, deploy
from rollup.l1.devnet import Devnet
from rollup.protocol.presets import MINIMAL

DEPLOYER, SEQUENCER, WORKER, CHALLENGER, POOR = range(5)
"""Places in ``Devnet.accounts``."""


@pytest.fixture(scope="module", params=["embedded", "anvil"])
def chain(request: pytest.FixtureRequest) -> Iterator[Devnet]:
    """A running chain."""
    if request.param == "anvil":
        if devnet.find_anvil() is None:
            pytest.skip("anvil is neither on PATH nor in contracts/node_modules")
        running = devnet.anvil()
    else:
        running = devnet.embedded()
    with running:
        yield running


@pytest.fixture
def clean(chain: Devnet) -> Iterator[Devnet]:
    """The chain, turned back to how it was after the test; automine on."""
    kept = chain.snapshot()
    yield chain
    chain.automine(True)
    chain.revert(kept)


@pytest.fixture(scope="module")
def client(chain: Devnet) -> Iterator[L1Client]:
    """A client of the chain that does not wait long."""
    made = L1Client(chain.url, chain.chain_id, patience=10, poll=0.02)
    yield made
    made.close()


@pytest.fixture(scope="module")
def contracts(chain: Devnet, client: L1Client) -> Contracts:
    """MINIMAL, deployed, the sequencer bonded."""
    sequencer = chain.accounts[SEQUENCER]
    deployment = deploy(client, chain.accounts[DEPLOYER], MINIMAL, sequencer=sequencer.address)
    connected = connect(client, deployment)
    _, slot, _ = connected.vault.deposit(sequencer, 1)
    connected.rollup.choose_slot(sequencer, slot)
    return connected
