"""What whole transactions of the game cost under Prague's rules, on the contracts as shipped.

The host and the machine are the tests' own; a real host derives the claim from a receipt in place
of reading it, and a real machine's step comes on top of a proof.
"""

from dataclasses import replace

import pytest

from prover.commit.keccak import keccak
from tests.contracts.arena import GWEI, REJECTED, Arena, Duel, Run, deploy
from tests.contracts.evm import ETHER, ZERO
from tests.contracts.metered import MeteredEvm

pytestmark = pytest.mark.usefixtures("toolchain")

LENGTH = 2**40
TRUE = Run(keccak(b"pre"), LENGTH)
# Values without a zero byte to speak of, as real commitments are.
FALSE = replace(TRUE, wrong=123_456_789_012, offset=int.from_bytes(keccak(b"offset"), "big"))


@pytest.fixture(scope="module")
def arena() -> Arena:
    """A deployment in use: the vault's heaps are not empty, and something was burnt before."""
    arena = deploy(evm=MeteredEvm())
    owner = arena.account("owner")
    arena.stake(owner, 4)
    game = Duel(arena, arena.claim(owner, FALSE, "first"), arena.account("x"), TRUE, FALSE)
    game.open()
    arena.evm.warp(1001)
    game.timeout(sender=arena.account("x"))
    return arena


def test_a_dispute_over_2_to_the_40_steps(arena: Arena) -> None:
    claim = arena.claim(arena.account("owner"), FALSE, "long", slot=1)
    game = Duel(arena, claim, arena.account("challenger"), TRUE, FALSE)
    game.open()
    opening = arena.evm.gas_used
    moves = []
    while game.bounds()[1] > 1:
        game.move()
        moves.append(arena.evm.gas_used)
        assert game.view().head == game.head
    assert game.player == game.challenger
    game.prove(gas_price=30 * GWEI)
    proof = arena.evm.gas_used
    total = opening + sum(moves) + proof
    print(f"open {opening}, {len(moves)} moves {min(moves)}..{max(moves)}, proof {proof}: {total}")
    assert len(moves) == 9
    assert opening <= 190_000
    assert max(moves) <= 65_000
    assert proof <= 145_000
    assert total <= 910_000
    assert arena.credit(game.challenger) == 10 * ETHER


def test_the_other_endings(arena: Arena) -> None:
    owner, passer_by = arena.account("owner"), arena.account("passer-by")
    claim = arena.claim(owner, FALSE, "disputed by three", slot=2)
    one, two, liar = (
        Duel(arena, claim, arena.account(name), against, FALSE)
        for name, against in (("one", TRUE), ("two", TRUE), ("liar", replace(TRUE, wrong=5)))
    )
    spent = {}
    for game in (one, two, liar):
        game.open()
        spent["open a second game"] = arena.evm.gas_used
    liar.move()
    arena.evm.warp(1001)
    liar.timeout(sender=passer_by)
    spent["timeout of a challenger"] = arena.evm.gas_used
    one.timeout(sender=passer_by, gas_price=30 * GWEI)
    spent["timeout of a defender"] = arena.evm.gas_used
    assert arena.game.claimOf(claim.id)[0] == REJECTED
    two.close(sender=passer_by)
    spent["close"] = arena.evm.gas_used
    # The base fee of the rejecting block, in wei, on a chain that has one.
    assert arena.credit(two.challenger) == 1 * ETHER + 60_000 * 30 * GWEI
    arena.vault.collect(sender=two.challenger)
    spent["collect"] = arena.evm.gas_used
    arena.vault.collectFor(ZERO, sender=passer_by)
    arena.vault.exit(3, sender=owner)
    arena.evm.warp(5000)
    arena.vault.withdraw(3, sender=owner)
    spent["withdraw"] = arena.evm.gas_used
    print(spent)
    limits = {
        "open a second game": 152_000,
        "timeout of a challenger": 120_000,
        "timeout of a defender": 190_000,
        "close": 102_000,
        "collect": 37_000,
        "withdraw": 70_000,
    }
    assert {name: limits[name] for name in spent if spent[name] > limits[name]} == {}
    assert arena.accounted() == arena.evm.balance(arena.vault)
