"""Registers that stay on a device have the words and roots that they have on the host."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from prover.backends import backend
from prover.backends.cuda.backend import CudaBackend
from prover.backends.cuda.device import Device, Piece
from prover.backends.cuda.resident import DeviceWords
from prover.checkpoints import Checkpoints
from prover.claims import run_claims
from prover.commit.tensor import Words, tensor_path, tensor_root
from prover.errors import PositionError
from prover.execute import advance, run
from prover.row import Segment
from prover.state import State
from tests.examples.cases import CASES
from tests.prover.cuda.device import Emulated
from tests.prover.cuda.ways import DEVICES, NEEDS_COMPILER, backend_on
from tests.prover.files.demand import on_demand
from tests.prover.replay import difference

Make = Callable[[], Device]
HOST = backend("numba")
SETTING = CASES["digits"].tiny()
PROGRAM, START, FIRST = SETTING.program, SETTING.start, SETTING.first_step
STEPS = 2


class Counting(Emulated):
    """Bytes that come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.came = self.went = 0

    def put(self, piece: Piece, words: Words) -> None:
        self.came += words.nbytes
        super().put(piece, words)

    def get(self, piece: Piece, words: Words) -> None:
        self.went += words.nbytes
        super().get(piece, words)


def whole(state: State, used: Any, turn: int = 0, steps: int = STEPS) -> State:
    end = steps * PROGRAM.micro_steps
    advance(PROGRAM, FIRST + turn * steps, state, 0, end, used)
    return state


def lazy(state: State) -> list[DeviceWords]:
    """The registers that are on the device."""
    found: list[object] = [*state.segment(Segment.PARAMS), *state.segment(Segment.OUTPUTS)]
    return [one for one in found if isinstance(one, DeviceWords)]


@pytest.mark.parametrize("make", DEVICES)
def test_what_steps_write_stays(make: Make) -> None:
    state = whole(START.copy(), backend_on(make()))
    assert lazy(state)
    expected = whole(START.copy(), HOST)
    assert state.commitment() == expected.commitment()
    assert not any(one.is_fetched for one in lazy(state)), "words were read to hash them"
    assert difference(expected, state) is None


@pytest.mark.parametrize("make", DEVICES)
def test_a_state_put_aside_stays_as_it_was(make: Make) -> None:
    used = backend_on(make())
    state, expected = whole(START.copy(), used), whole(START.copy(), HOST)
    aside = state.copy()
    whole(state, used, 1)
    assert difference(expected, aside) is None
    again = whole(aside.copy(), used, 1)  # from words that the machine has moved on from
    assert difference(whole(expected, HOST, 1), again) is None
    assert difference(again, state) is None


@pytest.mark.parametrize("make", DEVICES)
def test_other_machines_take_it_from_there(make: Make) -> None:
    device = make()
    state = whole(START.copy(), backend_on(device))
    before = state.commitment()
    expected = whole(whole(START.copy(), HOST), HOST, 1)
    for used in (backend_on(device), backend_on(make()), HOST):
        assert difference(expected, whole(state.copy(), used, 1)) is None
    assert state.commitment() == before


@NEEDS_COMPILER
def test_only_roots_leave_the_device() -> None:
    device = Counting()
    used = backend_on(device)
    state = whole(START.copy(), used)
    whole(state, used, 1)
    device.came = device.went = 0
    whole(state, used, 2)
    assert device.came < 4_000, "params or inputs were copied to a device that had them"
    assert device.went < 100
    state.commitment()
    written = len(lazy(state))
    assert device.went < 100 + 32 * written + 8


@pytest.mark.parametrize("make", DEVICES)
def test_words_are_an_array_for_whoever_asks(make: Make, tmp_path: Any) -> None:
    state, expected = whole(START.copy(), backend_on(make())), whole(START.copy(), HOST)
    pairs = zip(state.segment(Segment.PARAMS), expected.segment(Segment.PARAMS), strict=True)
    for one, other in pairs:
        assert (len(one), one.dtype, one.shape) == (len(other), other.dtype, other.shape)
        assert np.array_equal(one[1:3], other[1:3])
        assert np.array_equal(one.view(np.float32), other.view(np.float32), equal_nan=True)
        assert tensor_root(one) == tensor_root(other)
        assert tensor_path(one, 0) == tensor_path(other, 0)
        assert not one.flags.writeable
    store = Checkpoints(tmp_path, 1 << 20)
    assert store.save(state.leaf(next(iter(state._tensors))), 1, state, state.commitment())


@pytest.mark.parametrize("make", DEVICES)
def test_claims_follow_one_another(make: Make) -> None:
    params, inputs = START.segment(Segment.PARAMS), START.segment(Segment.INPUTS)
    found = list(run_claims(PROGRAM, FIRST, STEPS, 3, params, inputs, backend_on(make())))
    for number, one in enumerate(found):
        expected = run(PROGRAM, FIRST + number * STEPS, STEPS, params, inputs, HOST)
        assert one.params_root == expected.params_root
        assert one.outputs_root == expected.outputs_root
        params = expected.params
    assert len(found) == 3
    host = run_claims(PROGRAM, FIRST, STEPS, 3, START.segment(Segment.PARAMS), inputs, HOST)
    assert [one.params_root for one in host] == [one.params_root for one in found]
    with pytest.raises(PositionError, match="at least one"):
        next(run_claims(PROGRAM, FIRST, 0, 1, params, inputs, HOST))


@NEEDS_COMPILER
def test_a_claim_is_hashed_before_its_root_is_asked_for() -> None:
    """And the next one is under way by then."""
    events: list[str] = []

    class Noting(Emulated):
        def call(self, call: Any) -> None:
            if not events or events[-1] != call.kernel.split("_")[0]:
                events.append(call.kernel.split("_")[0])
            super().call(call)

    params, inputs = START.segment(Segment.PARAMS), START.segment(Segment.INPUTS)
    for _ in run_claims(PROGRAM, FIRST, 1, 2, params, inputs, backend_on(Noting())):
        events.append("result")  # noqa: PERF401 (the kernels' names come in between)
    hashed = events.index("leaves")
    assert "finish" in events[hashed : events.index("result")]


@pytest.mark.parametrize("make", DEVICES)
def test_inputs_may_appear_as_they_are_needed(make: Make) -> None:
    used: CudaBackend = backend_on(make())
    state, expected = on_demand(START), START.copy()
    for turn in range(3):
        whole(state, used, turn, 1)
        whole(expected, HOST, turn, 1)
    assert difference(expected, state) is None


@pytest.mark.parametrize("make", DEVICES)
def test_many_states_that_nobody_asks_for(make: Make) -> None:
    used, state = backend_on(make()), START.copy()
    kept = []
    for turn in range(7):
        for one in lazy(whole(state, used, turn, 1)):
            one.prepare()
        kept.append((state.copy(), turn))
    expected = START.copy()
    for aside, turn in kept:
        assert aside.commitment() == whole(expected, HOST, turn, 1).commitment()
