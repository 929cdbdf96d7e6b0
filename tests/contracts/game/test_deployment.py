"""What a deployment fixes, what it refuses, and the machine that these tests play on."""

import pytest

from tests.contracts.arena import PROGRAM, UNITS, Arena, Parameters, deploy, game_parameters
from tests.contracts.evm import ZERO, compiled, reverts
from tests.contracts.game.duels import PRE

pytestmark = pytest.mark.usefixtures("toolchain")


@pytest.mark.parametrize(
    "bad",
    [
        {"k": 1},
        {"k": 65},
        {"clock": 0},
        {"burn_bps": 10_001},
        {"challenge_bond": 0},
        {"challenge_bond": 2**96},
        {"gas_per_move": 2**32},
        {"base_fee_cap": 2**64},
    ],
    ids=str,
)
def test_parameters_without_sense_are_refused(bad: dict[str, int]) -> None:
    with reverts("BadParameter"):
        deploy(Parameters(**bad))


def test_a_deployment_names_vault_hosts_and_machines(arena: Arena) -> None:
    artifact = compiled(*UNITS)["DisputeGame"]
    kind = (arena.host.address, arena.machine.address)
    vault = arena.vault.address
    for at, kinds in (
        (ZERO, [kind]),
        (vault, []),
        (vault, [kind, (ZERO, kind[1])]),
        (vault, [(kind[0], ZERO)]),
    ):
        with reverts("BadParameter"):
            arena.evm.deploy(artifact, game_parameters(arena.rules, at, kinds, ZERO))


def test_what_was_fixed_can_be_read(arena: Arena) -> None:
    game, rules = arena.game, arena.rules
    assert (game.K(), game.CLOCK(), game.GRACE()) == (rules.k, rules.clock, rules.grace)
    assert (game.CHALLENGE_BOND(), game.BURN_BPS()) == (rules.challenge_bond, rules.burn_bps)
    assert (game.GAS_PER_MOVE(), game.BASE_FEE_CAP()) == (rules.gas_per_move, rules.base_fee_cap)
    assert (game.VAULT(), game.kinds(0)) == (
        arena.vault.address,
        (arena.host.address, arena.machine.address),
    )
    assert (game.GUARDIAN(), game.MAX_PAUSE()) == (arena.account("guardian"), rules.max_pause)


# -------------------------------------------------------------------------------- alphabet machine


def test_the_alphabet_machine_has_the_closed_form_that_it_states(arena: Arena) -> None:
    pre = 2**256 - 500  # over the edge
    state = pre.to_bytes(32, "big")
    for n in range(1, 80):
        state = arena.machine.step(PROGRAM, n - 1, state, b"")
        letters = n % 26
        closed = pre + 351 * (n // 26) + letters * (letters + 1) // 2
        assert int.from_bytes(state, "big") == closed % 2**256
    assert arena.machine.step(bytes(32), 2**64 - 1, PRE, b"") == arena.machine.step(
        PROGRAM, (2**64 - 1) % 26, PRE, b""
    )
    with reverts("WitnessNotEmpty"):
        arena.machine.step(PROGRAM, 0, PRE, b"\0")
