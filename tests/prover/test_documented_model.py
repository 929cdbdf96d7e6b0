"""The model of docs/models.md builds, runs and learns as the text says."""

import runpy
from pathlib import Path

import numpy as np

from prover.tracer.optim import weights_of

TEXT = Path(__file__).parents[2] / "docs" / "models.md"


def test_the_documented_model_learns(tmp_path: Path) -> None:
    blocks = [part.split("```")[0] for part in TEXT.read_text("utf-8").split("```python\n")[1:]]
    written = tmp_path / "model.py"
    written.write_text("\n".join(blocks[:2]), "utf-8")
    made = runpy.run_path(str(written))
    losses, start = made["losses"], made["params"]
    plain = made["loss"](start, made["inputs"], 0)
    assert np.isclose(losses[0], plain, rtol=1e-5)
    assert losses[-8:].mean() < 0.7 * losses[:8].mean()
    assert made["after"]["count:step"] == 64
    assert {*made["after"]} == {*start} > {*weights_of(start)} == {"w1", "b1", "w2"}
