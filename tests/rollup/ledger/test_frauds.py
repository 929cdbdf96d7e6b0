"""Frauds about the ledger on a chain: caught, played through the game's contract, proven, slashed.

An asserter's state is spoilt at a random place of a batch, and its story is consistent from there
on. Whoever rebuilt the ledger from L1 alone meets it in the contracts as they are deployed.
"""

import random

import pytest

from bisection.game import Side
from bisection.machine import ClaimId
from bisection.watcher import Verdict
from prover.commit.keccak import Hash
from rollup import bookkeeping
from rollup.demo import dispute
from rollup.l1.game import ClaimStatus
from rollup.l1.game_port import ContractGames
from rollup.ledger.books import Books
from rollup.protocol.assertions import Assertion
from rollup.protocol.ledger.machine import LedgerTrace
from rollup.protocol.presets import MINIMAL
from rollup.validator import Defender, Validator
from tests.bisection.table import lie
from tests.rollup.ledger.frauds import FRAUDS, FalseTrace, Fraud
from tests.rollup.ledger.story import AUDITOR, BOB, KEEPER, NUMBER, Story, live
from tests.rollup.test_disputes import lie as false_claim
from tests.rollup.test_disputes import validator
from tests.rollup.world import VALIDATOR, WORKER

ROUNDS = 8


def false_trace(story: Story, fraud: Fraud, seed: int = 0) -> FalseTrace:
    """What the liar says of batch 3, spoilt somewhere."""
    batch, pre, truth = story.truth()
    places = story.places[fraud.role]
    for position in random.Random(f"{fraud.name} {seed}").sample(places, len(places)):
        trace = FalseTrace(fraud, batch, pre, position)
        if trace.states([trace.length])[0] != truth:
            return trace
    raise AssertionError("every place's fraud is made good by a later step")


def ends(trace: LedgerTrace) -> tuple[Hash, Hash]:
    pre, root = trace.states([0, trace.length])
    return pre, root


def liar(story: Story, books: Books, trace: FalseTrace) -> Defender:
    """Bob, who defends what he asserted by what he takes for the truth."""
    signer = story.world.signer(BOB)
    return Defender(books.claims, books.games(signer), trace, signer.address)


def played_out(story: Story, false: Assertion, trace: FalseTrace) -> dispute.Dispute:
    """The auditor against the liar, until the assertion is rejected."""
    world = story.world
    auditor = bookkeeping.auditor(story.books(), world.signer(AUDITOR))
    answers, name = liar(story, story.books(), trace), ClaimId(false.id)
    for _ in range(ROUNDS):
        auditor.round()
        if world.contracts.game.status_of(name) is ClaimStatus.REJECTED:
            break
        answers.round()
    books = story.books()
    found = dispute.read(world.contracts, books.claims.claim(name), world.signer(AUDITOR).address)
    assert found is not None, "the game is not over"
    return found


@pytest.mark.parametrize("fraud", FRAUDS, ids=lambda fraud: fraud.name)
def test_a_fraud_is_proven_at_its_step_and_the_truth_confirmed(story: Story, fraud: Fraud) -> None:
    assertions = story.world.contracts.assertions
    trace = false_trace(story, fraud)
    pre, root = ends(trace)
    false = story.say(BOB, root, pre)
    assert story.keep() == ([NUMBER], []), "a rival stands before the first game"
    found = played_out(story, false, trace)
    assert (found.winner, found.found) == ("challenger", trace.position)
    assert story.slashed(BOB)
    assert live(story, KEEPER) == (0, 1)
    story.world.chain.advance(MINIMAL.window)
    assert story.keep() == ([], [NUMBER])
    assert assertions.confirmed() == (NUMBER, story.truth()[2])


def test_what_stands_on_a_false_state_falls_with_it(story: Story) -> None:
    """A false assertion is disputed, what stands on a false state is not; neither is confirmed."""
    _, pre, truth = story.truth()
    false = story.say(BOB, lie(truth), pre.hash)
    moot = story.say(BOB, truth, lie(pre.hash), slot=1)
    books = story.books()
    auditor = bookkeeping.auditor(books, story.world.signer(AUDITOR))
    auditor.round()
    assert auditor.counts() == {"valid": 0, "invalid": 1, "unknown": 0}
    story.world.chain.advance(MINIMAL.clock + 1)  # nobody answers for it
    auditor.round()
    assert story.slashed(BOB)
    assert story.keep() == ([NUMBER], [])
    story.world.chain.advance(MINIMAL.window)
    assert story.keep() == ([], [NUMBER])
    confirmed = story.world.contracts.assertions.confirmations(
        story.world.contracts.deployment.block, story.world.contracts.client.head().number
    )
    assert false.id not in confirmed
    assert moot.id not in confirmed


@pytest.mark.parametrize("fraud", FRAUDS[:3], ids=lambda fraud: fraud.name)
def test_a_true_assertion_outlives_a_lying_challenger(story: Story, fraud: Fraud) -> None:
    world, books = story.world, story.books()
    assert story.keep() == ([NUMBER], [])
    signer = world.signer(AUDITOR)
    accuser = Validator(
        books.claims, books.games(signer), false_trace(story, fraud), signer.address
    )
    keeping = bookkeeping.keeping(story.books(), world.signer(KEEPER))
    assert accuser.round(), "a challenge"
    assert [j.verdict for j in accuser.judgements()] == [Verdict.INVALID]
    for _ in range(ROUNDS):
        keeping()
        accuser.round()
    world.chain.advance(MINIMAL.clock + 1)
    keeping()  # times the accuser out, who has nothing left to say
    assert world.contracts.vault.credit_of(world.signer(KEEPER).address) > 0
    assert live(story, KEEPER) == (0, 1)
    world.chain.advance(MINIMAL.window)
    assert keeping().confirmed == [NUMBER]


def test_a_true_assertion_that_nobody_defends_is_made_again(story: Story) -> None:
    """Its maker's slot is lost by the clock; the truth is not."""
    _, pre, truth = story.truth()
    abandoned = story.say(BOB, truth, pre.hash)
    assert story.keep() == ([], []), "one that is true is enough"
    trace, signer = false_trace(story, FRAUDS[0]), story.world.signer(AUDITOR)
    books = story.books()
    accuser = Validator(books.claims, books.games(signer), trace, signer.address)
    accuser.round()
    story.world.chain.advance(MINIMAL.clock + 1)
    accuser.round()
    assert story.world.contracts.game.status_of(ClaimId(abandoned.id)) is ClaimStatus.REJECTED
    assert story.keep() == ([NUMBER], [])
    story.world.chain.advance(MINIMAL.window)
    assert story.keep() == ([], [NUMBER])


def test_games_of_both_kinds_are_each_played_by_their_own(
    story: Story, caplog: pytest.LogCaptureFixture
) -> None:
    """One account disputes a computation and a state at once; neither side takes up the other."""
    world, game = story.world, story.world.contracts.game
    _, pre, truth = story.truth()
    false = story.say(BOB, lie(truth), pre.hash)
    false_claim(world)
    judge, follower = validator(world)
    signer, books = world.signer(VALIDATOR), story.books()
    auditor = bookkeeping.auditor(books, signer)
    for challenger in (judge, auditor):
        assert [type(move.action).__name__ for move in challenger.round()] == ["Open"]
    ports = (ContractGames(world.contracts, signer, follower.opening), books.games(signer))
    (claim,), (assertion,) = (port.open_games(signer.address, Side.CHALLENGER) for port in ports)
    assert assertion.claim == ClaimId(false.id) != claim.claim
    for port, who in zip(ports, (WORKER, BOB), strict=True):
        (key,) = port.open_games(world.signer(who).address, Side.DEFENDER)
        assert key.challenger == signer.address
    world.chain.advance(MINIMAL.clock + 1)
    for challenger in (judge, auditor):
        challenger.round()
    for name in (claim.claim, assertion.claim):
        assert game.status_of(name) is ClaimStatus.REJECTED
    failed = [one for one in caplog.records if getattr(one, "event", "") == "game.failed"]
    assert failed == []
