"""The ledger of a deployment: rebuilt from its batches, beside what L1 holds to be true of it."""

from bisection.machine import ClaimId
from rollup.l1.accounts import Signer
from rollup.l1.assertion_games import AssertionGames, Shown
from rollup.l1.deploy import Contracts
from rollup.ledger.claims import AssertionClaims
from rollup.ledger.keeper import Keeper
from rollup.ledger.on_l1 import ContractAssertions, ContractKeeping, Slots
from rollup.ledger.ports import BatchSource
from rollup.ledger.replay import Replay
from rollup.protocol.ledger.fast import FastLedger


class Books:
    """Everything about one deployment's ledger that is not one party's; `source` has its batches.

    Not for several threads at once.
    """

    def __init__(self, contracts: Contracts, source: BatchSource) -> None:
        deployment = contracts.deployment
        self.contracts = contracts
        self.source = source
        preset = deployment.parameters
        genesis = FastLedger(preset.ring, preset.ledger_rules)
        self.replay = Replay(source, deployment.domain, genesis)
        self.view = ContractAssertions(contracts)
        self.claims = AssertionClaims(source, self.replay, self.view)

    def poll(self) -> int:
        """Takes up what L1 has since the last call; returns how many batches were replayed."""
        return self.claims.poll()

    def games(self, signer: Signer) -> AssertionGames:
        """Games on assertions, played by a signer."""
        return AssertionGames(self.contracts, signer, self._shown)

    def keeper(self, signer: Signer, slots: Slots, *, asserts: bool) -> Keeper:
        """A keeper for a signer's account, backed by its slots."""
        depth = self.contracts.deployment.parameters.confirmations
        port = ContractKeeping(self.contracts, signer, slots, depth=depth)
        return Keeper(self.replay, self.view, port, self.poll, asserts=asserts)

    def _shown(self, name: ClaimId) -> Shown:
        one = self.claims.locate(name)
        return one.assertion, self.claims.header(one)
