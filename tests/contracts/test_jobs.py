"""Jobs: opened by the governor alone, of programs that L1 knows and can judge."""

import pytest

from prover.commit.keccak import ZERO_HASH, keccak
from prover.program import Program
from rollup.protocol.ledger.inbox import InboxEntry, InboxKind
from tests.contracts.evm import ZERO, Evm, compiled, reverts
from tests.contracts.ledger import CAPS, COUNTER, DEPTHS
from tests.contracts.whole import Whole, deploy

pytestmark = pytest.mark.usefixtures("toolchain")

INPUTS, PARAMS = keccak(b"inputs"), keccak(b"params")


@pytest.fixture
def whole() -> Whole:
    return deploy()


def test_a_job_is_told_to_the_ledger(whole: Whole) -> None:
    registered = whole.ledger.programs.registeredAt(COUNTER.id)
    for job, inputs in enumerate((INPUTS, ZERO_HASH)):
        assert whole.jobs.open(COUNTER.id, 7, inputs, PARAMS, sender=whole.governor) == job
        entry = InboxEntry(
            InboxKind.JOB, job, COUNTER.work, 7, registered, COUNTER.id, inputs, PARAMS
        )
        rollup = whole.ledger.rollup
        assert rollup.inboxLeaf(rollup.inboxCount() - 1) == entry.leaf
        (event,) = [event for event in whole.chain.events if event.name == "JobOpened"]
        assert event.arguments == {
            "job": job,
            "program": COUNTER.id,
            "work": COUNTER.work,
            "firstStep": 7,
            "registered": registered,
            "inputs": inputs,
            "params": PARAMS,
        }
    assert whole.jobs.count() == 2


def test_only_the_governor_opens_jobs(whole: Whole) -> None:
    for other in ("deployer", "guardian", "anybody"):
        with reverts("NotGovernor"):
            whole.jobs.open(COUNTER.id, 0, INPUTS, PARAMS, sender=whole.chain.account(other))


def test_a_program_has_to_be_registered(whole: Whole) -> None:
    for program in (keccak(b"unknown"), ZERO_HASH):
        with reverts("UnknownProgram"):
            whole.jobs.open(program, 0, INPUTS, PARAMS, sender=whole.governor)
    assert whole.jobs.count() == 0


TWICE = Program.of([row for row in COUNTER.rows if row is not None] * 2, DEPTHS)
"""Two rows, so that every figure of it can be exceeded."""


def knowing(caps: tuple[int, int, int, int]) -> Whole:
    whole = deploy(caps=caps)
    depths = int.from_bytes(bytes(DEPTHS))
    whole.ledger.programs.register(b"".join(TWICE.packed), depths, sender=whole.governor)
    return whole


@pytest.mark.parametrize(
    ("place", "figure"),
    [(0, TWICE.work), (1, TWICE.words), (2, len(TWICE.rows))],
    ids=["work", "words", "rows"],
)
def test_a_program_has_to_be_within_the_caps(place: int, figure: int) -> None:
    def capped(at: int) -> tuple[int, int, int, int]:
        caps = list(CAPS)
        caps[place] = at
        return caps[0], caps[1], caps[2], caps[3]

    exact, tight = knowing(capped(figure)), knowing(capped(figure - 1))
    exact.jobs.open(TWICE.id, 0, INPUTS, PARAMS, sender=exact.governor)
    with reverts("OverCap"):
        tight.jobs.open(TWICE.id, 0, INPUTS, PARAMS, sender=tight.governor)


def test_the_ledger_has_room_for_so_many_jobs(whole: Whole) -> None:
    chain = whole.chain
    assert isinstance(chain, Evm)
    chain.revm.insert_account_storage(whole.jobs.address, 0, 2**16 - 1)
    assert whole.jobs.open(COUNTER.id, 0, INPUTS, PARAMS, sender=whole.governor) == 2**16 - 1
    with reverts("TooManyJobs"):
        whole.jobs.open(COUNTER.id, 0, INPUTS, PARAMS, sender=whole.governor)


def test_a_deployment_without_sense_is_refused(whole: Whole) -> None:
    artifact = compiled("src/Jobs.sol")["Jobs"]
    rollup = whole.ledger.rollup.address
    for fixed in ((ZERO, whole.governor), (rollup, ZERO)):
        with reverts("BadParameter"):
            whole.chain.deploy(artifact, *fixed)


def test_what_was_fixed_can_be_read(whole: Whole) -> None:
    places = (whole.ledger.rollup.address, whole.ledger.programs.address, whole.governor)
    assert (whole.jobs.ROLLUP(), whole.jobs.PROGRAMS(), whole.jobs.GOVERNOR()) == places
