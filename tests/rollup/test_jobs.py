"""Files of jobs: what is written is read, and what is wrong is named."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollup import jobs
from rollup.errors import ConfigError, DocumentError
from rollup.jobs import Job
from rollup.protocol.receipts import WorkKind
from rollup.protocol.types import Hash

HASH = "0x" + "ab" * 32
WHOLE: dict[str, Any] = {
    "kind": "compute",
    "program": HASH,
    "params": HASH,
    "inputs": [HASH],
    "firstStep": 0,
    "claimSteps": 4,
    "claims": 2,
    "bundle": 1,
}
hashes = st.binary(min_size=32, max_size=32).map(Hash)
counts = st.integers(1, 1_000)


@given(
    st.lists(
        st.builds(
            Job,
            kind=st.sampled_from(WorkKind),
            program=hashes,
            params=st.none() | hashes,
            inputs=st.lists(hashes, min_size=1, max_size=4).map(tuple),
            first_step=st.integers(0, 2**40),
            claim_steps=counts,
            claims=counts,
            bundle=counts,
        ),
        min_size=1,
        max_size=3,
    )
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, listed: list[Job]
) -> None:
    path = tmp_path_factory.mktemp("jobs") / "jobs.json"
    jobs.write(path, listed)
    assert jobs.read(path) == listed
    assert jobs.read(path)[0].receipts == listed[0].claims * len(listed[0].inputs)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kind": "mining"}, "job 0.kind is one of compute, inference"),
        ({"kind": 1}, "job 0.kind is a string"),
        ({"program": "0x12"}, "job 0.program is 0x and 64 hex digits"),
        ({"params": "newest"}, "job 0.params is 0x and 64"),
        ({"inputs": HASH}, "job 0.inputs is an array"),
        ({"inputs": []}, "job 0 needs inputs"),
        ({"inputs": [HASH, None]}, r"job 0.inputs\[1\] is 0x"),
        ({"firstStep": -1}, "job 0.firstStep is an integer"),
        ({"claimSteps": 0}, "at least 1 claimSteps"),
        ({"claims": 0}, "at least 1"),
        ({"bundle": 0}, "at least 1"),
        ({"claims": 1.5}, "job 0.claims is an integer"),
        ({"claimSteps": 2**32}, "more training steps than a receipt can count"),
        ({"firstStep": 2**64 - 8}, "more training steps"),
        ({"gpu": True}, "job 0 has no field gpu"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    path = tmp_path / "jobs.json"
    path.write_text(json.dumps([WHOLE | changed]))
    with pytest.raises(DocumentError, match=said):
        jobs.read(path)


@pytest.mark.parametrize("text", ["{}", "[]", "7", "[7]", "[", "[" * 100_000, "\x00"])
def test_what_is_no_list_of_jobs_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "jobs.json"
    path.write_text(text)
    with pytest.raises(DocumentError) as caught:
        jobs.read(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="cannot read the file of jobs"):
        jobs.read(tmp_path)
