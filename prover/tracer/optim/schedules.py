"""Learning rates that change from step to step, as recurrences over words of the params.

A schedule's words lie in the params as an optimizer's other state does, `schedule:…` floats and
`count:…` ints, so that a claim commits to them and the next claim goes on from them. Each may stand
where an optimizer takes a rate.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, Protocol

from prover.tracer.fields import Arrays
from prover.tracer.nn.core import fma
from prover.tracer.optim.common import (
    LEAST_POWER,
    check_positive,
    float_word,
    held,
    int_word,
    single,
)
from prover.tracer.standard import namespace_of
from prover.tracer.symbols import TraceError, scope


class Schedule(Protocol):
    """A rate for each step."""

    def state(self) -> dict[str, Any]:
        """Its words before the first step."""
        ...

    def rate(self, params: Arrays) -> tuple[Any, dict[str, Any]]:
        """The rate of this step, and its words after it."""
        ...


Rate = float | Schedule


def check_rate(rate: Rate) -> None:
    """Raise TraceError for a number that is no rate; schedules have looked at theirs."""
    if isinstance(rate, int | float):
        check_positive("rate", rate)


def rate_state(rate: Rate) -> dict[str, Any]:
    """The words of a rate that is a schedule; of a number none."""
    return {} if isinstance(rate, int | float) else rate.state()


def minus_rate(rate: Rate, params: Arrays) -> tuple[Any, dict[str, Any]]:
    """-rate of this step, and a schedule's words after it."""
    if isinstance(rate, int | float):
        return single(-rate), {}
    with scope("update.rate"):
        value, after = rate.rate(params)
        return -value, after


@dataclass(frozen=True, slots=True)
class Exponential:
    """rate * decay^t at step t, from 0 on; it stops at 2^-100."""

    start: float
    decay: float

    def __post_init__(self) -> None:
        check_positive("rate", self.start)
        check_positive("decay", self.decay)

    def state(self) -> dict[str, Any]:
        """`schedule:rate`."""
        return {"schedule:rate": float_word(self.start)}

    def rate(self, params: Arrays) -> tuple[Any, dict[str, Any]]:
        """Two rows of one word."""
        value = held(params, "schedule:rate")
        after = namespace_of(value).maximum(value * single(self.decay), LEAST_POWER)
        return value, {"schedule:rate": after}


@dataclass(frozen=True, slots=True)
class StepDecay:
    """The rate is multiplied by `decay` after every so many steps."""

    start: float
    every: int
    decay: float

    def __post_init__(self) -> None:
        check_positive("rate", self.start)
        check_positive("decay", self.decay)
        _check_steps(self.every)

    def state(self) -> dict[str, Any]:
        """`schedule:rate`, and `count:schedule` since it last changed."""
        return {"schedule:rate": float_word(self.start), "count:schedule": int_word(0)}

    def rate(self, params: Arrays) -> tuple[Any, dict[str, Any]]:
        """Six rows of one word."""
        value, count = held(params, "schedule:rate"), held(params, "count:schedule") + 1
        xp = namespace_of(value)
        turns = count == self.every
        lower = xp.maximum(value * single(self.decay), LEAST_POWER)
        return value, {
            "schedule:rate": xp.where(turns, lower, value),
            "count:schedule": xp.where(turns, 0, count),
        }


@dataclass(frozen=True, slots=True)
class Linear:
    """From `start` in a straight line to `end`, which it reaches after `steps` and keeps."""

    start: float
    steps: int
    end: float = 0.0

    def __post_init__(self) -> None:
        _check_ends(self.start, self.end)
        _check_steps(self.steps)

    def state(self) -> dict[str, Any]:
        """`count:schedule`, up to `steps`."""
        return {"count:schedule": int_word(0)}

    def rate(self, params: Arrays) -> tuple[Any, dict[str, Any]]:
        """start + (end - start) * t / steps, in six rows of one word."""
        count = held(params, "count:schedule")
        xp = namespace_of(count)
        slope = (self.end - self.start) / self.steps
        moving = count < self.steps
        line = fma(xp.astype(count, xp.float32), slope, self.start)
        value = xp.where(moving, line, single(self.end))
        return value, {"count:schedule": xp.where(moving, count + 1, count)}


@dataclass(frozen=True, slots=True)
class Cosine:
    """From `start` down half a wave of the cosine to `end`, which it keeps after `steps`.

    The cosine and the sine are turned by pi / steps at every step and kept at length 1.
    """

    start: float
    steps: int
    end: float = 0.0

    def __post_init__(self) -> None:
        _check_ends(self.start, self.end)
        _check_steps(self.steps)

    def state(self) -> dict[str, Any]:
        """`schedule:cosine` and `schedule:sine`, and `count:schedule` up to `steps`."""
        return {
            "schedule:cosine": float_word(1.0),
            "schedule:sine": float_word(0.0),
            "count:schedule": int_word(0),
        }

    def rate(self, params: Arrays) -> tuple[Any, dict[str, Any]]:
        """end + (start - end) * (1 + cosine) / 2, in some 20 rows of one word."""
        c, s = held(params, "schedule:cosine"), held(params, "schedule:sine")
        count = held(params, "count:schedule")
        xp = namespace_of(c)
        moving = count < self.steps
        wave = fma(xp.maximum(c + 1.0, 0.0), (self.start - self.end) / 2, self.end)
        value = xp.where(moving, wave, single(self.end))
        turn_c, turn_s = cosine_and_sine(self.steps)
        new_c, new_s = fma(c, turn_c, -(s * turn_s)), fma(s, turn_c, c * turn_s)
        # One step of Newton's towards 1 / length.
        stretch = fma(fma(new_c, new_c, new_s * new_s), -0.5, 1.5)
        return value, {
            "schedule:cosine": xp.where(moving, new_c * stretch, c),
            "schedule:sine": xp.where(moving, new_s * stretch, s),
            "count:schedule": xp.where(moving, count + 1, count),
        }


@dataclass(frozen=True, slots=True)
class Warmup:
    """For `steps` steps the first rate of `then` times 1 / steps, 2 / steps, ... 1; then `then`."""

    steps: int
    then: Rate

    def __post_init__(self) -> None:
        check_rate(self.then)
        _check_steps(self.steps)
        if isinstance(self.then, Warmup):
            raise TraceError("a warm-up of a warm-up; take one")

    def state(self) -> dict[str, Any]:
        """`count:warmup`, up to `steps`, and the words of `then`."""
        return {"count:warmup": int_word(0), **rate_state(self.then)}

    def rate(self, params: Arrays) -> tuple[Any, dict[str, Any]]:
        """Six rows of one word, one more for each word of `then`."""
        count = held(params, "count:warmup")
        xp = namespace_of(count)
        warm = count < self.steps
        now = count + 1
        full: Any = single(self.then) if isinstance(self.then, int | float) else None
        after: dict[str, Any] = {}
        if not isinstance(self.then, int | float):
            full, after = self.then.rate(params)
        share = xp.astype(now, xp.float32) * (1 / self.steps)
        value = xp.where(warm, share * full, full)
        kept = {name: xp.where(warm, params[name], one) for name, one in after.items()}
        return value, {"count:warmup": xp.where(warm, now, count), **kept}


_ONE: Final = 1 << 256
"""Fixed-point numbers have 256 bits behind the point."""
_PI: Final = 314159265358979323846264338327950288419716939937510582097494 * _ONE // 10**59
_TERMS: Final = 64
"""Of the series: of pi they leave less than 1e-56."""


def cosine_and_sine(steps: int) -> tuple[float, float]:
    """Those of pi / steps by integers: they are constants of a program, whose id must not hang on
    what a platform's C library makes of them.
    """
    angle, term, sums = _PI // steps, _ONE, [0, 0]
    for number in range(_TERMS):
        sums[number % 2] += -term if number & 2 else term
        term = term * angle // (_ONE * (number + 1))
    return sums[0] / _ONE, sums[1] / _ONE


def _check_steps(steps: int) -> None:
    if not 1 <= steps < 1 << 24:
        raise TraceError(f"a schedule of {steps} steps; take 1 to 2^24 - 1")


def _check_ends(start: float, end: float) -> None:
    check_positive("rate", start)
    if not (isfinite(end) and end >= 0):
        raise TraceError(f"the last rate is {end}; take 0 or more")
