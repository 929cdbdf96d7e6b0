"""Register segments and what a state's 32 bytes bind."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover import state as state_module
from prover.commit.keccak import Hash, keccak
from prover.commit.merkle import climb
from prover.commit.tags import Tag
from prover.commit.tensor import ZERO_LEAF, Words, tensor_root
from prover.errors import ProgramError, WordsError
from prover.row import Depths, RegisterId, Segment, index_of, register_id, segment_of
from prover.state import (
    EMPTY_REGISTER,
    State,
    register_leaf,
    segment_root,
    state_hash,
    zero_segment,
)
from tests.prover.generators import Drawn, Plan, Seeded, plan, state, words

DEPTHS = Depths(1, 2, 0, 3)
PARAM = register_id(Segment.PARAMS, 1)
SCRATCH = register_id(Segment.SCRATCH, 6)


def some(length: int, seed: int = 0) -> Words:
    return words(Seeded(seed), length)


def plain_commitment(of: State) -> Hash:
    """The definition: every register of every segment, hashed anew."""
    roots = []
    for segment in Segment:
        level = []
        for index in range(1 << of.depths[segment]):
            content = of.tensor(register_id(segment, index))
            length = len(content).to_bytes(4, "big")
            level.append(keccak(b"\3" + length + tensor_root(content)))
        while len(level) > 1:
            level = [keccak(b"\4" + level[i] + level[i + 1]) for i in range(0, len(level), 2)]
        roots.append(level[0])
    return keccak(b"\5" + b"".join(roots) + of.acc.to_bytes(4, "big"))


def test_the_empty_state() -> None:
    assert keccak(b"\3" + bytes(4) + ZERO_LEAF) == EMPTY_REGISTER
    empty = State(DEPTHS)
    assert empty.roots() == [zero_segment(depth) for depth in DEPTHS]
    assert empty.commitment() == plain_commitment(empty)
    assert state_hash(empty.roots(), 1) != empty.commitment()


@given(st.data())
def test_the_commitment_is_that_of_the_definition(data: st.DataObject) -> None:
    source = Drawn(data.draw)
    made = state(source, plan(source))
    assert made.commitment() == plain_commitment(made)


@given(st.data())
def test_what_is_kept_between_commitments_is_never_stale(data: st.DataObject) -> None:
    source = Drawn(data.draw)
    planned = plan(source)
    made = state(source, planned)
    for _ in range(5):
        made.commitment()
        _disturb(source, planned, made)
        assert made.commitment() == plain_commitment(made)


def _disturb(source: Drawn, planned: Plan, made: State) -> None:
    register = planned.register(source)
    action = source.integer(0, 3)
    if action == 0:
        made.put(register, some(source.integer(0, 130)))
    elif action == 1 and len(made.tensor(register)):
        made.tensor(register)[source.integer(0, len(made.tensor(register)) - 1)] ^= 1
        made.touch(register)
    elif action == 2:
        made.reset(segment_of(register))
    else:
        made.acc ^= 1


@given(st.data())
def test_every_register_opens(data: st.DataObject) -> None:
    source = Drawn(data.draw)
    made = state(source, plan(source))
    segment = data.draw(st.sampled_from(Segment))
    index = data.draw(st.integers(0, (1 << made.depths[segment]) - 1))
    register = register_id(segment, index)
    leaf = register_leaf(len(made.tensor(register)), tensor_root(made.tensor(register)))
    siblings = made.path(register)
    assert made.leaf(register) == leaf
    assert len(siblings) == made.depths[segment]
    root = climb(leaf, index_of(register), siblings, Tag.SEGMENT_NODE)
    assert root == made.root(segment)


def test_a_state_binds_each_register_its_length_and_its_place() -> None:
    content = some(100)
    seen = set()
    for register in (PARAM, SCRATCH, register_id(Segment.PARAMS, 0)):
        for tensor in (content, content[:99], np.append(content, np.uint32(0)), content[::-1]):
            made = State(DEPTHS)
            made.put(register, tensor)
            seen.add(made.commitment())
    assert len(seen) == 12


def test_zeros_are_not_an_absent_register() -> None:
    made = State(DEPTHS)
    made.put(PARAM, np.zeros(1, np.uint32))
    assert made.commitment() != State(DEPTHS).commitment()
    made.put(PARAM, np.zeros(0, np.uint32))
    assert made.commitment() == State(DEPTHS).commitment()


def test_start_copies_params_and_shares_inputs() -> None:
    params, inputs = [some(5), some(70)], [some(9)]
    started = State.start(DEPTHS, params, inputs)
    assert started.root(Segment.PARAMS) == segment_root(params, DEPTHS.params)
    assert started.root(Segment.INPUTS) == segment_root(inputs, DEPTHS.inputs)
    assert started.root(Segment.OUTPUTS) == zero_segment(DEPTHS.outputs)
    started.tensor(PARAM)[0] ^= 1
    assert params[1][0] == some(70)[0]
    assert started.tensor(register_id(Segment.INPUTS, 0)) is inputs[0]


def test_copies_go_their_own_ways() -> None:
    one = State.start(DEPTHS, [some(5), some(70)], [some(9)])
    one.put(SCRATCH, some(3))
    before = one.commitment()
    two = one.copy()
    assert two.commitment() == before
    two.tensor(PARAM)[3] ^= 1
    two.touch(PARAM)
    two.reset(Segment.SCRATCH)
    two.acc = 9
    assert one.commitment() == before == plain_commitment(one)
    assert two.commitment() == plain_commitment(two) != before


def test_a_segment_is_listed_up_to_its_last_register() -> None:
    made = State(DEPTHS)
    made.put(SCRATCH, some(3))
    listed = made.segment(Segment.SCRATCH)
    assert [len(tensor) for tensor in listed] == [0, 0, 0, 0, 0, 0, 3]
    made.put(PARAM, some(0))
    assert made.segment(Segment.PARAMS) == []
    assert segment_root(listed, DEPTHS.scratch) == made.root(Segment.SCRATCH)


def test_deep_segments_cost_what_they_hold() -> None:
    made = State(Depths(14, 14, 14, 14))
    made.put(register_id(Segment.PARAMS, 2), some(5))
    siblings = made.path(register_id(Segment.PARAMS, 2))
    leaf = made.leaf(register_id(Segment.PARAMS, 2))
    assert climb(leaf, 2, siblings, Tag.SEGMENT_NODE) == made.root(Segment.PARAMS)


@pytest.mark.parametrize("register", [register_id(Segment.PARAMS, 2), RegisterId(0x8001)])
def test_a_register_beyond_its_segment_is_refused(register: RegisterId) -> None:
    with pytest.raises(ProgramError, match="depth"):
        State(DEPTHS).put(register, some(1))


def test_more_tensors_than_a_segment_holds_are_refused() -> None:
    with pytest.raises(ProgramError, match="depth"):
        segment_root([some(1)] * 3, 1)
    with pytest.raises(ProgramError, match="depth"):
        State.start(DEPTHS, [some(1)] * 3, [])


@given(st.data())
def test_what_is_written_in_part_is_hashed_in_part(data: st.DataObject) -> None:
    length = data.draw(st.sampled_from([1, 63, 64, 65, 511, 512, 513, 700, 5000]))
    made = State.start(DEPTHS, [some(5), some(length)], [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state_module, "_TREE_WORDS", 0)
        for _ in range(6):
            start = data.draw(st.integers(0, length - 1))
            stop = data.draw(st.integers(start + 1, length))
            made.tensor(PARAM)[start:stop] ^= np.uint32(0x5A5A5A5A)
            made.touch(PARAM, start, stop)
            action = data.draw(st.integers(0, 4))
            if action == 0:
                made = made.copy()
            elif action == 1:
                made.put(PARAM, some(length, stop))
            elif action < 4:
                assert made.commitment() == plain_commitment(made)
    assert made.commitment() == plain_commitment(made)


def test_a_tree_is_kept_from_the_second_commitment_on_and_not_by_copies() -> None:
    length = 2 * state_module._TREE_WORDS
    made = State.start(DEPTHS, [some(3), np.zeros(length, np.uint32)], [])
    for commitments in range(3):
        made.commitment()
        assert list(made._trees) == ([PARAM] if commitments else [])
        made.tensor(PARAM)[commitments] = 1
        made.touch(PARAM, commitments, commitments + 1)
    assert made.copy()._trees == {}
    assert made.copy().commitment() == made.commitment() == plain_commitment(made)
    made.touch(PARAM)
    assert made._trees == {}
    made.commitment()
    made.tensor(PARAM)[:] = 2
    made.touch(PARAM, 0, length)
    assert made.commitment() == plain_commitment(made)
    assert made._trees == {}


@pytest.mark.parametrize(
    "array", [np.zeros(3, np.float32), np.zeros(3, np.int32), np.zeros((1, 3), np.uint32),
              np.zeros(3, np.uint64), np.zeros(3, ">u4")],
)  # fmt: skip
def test_a_register_takes_words_alone(array: Any) -> None:
    with pytest.raises(WordsError, match=r"words are"):
        State(DEPTHS).put(PARAM, array)
