"""The worker: runs jobs claim by claim, keeps what they leave, signs what it did.

Everything that a claim needs to be recomputed is in the folder of content before its receipt is
signed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from prover.backends import Backend
from prover.commit.keccak import Hash
from prover.commit.tensor import Words
from prover.content import ContentStore
from prover.execute import Result
from prover.execute import run as run_program
from prover.plan.profile import register_lengths
from prover.program import Program
from prover.record import Keeping
from prover.record import run as record_run
from prover.row import Segment, index_of, segment_of
from rollup.errors import ConfigError
from rollup.jobs import Job
from rollup.protocol.eip712 import Domain, address_of
from rollup.protocol.entries import Entry, sign_bundle, sign_receipt
from rollup.protocol.receipts import Receipt, Work
from rollup.protocol.types import AccountIndex, Nonce, SlotIndex


class Execute(Protocol):
    """How a claim is run."""

    def __call__(
        self,
        program: Program,
        first_step: int,
        steps: int,
        params: Sequence[Words],
        inputs: Sequence[Words],
        roots: tuple[Hash, Hash],
    ) -> Result:
        """Params and outputs after `steps` training steps from `first_step` on; `roots` are those
        of the segments that params and inputs come from.
        """
        ...


class Executor:
    """Runs claims on a backend; with `keeping`, each leaves checkpoints for a dispute.

    `progress` is told what is run, how far it is and how long.
    """

    def __init__(
        self,
        backend: Backend,
        keeping: Keeping | None = None,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> None:
        self._backend = backend
        self._keeping = keeping
        self._progress = progress

    def __call__(
        self,
        program: Program,
        first_step: int,
        steps: int,
        params: Sequence[Words],
        inputs: Sequence[Words],
        roots: tuple[Hash, Hash],
    ) -> Result:
        """See `Execute`.

        Raises:
            NotFiniteError: when the run meets NaN or Inf.
        """
        length = steps * program.micro_steps

        def tell(position: int) -> None:
            if self._progress is not None:
                self._progress(f"claim from step {first_step}", position, length)

        if self._keeping is None:
            return run_program(
                program, first_step, steps, params, inputs, self._backend, progress=tell
            )
        recorder = self._keeping.recorder(program, first_step, steps, *roots)
        return record_run(
            program, first_step, steps, params, inputs, self._backend, recorder, progress=tell
        )


def check_fit(program: Program, segment: Segment, tensors: Sequence[Words], root: Hash) -> None:
    """That registers are as long as the rows expect: others read as zeros, and the claim would be
    true and of no use.

    Raises:
        ConfigError: at the first that is not.
    """
    for register, length in sorted(register_lengths(program).items()):
        if segment_of(register) != segment:
            continue
        place = index_of(register)
        held = len(tensors[place]) if place < len(tensors) else 0
        if held != length:
            raise ConfigError(
                f"{segment.name.lower()} 0x{root.hex()} are not this program's: register {place} "
                f"has {held} words, not {length}; `plumbline program show` has its shapes"
            )


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signs, for which ledger, and which bonds back the claims in turn.

    Each signature takes the next slot, so that no bond backs two of them while there are enough.
    """

    key: bytes
    domain: Domain
    account: AccountIndex
    slots: tuple[SlotIndex, ...]

    def sign(self, receipts: Sequence[Receipt]) -> Entry:
        """The receipts under one signature: alone, or as a bundle."""
        if len(receipts) == 1:
            return sign_receipt(receipts[0], self.domain, self.key)
        return sign_bundle(receipts, self.domain, self.key)


class Worker:
    """Runs jobs one after another for one account; `nonce` is the account's next."""

    def __init__(
        self, content: ContentStore, execute: Execute, identity: Identity, nonce: Nonce
    ) -> None:
        if not identity.slots:
            raise ConfigError(
                "the account has no live bond; `plumbline account open --slots N` deposits some"
            )
        self._content = content
        self._execute = execute
        self._identity = identity
        self._nonce = nonce
        self._signed = 0
        self._held: tuple[Hash, list[Words]] | None = None
        self.params: Hash | None = None
        """Root of the params that the last claim left."""

    def run(
        self, job: Job, progress: Callable[[Work], None] = lambda work: None
    ) -> Iterator[Entry]:
        """Signed entries, each as soon as its claims are done and kept.

        Raises:
            ContentMissing, ContentError: when the job's program, params or inputs cannot be had.
            NotFiniteError: when a run meets NaN or Inf.
            ConfigError: when "latest" params are asked for and there are none, or a segment is not
                one of the program's.
        """
        program = self._content.program(job.program)
        params = job.params if job.params is not None else self.params
        if params is None:
            raise ConfigError('a first job has no "latest" params: name their root')
        check_fit(program, Segment.PARAMS, self._params_of(params), params)
        made: list[Work] = []
        for inputs in job.inputs:
            tensors = self._content.segment(inputs)
            check_fit(program, Segment.INPUTS, tensors, inputs)
            at = params
            for turn in range(job.claims):
                work = self._claim(job, program, turn, at, inputs, tensors)
                progress(work)
                made.append(work)
                at = work.params_after
                if len(made) == job.bundle:
                    yield self._sign(made)
                    made = []
            self.params = at
        if made:
            yield self._sign(made)

    def _sign(self, works: Sequence[Work]) -> Entry:
        self._signed += 1
        return self._identity.sign(works)

    def _claim(
        self,
        job: Job,
        program: Program,
        turn: int,
        params: Hash,
        inputs: Hash,
        tensors: Sequence[Words],
    ) -> Work:
        first_step = job.first_step + turn * job.claim_steps
        start = self._params_of(params)
        result = self._execute(
            program, first_step, job.claim_steps, start, tensors, (params, inputs)
        )
        depths = program.depths
        identity = self._identity
        work = Work(
            kind=job.kind,
            account=identity.account,
            nonce=self._nonce,
            slot=identity.slots[self._signed % len(identity.slots)],
            defender=address_of(identity.key),
            program=job.program,
            first_step=first_step,
            steps=job.claim_steps,
            params=params,
            inputs=inputs,
            params_after=params
            if result.params_root == params
            else self._content.put_segment(result.params, depths.params),
            outputs=self._content.put_segment(result.outputs, depths.outputs),
        )
        self._nonce = Nonce(self._nonce + 1)
        return work

    def _params_of(self, root: Hash) -> list[Words]:
        """The last params are kept, as nobody can write them: inferences share theirs."""
        if self._held is None or self._held[0] != root:
            self._held = None  # before the next ones are read
            self._held = (root, self._content.segment(root))
        return self._held[1]
