"""Scripted and random liars against the solver, on small and on huge claims."""

import random

import pytest

from bisection.alphabet import AlphabetTrace
from bisection.game import Rules, Side, Status
from tests.bisection.liars import LIARS, BaseLiar
from tests.bisection.table import CHALLENGER, PRE, WON, ModelTable, Result, ceil_log, claim_of, play

RULES = Rules(k=16, clock=1_000, grace=100)
LENGTHS = (1, 2, 15, 16, 17, 31, 32, 33, 255, 256, 257, 5_000, 1 << 40, (1 << 62) - 1)


def duel(
    length: int, honest: Side, liar: type[BaseLiar], seed: int, rules: Rules = RULES
) -> Result:
    claim = claim_of(length, true=honest is Side.DEFENDER)
    trace = AlphabetTrace(PRE, length)
    table = ModelTable(claim, CHALLENGER, rules)
    return play(table, honest, trace, liar(trace, random.Random(seed)))


@pytest.mark.parametrize("liar", LIARS)
@pytest.mark.parametrize("honest", Side)
def test_the_truth_wins_against_every_scripted_liar(honest: Side, liar: type[BaseLiar]) -> None:
    for length in LENGTHS:
        for seed in range(5):
            result = duel(length, honest, liar, seed)
            if result.status is Status.UNOPENED:  # a false proof of a true step opens nothing
                assert (length, honest) == (1, Side.DEFENDER)
                assert result.refused == ("StepHolds",)
                continue
            assert result.status is WON[honest]
            assert result.dissections <= ceil_log(length, RULES.k)
            assert result.proofs <= 1


@pytest.mark.parametrize("honest", Side)
@pytest.mark.parametrize(("exponent", "most"), [(40, 10), (62, 16)])
def test_random_liars_on_huge_claims(honest: Side, exponent: int, most: int) -> None:
    length = (1 << exponent) - (exponent == 62)  # lengths are below 2^62
    longest = 0
    for seed in range(200):
        result = duel(length, honest, LIARS[seed % 6], seed)
        assert result.status is WON[honest]
        assert result.dissections <= most
        longest = max(longest, result.dissections)
    assert longest == most  # the bound is met, so it is the bound


def test_the_largest_claim_needs_sixteen_dissections() -> None:
    assert ceil_log(1 << 40, 16) == 10
    assert ceil_log((1 << 62) - 1, 16) == 16


@pytest.mark.parametrize("k", [2, 3, 5, 16, 64])
def test_any_k(k: int) -> None:
    rules = Rules(k=k, clock=1_000, grace=100)
    for seed in range(40):
        for honest in Side:
            length = random.Random(seed).randrange(2, 1 << 20)
            result = duel(length, honest, LIARS[seed % len(LIARS)], seed, rules)
            assert result.status is WON[honest]
            assert result.dissections <= ceil_log(length, k)


def test_what_each_liar_is_told() -> None:
    told = {
        liar.__name__: {
            name
            for seed in range(12)
            for honest in Side
            for name in duel(5_000, honest, liar, seed).refused
        }
        for liar in LIARS
    }
    assert told["Late"] == {"ClockExpired"}
    assert told["Silent"] == set()
    assert "WrongLength" in told["FalseProver"]
    assert told["Copycat"] & {"WrongOpening", "WrongPathLength", "SameEnd"}
    for name in ("RandomLiar", "AlwaysFirst", "AlwaysLast", "Poisoner", "Staller"):
        assert told[name] <= {"StepHolds"}
