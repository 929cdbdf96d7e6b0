"""The register of jobs as a Python object (see ``contracts``)."""

from dataclasses import dataclass
from typing import Any

from prover.commit.keccak import Hash
from rollup.l1.accounts import Signer
from rollup.l1.bound import Bound, Place
from rollup.l1.chain import At, BlockNumber, Mined
from rollup.protocol.ledger.types import JobIndex, Units
from rollup.protocol.types import Seconds


@dataclass(frozen=True, slots=True)
class JobOpened:
    """A job: a program, data and a start. ``work`` are units a step."""

    job: JobIndex
    program: Hash
    work: Units
    first_step: int
    registered: Seconds
    inputs: Hash
    params: Hash
    place: Place


class JobsContract(Bound):
    """Which training and inference the ledger scores."""

    artifact_name = "Jobs"

    def count(self, block: At | None = None) -> int:
        """How many jobs were opened."""
        return int(self.read("count", block=block))

    def open(
        self, signer: Signer, program: Hash, first_step: int, inputs: Hash, params: Hash
    ) -> tuple[JobIndex, Mined]:
        """Governor: opens a job; its index."""
        mined = self.send(signer, "open", program, first_step, inputs, params)
        (job,) = [
            JobIndex(values["job"])
            for name, values in self.decode(mined.logs)
            if name == "JobOpened"
        ]
        return job, mined

    def opened(self, first: BlockNumber, last: BlockNumber) -> list[JobOpened]:
        """Jobs opened in L1 blocks first..last."""
        found = self.events("JobOpened", first, last)
        return [_opened(values, place) for values, place in found]


def _opened(values: dict[str, Any], place: Place) -> JobOpened:
    return JobOpened(
        JobIndex(values["job"]),
        Hash(values["program"]),
        Units(values["work"]),
        values["firstStep"],
        Seconds(values["registered"]),
        Hash(values["inputs"]),
        Hash(values["params"]),
        place,
    )
