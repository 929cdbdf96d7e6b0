"""The pretrained sentence encoder, as it is: close to torch's, and provable step by step."""

from __future__ import annotations

import random
import re
from pydoc_data.topics import topics

import numpy as np
import pytest

from bench._peers import PEERS
from prover.backends import backend
from prover.errors import ContentMissing
from prover.examples import Example, encoder
from prover.execute import run
from prover.reference import Place
from rollup.demo.fault import FaultyTrace, scalar_fault
from tests.examples.cases import Setting
from tests.examples.court import convene

SENTENCES = 64
CLOSE = 0.99999
"""Cosine with torch's own, at least."""
FAULTS = 3
"""Each replays the whole inference; tests/examples/test_disputes.py has more, of a small one."""


@pytest.fixture(scope="module")
def said() -> list[str]:
    """Sentences of Python's reference, of 40 to 160 characters."""
    found = (
        " ".join(sentence.split())
        for name in sorted(topics)
        for sentence in re.split(r"(?<=[.!?])\s+", topics[name])
    )
    return [one for one in found if 40 <= len(one) <= 160 and one[0].isupper()][:SENTENCES]


def example(sentences: list[str]) -> Example:
    try:
        return encoder.example(sentences)
    except ContentMissing as missing:
        pytest.skip(str(missing))


def test_sentences_lie_where_torch_puts_them(said: list[str]) -> None:
    torch = pytest.importorskip(
        "torch", reason="torch is not installed: pip install plumbline[torch]"
    )
    assert len(said) == SENTENCES
    made = example(said)
    traced = made.program()
    params, inputs = traced.params.words(made.weights), traced.inputs.words(made.inputs)
    result = run(traced.program, 0, 1, params, inputs, backend("numba"))
    ours = traced.outputs.arrays(result.outputs)["sentence"]
    weights, given = (
        {name: torch.from_numpy(one.copy()) for name, one in arrays.items()}
        for arrays in (made.weights, made.inputs)
    )
    theirs = PEERS["encoder"](torch)(weights, given, 0)["sentence"].numpy()
    cosines = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    assert cosines.min() >= CLOSE
    assert np.linalg.norm(ours[0] - ours[1]) > 0.1, "different sentences lie apart"


def test_a_wrong_inference_is_found_and_proven(said: list[str]) -> None:
    """Of one paragraph: opened on L1, played, and its very micro-step proven by the challenger."""
    setting = Setting(example([" ".join(said)[:320]]), 1)
    assert 2 * 16**7 < setting.length <= 16**8, "8 dissections: the proof is the challenger's"
    numba, rng = backend("numba"), random.Random(7)
    lies: list[FaultyTrace] = []
    honest = setting.honest(numba)
    truth = honest.states([honest.length])
    numbers = list(setting.rows)
    while len(lies) < FAULTS:
        number = rng.choice(numbers)
        row = setting.rows[number]
        where = Place(0, number, rng.randrange(row.elements), rng.randrange(row.fold))
        lie = setting.faulty(scalar_fault(setting.program, 0, where, rng.randrange(12, 31)), numba)
        if lie.states([lie.length]) != truth:
            lies.append(lie)
    court = convene()
    assert all(court.convict(posted, honest) for posted in court.post(setting.program, lies))
    sizes = [len(honest.witness(lie.fault.position)) for lie in lies]
    print(f"{setting.length} micro-steps; proofs of {sizes} bytes")
    assert all(size < 24_576 for size in sizes)
