"""Each example's claim has one digest, however it is run."""

import pytest

from prover.backends import steps
from prover.plan import plan
from prover.row import Segment
from tests.examples.cases import CASES
from tests.examples.ways import WAYS, digest


@pytest.mark.parametrize("name", CASES)
def test_one_digest(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """That of the reference: rows one by one, plans, one thread and two."""
    setting = CASES[name].tiny()
    assert plan(setting.program).stages, "whole steps are to be planned"
    monkeypatch.setattr(steps, "_PER_THREAD", 1)  # however little there is to do for a second one
    found = {way: digest(setting, make()) for way, make in WAYS.items()}
    assert found == dict.fromkeys(WAYS, found["reference"])
    if setting.example.optimizer is not None:
        assert found["reference"][0] != setting.start.root(Segment.PARAMS)
