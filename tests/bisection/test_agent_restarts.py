"""Agents keep nothing that matters: killed, doubled or reorganised, they play the same game."""

from typing import Any

import pytest

from bisection.game import Open, Side, Status
from tests.bisection.chain import Adversary, Chain, Validator, address, defender, run, scripted
from tests.bisection.liars import BaseLiar, ConsistentLiar, LateLies, RandomLiar
from tests.bisection.table import CHALLENGER, DEFENDER, claim_of

LENGTH = 5_000


@pytest.mark.parametrize("liar", [LateLies, RandomLiar, ConsistentLiar])
def test_agents_that_are_killed_every_round_play_the_same_game(liar: type[BaseLiar]) -> None:
    def played(restart: bool) -> list[Any]:
        chain = Chain()
        chain.post(claim_of(LENGTH, true=False, name=1))
        chain.post(claim_of(LENGTH, true=True, name=2, defender=address(8)))
        griefer = Adversary(chain, address(9), Side.CHALLENGER, scripted(liar))
        griefer.open(chain.claims[claim_of(LENGTH, true=True, name=2).id])
        cheat = Adversary(chain, DEFENDER, Side.DEFENDER, scripted(liar))
        validator, agent = Validator(chain), defender(chain, address(8))
        for _ in range(60):
            if restart:
                validator, agent = Validator(chain), defender(chain, address(8))
            for player in (validator, cheat, agent, griefer):
                player.round()
            chain.now += 50
        return chain.sent

    assert played(restart=True) == played(restart=False)


def test_a_second_agent_of_the_same_player_repeats_nothing() -> None:
    chain = Chain()
    chain.post(claim_of(LENGTH, true=False))
    first, second = Validator(chain), Validator(chain)
    assert len(first.round()) == 1
    assert second.round() == []
    assert first.round() == []


def test_a_reorg_is_played_on_from_where_it_leaves_the_game() -> None:
    chain = Chain()
    claim = chain.post(claim_of(LENGTH, true=False))
    validator = Validator(chain)
    liar = Adversary(chain, DEFENDER, Side.DEFENDER, scripted(LateLies))
    validator.round()
    kept = chain.snapshot()
    liar.round()
    validator.round()
    chain.restore(kept)  # the liar's and our answer are gone; it now answers in another way
    Adversary(chain, DEFENDER, Side.DEFENDER, scripted(RandomLiar, 4)).round()
    run(chain, validator, Adversary(chain, DEFENDER, Side.DEFENDER, scripted(RandomLiar, 5)))
    assert chain.statuses(claim) == {CHALLENGER: Status.CHALLENGER_WON}


def test_an_opening_lost_in_a_reorg_is_sent_again() -> None:
    chain = Chain()
    chain.post(claim_of(LENGTH, true=False))
    validator, kept = Validator(chain), chain.snapshot()
    assert len(validator.round()) == 1
    chain.restore(kept)
    assert [type(played.action) for played in validator.round()] == [Open]
