"""Development chains to test against: the embedded one always, anvil where it is installed."""

from collections.abc import Iterator

import pytest

from rollup.l1 import devnet
from rollup.l1.client import L1Client
from rollup.l1.deploy import Contracts, connect, deploy
from rollup.l1.devnet import Devnet, Engine
from rollup.protocol.presets import MINIMAL

DEPLOYER, SEQUENCER, WORKER, CHALLENGER, POOR = range(5)
"""Places in ``Devnet.accounts``."""


ENGINES: tuple[Engine, ...] = ("embedded", "anvil") if devnet.find_anvil() else ("embedded",)
"""What this whole folder runs on; ``test_devnet`` says so, once, when anvil is not among them."""


@pytest.fixture(scope="module", params=ENGINES)
def chain(request: pytest.FixtureRequest) -> Iterator[Devnet]:
    """A running chain."""
    with devnet.start(request.param) as running:
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
