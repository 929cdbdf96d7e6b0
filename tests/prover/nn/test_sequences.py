"""Attention, embeddings, norms and losses against torch, by central differences, and as rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from prover.backends import backend
from prover.execute import run
from prover.plan import plan
from prover.tracer import (
    TraceError,
    attention,
    batch_norm,
    causal_mask,
    cross_entropy,
    embedding,
    layer_norm,
    log_softmax,
    mean_squared_error,
    merge_heads,
    rms_norm,
    softmax,
    split_heads,
    trace,
)
from prover.tracer.random import dropout_factors
from tests.prover.nn.against import check_differences, check_torch, close, torch_or_skip
from tests.prover.traced import evaluate, floats, opcodes, program_of

few = settings(max_examples=6, deadline=None, derandomize=True)
LABELS = np.array([[3, 0, 6], [1, 6, 6]], np.int32)
SEEN = np.random.default_rng(0).random((5, 6)) < 0.6
SEEN[:, 2] = True


def heads(x: Any) -> Any:
    """Attention of a whole layer: heads apart, attention, heads together."""
    return merge_heads(attention(*(split_heads(x, 2),) * 3, causal=True))


CASES: dict[str, tuple[Callable[..., Any], Callable[[Any], Callable[..., Any]], tuple[Any, ...]]]
CASES = {
    "softmax": (
        lambda x: softmax(x, 1), lambda torch: lambda x: torch.softmax(x, 1), (floats(3, 5, 4),),
    ),
    "log_softmax": (
        lambda x: log_softmax(x, 0), lambda torch: lambda x: torch.log_softmax(x, 0),
        (floats(5, 4),),
    ),
    "layer_norm": (
        layer_norm, lambda torch: lambda x: torch.nn.functional.layer_norm(x, (40,)),
        (floats(3, 40),),
    ),
    "layer_norm scaled": (
        layer_norm, lambda torch: lambda x, w: torch.nn.functional.layer_norm(x, (5,), w),
        (floats(2, 3, 5), floats(5)),
    ),
    "layer_norm moved": (
        lambda x, b: layer_norm(x, bias=b),
        lambda torch: lambda x, b: torch.nn.functional.layer_norm(x, (5,), None, b),
        (floats(2, 5), floats(5)),
    ),
    "rms_norm": (
        rms_norm,
        lambda torch: lambda x, w: torch.nn.functional.rms_norm(x, (5,), w, 1e-6),
        (floats(2, 3, 5), floats(5)),
    ),
    "batch_norm": (
        lambda x, m, v, w, b: batch_norm(x, m, v * v, w, b),
        lambda torch: lambda x, m, v, w, b: (
            (x - m[:, None, None]) / torch.sqrt(v * v + 1e-5)[:, None, None] * w[:, None, None]
            + b[:, None, None]
        ),
        (floats(2, 3, 4, 5), floats(3), floats(3) + 3, floats(3, seed=1), floats(3, seed=2)),
    ),
    "batch_norm plain": (
        lambda x, m, v: batch_norm(x, m, v * v),
        lambda torch: lambda x, m, v: (x - m) / torch.sqrt(v * v + 1e-5),
        (floats(4, 3), floats(3), floats(3) + 3),
    ),
    "cross_entropy of labels": (
        lambda x, i: cross_entropy(x * 3, i),
        lambda torch: lambda x, i: torch.nn.functional.cross_entropy(
            x.reshape(-1, 7) * 3, i.long().reshape(-1)
        ),
        (floats(2, 3, 7), LABELS),
    ),
    "cross_entropy of shares": (
        lambda x, y: cross_entropy(x * 3, softmax(y)),
        lambda torch: lambda x, y: torch.nn.functional.cross_entropy(x * 3, torch.softmax(y, 1)),
        (floats(3, 7), floats(3, 7, seed=1)),
    ),
    "mean_squared_error": (
        mean_squared_error, lambda torch: torch.nn.functional.mse_loss,
        (floats(3, 7), floats(3, 7, seed=1)),
    ),
    "embedding": (
        lambda t, i: embedding(i, t),
        lambda torch: lambda t, i: torch.nn.functional.embedding(i, t),
        (floats(7, 4), LABELS),
    ),
    "attention that sees some": (
        attention,
        lambda torch: torch.nn.functional.scaled_dot_product_attention,
        (floats(2, 5, 4), floats(2, 6, 4), floats(2, 6, 3), SEEN),
    ),
    "attention with biases": (
        lambda q, k, v, m: attention(q, k, v, m, scale=0.7),
        lambda torch: lambda q, k, v, m: torch.nn.functional.scaled_dot_product_attention(
            q, k, v, m, scale=0.7
        ),
        (floats(2, 3, 5, 4), floats(2, 3, 6, 4), floats(2, 3, 6, 3), floats(3, 5, 6)),
    ),
    "attention over many": (
        lambda q, k, v: attention(q, k, v, causal=True),
        lambda torch: lambda q, k, v: torch.nn.functional.scaled_dot_product_attention(
            q, k, v, is_causal=True
        ),
        (floats(45, 4), floats(45, 4, seed=1), floats(45, 3)),
    ),
    "keys that all share": (
        attention, lambda torch: torch.nn.functional.scaled_dot_product_attention,
        (floats(2, 3, 5, 4), floats(6, 4), floats(3, 6, 3)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_torchs(name: str) -> None:
    torch = torch_or_skip()
    ours, theirs, arrays = CASES[name]
    check_torch(ours, theirs(torch), arrays)


@pytest.mark.parametrize("name", [name for name in CASES if name != "attention over many"])
def test_gradients_by_differences(name: str) -> None:
    ours, _, arrays = CASES[name]
    check_differences(ours, arrays)


@given(
    batch=some.lists(some.integers(1, 3), max_size=2),
    queries=some.integers(1, 6),
    more=some.integers(0, 3),
    width=some.integers(1, 5),
    causal=some.booleans(),
)
@few
def test_attention_of_any_shape(
    batch: list[int], queries: int, more: int, width: int, causal: bool
) -> None:
    torch = torch_or_skip()
    keys = queries + more
    arrays = floats(*batch, queries, width), floats(*batch, keys, width), floats(*batch, keys, 3)
    mask = torch.ones(queries, keys).tril(more).bool() if causal else None
    check_torch(
        lambda q, k, v: attention(q, k, v, causal=causal),
        lambda q, k, v: torch.nn.functional.scaled_dot_product_attention(q, k, v, mask),
        arrays,
    )


@given(
    shape=some.lists(some.integers(1, 4), min_size=1, max_size=3),
    width=some.integers(2, 70),
    axis=some.integers(-1, 1),
)
@few
def test_norms_of_any_shape(shape: list[int], width: int, axis: int) -> None:
    nn = torch_or_skip().nn.functional
    x, w, b = floats(*shape, width), floats(width), floats(width, seed=1)
    labels = np.arange(np.prod(shape), dtype=np.int32).reshape(shape) % width
    check_torch(lambda x: softmax(x, axis), lambda x: nn.softmax(x, axis), (x,))
    check_torch(lambda x: log_softmax(x, axis), lambda x: nn.log_softmax(x, axis), (x,))
    # Where two values are all, what is left of them is their sign: the more so without an eps.
    check_torch(
        lambda x, w, b: layer_norm(x, w, b, 0.1),
        lambda x, w, b: nn.layer_norm(x, (width,), w, b, 0.1),
        (x, w, b),
    )
    check_torch(
        cross_entropy,
        lambda x, i: nn.cross_entropy(x.reshape(-1, width), i.long().reshape(-1)),
        (x, labels),
    )


@pytest.mark.parametrize("step", [0, 2, 7])
def test_mini_batches_of_a_committed_permutation(step: int) -> None:
    """The step picks a row of the permutation, and that picks rows of the data."""
    data, order = floats(12, 3), np.random.default_rng(0).permutation(12).astype(np.int32)

    def function(params: Any, inputs: Any, number: Any) -> tuple[Any, Any]:
        places = inputs["order"][number % inputs["order"].shape[0]]
        return {}, {"batch": embedding(places, inputs["data"])}

    inputs = {"data": data, "order": order.reshape(3, 4)}
    traced = trace(function, {}, inputs)
    assert opcodes(traced.program) == ["GATHER"]
    ran = run(traced.program, step, 1, [], traced.inputs.words(inputs), backend())
    batch = traced.outputs.arrays(ran.outputs)["batch"]
    assert np.array_equal(batch, data[order.reshape(3, 4)[step % 3]])
    assert np.array_equal(batch, function({}, inputs, step)[1]["batch"])


def test_attention_of_several_heads() -> None:
    x = floats(2, 5, 6)
    parts = [x[..., :3], x[..., 3:]]
    expected = np.concatenate([attention(one, one, one, causal=True) for one in parts], axis=-1)
    np.testing.assert_allclose(evaluate(heads, x), expected, rtol=1e-5, atol=1e-6)
    check_differences(heads, (x,))


def test_shares_that_are_dropped() -> None:
    key, step = np.array([4, 5], np.int32), np.asarray(6, np.int32)

    def function(q: Any, k: Any, v: Any, key: Any, step: Any) -> Any:
        factors = dropout_factors(q, (2, 5, 6), 0.4, key, step)
        return attention(q, k, v, factors=factors)

    arrays = floats(2, 5, 4), floats(2, 6, 4), floats(2, 6, 3)
    factors = dropout_factors(arrays[0], (2, 5, 6), 0.4, key, step)
    assert {*factors.ravel().tolist()} == {0.0, float(np.float32(1 / 0.6))}
    q, k, v = arrays
    expected = (softmax(q @ k.mT / 2) * factors) @ v
    np.testing.assert_allclose(function(*arrays, key, step), expected, rtol=1e-5, atol=1e-6)
    check_differences(function, (*arrays, key, step))


def test_a_query_that_sees_nothing_sees_all_alike() -> None:
    arrays = floats(3, 4), floats(2, 4), floats(2, 3)
    nothing = np.zeros((3, 2), np.bool_)
    actual = evaluate(attention, *arrays, nothing)
    np.testing.assert_allclose(actual, np.broadcast_to(arrays[2].mean(axis=0), (3, 3)), rtol=1e-5)
    check_differences(attention, (*arrays, nothing))
    check_differences(lambda q, k, v: attention(q, k, v, causal=True), arrays)


def test_what_comes_later_is_not_seen() -> None:
    seen = evaluate(lambda x: causal_mask(x, 3, 5), floats(1))
    assert np.array_equal(seen, np.tri(3, 5, 2, dtype=np.bool_))
    x = floats(6, 4)
    y = np.concatenate([x[:4], 100 * x[4:]])
    before, after = (evaluate(lambda x: attention(x, x, x, causal=True), one)[:4] for one in (x, y))
    assert np.array_equal(before, after)


def test_scores_that_are_large_do_no_harm() -> None:
    x = floats(4, 3) * np.float32(1e18)
    actual = evaluate(lambda x: attention(x, x, x, causal=True, scale=1.0), x)
    assert np.isfinite(actual).all()
    assert np.array_equal(actual[0], x[0])
    logits = np.array([[3e38, -3e38], [0, 0]], np.float32)
    loss = evaluate(cross_entropy, logits, np.array([0, 1], np.int32))
    close(loss, np.log(2) / 2, 1e-6)


def test_the_reference_gives_the_same_bits() -> None:
    def function(x: Any, i: Any) -> Any:
        return cross_entropy(attention(x, x, x, causal=True), i)

    arrays = floats(3, 4), np.array([0, 3, 1], np.int32)
    fast, slow = (evaluate(function, *arrays, used=backend(one)) for one in ("numba", "reference"))
    assert np.array_equal(fast.view(np.uint32), slow.view(np.uint32))


def test_attention_reads_queries_times_keys_seldom() -> None:
    """Rows over queries x keys: the product, the mask, the maximum, exp and its sum; then a product
    that leaves them. Shares are divided by the sum afterwards, over fewer words.
    """
    program = program_of(lambda x: attention(x, x, x, causal=True), floats(7, 5)).program
    rows = [row for row in program.rows if row]
    wide = [row.opcode.name for row in rows if row.out_length == 49]
    assert len([name for name in wide if name != "ILE"]) == 1 + 1 + 1 + 20
    divisions = [row.out_length for row in rows if row.opcode.name == "DIV"]
    assert divisions == [35]
    plan(program)


def test_a_norm_with_given_variance_is_one_row_over_the_image() -> None:
    arrays = floats(2, 3, 8, 8), floats(3), floats(3) ** 2, floats(3), floats(3)
    program = program_of(batch_norm, *arrays).program
    assert [row.opcode.name for row in program.rows if row and row.out_length > 3] == ["FMA"]
    assert opcodes(program)[-1] == "FMA"


def test_labels_that_are_no_class() -> None:
    logits = floats(2, 3)
    labels = np.array([1, 9], np.int32)
    for found in (cross_entropy(logits, labels), evaluate(cross_entropy, logits, labels)):
        parts = log_softmax(logits)
        none = np.log(np.exp(logits[1] - logits[1].max()).sum())
        close(found, (-parts[0, 1] + none) / 2, 1e-6)


def test_refusals() -> None:
    x = floats(4, 6)
    for why, function in [
        ("do not fit", lambda x: attention(x, x[:, :3], x)),
        ("do not fit", lambda x: attention(x, x, x[:3])),
        ("makes its own mask", lambda x: attention(x, x, x, x > 0, causal=True)),
        ("do not split into 4 heads", lambda x: split_heads(x, 4)),
        ("give int32 labels of shape", lambda x: cross_entropy(x, x[0])),
    ]:
        for way in (lambda f: f(x), lambda f: program_of(f, x)):
            with pytest.raises(TraceError, match=why):
                way(function)
