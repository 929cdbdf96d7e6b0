"""Devices to hold against the reference: the interpreter, and a real one where there is one."""

from functools import cache
from typing import Any

import pytest

from prover.backends import DeviceError
from prover.backends.cuda.backend import CudaBackend
from prover.backends.cuda.device import CupyDevice, Device
from prover.backends.cuda.machine import Machine
from prover.backends.cuda.nvrtc import CompilerError, version
from prover.backends.steps import Steps
from tests.prover.cuda.device import Emulated


def _no_compiler() -> str:
    try:
        version()
    except CompilerError as error:
        return str(error)
    return ""


def _no_device() -> str:
    try:
        device()
    except DeviceError as error:
        return str(error)
    return ""


@cache
def device() -> CupyDevice:
    """The real one."""
    return CupyDevice()


@cache
def interpreter(team: int = 0) -> Emulated:
    """The interpreter, whose threads go in teams."""
    return Emulated(team)


NEEDS_COMPILER = pytest.mark.skipif(bool(_no_compiler()), reason=_no_compiler() or "-")
NEEDS_DEVICE = pytest.mark.skipif(bool(_no_device()), reason=_no_device() or "-")

DEVICES: tuple[Any, ...] = (
    pytest.param(interpreter, id="interpreter", marks=NEEDS_COMPILER),
    pytest.param(device, id="device", marks=[pytest.mark.gpu, NEEDS_DEVICE]),
)
"""Of tests that take a `make` and call it for a device."""


def backend_on(used: Device, *, fuse: bool = True) -> CudaBackend:
    """The backend, for steps however small."""
    made = CudaBackend(device=used, worth=1)
    if not fuse:
        made._steps = Steps(1, 1, fuse=False, make=lambda plan, threads: Machine(plan, used))
    return made
