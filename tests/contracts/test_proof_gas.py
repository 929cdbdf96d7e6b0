"""What the last transaction of a dispute costs: a proof on a program of the size of a small MLP.

69 rows, a 64 x 64 weight, batches of 32 out of 1,797 images of 64 pixels, 4 parameters, 3 inputs,
one output and 12 scratch registers. The dispute around the step is played with stand-in states: no
other than the step's own is ever opened.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from bisection.dissection import Dissection, cut
from prover import witness
from prover.commit.keccak import Hash, keccak
from prover.commit.tensor import Words
from prover.ops import Opcode
from prover.program import Program
from prover.row import Depths, Kind, Operand, RegisterId, Row, Segment, register_id
from prover.state import State
from tests.contracts.arena import (
    GUARDIAN,
    Arena,
    Claim,
    Duel,
    Parameters,
    Run,
    game_parameters,
)
from tests.contracts.evm import compiled
from tests.contracts.metered import MeteredEvm
from tests.prover.forgery import Step, step_of
from tests.prover.generators import Case

pytestmark = pytest.mark.usefixtures("toolchain")

DEPTHS = Depths(2, 2, 0, 4)
WEIGHT = register_id(Segment.PARAMS, 0)
IMAGES = register_id(Segment.INPUTS, 0)
HIDDEN = register_id(Segment.SCRATCH, 3)
MASK = register_id(Segment.SCRATCH, 9)
HIDDEN_WORDS, WEIGHT_WORDS, IMAGE_WORDS = 32 * 64, 64 * 64, 1797 * 64
LAYER = (1, 1, 32, 64)
FIRST_STEP = 7
ROWS = 69
ROW = 40
"""Which row is proven: in the middle of the table."""


def read(register: RegisterId, length: int, row: int, column: int, fold: int = 0) -> Operand:
    return Operand(Kind.REGISTER, register, length, 0, (0, 0, row, column), fold)


def batch(row: int, column: int, fold: int = 0) -> Operand:
    """The images of a training step."""
    return Operand(
        Kind.REGISTER, IMAGES, IMAGE_WORDS, 0, (0, 0, row, column), fold, 56, HIDDEN_WORDS
    )


FILL = Row(Opcode.MOVE, HIDDEN, HIDDEN_WORDS, (1, 1, 1, 1), 1, (Operand.immediate(1),))
DOT = Row(
    Opcode.DOT, HIDDEN, HIDDEN_WORDS, LAYER, 64,
    (batch(64, 0, 1), read(WEIGHT, WEIGHT_WORDS, 0, 1, 64)),
)  # fmt: skip
IDOT = replace(DOT, opcode=Opcode.IDOT)
FMA = Row(
    Opcode.FMA, HIDDEN, HIDDEN_WORDS, LAYER, 1,
    (batch(64, 1), read(WEIGHT, WEIGHT_WORDS, 64, 1), read(MASK, HIDDEN_WORDS, 64, 1)),
)  # fmt: skip


@pytest.fixture(scope="module")
def state() -> State:
    rng = np.random.default_rng(1)

    def normal(size: int) -> Words:
        return rng.normal(size=size).astype(np.float32).view(np.uint32)

    made = State.start(
        DEPTHS,
        [normal(size) for size in (WEIGHT_WORDS, 64, 640, 10)],
        [normal(size) for size in (IMAGE_WORDS, 1797, 100)],
    )
    for index in range(12):
        made.put(register_id(Segment.SCRATCH, index), normal(HIDDEN_WORDS))
    return made


def proven_step(row: Row, offset: int, state: State) -> tuple[Program, Step]:
    """A micro-step of `row` in the fourth training step of a claim."""
    table = [FILL] * ROWS
    table[ROW] = row
    program = Program.of(table, DEPTHS)
    position = 3 * program.micro_steps + program.starts[ROW] + offset
    return program, step_of(Case(program, FIRST_STEP, state), position)


@dataclass(frozen=True, slots=True)
class Told:
    """What a party says about a run of which one step is known: names of states, but for that one's
    two ends. Parties that tell different `tale`s agree up to the step.
    """

    step: Step
    post: Hash
    tale: bytes

    def state(self, position: int) -> Hash:
        """See `Run`."""
        if position == self.step.position:
            return self.step.pre
        if position < self.step.position:
            return keccak(b"agreed" + position.to_bytes(8, "big"))
        if position == self.step.position + 1 and self.tale == b"true":
            return self.post
        return keccak(self.tale + position.to_bytes(8, "big"))

    def dissect(self, start: int, length: int, first: Hash, k: int) -> Dissection:
        """See `Run`."""
        positions = cut(start, length, k)
        return Dissection(start, length, (first, *(self.state(p) for p in positions[1:])))


def deploy(kind: str = "TensorMachine") -> Arena:
    """A game on one machine, on the chain that charges what the main chain does."""
    evm, rules = MeteredEvm(), Parameters()
    contracts = compiled(
        "src/DisputeGame.sol",
        "src/StakeVault.sol",
        f"src/{kind}.sol",
        "test/AlphabetHost.sol",
        "test/InboxSink.sol",
        shipped=True,
    )
    deployer = evm.account("deployer")
    machine = evm.deploy(contracts[kind], sender=deployer)
    vault_at, host_at, game_at = (evm.next_address(deployer, i) for i in range(1, 4))
    sink = evm.deploy(contracts["InboxSink"], [vault_at], sender=deployer)
    vault = evm.deploy(
        contracts["StakeVault"],
        rules.bond,
        rules.unbonding,
        game_at,
        sink,
        [host_at],
        sender=deployer,
    )
    host = evm.deploy(contracts["AlphabetHost"], game_at, vault_at, sender=deployer)
    kinds = [(host_at, machine.address)]
    parameters = game_parameters(rules, vault_at, kinds, evm.account(GUARDIAN))
    game = evm.deploy(contracts["DisputeGame"], parameters, sender=deployer)
    return Arena(evm, rules, vault, game, host, host, machine)


def win(arena: Arena, step: Step, post: Hash, lengths: Iterable[int], name: str) -> int:
    """Plays a false claim of one of the lengths to the challenger's proof; its gas."""
    liar, challenger = arena.account("liar"), arena.account("challenger")
    _, slot = arena.stake(liar)
    true, false = Told(step, post, b"true"), Told(step, post, b"false")
    # One after the other, until the game is the challenger's to prove.
    for length in lengths:
        key = Hash(keccak(f"{name} {length}".encode()))
        claim = Claim(key, true.state(0), false.state(length), length, liar, program=step.program)
        arena.host.post(claim.fields, slot, sender=liar)
        duel = Duel(arena, claim, challenger, _run(true), _run(false))
        duel.open()
        duel.play_to_proof()
        if not duel.defenders_turn:
            duel.prove({"witness": step.witness})
            return arena.evm.gas_used
    raise AssertionError("no length gives the challenger the proof")


def lengths(program: Program) -> list[int]:
    """44 training steps and more."""
    return [turns * program.micro_steps for turns in range(44, 60)]


def _run(told: Told) -> Run:
    """`Duel` asks no more of a run than `Told` has."""
    run: Run = told  # type: ignore[assignment]
    return run


@pytest.mark.parametrize(
    ("row", "offset", "step_gas", "proof_gas"),
    [
        (DOT, 777 * 64 + 5, 95_000, 175_000),
        (DOT, 777 * 64 + 63, 119_000, 190_000),
        (IDOT, 777 * 64 + 5, 95_000, 175_000),
        (IDOT, 777 * 64 + 63, 119_000, 190_000),
        (FMA, 777, 142_000, 205_000),
    ],
    ids=[
        "two reads",
        "two reads and a write",
        "ints",
        "ints and a write",
        "three reads and a write",
    ],
)
def test_a_proof_fits_its_gas(
    state: State, row: Row, offset: int, step_gas: int, proof_gas: int
) -> None:
    program, step = proven_step(row, offset, state)
    arena = deploy()
    caller = arena.account("anybody")
    call = arena.machine.calldata("step", step.program, step.position, step.pre, step.witness)
    arena.evm.transact(arena.machine, call, sender=caller)
    alone = arena.evm.gas_used
    # In the first dispute of a chain two credits are new, for 17,100 gas each.
    post = witness.step(step.program, step.position, step.pre, step.witness)
    first = win(arena, step, post, lengths(program), "first")
    second = win(arena, step, post, lengths(program), "second")
    print(f"{len(step.witness)} bytes: alone {alone}, proofs {first} and {second} gas")
    assert alone <= step_gas
    assert second <= proof_gas
    assert first <= proof_gas + 2 * 17_100
