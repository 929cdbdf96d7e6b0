"""A worker on a device and a validator without one: the same claims, and the same disputes.

Both run in the interpreter too, on less: what is skipped here is what needs a real device.
"""

from collections.abc import Callable
from random import Random

import pytest

from prover.backends import backend
from prover.backends.cuda.backend import CudaBackend
from prover.backends.cuda.device import CupyDevice, Device
from prover.execute import run
from prover.reference import Place
from rollup.demo.fault import FaultyTrace, scalar_fault
from tests.examples.cases import CASES, Setting
from tests.examples.court import Court, convene
from tests.prover.cuda.device import Emulated
from tests.prover.cuda.ways import DEVICES, NEEDS_COMPILER, NEEDS_DEVICE, backend_on
from tests.prover.generators import Seeded, case
from tests.prover.replay import compare

Make = Callable[[], Device]
HOST = backend("numba")


@pytest.fixture(scope="module")
def court() -> Court:
    return convene()


@pytest.mark.parametrize("make", DEVICES)
def test_any_program_from_anywhere_to_anywhere(make: Make) -> None:
    """The suite of all backends: whole steps on the device, parts of them on the host."""
    device = make()
    used = backend_on(device)
    for seed in range(250 if isinstance(device, CupyDevice) else 8):
        source = Seeded([77, seed])
        drawn = case(source)
        end = 2 * drawn.program.micro_steps
        cuts = sorted({0, end, *(source.integer(0, end) for _ in range(4))})
        compare(drawn.program, drawn.first_step, drawn.state, cuts, used)


def lie(setting: Setting, used: CudaBackend) -> FaultyTrace:
    """A run with one wrong bit at a random place, which shows at the claim's end."""
    random, honest = Random(5), setting.honest(HOST)
    truth = honest.states([honest.length])
    rows = list(setting.rows.items())
    while True:
        number, row = random.choice(rows)
        step = setting.first_step + random.randrange(setting.steps)
        where = Place(step, number, random.randrange(row.elements), random.randrange(row.fold))
        fault = scalar_fault(setting.program, setting.first_step, where, random.randrange(32))
        made = setting.faulty(fault, used)
        if made.states([made.length]) != truth:
            return made


def convict(name: str, device: Device, court: Court) -> None:
    setting = CASES[name].disputed()
    worker = lie(setting, backend_on(device))
    (posted,) = court.post(setting.program, [worker])
    court.convict(posted, setting.honest(HOST))


@NEEDS_COMPILER
def test_a_dispute_over_an_emulated_run(court: Court) -> None:
    device = Emulated()
    convict("digits", device, court)
    assert device.launches > 20, "the device had no part in it"


@pytest.mark.gpu
@NEEDS_DEVICE
@pytest.mark.parametrize("name", CASES)
def test_a_validator_without_a_device_convicts_a_worker_with_one(name: str, court: Court) -> None:
    convict(name, CupyDevice(), court)


@pytest.mark.gpu
@NEEDS_DEVICE
@pytest.mark.parametrize("name", CASES)
def test_honest_claims_are_the_validators(name: str) -> None:
    setting = CASES[name].disputed()
    runs = [
        run(setting.program, setting.first_step, setting.steps, *setting.words, used)
        for used in (HOST, backend("cupy"))
    ]
    assert runs[0].params_root == runs[1].params_root
    assert runs[0].outputs_root == runs[1].outputs_root
