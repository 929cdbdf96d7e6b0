"""Whole training steps by kernels give the bits of rows run one by one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from prover import tracer as nn
from prover.backends import backend
from prover.backends.cuda import nests
from prover.backends.cuda.backend import CudaBackend
from prover.backends.cuda.device import Device
from prover.backends.cuda.source import source
from prover.errors import NotFiniteError
from prover.execute import advance
from prover.plan import NoPlan, plan
from prover.plan.nest import Nest
from prover.program import Program
from prover.state import State
from prover.tracer import Traced, namespace_of, trace
from tests.examples.cases import CASES
from tests.prover import models
from tests.prover.cuda.ways import DEVICES, NEEDS_COMPILER, backend_on, interpreter
from tests.prover.generators import Seeded, case
from tests.prover.plan.drawn import traced, words
from tests.prover.replay import by_steps, difference

Make = Callable[[], Device]
ROWS = backend("reference")
HOST = backend("numba")


def agree(
    program: Program, start: State, first: int, steps: int, used: CudaBackend, expected: State
) -> None:
    """Compares whole steps, all of them by the plan, with an expected state."""
    state = start.copy()
    done = 0
    while done < steps:
        came = used.steps(program, state, first + done, steps - done, finite=False)
        assert came.steps
        assert came.row is None
        done += came.steps
    assert difference(expected, state) is None


def planned(program: Program) -> bool:
    try:
        return bool(plan(program).stages)
    except NoPlan:
        return False


def expect(program: Program, start: State, first: int, steps: int) -> State:
    expected = start.copy()
    advance(program, first, expected, 0, steps * program.micro_steps, HOST)
    return expected


@pytest.mark.parametrize("make", DEVICES)
def test_hostile_programs(make: Make) -> None:
    used, compared = backend_on(make()), 0
    for seed in range(60):
        drawn = case(Seeded([78, 0, seed]))
        program, first, state = drawn.program, drawn.first_step, drawn.state
        if not planned(program) or first >= 1 << 63:
            continue
        ends = program.micro_steps
        advance(program, first, state, 0, ends, ROWS)  # scratch may hold anything at first
        expected = state.copy()
        by_steps(program, first, expected, ends, 3 * ends)
        if used.steps(program, state.copy(), first + 1, 1, finite=False).steps:
            agree(program, state, first + 1, 2, used, expected)
            compared += 1
    assert compared >= 4, "hardly a program had a plan: nothing was compared"


@pytest.mark.parametrize("make", DEVICES)
@pytest.mark.parametrize("fuse", [True, False])
def test_sensible_programs(make: Make, fuse: bool) -> None:
    used = backend_on(make(), fuse=fuse)
    for seed in range(6, 12):
        made, params, inputs = traced(Seeded([79, seed]))
        start = State.start(made.program.depths, params, inputs)
        agree(made.program, start, 3, 2, used, expect(made.program, start, 3, 2))


@pytest.mark.parametrize("make", DEVICES)
def test_random_models(make: Make) -> None:
    used = backend_on(make())
    for seed in range(8):
        made, params, inputs = models.model(Seeded([91, seed]))
        start = State.start(made.program.depths, params, inputs)
        agree(made.program, start, 5, 2, used, expect(made.program, start, 5, 2))


@pytest.mark.parametrize("make", DEVICES)
@pytest.mark.parametrize("name", CASES)
def test_examples(make: Make, name: str) -> None:
    setting = CASES[name].tiny()
    start, first, steps = setting.start, setting.first_step, setting.steps
    expected = expect(setting.program, start, first, steps)
    agree(setting.program, start, first, steps, backend_on(make()), expected)


def reducing(inner: int, runs: int) -> tuple[Traced, list[Any]]:
    """A softmax and a norm over runs of a length, a sum of all, and one of ints."""

    def step(p: Any, given: Any, number: Any) -> tuple[Any, Any]:
        x = given["x"]
        xp = namespace_of(x)
        shares = nn.softmax(x)
        mean = xp.sum(x, axis=-1, keepdims=True) * np.float32(1 / inner)
        whole = xp.astype(xp.clip(x * 4.0, -90.0, 90.0), xp.int32)
        return {}, {
            "shares": shares,
            "norm": (x - mean) * shares + xp.max(x * x, axis=-1, keepdims=True),
            "total": xp.sum(x),
            "ints": xp.sum(whole * 3, axis=-1),
        }

    made = trace(step, {}, {"x": np.zeros((runs, inner), np.float32)})
    return made, words(made.inputs.fields, np.random.default_rng([inner, runs]))


@pytest.mark.parametrize("make", DEVICES)
def test_runs_of_every_length(make: Make) -> None:
    """Chains alone, lanes with and without a tail; words held in registers, and kept in memory."""
    used = backend_on(make())
    kept = []
    for inner, runs in ((1, 5), (31, 3), (32, 9), (33, 2), (96, 1), (256, 2), (257, 5), (700, 3)):
        made, inputs = reducing(inner, runs)
        kept += [launch.kept for launch in source(plan(made.program)).launches]
        start = State.start(made.program.depths, [], inputs)
        agree(made.program, start, 0, 1, used, expect(made.program, start, 0, 1))
    assert max(kept) > 0, "nothing was kept in memory"


@NEEDS_COMPILER
@pytest.mark.parametrize("team", [1, 32])
def test_lanes_need_nobody_but_at_shuffles(team: int) -> None:
    """Warps, or threads, one after the other, the last one first."""
    used = backend_on(interpreter(team))
    for inner, runs in ((7, 2), (70, 2)) if team == 1 else ((7, 9), (70, 6), (300, 5)):
        made, inputs = reducing(inner, runs)
        start = State.start(made.program.depths, [], inputs)
        agree(made.program, start, 0, 1, used, expect(made.program, start, 0, 1))


@NEEDS_COMPILER
def test_a_warp_takes_several_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are more runs and elements than a launch has warps and threads."""
    monkeypatch.setattr(nests, "_BLOCKS", 2)
    used = backend_on(interpreter())
    for inner, runs in ((40, 31), (300, 19)):
        made, inputs = reducing(inner, runs)
        launches = source(plan(made.program)).launches
        assert all(one.blocks <= 2 for one in launches if "nest" in one.kernel.name)
        start = State.start(made.program.depths, [], inputs)
        agree(made.program, start, 0, 1, used, expect(made.program, start, 0, 1))


@NEEDS_COMPILER
def test_indices_of_64_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """As nests have them whose buffers are large."""
    monkeypatch.setattr("prover.backends.cuda.places._NARROW", 1)
    monkeypatch.setattr("prover.backends.cuda.products._NARROW", 1)
    used = backend_on(interpreter())
    for seed in (6, 11):
        made, params, inputs = traced(Seeded([79, seed]))
        start = State.start(made.program.depths, params, inputs)
        agree(made.program, start, 3, 2, used, expect(made.program, start, 3, 2))


@pytest.mark.parametrize("make", DEVICES)
def test_what_is_not_finite_ends_the_run_where_rows_end_it(make: Make) -> None:
    found = 0
    for seed in range(6):
        made, params, inputs = traced(Seeded([80, seed]))
        params[0][0] = np.float32(np.inf).view(np.uint32)
        program, said = made.program, []
        for used in (backend("numba"), backend_on(make())):
            state = State.start(program.depths, params, inputs)
            try:
                advance(program, 0, state, 0, 3 * program.micro_steps, used, finite=True)
            except NotFiniteError as error:
                said.append(str(error))
        assert said[:1] == said[1:]
        found += bool(said)
    assert found >= 2


def test_equal_nests_are_one_kernel() -> None:
    made = source(plan(CASES["gpt"].tiny().program))
    assert len(made.kernels) < len(made.launches) * 2 // 3


def test_a_nest_is_a_launch_of_its_own_buffers() -> None:
    for stage in plan(CASES["digits"].tiny().program).stages:
        if isinstance(stage, Nest):
            given = nests.launch(stage).arguments
            assert {*stage.buffers} <= {*given}
