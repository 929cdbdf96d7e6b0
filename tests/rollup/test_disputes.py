"""Validator, defender and settlement on a chain: what is true is confirmed, what is not slashed."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from bisection.errors import DataUnavailable
from bisection.machine import Claim
from bisection.watcher import Verdict
from prover.content import ContentStore
from prover.files.chunks import ChunkFolder
from prover.files.dataset import write_dataset
from prover.reference import Place
from prover.state import State
from prover.trace import TensorTrace
from rollup import parties, session
from rollup.demo.fault import FaultyTrace, scalar_fault
from rollup.demo.liar import FaultyExecute
from rollup.follower import Follower
from rollup.l1.game import ClaimStatus, Ending
from rollup.l1.game_port import ContractGames
from rollup.protocol.presets import MINIMAL
from rollup.settlement import Settlement
from rollup.traces import ContentTraces
from rollup.validator import Defender, Validator
from tests.rollup.world import (
    GROWTH,
    REFERENCE,
    SECOND,
    STEPS,
    STRANGER,
    VALIDATOR,
    WORKER,
    World,
    works,
)

FAULT: Final = scalar_fault(GROWTH, 0, Place(17, 0, 2, 0), 20)
"""Bit 20 of element 2, in training step 17."""


def traces(world: World, follower: Follower, content: ContentStore | None = None) -> ContentTraces:
    return ContentTraces(follower, content or world.content, REFERENCE)


def validator(world: World, content: ContentStore | None = None) -> tuple[Validator, Follower]:
    follower, signer = world.follower(), world.signer(VALIDATOR)
    games = ContractGames(world.contracts, signer, follower.opening)
    found = traces(world, follower, content)
    return Validator(follower, games, found, signer.address), follower


def defender(
    world: World, make: Callable[[Claim], TensorTrace] | None = None, who: int = WORKER
) -> Defender:
    follower, signer = world.follower(), world.signer(who)
    games = ContractGames(world.contracts, signer, follower.opening)
    return Defender(follower, games, make or traces(world, follower), signer.address)


def settlement(world: World) -> Settlement:
    return Settlement(world.contracts, world.signer(STRANGER), world.follower())


def lie(world: World) -> None:
    """Posts three claims; the middle one, from training step 40 on, has the fault."""
    run = FaultyExecute(REFERENCE, STEPS, FAULT)
    world.post(world.work(world.job(claims=3), run=run))


class Believer:
    """Traces of one who takes the fault for the truth."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._follower = world.follower()

    def __call__(self, claim: Claim) -> TensorTrace:
        work = self._follower.locate(claim.id).work
        program, content = self._world.content.program(work.program), self._world.content
        start = State.start(
            program.depths, content.segment(work.params), content.segment(work.inputs)
        )
        if work.first_step != STEPS:
            return TensorTrace(program, work.first_step, work.steps, start, REFERENCE)
        return FaultyTrace(program, work.first_step, work.steps, start, REFERENCE, FAULT)


def test_true_claims_are_left_alone_and_confirmed(world: World) -> None:
    world.post(world.work(world.job(claims=3, bundle=2)))
    world.post(world.work(world.job(), who=SECOND))
    judge, _ = validator(world)
    assert judge.round() == []
    assert judge.round() == []
    assert judge.counts() == {"valid": 4, "invalid": 0, "unknown": 0}
    close = settlement(world)
    assert close.round() == []
    world.chain.advance(MINIMAL.window)
    assert close.round() == [1, 2]
    assert close.round() == []
    assert world.contracts.rollup.confirmed() == 2
    judge.round()
    assert judge.judgements() == []  # nothing is pending any more
    assert judge.counts() == {"valid": 4, "invalid": 0, "unknown": 0}


def test_games_that_nobody_ends_keep_no_batch_waiting(world: World) -> None:
    """Two who are one leave a game between them where it is, and a third one does not close its."""
    world.post(world.work(world.job(claims=3)))
    for place in (VALIDATOR, SECOND):
        follower, signer = world.follower(), world.signer(place)
        games = ContractGames(world.contracts, signer, follower.opening)
        Validator(follower, games, Believer(world), signer.address).round()
    close, vault = settlement(world), world.contracts.vault
    world.chain.advance(MINIMAL.clock)
    assert close.round() == []
    assert vault.unreported() == 0, "the window is open, so nothing waits for the games"
    world.chain.advance(MINIMAL.window)
    assert close.round() == []
    assert vault.unreported() == 1
    assert close.round() == [1]
    head, game = world.contracts.client.head().number, world.contracts.game
    ended = game.endings(world.contracts.deployment.block, head)
    assert [one.ending for one in ended] == [Ending.WON, Ending.CLOSED]


def test_games_that_go_on_are_left_alone(world: World) -> None:
    lie(world)
    judge, _ = validator(world)
    world.chain.advance(MINIMAL.window - 1)
    judge.round()
    world.chain.advance(1)
    close, game = settlement(world), world.contracts.game
    assert close.round() == []
    head = world.contracts.client.head().number
    assert game.endings(world.contracts.deployment.block, head) == []


@pytest.mark.parametrize("defended", [True, False])
def test_a_false_claim_is_brought_down(world: World, defended: bool) -> None:
    lie(world)
    judge, follower = validator(world)
    liar = defender(world, Believer(world))
    played = judge.round()
    assert [type(move.action).__name__ for move in played] == ["Open"]
    assert judge.counts() == {"valid": 2, "invalid": 1, "unknown": 0}
    close = settlement(world)
    false = next(at for at in follower.claims_of(world.signer(WORKER).address)
                 if at.work.first_step == STEPS)  # fmt: skip
    vault, game = world.contracts.vault, world.contracts.game
    for _ in range(6):
        if defended:
            liar.round()
        else:
            world.chain.advance(MINIMAL.clock + 1)
        judge.round()
        if game.status_of(false.claim.id) is ClaimStatus.REJECTED:
            break
    head = world.contracts.client.head().number
    (ended,) = game.endings(world.contracts.deployment.block, head, false.claim.id)
    assert ended.ending is Ending.WON
    assert vault.is_slashed(false.work.account, false.work.slot)
    assert vault.credit_of(world.signer(VALIDATOR).address) == ended.paid > MINIMAL.challenge_bond
    # Nothing more is done about it, and the batch with the others is confirmed.
    assert judge.round() == []
    world.chain.advance(MINIMAL.window)
    assert close.round() == [1]


def test_a_batch_with_an_open_game_is_not_confirmed(world: World) -> None:
    lie(world)
    world.post(world.work(world.job(), who=SECOND))
    judge, _ = validator(world)
    judge.round()
    close = settlement(world)
    world.chain.advance(MINIMAL.window)
    assert close.round() == []  # GamesOpen
    judge.round()  # the liar's clock has run out meanwhile
    assert close.round() == [1, 2]


def test_somebody_else_may_confirm_first(world: World) -> None:
    for nonce in range(2):
        world.post(world.work(world.job(), nonce=nonce))
    one, other = settlement(world), settlement(world)
    world.chain.advance(MINIMAL.window)
    assert other.round() == [1, 2]
    assert one.round() == []


def test_a_false_accusation_is_answered_to_its_end(world: World) -> None:
    world.post(world.work(world.job(claims=2)))
    # A validator whose machine is broken: it believes in the fault.
    follower, signer = world.follower(), world.signer(VALIDATOR)
    games = ContractGames(world.contracts, signer, follower.opening)
    accuser = Validator(follower, games, Believer(world), signer.address)
    honest = defender(world)
    accuser.round()
    assert accuser.counts() == {"valid": 1, "invalid": 1, "unknown": 0}
    credit = world.contracts.vault.credit_of
    for _ in range(6):
        honest.round()
        accuser.round()
    world.chain.advance(MINIMAL.clock + 1)
    honest.round()
    assert credit(world.signer(WORKER).address) == MINIMAL.challenge_bond * 8 // 10
    assert credit(signer.address) == 0
    (account, live) = session.live_slots(world.contracts, world.signer(WORKER).address)
    assert live == (0, 1), account


def test_a_validator_that_starts_anew_goes_on_with_its_games(world: World) -> None:
    lie(world)
    liar = defender(world, Believer(world))
    for _ in range(8):
        judge, _ = validator(world)
        judge.round()
        liar.round()
    _, live = session.live_slots(world.contracts, world.signer(WORKER).address)
    assert len(live) == 1


def lose_it(world: World) -> None:
    shutil.rmtree(world.folder / "content")


def cut_the_program(world: World) -> None:
    for path in (world.folder / "content/programs").glob("*.program"):
        path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit_of_each_segment(world: World) -> None:
    for path in (world.folder / "content/segments").glob("*.segment"):
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)


@pytest.mark.parametrize("spoil", [lose_it, cut_the_program, flip_a_bit_of_each_segment])
def test_what_cannot_be_recomputed_is_unknown_and_never_disputed(
    world: World, spoil: Callable[[World], None]
) -> None:
    lie(world)
    kept = world.folder / "kept"
    shutil.copytree(world.folder / "content", kept)
    try:
        spoil(world)
        judge, _ = validator(world)
        assert judge.round() == []
        assert judge.counts() == {"valid": 0, "invalid": 0, "unknown": 3}
        reasons = {judged.reason.split(":")[0] for judged in judge.judgements()}
        assert reasons == {"DataUnavailable"}
        assert {judged.verdict for judged in judge.judgements()} == {Verdict.UNKNOWN}
    finally:
        shutil.rmtree(world.folder / "content", ignore_errors=True)
        kept.rename(world.folder / "content")
    # Once the data is there, they are judged.
    later, _ = validator(world)
    later.round()
    assert later.counts() == {"valid": 2, "invalid": 1, "unknown": 0}


def test_a_claim_about_other_data_than_is_kept_is_unknown(world: World) -> None:
    """Its params are those of a segment of another depth: nobody can replay that."""
    deeper = world.content.put_segment(world.content.segment(world.put(1)), 3)
    (entry,) = world.work(world.job())
    (work,) = works([entry])
    bent = replace(work, params=deeper)
    me = parties.identity(world.contracts, world.signer(WORKER))
    world.post([me.sign([bent])])
    judge, _ = validator(world)
    assert judge.round() == []
    assert judge.counts()["unknown"] == 1


def test_a_datasets_claims_are_judged_and_a_damaged_chunk_leaves_them_unknown(
    world: World, tmp_path: Path
) -> None:
    arrays = {"x": np.array([1.5, 0.5, 1.25, 0.75], np.float32), "rest": np.zeros(9, np.int32)}
    dataset = write_dataset(tmp_path, arrays, height=8)
    root = world.content.put_dataset(dataset)
    world.post(world.work(world.job(inputs=(root,), claims=2)))
    judge, follower = validator(world)
    assert judge.round() == []
    assert judge.counts() == {"valid": 2, "invalid": 0, "unknown": 0}

    made, claim = traces(world, follower), follower.claim(next(iter(follower.pending())))
    chunk = ChunkFolder(world.content.folder / "chunks").path(dataset.manifest.arrays[0].chunks[0])
    chunk.write_bytes(bytes(len(chunk.read_bytes())))
    judge, _ = validator(world)
    judge.round()
    assert judge.counts()["unknown"] == 2
    for ask in (lambda: made(claim).states([claim.length]), lambda: made(claim).witness(5)):
        with pytest.raises(DataUnavailable, match="chunk 0 of x is damaged"):
            ask()
    world.content.put_dataset(dataset)  # which heals it
    assert made(claim).states([claim.length]) == [claim.post]


def test_backends_agree_on_what_is_false(world: World) -> None:
    lie(world)
    follower = world.follower()
    backends = (REFERENCE, parties.backend("numba"))
    verdicts = [_ends(follower, ContentTraces(follower, world.content, b)) for b in backends]
    assert verdicts[0] == verdicts[1]
    assert verdicts[0].count(True) == 2


def _ends(follower: Follower, made: ContentTraces) -> list[bool]:
    claims = [follower.claim(name) for name in follower.pending()]
    return [made(claim).states([claim.length])[0] == claim.post for claim in claims]
