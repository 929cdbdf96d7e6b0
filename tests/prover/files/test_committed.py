"""Tensors that are known by their chunks' roots: the same commitments, no word read too early."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover import witness
from prover.backends import backend
from prover.backends.steps import Steps
from prover.commit.committed import CommittedWords, chunk_levels
from prover.commit.hashes import hash_at
from prover.commit.lazy import raw
from prover.commit.tensor import LEAF_WORDS, Words, leaf_count, tensor_path, tensor_root
from prover.errors import WrongChunk
from prover.execute import advance
from prover.reach import reach
from prover.reference import place, row_at
from prover.row import Kind, Segment, register_id, segment_of
from prover.state import State
from tests.prover.files.demand import OnDemand, chunks_of, on_demand
from tests.prover.generators import Case, Seeded, case, cases
from tests.prover.plan.drawn import traced
from tests.prover.replay import difference

LENGTHS = st.sampled_from([0, 1, 63, 64, 65, 127, 128, 129, 200, 256, 257, 511, 700, 1024, 1100])
BACKENDS = {name: backend(name) for name in ("numba", "reference")}


def some(length: int) -> Words:
    return np.arange(1, length + 1, dtype=np.uint32) * np.uint32(0x9E3779B9)


def lazy(length: int, height: int) -> CommittedWords:
    return CommittedWords(some(length), chunks_of(some(length), height), height, name="some")


@settings(deadline=None)
@given(LENGTHS, st.integers(0, 5))
def test_the_chunks_roots_give_the_tensors(length: int, height: int) -> None:
    words = some(length)
    chunks = chunks_of(words, height)
    assert hash_at(chunk_levels(chunks, length, height)[-1], 0) == tensor_root(words)
    for index in range(leaf_count(length)):
        made = lazy(length, height)
        assert tensor_path(made.words, index) == tensor_path(words, index)
        assert made.verified <= 1


def test_no_word_is_read_for_a_root() -> None:
    words = some(500)
    made = CommittedWords(np.zeros_like(words), chunks_of(words, 1), 1, name="absent")
    assert tensor_root(made.words) == tensor_root(words)
    state = State.start(case(Seeded(1)).program.depths, [], [made.words])
    known = State.start(state.depths, [], [words])
    assert state.commitment() == known.commitment()
    assert made.verified == 0
    with pytest.raises(ValueError, match="500 words are 4 chunks, not 3"):
        CommittedWords(words, chunks_of(words, 1)[:3], 1, name="short")


@settings(deadline=None)
@given(st.data())
def test_an_index_reads_its_chunk(data: st.DataObject) -> None:
    length, height = data.draw(LENGTHS.filter(bool)), data.draw(st.integers(0, 3))
    words, made = some(length), lazy(length, height)
    index = data.draw(st.integers(-length, length - 1))
    assert made[index] == words[index]
    assert made.verified == 1
    low, high, step = (data.draw(st.integers(-length - 3, length + 3)) for _ in range(3))
    part = slice(low, high, step or None)
    assert np.array_equal(made[part], words[part])
    places = range(length)[part]
    touched = {place // (LEAF_WORDS << height) for place in (*places, range(length)[index])}
    most = len({*range(min(touched), max(touched) + 1)})
    assert len(touched) <= made.verified <= most
    assert not made[part].flags.writeable


def test_it_looks_like_its_array() -> None:
    words, made = some(300), lazy(300, 0)
    assert (len(made), made.dtype, made.ndim, made.shape) == (300, words.dtype, 1, (300,))
    assert not made.flags.writeable
    assert made.verified == 0
    assert np.array_equal(np.asarray(made), words)
    assert np.array_equal(made ^ 1, words ^ 1)
    assert np.array_equal(made[[7, 3]], words[[7, 3]])
    assert list(lazy(70, 0)) == list(some(70))
    assert lazy(300, 0).tobytes() == words.tobytes()
    copied = lazy(300, 0).words.copy()
    assert copied.flags.writeable
    assert np.array_equal(raw(made.words), words)
    assert raw(words) is words
    assert made.is_verified
    with pytest.raises(IndexError):
        made[300]


def test_a_wrong_chunk_is_named_when_it_is_first_touched() -> None:
    words = some(256)
    damaged = words.copy()
    damaged[130] ^= 1
    made = CommittedWords(damaged, chunks_of(words, 0), 0, name="images")
    assert np.array_equal(made[:128], words[:128])
    found, expected = tensor_root(damaged[128:192]).hex(), tensor_root(words[128:192]).hex()
    with pytest.raises(WrongChunk) as caught:
        made[190]
    assert str(caught.value) == (
        f"chunk 2 of images is damaged: its hash is {found}, not {expected}; fetch it again"
    )
    with pytest.raises(WrongChunk, match="chunk 2 of images"):
        np.asarray(made)
    assert made[200] == words[200]


@settings(deadline=None, max_examples=30)
@given(cases())
def test_no_backend_reads_what_was_not_verified(drawn: Case) -> None:
    program, first = drawn.program, drawn.first_step
    end = min(program.micro_steps, 60)
    expected = drawn.state.copy()
    advance(program, first, expected, 0, end, BACKENDS["reference"])
    for used in BACKENDS.values():
        state = on_demand(drawn.state)
        advance(program, first, state, 0, end, used)
        assert difference(expected, state) is None
        assert expected.commitment() == state.commitment()


@settings(deadline=None, max_examples=30)
@given(cases(), st.integers(0, 200))
def test_witnesses_open_what_is_read_and_no_more(drawn: Case, position: int) -> None:
    program, first = drawn.program, drawn.first_step
    position %= program.micro_steps
    state = on_demand(drawn.state)
    made = witness.build(program, first, state, position)
    assert made == witness.build(program, first, drawn.state, position)
    held: list[object] = list(state._tensors.values())
    assert sum(one.verified for one in held if isinstance(one, CommittedWords)) <= 4


@pytest.mark.parametrize("seed", range(5))
def test_no_plan_reads_what_was_not_verified(seed: int) -> None:
    made, params, inputs = traced(Seeded([91, seed]))
    way = Steps(worth=1)
    start = State.start(made.program.depths, params, inputs)
    states = [start.copy(), on_demand(start)]
    for state in states:
        done = 0
        while done < 3:
            came = way.run(made.program, state, 3 + done, 3 - done, finite=False).steps
            assert came
            done += came
    assert difference(*states) is None


@settings(deadline=None, max_examples=60)
@given(cases())
def test_reach_is_where_rows_read(drawn: Case) -> None:
    program, first = drawn.program, drawn.first_step
    for position in range(min(program.micro_steps, 80)):
        where = place(program, first, position)
        row = row_at(program, where.row)
        for operand in row.operands:
            if operand.kind != Kind.REGISTER:
                continue
            digits = row.digits(where.element)
            address = operand.address(digits, where.fold_index, where.step)
            ((low, high),) = reach(row, operand).spans(where.step, 1)
            assert low <= address < high or reach(row, operand).stop == operand.length


def test_words_that_are_only_read_are_never_copied() -> None:
    copies, seen = 0, 0
    for seed in range(40):
        drawn = case(Seeded([92, seed]))
        for used in BACKENDS.values():
            state, before = drawn.state.copy(), {}
            for register in list(state._tensors):
                if segment_of(register) in {Segment.PARAMS, Segment.INPUTS}:
                    frozen = state.tensor(register)[:]
                    frozen.flags.writeable = False
                    state.put(register, frozen)
                    before[register] = (frozen, frozen.copy())
            start = state.copy()
            assert all(start.tensor(one) is frozen for one, (frozen, _) in before.items())
            expected = drawn.state.copy()
            advance(drawn.program, 0, state, 0, drawn.program.micro_steps, used)
            advance(drawn.program, 0, expected, 0, drawn.program.micro_steps, used)
            assert difference(expected, state) is None
            assert state.commitment() == expected.commitment()
            written = {row.out for row in drawn.program.rows if row and row.count}
            for register, (frozen, content) in before.items():
                assert np.array_equal(frozen, content)
                assert start.tensor(register) is frozen
                same = state.tensor(register) is frozen
                assert same or register in written
                copies, seen = copies + (not same), seen + same
    assert copies >= 10
    assert seen >= 10


def test_a_register_is_copied_when_it_is_first_written() -> None:
    made = OnDemand(some(100))
    register = register_id(Segment.PARAMS, 0)
    state = State.start(case(Seeded(1)).program.depths, [made.words], [])
    before = state.commitment()
    mine = state.writable(register)
    assert state.tensor(register) is mine
    assert state.commitment() == before
    mine[99] ^= 1
    state.touch(register, 99, 100)
    assert state.commitment() != before
    assert np.array_equal(made.hidden, some(100))
