"""Every ending's money: bonds, the burnt part, refunds, and what griefers lose."""

import pytest

from tests.contracts.arena import DISPUTED, GWEI, Arena, Duel, Parameters, Run, deploy
from tests.contracts.evm import ETHER
from tests.contracts.game.duels import FALSE, LATER, TRUE, also, duel, only, settled

pytestmark = pytest.mark.usefixtures("toolchain")


def test_a_won_game_pays_the_bond_less_the_burnt_part(arena: Arena, false_claim: Duel) -> None:
    false_claim.open()
    assert arena.vault.pots() == 1 * ETHER
    false_claim.play()
    won = only(arena.evm.events, "Won")
    assert won["paid"] == arena.credit(false_claim.challenger) == 1 * ETHER + 9 * ETHER
    assert arena.burnt() == 1 * ETHER
    assert arena.vault.bonded() == 0
    assert arena.credit(false_claim.claim.defender) == 0
    settled(arena)
    before = arena.evm.balance(false_claim.challenger)
    arena.vault.collect(sender=false_claim.challenger)
    assert arena.evm.balance(false_claim.challenger) == before + 10 * ETHER


def test_a_lost_challenge_pays_the_defender_less_the_burnt_part(
    arena: Arena, true_claim: Duel
) -> None:
    true_claim.open()
    true_claim.play()
    lost = only(arena.evm.events, "Lost")
    assert lost["paid"] == arena.credit(true_claim.claim.defender) == ETHER * 9 // 10
    assert arena.burnt() == ETHER // 10
    assert arena.credit(true_claim.challenger) == 0
    assert arena.vault.bonded() == 10 * ETHER
    settled(arena)


def test_a_timeout_pays_as_a_proof_does(arena: Arena) -> None:
    game = duel(arena, defence=FALSE, against=TRUE, name="defender late")
    game.open()
    arena.evm.warp(LATER)
    game.timeout()
    assert arena.credit(game.challenger) == 10 * ETHER
    assert arena.burnt() == 1 * ETHER
    game = duel(arena, defence=TRUE, against=FALSE, name="challenger late", challenger="liar")
    game.open()
    game.move()
    arena.evm.warp(LATER)
    game.timeout()
    assert arena.credit(game.claim.defender) == ETHER * 9 // 10
    assert arena.burnt() == ETHER * 11 // 10
    settled(arena)


def test_odd_wei_are_neither_lost_nor_made() -> None:
    arena = deploy(Parameters(bond=1_000_003, challenge_bond=77_777, burn_bps=3333))
    game = duel(arena, defence=FALSE, against=TRUE)
    others = [also(game, f"other {i}") for i in range(6)]
    game.open()
    for other in others:
        other.open()
    game.play()
    for other in others:
        other.close()
    burnt = 1_000_003 * 3333 // 10_000
    assert arena.burnt() == burnt
    assert arena.credit(game.challenger) == 1_000_003 - burnt + 77_777
    assert all(arena.credit(other.challenger) == 77_777 for other in others)
    settled(arena)


def test_every_challenger_is_refunded_its_moves_out_of_the_slashed_bond(
    arena: Arena, false_claim: Duel
) -> None:
    one, two = also(false_claim, "one"), also(false_claim, "two")
    for game in (false_claim, one, two):
        game.open()
    two.move()
    two.move()  # two dissections by challenger two, one by challenger one
    false_claim.play_to_proof()
    false_claim.prove(gas_price=7 * GWEI)
    share = 3 * ETHER  # (10 - 1) / 3
    price = 60_000 * 7 * GWEI
    assert arena.game.claimOf(false_claim.claim.id)[5:] == (false_claim.challenger, price, share)
    assert arena.credit(false_claim.challenger) == 1 * ETHER + 9 * ETHER - 2 * share
    one.close(gas_price=99 * GWEI)  # the price is that of the rejection
    assert arena.credit(one.challenger) == 1 * ETHER + price
    assert arena.credit(false_claim.challenger) == 1 * ETHER + 9 * ETHER - share - price
    two.close()
    assert only(arena.evm.events, "Closed")["paid"] == 1 * ETHER + 2 * price
    assert arena.credit(two.challenger) == 1 * ETHER + 2 * price
    assert arena.credit(false_claim.challenger) == 10 * ETHER - 3 * price
    assert arena.burnt() == 1 * ETHER
    settled(arena)


@pytest.mark.parametrize(("paid", "counted"), [(3, 3), (100, 100), (101, 100), (10**6, 100)])
def test_refunds_are_capped_by_the_base_fee_cap(paid: int, counted: int) -> None:
    arena = deploy()
    game = duel(arena, defence=FALSE, against=TRUE)
    other = also(game, "other")
    game.open()
    other.open()
    game.play_to_proof()
    game.prove(gas_price=paid * GWEI)
    other.close()
    assert arena.credit(other.challenger) == 1 * ETHER + 60_000 * counted * GWEI
    settled(arena)


def test_refunds_are_capped_by_the_share() -> None:
    arena = deploy(Parameters(bond=1 * ETHER, gas_per_move=2**32 - 1, base_fee_cap=1000 * GWEI))
    game = duel(arena, defence=FALSE, against=TRUE)
    others = [also(game, f"other {i}") for i in range(2)]
    game.open()
    for other in others:
        other.open()
    game.play_to_proof()
    game.prove(gas_price=1000 * GWEI)
    for other in others:
        other.close()
        assert arena.credit(other.challenger) == 1 * ETHER + ETHER * 3 // 10
    assert arena.credit(game.challenger) == 1 * ETHER + ETHER * 3 // 10
    settled(arena)


def test_dozens_of_griefers_cost_the_winner_their_gas_at_the_most(arena: Arena) -> None:
    game = duel(arena, defence=FALSE, against=TRUE)
    griefers = [also(game, f"griefer {i}") for i in range(48)]
    for griefer in griefers[:24]:
        griefer.open()
    game.open()
    for griefer in griefers[24:]:
        griefer.open()
    game.play_to_proof()
    game.prove(gas_price=10 * GWEI)
    assert arena.game.claimOf(game.claim.id)[2] == 48
    for griefer in griefers:
        griefer.close(sender=game.challenger)
        assert arena.credit(griefer.challenger) == 1 * ETHER + 60_000 * 10 * GWEI
    assert arena.credit(game.challenger) == 10 * ETHER - 48 * 60_000 * 10 * GWEI
    assert arena.burnt() == 1 * ETHER
    assert arena.host.postedOf(game.claim.id)[4] == 0
    settled(arena)


def test_griefers_delay_a_true_claim_by_one_games_clocks_and_pay_for_it(arena: Arena) -> None:
    game = duel(arena, defence=TRUE, against=FALSE)
    griefers = [also(game, f"griefer {i}") for i in range(24)]
    for griefer in griefers:
        griefer.open()
        griefer.move()
    arena.evm.warp(arena.rules.clock + 1)
    for griefer in griefers:
        griefer.timeout()
    assert arena.game.claimOf(game.claim.id)[:3] == (DISPUTED, 0, 0)
    assert arena.credit(game.claim.defender) == 24 * ETHER * 9 // 10
    assert arena.burnt() == 24 * ETHER // 10
    settled(arena)


@pytest.mark.parametrize("claimed", [FALSE, TRUE], ids=["against a lie", "against the truth"])
def test_who_plays_against_himself_loses_the_burnt_part(arena: Arena, claimed: Run) -> None:
    owner = arena.account("owner")
    _, slot = arena.stake(owner)
    claim = arena.claim(owner, claimed, slot=slot)
    against = TRUE if claimed is FALSE else FALSE
    game = Duel(arena, claim, owner, against, claimed)
    game.open()
    game.play()
    burnt = 1 * ETHER if claimed is FALSE else ETHER // 10
    assert arena.burnt() == burnt
    assert arena.credit(owner) + arena.vault.bonded() == 11 * ETHER - burnt
    settled(arena)
