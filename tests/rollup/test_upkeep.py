"""Checkpoints are kept while a claim may need them, and no longer."""

from pathlib import Path

from prover.checkpoints import Checkpoints
from prover.record import Keeping
from rollup.l1.game_port import ContractGames
from rollup.protocol.presets import MINIMAL
from rollup.traces import ContentTraces
from rollup.validator import Defender, Upkeep, Validator
from rollup.worker import Executor
from tests.rollup.world import REFERENCE, STEPS, VALIDATOR, WORKER, World

EVERY = 10
"""Training steps between two checkpoints."""


def folders(path: Path) -> list[Path]:
    """Runs that have checkpoints."""
    return [one for one in path.iterdir() if any(one.iterdir())] if path.exists() else []


def keeping(path: Path) -> Keeping:
    return Keeping(Checkpoints(path, 1 << 20), every=EVERY)


def test_a_worker_keeps_a_claims_states_until_it_is_final(world: World, tmp_path: Path) -> None:
    kept = keeping(tmp_path)
    world.post(world.work(world.job(claims=2), run=Executor(REFERENCE, kept)))
    runs = folders(tmp_path)
    assert len(runs) == 2
    assert all(len(list(run.iterdir())) == STEPS // EVERY - 1 for run in runs)
    follower, signer = world.follower(), world.signer(WORKER)
    traces = ContentTraces(follower, world.content, REFERENCE, keeping=kept)
    games = ContractGames(world.contracts, signer, follower.opening)
    party = Defender(follower, games, traces, signer.address, Upkeep(follower, kept.store))
    party.round()
    assert len(folders(tmp_path)) == 2, "they may be disputed"
    (first, *_) = follower.claims_of(signer.address)
    assert traces(first.claim).length
    world.chain.advance(MINIMAL.window + 1)
    party.round()
    assert folders(tmp_path) == []


def test_a_validator_drops_what_it_found_right(world: World, tmp_path: Path) -> None:
    world.post(world.work(world.job(claims=2)))
    follower, signer = world.follower(), world.signer(VALIDATOR)
    saved: list[int] = []

    class Watched(Checkpoints):
        def save(self, *given: object) -> bool:
            saved.append(1)
            return super().save(*given)  # type: ignore[arg-type]

    kept = Keeping(Watched(tmp_path, 1 << 20), every=EVERY)
    traces = ContentTraces(follower, world.content, REFERENCE, keeping=kept)
    games = ContractGames(world.contracts, signer, follower.opening)
    Validator(follower, games, traces, signer.address, Upkeep(follower, kept.store)).round()
    assert saved, "it kept some while it recomputed"
    assert folders(tmp_path) == []
