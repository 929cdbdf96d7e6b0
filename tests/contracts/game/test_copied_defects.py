"""Defects of contracts that people copy, each tried here."""

from dataclasses import replace

import pytest

from prover.commit.keccak import Hash, keccak
from tests.contracts.arena import DISPUTED, Arena, Duel, Run
from tests.contracts.evm import ETHER, Revert, reverts
from tests.contracts.game.duels import PRE, also, duel, ended

pytestmark = pytest.mark.usefixtures("toolchain")


def test_defect_any_bytes_prove_fraud(arena: Arena) -> None:
    """No bytes reject a true claim: neither as a witness nor as a proof."""
    truth = Run(PRE, 16)
    game = duel(arena, defence=truth, against=replace(truth, wrong=9))
    game.open()
    for part in range(16):
        for witness in (b"", b"fraud", bytes(32)):
            with pytest.raises(Revert):
                game.prove(game.opening(part) | {"witness": witness}, sender=game.challenger)
    game.play()
    assert arena.game.claimOf(game.claim.id)[0] == DISPUTED
    assert not arena.vault.isSlashed(1, 0)


def test_defect_a_submission_can_be_overwritten_by_anybody(arena: Arena, false_claim: Duel) -> None:
    """Neither a claim's record nor a dissection is replaced by somebody else's."""
    false_claim.open()
    before = (false_claim.view(), arena.game.claimOf(false_claim.claim.id))
    stranger = arena.account("stranger")
    fields = false_claim.claim.fields
    values = [keccak(bytes([i])) for i in range(16)]
    for attempt in (
        lambda: arena.game.open(fields, false_claim.challenger, values, sender=stranger),
        lambda: arena.as_host("open", fields, false_claim.challenger, values),
        lambda: false_claim.move(sender=stranger),
        lambda: arena.host.post(fields, 0, sender=stranger),
    ):
        with pytest.raises(Revert):
            attempt()
    assert (false_claim.view(), arena.game.claimOf(false_claim.claim.id)) == before


def test_defect_a_payout_repeats(arena: Arena, false_claim: Duel) -> None:
    """Each game pays once, each slot once, each credit once."""
    other = also(false_claim, "other")
    false_claim.open()
    other.open()
    false_claim.play()
    other.close()
    paid = arena.vault.credits()
    for game in (false_claim, other):
        for action in ended(game):
            with reverts("NotOpen"):
                action()
    assert arena.vault.credits() == paid
    arena.vault.collect(sender=other.challenger)
    with reverts("NothingToCollect"):
        arena.vault.collect(sender=other.challenger)


def test_defect_an_unbonded_challenge_freezes_a_task(arena: Arena, true_claim: Duel) -> None:
    """No bond, no game; and an abandoned game is ended by anybody."""
    with reverts("WrongValue", 1 * ETHER):
        true_claim.open(value=0)
    with reverts("WrongValue", 1 * ETHER):
        true_claim.open(value=ETHER - 1)
    true_claim.open()
    true_claim.move()
    arena.evm.warp(arena.rules.clock + 1)
    true_claim.timeout(sender=arena.account("passer-by"))
    assert arena.host.postedOf(true_claim.claim.id)[4] == 0


def test_defect_a_target_is_never_compared(arena: Arena) -> None:
    """A proof that leads to the very value that is claimed is refused, whoever brings it."""
    truth = Run(Hash(bytes(32)), 1)
    game = duel(arena, defence=truth, against=truth)
    with reverts("StepHolds"):
        game.open()
    longer = Run(PRE, 2)
    played = duel(arena, defence=longer, against=replace(longer, wrong=1), name="two")
    played.open()
    with reverts("StepHolds"):
        played.prove(played.opening(0))
    played.prove(played.opening(1))
    assert arena.credit(played.claim.defender) == ETHER * 9 // 10
