"""What a worker is asked to do, as a JSON file.

    [{"kind": "compute", "program": "0x..", "params": "0x..", "inputs": ["0x.."],
      "firstStep": 0, "claimSteps": 44, "claims": 8, "bundle": 1},
     {"kind": "inference", "program": "0x..", "params": "latest", "inputs": ["0x..", "0x.."],
      "firstStep": 0, "claimSteps": 1, "claims": 1, "bundle": 256}]

A job makes `claims` claims for each of its inputs, one after another: each starts from the params
that the one before left. "latest" is what the job before left. `bundle` receipts go under one
signature; 1 signs each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rollup.errors import DocumentError
from rollup.files import read_json, write_json
from rollup.protocol.documents import Fields, octets
from rollup.protocol.receipts import WorkKind
from rollup.protocol.types import U32_MAX, U64_MAX, Hash

LATEST: Final = "latest"
_KINDS: Final = {"compute": WorkKind.COMPUTE, "inference": WorkKind.INFERENCE}
_FIELDS: Final = frozenset(
    {"kind", "program", "params", "inputs", "firstStep", "claimSteps", "claims", "bundle"}
)


@dataclass(frozen=True, slots=True)
class Job:
    """See the module's text. `params` is None for what the job before left."""

    kind: WorkKind
    program: Hash
    params: Hash | None
    inputs: tuple[Hash, ...]
    first_step: int
    claim_steps: int
    claims: int
    bundle: int

    @property
    def receipts(self) -> int:
        """How many receipts the job makes."""
        return self.claims * len(self.inputs)


def read(path: Path) -> list[Job]:
    """The jobs that a file lists.

    Raises:
        ConfigError: when there is no such file.
        DocumentError: when it lists no jobs; the message names the first wrong field.
    """
    raw = read_json(path, "file of jobs")
    if not isinstance(raw, list) or not raw:
        raise DocumentError(f"{path} is no list of jobs; it holds a JSON array of one or more")
    return [_job(value, f"job {place}") for place, value in enumerate(raw)]


def write(path: Path, jobs: Sequence[Job]) -> None:
    """Writes jobs as `read` takes them."""
    kinds = {kind: name for name, kind in _KINDS.items()}
    rows = [
        {
            "kind": kinds[job.kind],
            "program": "0x" + job.program.hex(),
            "params": LATEST if job.params is None else "0x" + job.params.hex(),
            "inputs": ["0x" + root.hex() for root in job.inputs],
            "firstStep": job.first_step,
            "claimSteps": job.claim_steps,
            "claims": job.claims,
            "bundle": job.bundle,
        }
        for job in jobs
    ]
    write_json(path, rows)


def _job(value: object, what: str) -> Job:
    fields = Fields(value, what, _FIELDS)
    kind = fields.string("kind")
    if kind not in _KINDS:
        raise DocumentError(f"{what}.kind is one of {', '.join(_KINDS)}, not {kind!r}")
    inputs = tuple(
        Hash(octets(item, 32, f"{what}.inputs[{place}]"))
        for place, item in enumerate(fields.list("inputs"))
    )
    params = None if fields.string("params") == LATEST else fields.hash("params")
    job = Job(
        _KINDS[kind],
        fields.hash("program"),
        params,
        inputs,
        fields.integer("firstStep"),
        fields.integer("claimSteps"),
        fields.integer("claims"),
        fields.integer("bundle"),
    )
    if not inputs or min(job.claim_steps, job.claims, job.bundle) < 1:
        raise DocumentError(f"{what} needs inputs, and at least 1 claimSteps, claims and bundle")
    if job.claim_steps > U32_MAX or job.first_step + job.claim_steps * job.claims > U64_MAX:
        raise DocumentError(f"{what} has more training steps than a receipt can count")
    return job
