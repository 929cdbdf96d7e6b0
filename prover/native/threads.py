"""Threads for compiled code: a task is called once on each of them, all at the same time.

Python threads, because compiled code holds no GIL: unlike numba's own layers they may be entered
from several callers, and a forked process starts its own.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Lock
from typing import Final

from prover.native.mode import check_arithmetic

Task = Callable[[int, int], None]
"""(thread, threads): one thread's share of a work. It writes to what no other thread touches; it
may wait for the other threads, which run at the same time.
"""


def available() -> int:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def spread(task: Task, threads: int) -> None:
    """Call `task(i, threads)` for each i < threads at the same time, i = 0 on the caller's thread.

    Callers that want more than one thread take turns.

    Raises:
        ArithmeticModeError: when the arithmetic of one of the threads is not IEEE-754's; what the
            tasks wrote is then of no use.
        Exception: what a task raised.
    """
    check_arithmetic()
    if threads <= 1:
        task(0, 1)
        return
    gang = _gang()
    with gang.turn:
        others = gang.workers(threads - 1)
        started = [others.submit(_checked, task, number, threads) for number in range(1, threads)]
        try:
            task(0, threads)
        finally:
            wait(started)
        for one in started:
            one.result()


def _checked(task: Task, thread: int, threads: int) -> None:
    try:
        check_arithmetic()
    finally:  # the others may wait for this one
        task(thread, threads)


class _Gang:
    """This process's threads, by how many are wanted."""

    def __init__(self) -> None:
        self.turn = Lock()
        self._pools: dict[int, ThreadPoolExecutor] = {}

    def workers(self, count: int) -> ThreadPoolExecutor:
        if count not in self._pools:
            self._pools[count] = ThreadPoolExecutor(count, thread_name_prefix="prover")
        return self._pools[count]


_GANGS: Final[dict[int, _Gang]] = {}


def _gang() -> _Gang:
    return _GANGS.setdefault(os.getpid(), _Gang())
