"""Every name of the standard is offered, or refused with a reason; errors say where they stand."""

import inspect
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import array_api_strict
import numpy as np
import pytest

from prover.tracer import TraceError, gradient, namespace, softmax
from prover.tracer.namespace import linalg, refused
from tests.prover.traced import floats, program_of

xp: Any = namespace
HERE = Path(__file__).name
A, V = floats(3, 4), floats(4)
INTS = np.arange(12, dtype=np.int32).reshape(3, 4)
LONG = floats(100)

OWN = {"ArrayAPIStrictFlags", "Device", "ModuleType"}
"""Of array_api_strict, and not of the standard."""


def public(module: Any) -> set[str]:
    names = {name for name in dir(module) if not name.startswith("_")}
    return {name for name in names - OWN if "array_api_strict_flags" not in name}


STANDARD = sorted(public(array_api_strict) | {"fft", "linalg", "e", "inf", "nan", "newaxis", "pi"})
LINALG = sorted({*array_api_strict.linalg.__all__, "eig", "eigvals"})


@pytest.mark.parametrize("name", STANDARD)
def test_every_name_of_the_standard_is_offered_or_refused(name: str) -> None:
    if name in refused.NAMES:
        assert not hasattr(xp, name)
        with pytest.raises(TraceError, match=rf"^{name} cannot be traced; \w") as caught:
            getattr(xp, name)
        assert "\n" not in str(caught.value)
        assert isinstance(caught.value, xp.UnsupportedError)
    else:
        assert name in xp.__all__
        made = getattr(xp, name)
        assert not callable(made) or made.__doc__


@pytest.mark.parametrize("name", LINALG)
def test_every_name_of_linear_algebra_is_offered_or_refused(name: str) -> None:
    if name in linalg.__all__:
        assert callable(getattr(linalg, name))
    else:
        with pytest.raises(TraceError, match=rf"^linalg.{name} cannot be traced; \w"):
            getattr(xp.linalg, name)


def test_what_is_refused_is_of_the_standard() -> None:
    assert set(refused.NAMES) <= {*STANDARD}
    assert set(refused.LINALG) <= {*LINALG}
    assert not set(refused.NAMES) & set(xp.__all__)


@pytest.mark.parametrize("name", sorted(set(STANDARD) & set(xp.__all__)))
def test_arguments_are_called_as_the_standard_calls_them(name: str) -> None:
    theirs, ours = getattr(array_api_strict, name, None), getattr(xp, name)
    if not inspect.isfunction(theirs) or not inspect.isfunction(ours):
        return
    named = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    wanted = {p.name for p in inspect.signature(theirs).parameters.values() if p.kind in named}
    known = set(inspect.signature(ours).parameters)
    assert wanted - known <= {"x", "x1", "x2", "arrays", "shapes"}


def test_a_name_of_nothing_is_no_attribute() -> None:
    for module, name in ((xp, "soft"), (linalg, "soft")):
        with pytest.raises(AttributeError, match=r"has no (linalg\.)?soft") as caught:
            getattr(module, name)
        assert not isinstance(caught.value, TraceError)
    assert "exp" in dir(xp)


REFUSED: list[tuple[str, Callable[..., Any]]] = [
    ("make it an input", lambda a, i: xp.add(a[0, 0], LONG)),
    ("make it an input", lambda a, i: xp.exp(LONG)),
    ("make it an input", lambda a, i: xp.asarray(LONG)),
    ("say dtype=float32", lambda a, i: xp.asarray(np.zeros(3))),
    ("there are none here", lambda a, i: xp.asarray([])),
    ("there are none here", lambda a, i: xp.zeros((2, 0))),
    ("no empty arrays", lambda a, i: xp.arange(3, 3)),
    ("step that is not 0", lambda a, i: xp.arange(1, 3, 0)),
    ("does not fit int32", lambda a, i: xp.asarray([1, 1 << 31])),
    ("does not fit int32", lambda a, i: xp.full(3, 0.5, dtype=xp.int32)),
    ("use stack or concat", lambda a, i: xp.asarray([a, a])),
    ("cannot compute with", lambda a, i: xp.asarray("one")),
    ("cannot compute with complex128", lambda a, i: xp.asarray(1j)),
    ("int64 is no dtype", lambda a, i: xp.zeros(3, dtype=np.int64)),
    ("on no device", lambda a, i: xp.zeros(3, device="cpu")),
    ("no array of numbers", lambda a, i: xp.asarray([[1], [1, 2]])),
    ("convert with astype", lambda a, i: xp.add(a, i[0])),
    ("convert with astype", lambda a, i: xp.logical_and(a > 0, i)),
    ("convert with astype", lambda a, i: xp.floor(a > 0)),
    ("convert with astype", lambda a, i: xp.sum(a > 0)),
    ("convert with astype", lambda a, i: xp.mean(i)),
    ("convert with astype", lambda a, i: xp.bitwise_or(a, a)),
    ("convert with astype", lambda a, i: xp.concat([a, i])),
    ("of floats use floor", lambda a, i: xp.floor_divide(a, 2.0)),
    ("positive number as divisor", lambda a, i: xp.remainder(i, i)),
    ("positive number as divisor", lambda a, i: xp.floor_divide(i, -3)),
    ("shift by 0 to 31", lambda a, i: xp.bitwise_left_shift(i, 32)),
    ("whole and half exponents", lambda a, i: xp.pow(a, 0.3)),
    (r"use exp\(y \* log\(x\)\)", lambda a, i: xp.pow(2.0, a)),
    ("is none; convert", lambda a, i: xp.pow(i, -1)),
    ("no axis 2", lambda a, i: xp.max(i, axis=2)),
    ("name one twice", lambda a, i: xp.sum(a, axis=(0, -2))),
    ("leaves none with correction=3", lambda a, i: xp.var(a, axis=0, correction=3)),
    ("needs an axis", lambda a, i: xp.take(a, i[0])),
    ("needs an axis", lambda a, i: xp.cumulative_sum(a)),
    ("up to 4096", lambda a, i: xp.cumulative_sum(xp.zeros(5000))),
    ("place 4 is outside of 3", lambda a, i: xp.take(a, [0, 4], axis=0)),
    ("needs int32 places, not float64", lambda a, i: xp.take(a, [0.5], axis=0)),
    ("needs int32 places", lambda a, i: xp.take_along_axis(a, a)),
    ("number of axes", lambda a, i: xp.take_along_axis(a, i[0])),
    ("use take for arrays", lambda a, i: a[i]),
    ("takes a mask first", lambda a, i: xp.where(i, a, a)),
    ("less than 2\\^24", lambda a, i: xp.argmax(xp.zeros(1 << 24))),
    ("and no sorter", lambda a, i: xp.searchsorted(a, a)),
    ("give one shift", lambda a, i: xp.roll(a, (1, 2, 3), axis=(0, 1))),
    ("use take where they differ", lambda a, i: xp.repeat(a, [1, 2, 3], axis=0)),
    ("numbers of 1 or more", lambda a, i: xp.tile(a, (0, 2))),
    ("one each", lambda a, i: xp.moveaxis(a, (0, 1), (0,))),
    ("stack takes arrays of one shape", lambda a, i: xp.stack([a, a[0]])),
    ("one array or more", lambda a, i: xp.concat([])),
    ("do not stand behind", lambda a, i: xp.concat([a, a[:, :2]])),
    ("differ in their axes", lambda a, i: xp.concat([a, a[0]])),
    ("leave none", lambda a, i: xp.diff(a, axis=0, n=3)),
    ("not of size 1", lambda a, i: xp.squeeze(a, (0, 1))),
    ("no place 3", lambda a, i: xp.expand_dims(a, axis=3)),
    ("triangle is of matrices", lambda a, i: xp.tril(a[0])),
    ('"xy" or "ij"', lambda a, i: xp.meshgrid(a)),
    ("do not multiply", lambda a, i: xp.matmul(a, a)),
    ("differ along axis", lambda a, i: xp.vecdot(a, a[:, :2])),
    ("differ in size", lambda a, i: xp.tensordot(a, a, axes=1)),
    ("takes no scalars", lambda a, i: xp.vecdot(a[0, 0], a)),
    ("vectors of three", lambda a, i: xp.linalg.cross(a, a)),
    ("two vectors", lambda a, i: xp.linalg.outer(a, a)),
    ("no diagonal 4", lambda a, i: xp.linalg.diagonal(a, offset=4)),
    ("where matrices are needed", lambda a, i: xp.linalg.trace(a[0])),
    ("ord 1, 2 or inf", lambda a, i: xp.linalg.vector_norm(a, ord=3)),
    ('ord "fro"', lambda a, i: xp.linalg.matrix_norm(a, ord="nuc")),
    ("square matrices", lambda a, i: xp.linalg.matrix_power(a, 2)),
    ("no kind of dtypes", lambda a, i: xp.isdtype(a.dtype, "rational")),
    ("no common dtype", lambda a, i: xp.result_type(a, i, 1.0)),
    ("ask iinfo", lambda a, i: xp.finfo(i)),
    ("ask finfo", lambda a, i: xp.iinfo(a)),
    ("sort cannot be traced; sort outside", lambda a, i: xp.sort(a)),
    ("float64 cannot be traced; .* use float32", lambda a, i: xp.astype(a, xp.float64)),
]


@pytest.mark.parametrize(("why", "function"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused_says_why_and_where(why: str, function: Callable[..., Any]) -> None:
    with pytest.raises(TraceError, match=why) as caught:
        program_of(function, A, INTS)
    line = function.__code__.co_firstlineno
    assert str(caught.value).endswith(f"{HERE}:{line})")
    assert "\n" not in str(caught.value)


def test_the_line_is_the_users_innermost_and_only_while_tracing() -> None:
    def model(a: Any) -> Any:
        return softmax(xp.astype(a, np.int32))

    with pytest.raises(TraceError) as caught:
        program_of(lambda a: gradient(model(a), {"a": a}), A)
    assert str(caught.value).endswith(f"{HERE}:{model.__code__.co_firstlineno + 1})")
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - what was written just now
    assert str(again) == str(caught.value)
    outside: list[Callable[[], Any]] = [lambda: xp.zeros(3), lambda: xp.sort]
    for function in outside:
        with pytest.raises(TraceError) as caught:
            function()
        assert HERE not in str(caught.value)
