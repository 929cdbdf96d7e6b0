"""Tasks run on all threads at once, one gang at a time, and errors come back."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from prover.errors import ArithmeticModeError
from prover.native import threads
from prover.native.threads import available, spread


@pytest.mark.parametrize("count", [1, 2, 5])
def test_each_share_is_called_once_and_together(count: int) -> None:
    meet = threading.Barrier(count)
    seen: list[tuple[int, int]] = []

    def task(thread: int, of: int) -> None:
        meet.wait(10)
        seen.append((thread, of))

    spread(task, count)
    assert sorted(seen) == [(thread, count) for thread in range(count)]


def test_callers_take_turns() -> None:
    inside: list[int] = []

    def call(_: int) -> None:
        meet = threading.Barrier(3)

        def task(thread: int, of: int) -> None:
            meet.wait(10)  # a gang that is half started would hang here
            if thread == 0:
                inside.append(1)
                assert sum(inside) == 1
            meet.wait(10)
            if thread == 0:
                inside.pop()

        for _ in range(20):
            spread(task, 3)

    with ThreadPoolExecutor(4) as callers:
        list(callers.map(call, range(4)))


@pytest.mark.parametrize("guilty", [0, 2])
def test_what_a_share_raises_comes_back(guilty: int) -> None:
    def task(thread: int, of: int) -> None:
        if thread == guilty:
            raise ValueError("share 2 failed")

    with pytest.raises(ValueError, match="share 2 failed"):
        spread(task, 3)
    spread(lambda thread, of: None, 3)


def test_a_thread_with_other_arithmetic_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    caller = threading.get_ident()

    def check() -> None:
        if threading.get_ident() != caller:
            raise ArithmeticModeError("flushes")

    monkeypatch.setattr(threads, "check_arithmetic", check)
    spread(lambda thread, of: None, 1)
    with pytest.raises(ArithmeticModeError, match="flushes"):
        spread(lambda thread, of: None, 2)


def test_there_is_a_processor() -> None:
    assert available() >= 1
