"""Disputes played on a chain by the doubting path's own agents, over the tensor machine."""

from dataclasses import dataclass, field, replace

import pytest

from bisection.agent import Agent
from bisection.errors import (
    ClockRunning,
    DataUnavailable,
    DissectionMismatch,
    RuleBroken,
    StillDisputed,
)
from bisection.game import Close, GameState, Open, Side, Standing, Status, Timeout
from bisection.machine import Address as Player
from bisection.machine import Claim, ClaimId
from bisection.replay import TracePool
from prover.commit.keccak import Hash, keccak
from rollup.l1.accounts import LocalSigner
from rollup.l1.deploy import Contracts
from rollup.l1.devnet import Devnet
from rollup.l1.game import Ending
from rollup.l1.game_port import ContractGames
from rollup.l1.openings import Opening, opening
from rollup.protocol import codec
from rollup.protocol.batch import Batch
from rollup.protocol.claims import tensor_claim
from rollup.protocol.entries import sign_receipt
from rollup.protocol.header import Header, split
from rollup.protocol.presets import MINIMAL
from rollup.protocol.receipts import Work
from rollup.protocol.types import AccountIndex, Address
from tests.contracts.ledger import COUNTER, Run
from tests.rollup.headers import newest
from tests.rollup.l1.conftest import CHALLENGER, DEPLOYER, SEQUENCER, WORKER

LIE = Hash(b"\x66" * 32)
RUN = Run(steps=40)


@dataclass(frozen=True)
class CounterTrace:
    """What a party says of the run: the truth, or nonsense after step `wrong` up to `post`."""

    claim: Claim
    wrong: int | None = None

    @property
    def length(self) -> int:
        return self.claim.length

    def states(self, positions: list[int]) -> list[Hash]:
        return [self._state(position) for position in positions]

    def _state(self, position: int) -> Hash:
        true = RUN.commitment(position)
        if self.wrong is None or position <= self.wrong:
            return true
        return self.claim.post if position == self.length else keccak(true)

    def witness(self, position: int) -> bytes:
        return RUN.witness(position)


@dataclass
class Court:
    """A deployment with one batch of claims about the counter."""

    chain: Devnet
    contracts: Contracts
    account: AccountIndex
    header: Header | None = None
    batch: Batch | None = None
    claims: dict[ClaimId, Claim] = field(default_factory=dict)

    def post(self, *works: Work) -> list[Claim]:
        rollup, sequencer = self.contracts.rollup, self.chain.accounts[SEQUENCER]
        domain = self.contracts.deployment.domain
        worker = self.chain.accounts[WORKER]
        entries = [sign_receipt(work, domain, worker.key) for work in works]
        self.batch = Batch.of(entries)
        for chunk in split(codec.encode(entries)):
            rollup.publish(sequencer, chunk)
        self.header, _ = rollup.post(
            sequencer,
            *newest(self.contracts),
            len(works),
            self.batch.root,
            rollup.data_hash_of(sequencer.address),
            rollup.inbox_count(),
        )
        info = self.contracts.programs.info(COUNTER.id)
        made = [tensor_claim(work, info, MINIMAL, self.header.posted) for work in works]
        self.claims |= {claim.id: claim for claim in made}
        return made

    def opening(self, name: ClaimId) -> Opening:
        assert self.header is not None
        assert self.batch is not None
        for index, receipt in enumerate(self.batch.receipts):
            if bytes(receipt.id) == bytes(name):
                return opening(self.header, self.batch, index)
        raise DataUnavailable("no such receipt")

    # ---- ClaimSource

    def pending(self) -> list[ClaimId]:
        return list(self.claims)

    def claim(self, name: ClaimId) -> Claim:
        return self.claims[name]

    # ---- players

    def port(self, signer: LocalSigner) -> ContractGames:
        return ContractGames(self.contracts, signer, self.opening, depth=2)

    def agent(self, signer: LocalSigner, side: Side, wrong: int | None = None) -> Agent:
        pool = TracePool(lambda claim: CounterTrace(claim, wrong))  # type: ignore[arg-type,return-value]
        return Agent(self.port(signer), self, pool, Player(signer.address), side)

    @property
    def challenger(self) -> LocalSigner:
        return self.chain.accounts[CHALLENGER]

    @property
    def defender(self) -> LocalSigner:
        return self.chain.accounts[WORKER]


@pytest.fixture(scope="module")
def bonded(contracts: Contracts, chain: Devnet) -> AccountIndex:
    """The worker's account with four slots; the counter is registered."""
    contracts.programs.register(chain.accounts[DEPLOYER], COUNTER.packed, COUNTER.depths)
    chain.advance(1)  # a program counts in batches that are posted after its registration
    account, _, _ = contracts.vault.deposit(chain.accounts[WORKER], 4)
    return account


@pytest.fixture
def court(contracts: Contracts, bonded: AccountIndex, clean: Devnet) -> Court:
    return Court(clean, contracts, bonded)


def work(court: Court, **changed: object) -> Work:
    defender = Address(court.defender.address)
    return replace(RUN.work(court.account, defender=defender), **changed)  # type: ignore[arg-type]


def test_the_register_knows_what_python_computes(court: Court) -> None:
    info = court.contracts.programs.info(COUNTER.id)
    assert info is not None
    assert (info.micro_steps, info.work, info.words, info.rows, info.depths) == (
        COUNTER.micro_steps,
        COUNTER.work,
        COUNTER.words,
        1,
        COUNTER.depths,
    )
    assert court.contracts.programs.info(LIE) is None


@pytest.mark.parametrize("wrong", [0, 17, 39])
def test_a_lie_is_brought_down_to_one_operation(court: Court, wrong: int) -> None:
    (claim,) = court.post(work(court, params_after=LIE))
    liar = court.agent(court.defender, Side.DEFENDER, wrong)
    honest = court.agent(court.challenger, Side.CHALLENGER)
    gas = 0
    for _ in range(6):
        played = [*honest.round([claim]), *liar.round()]
        gas += sum(move.receipt.gas_used for move in played)
        if court.port(court.challenger).standing(claim) is Standing.REJECTED:
            break
    assert court.contracts.vault.is_slashed(court.account, work(court).slot)
    head = court.contracts.client.head().number
    block = court.contracts.deployment.block
    (ending,) = court.contracts.game.endings(block, head, claim.id)
    assert ending.ending is Ending.WON
    assert ending.paid == court.contracts.vault.credit_of(court.challenger.address)
    assert court.contracts.vault.credit_of(court.challenger.address) > MINIMAL.challenge_bond
    assert gas < 1_500_000
    state = court.port(court.challenger).game(claim, Player(court.challenger.address))
    assert state.status is Status.CLOSED


def test_a_false_accusation_loses_its_bond_to_the_defender(court: Court) -> None:
    (claim,) = court.post(work(court))
    accuser = court.agent(court.challenger, Side.CHALLENGER, 11)
    # It must claim some other end: its nonsense ends in the claim's post, so it bends that.
    bent = replace(claim, post=LIE)
    port = court.port(court.challenger)
    values = tuple(CounterTrace(bent, 11).states([i * 40 // 16 for i in range(1, 17)]))
    port.submit(port.game(claim, Player(court.challenger.address)), Open(values))
    honest = court.agent(court.defender, Side.DEFENDER)
    for _ in range(4):
        honest.round()
        accuser.round()
    court.chain.advance(MINIMAL.clock + MINIMAL.grace + 1)
    honest.round()
    head = court.contracts.client.head().number
    (ending,) = court.contracts.game.endings(court.contracts.deployment.block, head, claim.id)
    assert ending.ending is Ending.LOST
    assert court.contracts.vault.credit_of(court.defender.address) == ending.paid > 0
    assert not court.contracts.vault.is_slashed(court.account, work(court).slot)


def test_who_does_not_answer_loses_by_the_clock_and_others_are_closed(court: Court) -> None:
    (claim,) = court.post(work(court, params_after=LIE))
    first = court.agent(court.challenger, Side.CHALLENGER)
    other = court.chain.accounts[6]
    second = court.agent(other, Side.CHALLENGER)
    assert len(first.round([claim])) == len(second.round([claim])) == 1
    port = court.port(court.challenger)
    assert len(port.open_games(Player(court.defender.address), Side.DEFENDER)) == 2
    assert len(port.open_games(Player(other.address), Side.CHALLENGER)) == 1
    assert first.round([claim]) == []
    court.chain.advance(MINIMAL.clock + 1)
    (timeout,) = first.round([claim])
    assert timeout.action == Timeout()
    (closed,) = second.round([claim])
    assert closed.action == Close()
    assert court.contracts.vault.credit_of(other.address) >= MINIMAL.challenge_bond
    assert port.open_games(Player(court.defender.address), Side.DEFENDER) == []


def test_what_is_to_be_answered_is_read_from_events(court: Court) -> None:
    (claim,) = court.post(work(court, params_after=LIE))
    player = Player(court.challenger.address)
    port = court.port(court.challenger)
    assert port.game(claim, player).status is Status.UNOPENED
    court.agent(court.challenger, Side.CHALLENGER).round([claim])
    state = port.game(claim, player)
    assert (state.status, state.turn, state.length) == (Status.PLAYING, Side.DEFENDER, 40)
    posted = port.last(state)
    assert posted.dissection.values[0] == claim.pre
    assert posted.dissection.head(posted.prior) == state.head
    court.agent(court.defender, Side.DEFENDER, 20).round()
    moved = port.game(claim, player)
    again = port.last(moved)
    assert again.prior == state.head
    assert again.dissection.head(again.prior) == moved.head
    assert again.dissection.values[0] in posted.dissection.values
    # A state that was read before the move is still answered from its own history.
    assert port.last(state) == posted


def test_events_that_are_not_the_games_are_found_out(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    (claim,) = court.post(work(court, params_after=LIE))
    court.agent(court.challenger, Side.CHALLENGER).round([claim])
    port = court.port(court.challenger)
    state = port.game(claim, Player(court.challenger.address))
    game = court.contracts.game
    true = game.dissections

    def bent(*wanted: object) -> list[object]:
        events = true(*wanted)  # type: ignore[arg-type]
        return [replace(event, values=(LIE, *event.values[1:])) for event in events]

    monkeypatch.setattr(game, "dissections", bent)
    with pytest.raises(DissectionMismatch):
        port.last(state)
    monkeypatch.setattr(game, "dissections", lambda *wanted: [])
    with pytest.raises(DissectionMismatch, match="no events"):
        port.last(state)


def test_refusals_have_the_rules_names(court: Court) -> None:
    (claim,) = court.post(work(court, params_after=LIE))
    court.agent(court.challenger, Side.CHALLENGER).round([claim])
    port = court.port(court.challenger)
    state = port.game(claim, Player(court.challenger.address))
    with pytest.raises(ClockRunning):
        port.submit(state, Timeout())
    with pytest.raises(StillDisputed):
        port.submit(state, Close())
    unopened: GameState = port.game(claim, Player(court.defender.address))
    with pytest.raises(RuleBroken, match="WrongValueCount"):
        court.port(court.defender).submit(unopened, Open((LIE,)))


def test_a_claim_that_cannot_be_challenged_is_void(court: Court) -> None:
    one, other, elsewhere = court.post(
        work(court, params_after=LIE),
        work(court, nonce=1),
        work(court, nonce=2, slot=9),
    )
    port = court.port(court.challenger)
    assert [port.standing(claim) for claim in (one, other, elsewhere)] == [
        Standing.LIVE,
        Standing.LIVE,
        Standing.VOID,
    ]
    honest = court.agent(court.challenger, Side.CHALLENGER)
    honest.round([one])
    court.chain.advance(MINIMAL.clock + 1)
    honest.round([one])
    assert port.standing(one) is Standing.REJECTED
    assert port.standing(other) is Standing.VOID  # the same slot stood behind it
    assert honest.round([other]) == []
