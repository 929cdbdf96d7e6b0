"""Philox by its published vectors; the same draws everywhere; dropout and its gradient."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from prover.backends import backend
from prover.plan import plan
from prover.tracer import TraceError, dropout, philox, random_words, uniform
from tests.prover.nn.against import torch_or_skip, value_and_gradients
from tests.prover.traced import evaluate, evaluate_all, floats, opcodes, program_of

# Counter, key and words of the generator's known answers.
ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
KEY = np.array([-1640531527, 7], np.int32)
STEP = np.asarray(5, np.int32)


def words(*numbers: int) -> list[Any]:
    """Numbers as int32 scalars."""
    return [np.asarray(number, np.uint32).view(np.int32) for number in numbers]


def drawn(*counter_and_key: Any) -> dict[str, Any]:
    """Philox by its six words."""
    made = philox(counter_and_key[:4], counter_and_key[4:])
    return {f"word{number}": one for number, one in enumerate(made)}


@pytest.mark.parametrize(("counter", "key", "answer"), ANSWERS)
def test_known_answers(
    counter: tuple[int, ...], key: tuple[int, ...], answer: tuple[int, ...]
) -> None:
    given = words(*counter, *key)
    for used in ("numba", "reference"):
        traced = evaluate_all(drawn, *given, used=backend(used))
        assert [int(one.view(np.uint32)) for one in traced.values()] == [*answer]
    assert [int(one) & 0xFFFFFFFF for one in drawn(*given).values()] == [*answer]


def test_known_answers_on_torchs_arrays() -> None:
    torch = torch_or_skip()
    for counter, key, answer in ANSWERS:
        given = [torch.tensor(int(one), dtype=torch.int32) for one in words(*counter, *key)]
        made = [*drawn(*given).values()]
        assert [int(one) & 0xFFFFFFFF for one in made] == [*answer]
        assert {one.dtype for one in made} == {torch.int32}


@given(
    key=some.tuples(*[some.integers(-(2**31), 2**31 - 1)] * 2),
    step=some.integers(-(2**31), 2**31 - 1),
    count=some.integers(1, 70),
    site=some.integers(0, 2**31 - 1),
)
@settings(max_examples=8, deadline=None, derandomize=True)
def test_the_same_words_traced_and_plain(
    key: tuple[int, int], step: int, count: int, site: int
) -> None:
    arrays = np.array(key, np.int32), np.asarray(step, np.int32)
    plain = random_words(arrays[0], arrays[1], count, site=site)
    assert plain.dtype == np.int32
    assert np.array_equal(
        evaluate(lambda k, s: random_words(k, s, count, site=site), *arrays), plain
    )
    torch = torch_or_skip()
    theirs = random_words(torch.asarray(arrays[0]), torch.asarray(arrays[1]), count, site=site)
    assert np.array_equal(theirs.numpy(), plain)


def test_draws_differ_by_all_they_are_named_by() -> None:
    draws = [
        random_words(KEY, STEP, 40), random_words(KEY, STEP, 40, site=1),
        random_words(KEY, STEP + np.int32(1), 40), random_words(KEY + np.int32(1), STEP, 40),
    ]  # fmt: skip
    assert len({*np.concatenate(draws).tolist()}) == 160


def test_uniform_numbers() -> None:
    found = uniform(KEY, STEP, (100, 200))
    assert found.dtype == np.float32
    assert np.array_equal(evaluate(lambda k, s: uniform(k, s, (100, 200)), KEY, STEP), found)
    assert float(found.min()) >= 0
    assert float(found.max()) < 1
    places = np.histogram(found, bins=16, range=(0, 1))[0]
    expected = found.size / 16
    assert float(((places - expected) ** 2 / expected).sum()) < 40  # chi^2 of 15: 1 in 1000 is 37.7


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.999])
def test_dropout(rate: float) -> None:
    x = np.abs(floats(60, 50)) + 1

    def function(x: Any, key: Any, step: Any) -> Any:
        return dropout(x, rate, key, step, site=2)

    plain = function(x, KEY, STEP)
    assert plain.dtype == np.float32
    stays = plain != 0
    assert abs(float(stays.mean()) - (1 - rate)) < 4 * np.sqrt(rate * (1 - rate) / x.size)
    np.testing.assert_allclose(plain[stays], x[stays] / (1 - rate), rtol=1e-6)
    pull = floats(60, 50, seed=9)
    traced, value, (grad,) = value_and_gradients(function, (x, KEY, STEP), pull)
    assert np.array_equal(value, plain)
    np.testing.assert_allclose(grad, np.where(stays, pull / (1 - rate), 0), rtol=1e-6)
    plan(traced.program)


def test_no_dropout_is_no_row() -> None:
    assert opcodes(program_of(lambda x: dropout(x, 0.0, x, x) + 1.0, floats(3)).program) == ["ADD"]


def test_rows() -> None:
    """Twenty micro-steps for a word, and one to put the four parts behind each other."""
    program = program_of(lambda k, s: random_words(k, s, 4000), KEY, STEP).program
    assert program.micro_steps < 21.3 * 4000
    assert max(row.out_length for row in program.rows if row) == 4000


def test_refusals() -> None:
    x = floats(3)
    refused: list[tuple[str, Callable[[Any, Any], Any]]] = [
        ("a dropout rate of 1", lambda k, s: dropout(x, 1.0, k, s)),
        ("a dropout rate of -0.1", lambda k, s: dropout(x, -0.1, k, s)),
        (r"give \(2,\)", lambda k, s: random_words(s, s, 4)),
        (r"give \(2,\)", lambda k, s: random_words(k, k, 4)),
        ("0 words at site 0", lambda k, s: random_words(k, s, 0)),
        ("at site -1", lambda k, s: random_words(k, s, 1, site=-1)),
    ]
    for why, function in refused:
        with pytest.raises(TraceError, match=why):
            function(KEY, STEP)
