"""A worker's receipts: the right slots and nonces, everything kept first, nothing after a NaN."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from prover import execute
from prover.commit.keccak import Hash
from prover.commit.tensor import Words
from prover.content import ContentStore
from prover.errors import ContentError, ContentMissing, NotFiniteError
from prover.execute import Result
from prover.program import Program
from rollup.errors import ConfigError
from rollup.jobs import Job
from rollup.protocol.entries import Entry, SignedBundle, SignedReceipt, signer
from rollup.protocol.receipts import Work, WorkKind
from rollup.protocol.types import AccountIndex, Nonce, SlotIndex
from rollup.worker import Identity, Worker
from tests.rollup.entries import DOMAIN, KEY, OWNER
from tests.rollup.world import DEPTHS, EXECUTE, GROWTH, REFERENCE, works

ME = Identity(KEY, DOMAIN, AccountIndex(3), (SlotIndex(4), SlotIndex(9)))


def segment(content: ContentStore, *values: float) -> Hash:
    words = np.resize(np.array(values, np.float32), 4).view(np.uint32)
    return content.put_segment([words], DEPTHS.params)


@pytest.fixture
def content(tmp_path: Path) -> ContentStore:
    made = ContentStore(tmp_path / "content")
    made.put_program(GROWTH)
    return made


def job(content: ContentStore, **changed: object) -> Job:
    fields: dict[str, object] = {
        "kind": WorkKind.COMPUTE,
        "program": GROWTH.id,
        "params": segment(content, 1),
        "inputs": (segment(content, 1.5),),
        "first_step": 0,
        "claim_steps": 2,
        "claims": 1,
        "bundle": 1,
    }
    return Job(**fields | changed)  # type: ignore[arg-type]


def test_claims_go_on_from_each_other_and_may_be_recomputed(content: ContentStore) -> None:
    worker = Worker(content, EXECUTE, ME, Nonce(7))
    entries = list(worker.run(job(content, claims=5, first_step=10)))
    assert all(isinstance(entry, SignedReceipt) for entry in entries)
    assert {signer(entry, DOMAIN) for entry in entries} == {OWNER}
    made = works(entries)
    assert [work.nonce for work in made] == [7, 8, 9, 10, 11]
    assert [work.first_step for work in made] == [10, 12, 14, 16, 18]
    assert [work.slot for work in made] == [4, 9, 4, 9, 4]
    assert {(work.account, work.defender, work.steps) for work in made} == {(3, OWNER, 2)}
    for before, after in pairwise(made):
        assert before.params_after == after.params
    for work in made:
        program = content.program(work.program)
        inputs = (content.segment(work.params), content.segment(work.inputs))
        again = execute.run(program, work.first_step, work.steps, *inputs, REFERENCE)
        assert (again.params_root, again.outputs_root) == (work.params_after, work.outputs)
        assert content.has_segment(work.outputs)
    assert worker.params == made[-1].params_after


def test_a_bundle_has_one_signature_and_one_slot(content: ContentStore) -> None:
    worker = Worker(content, EXECUTE, ME, Nonce(0))
    inputs = tuple(segment(content, n + 1) for n in range(5))
    entries = list(worker.run(job(content, inputs=inputs, bundle=2)))
    assert [type(entry) for entry in entries] == [SignedBundle, SignedBundle, SignedReceipt]
    assert [{w.slot for w in works([entry])} for entry in entries] == [{4}, {9}, {4}]
    assert [w.params for w in works(entries)] == [segment(content, 1)] * 5
    assert [w.nonce for w in works(entries)] == [0, 1, 2, 3, 4]


def test_the_latest_params_are_those_of_the_job_before(content: ContentStore) -> None:
    worker = Worker(content, EXECUTE, ME, Nonce(0))
    with pytest.raises(ConfigError, match='a first job has no "latest" params'):
        list(worker.run(job(content, params=None)))
    (first,) = works(list(worker.run(job(content))))
    (second,) = works(list(worker.run(job(content, params=None, kind=WorkKind.INFERENCE))))
    assert (second.params, second.kind) == (first.params_after, WorkKind.INFERENCE)


def test_without_a_bond_nothing_is_computed(content: ContentStore) -> None:
    with pytest.raises(ConfigError, match="no live bond; `plumbline account open --slots N`"):
        Worker(content, EXECUTE, Identity(KEY, DOMAIN, AccountIndex(3), ()), Nonce(0))


def listing(content: ContentStore) -> list[Path]:
    return sorted(path for path in content.folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("params", "inputs", "said"),
    [
        ((1, np.nan), (1,), "nan in element 1 of row 0"),
        ((1,), (1, 1, np.inf), "inf in element 2 of row 0"),
        ((3e38,), (2,), "inf in element 0"),
        ((np.inf,), (0,), "nan in element 0"),
    ],
)
def test_a_value_that_is_not_finite_is_not_claimed(
    content: ContentStore, params: Sequence[float], inputs: Sequence[float], said: str
) -> None:
    asked = job(content, params=segment(content, *params), inputs=(segment(content, *inputs),))
    before = listing(content)
    worker = Worker(content, EXECUTE, ME, Nonce(0))
    with pytest.raises(NotFiniteError, match=said) as caught:
        list(worker.run(asked))
    assert "check the inputs" in str(caught.value)
    assert listing(content) == before


def test_what_was_claimed_before_a_nan_stays_and_nothing_follows(content: ContentStore) -> None:
    inputs = tuple(segment(content, n) for n in (1.0, 2.0, np.nan, 3.0))
    worker = Worker(content, EXECUTE, ME, Nonce(0))
    made: list[Entry] = []
    with pytest.raises(NotFiniteError):
        made.extend(worker.run(job(content, inputs=inputs)))  # keeps what came before the error
    assert [work.nonce for work in works(made)] == [0, 1]
    for work in works(made):
        assert content.has_segment(work.params_after)


def test_a_receipt_is_signed_after_its_content_is_kept(content: ContentStore) -> None:
    """A disk that is full when the outputs are written leaves no receipt without its data."""

    class Full(ContentStore):
        def put_segment(self, tensors: Sequence[Words], depth: int) -> Hash:
            raise OSError(28, "No space left on device")

    worker = Worker(Full(content.folder), EXECUTE, ME, Nonce(0))
    with pytest.raises(OSError, match="No space left"):
        list(worker.run(job(content)))


def test_content_that_is_missing_or_damaged_ends_the_job(content: ContentStore) -> None:
    worker = Worker(content, EXECUTE, ME, Nonce(0))
    nothing = Hash(b"\x11" * 32)
    for missing in ({"program": nothing}, {"params": nothing}, {"inputs": (nothing,)}):
        with pytest.raises(ContentMissing, match="fetch it first"):
            list(worker.run(job(content, **missing)))
    asked = job(content)
    (path,) = content.folder.glob(f"segments/{asked.inputs[0].hex()}*")
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ContentError, match=r"is damaged.*fetch it again"):
        list(worker.run(asked))


def test_progress_is_told_by_receipt(content: ContentStore) -> None:
    seen: list[Work] = []
    made = list(Worker(content, EXECUTE, ME, Nonce(0)).run(job(content, claims=3), seen.append))
    assert seen == works(made)


def test_executing_is_what_the_worker_is_given(content: ContentStore) -> None:
    calls: list[tuple[int, int]] = []

    def run(
        program: Program,
        first_step: int,
        steps: int,
        params: Sequence[Words],
        inputs: Sequence[Words],
        roots: tuple[Hash, Hash],
    ) -> Result:
        calls.append((first_step, steps))
        return EXECUTE(program, first_step, steps, params, inputs, roots)

    list(Worker(content, run, ME, Nonce(0)).run(job(content, claims=2)))
    assert calls == [(0, 2), (2, 2)]
