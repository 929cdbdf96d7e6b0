"""What every room's tests share: hypothesis profiles and the contract compiler."""

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from contracts import build

# Deadlines are off: a slow machine is not a wrong answer. In CI examples are drawn from a fixed
# seed, so that a red run is red for everybody.
settings.register_profile("dev", deadline=None)
settings.register_profile(
    "ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if IN_CI else "dev"))


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A command that runs in this process sets logging up; the next test has not asked for it."""
    names = (None, "rollup", "bisection", "prover")
    loggers = [logging.getLogger(name) for name in names]
    before = [(list(logger.handlers), logger.level) for logger in loggers]
    yield
    for logger, (handlers, level) in zip(loggers, before, strict=True):
        logger.handlers[:] = handlers
        logger.setLevel(level)


@pytest.fixture(scope="session")
def toolchain() -> None:
    """The contract compiler, installed; without it a visible skip, or in CI a failure."""
    try:
        build.ensure_toolchain()
    except build.ToolchainError as error:
        if IN_CI:
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
