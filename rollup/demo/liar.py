"""A worker with one fault: `python -m rollup.demo.liar CONFIG.json`.

It does its jobs as any worker does, but in one claim of its first job one scalar operation gives a
wrong bit; from there on everything it computes is right. In a dispute it stands by what it
claimed.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bisection.machine import Claim
from prover import execute
from prover.backends import Backend
from prover.commit.keccak import Hash
from prover.commit.tensor import Words
from prover.content import ContentStore
from prover.execute import Result, result
from prover.program import Program
from prover.state import State
from prover.trace import TensorTrace
from rollup import files, jobs, parties, process, report, session
from rollup.client import GatewayClient
from rollup.demo.fault import FaultyTrace, ScalarFault
from rollup.follower import Follower
from rollup.l1.accounts import dev_signer
from rollup.l1.devnet import DEFAULT_SEED
from rollup.traces import ContentTraces


@dataclass(frozen=True, slots=True)
class Config:
    """What the liar is told. `first_step` is the faulty claim's; the position counts from there."""

    l1: str
    deployment: str
    gateway: str
    content: str
    jobs: str
    report: str
    account: int
    backend: str
    poll: float
    first_step: int
    position: int
    bit: int

    def save(self, path: Path) -> None:
        """Writes the file that `main` reads."""
        files.write_json(path, asdict(self))


class FaultyExecute:
    """Runs claims; the one from `first_step` with the fault."""

    def __init__(self, chosen: Backend, first_step: int, fault: ScalarFault) -> None:
        self._backend = chosen
        self._first_step = first_step
        self._fault = fault

    def __call__(
        self,
        program: Program,
        first_step: int,
        steps: int,
        params: Sequence[Words],
        inputs: Sequence[Words],
        roots: tuple[Hash, Hash],
    ) -> Result:
        """See `rollup.worker.Execute`."""
        if first_step != self._first_step:
            return execute.run(program, first_step, steps, params, inputs, self._backend)
        start = State.start(program.depths, params, inputs)
        trace = FaultyTrace(program, first_step, steps, start, self._backend, self._fault)
        return result(program, trace.state(trace.length))


class FaultyTraces:
    """Honest traces of all claims but the faulty one."""

    def __init__(
        self,
        honest: ContentTraces,
        follower: Follower,
        content: ContentStore,
        chosen: Backend,
        config: Config,
    ) -> None:
        self._honest = honest
        self._follower = follower
        self._content = content
        self._backend = chosen
        self._config = config

    def __call__(self, claim: Claim) -> TensorTrace:
        """See `bisection.machine.TraceFactory`."""
        work = self._follower.locate(claim.id).work
        if work.first_step != self._config.first_step:
            return self._honest(claim)
        program = self._content.program(work.program)
        params, inputs = self._content.segment(work.params), self._content.segment(work.inputs)
        start = State.start(program.depths, params, inputs)
        fault = ScalarFault(self._config.position, self._config.bit)
        return FaultyTrace(program, work.first_step, work.steps, start, self._backend, fault)


def main(path: Path) -> None:
    """Works, then defends what it claimed, until it is stopped."""
    report.start_logging("text")
    config = Config(**files.read_json(path, "configuration"))
    chosen = parties.backend(config.backend)
    content = ContentStore(Path(config.content))
    contracts = session.connect(config.l1, Path(config.deployment))
    signer = dev_signer(DEFAULT_SEED, config.account)
    fault = ScalarFault(config.position, config.bit)
    done = parties.work(
        jobs.read(Path(config.jobs)),
        parties.identity(contracts, signer),
        GatewayClient(config.gateway),
        content,
        FaultyExecute(chosen, config.first_step, fault),
    )
    files.write_json(Path(config.report), done)
    follower = parties.follower(contracts)
    honest = parties.traces(follower, Path(config.content), chosen)
    traces = FaultyTraces(honest, follower, content, chosen, config)
    with session.serving():
        session.repeat(parties.defence(contracts, signer, follower, traces), config.poll)


if __name__ == "__main__":
    sys.exit(process.ended(lambda: main(Path(sys.argv[1]))))
