"""Games on a claim whose slot was slashed meanwhile through another claim."""

from dataclasses import replace

import pytest

from tests.contracts.arena import DISPUTED, GWEI, REJECTED, Arena, Duel, Run
from tests.contracts.evm import ETHER, reverts
from tests.contracts.game.duels import FALSE, LATER, PRE, TRUE, only, settled

pytestmark = pytest.mark.usefixtures("toolchain")


@pytest.fixture
def voided(arena: Arena) -> Duel:
    """A game on a true claim whose slot was slashed meanwhile through another claim."""
    owner = arena.account("owner")
    arena.stake(owner)
    sound = arena.claim(owner, TRUE, "sound")
    rotten = arena.claim(owner, FALSE, "rotten")
    game = Duel(arena, sound, arena.account("challenger"), FALSE, TRUE)
    game.open()
    slasher = Duel(arena, rotten, arena.account("slasher"), TRUE, FALSE)
    slasher.open()
    slasher.play()
    assert arena.host.isVoid(sound.id)
    assert arena.credit(slasher.challenger) == 10 * ETHER
    return game


def test_a_void_claims_game_is_closed_and_the_bond_comes_back(arena: Arena, voided: Duel) -> None:
    voided.close(sender=arena.account("passer-by"), gas_price=GWEI)
    assert only(arena.evm.events, "Closed")["paid"] == 1 * ETHER
    assert arena.credit(voided.challenger) == 1 * ETHER
    assert arena.game.claimOf(voided.claim.id)[0] == DISPUTED
    assert arena.vault.slotOf(1, 0)[2] == 0
    settled(arena)


def test_a_late_challenger_of_a_void_claim_loses_nothing(arena: Arena, voided: Duel) -> None:
    voided.move()
    arena.evm.warp(LATER)
    voided.timeout()
    assert only(arena.evm.events, "Closed")["paid"] == 1 * ETHER
    assert arena.credit(voided.challenger) == 1 * ETHER
    assert arena.credit(voided.claim.defender) == 0
    settled(arena)


def test_a_game_won_on_a_void_claim_slashes_nothing_twice(arena: Arena, voided: Duel) -> None:
    burnt = arena.burnt()
    arena.evm.warp(LATER)
    voided.timeout(gas_price=GWEI)
    assert arena.game.claimOf(voided.claim.id)[0] == REJECTED
    assert only(arena.evm.events, "Slashed")["amount"] == 0
    assert arena.credit(voided.challenger) == 1 * ETHER
    assert arena.burnt() == burnt
    settled(arena)


def test_games_beside_one_won_on_a_void_claim_get_their_bonds_back(arena: Arena) -> None:
    owner = arena.account("owner")
    arena.stake(owner)
    claims = [arena.claim(owner, FALSE, name) for name in ("a", "b")]
    games = [
        Duel(arena, claim, arena.account(name), TRUE, FALSE)
        for claim in claims
        for name in ("one", "two")
    ]
    for game in games:
        game.open()
    games[0].play()
    games[2].play()
    for game in (games[1], games[3]):
        game.close(gas_price=GWEI)
    assert arena.credit(games[0].challenger) + arena.credit(games[1].challenger) == 13 * ETHER
    assert arena.burnt() == 1 * ETHER
    settled(arena)


def test_a_defender_still_proves_a_challenger_of_its_void_claim_wrong(arena: Arena) -> None:
    # What is proven is proven, whatever became of the slot: a liar does not get away by it.
    truth = Run(PRE, 16)
    owner = arena.account("owner")
    arena.stake(owner)
    sound = arena.claim(owner, truth, "sound")
    rotten = arena.claim(owner, FALSE, "rotten")
    liar = Duel(arena, sound, arena.account("liar"), replace(truth, wrong=5), truth)
    liar.open()
    slasher = Duel(arena, rotten, arena.account("slasher"), TRUE, FALSE)
    slasher.open()
    slasher.play()
    assert arena.host.isVoid(sound.id)
    liar.prove()
    assert arena.credit(liar.challenger) == 0
    assert arena.credit(owner) == ETHER * 9 // 10
    settled(arena)


def test_a_late_defender_of_a_void_claim_leaves_the_challenger_its_bond(arena: Arena) -> None:
    owner = arena.account("owner")
    arena.stake(owner)
    games = [
        Duel(arena, arena.claim(owner, FALSE, name), arena.account(name), TRUE, FALSE)
        for name in ("first", "second")
    ]
    for game in games:
        game.open()
    arena.evm.warp(LATER)
    for game in games:
        with reverts("ClockExpired"):
            game.move()
        game.timeout()
    assert arena.credit(games[0].challenger) == 10 * ETHER
    assert arena.credit(games[1].challenger) == 1 * ETHER
    assert arena.burnt() == 1 * ETHER
    settled(arena)
