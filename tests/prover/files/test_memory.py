"""Half a GiB of data in a process that may take 64 MiB more: only what a step reads is read."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MIB = 1 << 20
CHUNKS = 512
CODE = """
import json, resource, sys
from pathlib import Path
import numpy as np
from prover.backends import backend
from prover.commit.hashes import row_of
from prover.execute import run
from prover.files.chunks import HEIGHT, ChunkFolder
from prover.files.dataset import Dataset
from prover.files.manifest import Entry, Manifest
from prover.tracer import namespace_of, trace

CHUNKS = int(sys.argv[2])
# All chunks are one file, mapped as often: as much address space as if they were not.
store = ChunkFolder(Path(sys.argv[1]))
name = store.put(np.arange(1 << 18, dtype=np.float32).view(np.uint32))
entry = Entry("images", "float32", (CHUNKS, 256, 1024), (name,) * CHUNKS)
dataset = Dataset(Manifest(HEIGHT, (entry,)), store)

def step(params, inputs, number):
    batch = inputs["images"][number % CHUNKS]
    return {}, {"sum": namespace_of(batch).sum(batch)}

def status(*names):
    lines = dict(line.split(":") for line in open("/proc/self/status") if ":" in line)
    return [int(lines[name].split()[0]) << 10 for name in names]

made = trace(step, {}, dataset.arrays)
words = made.inputs.words(dataset.arrays)
used = backend("numba")
run(made.program, 0, 3, [], words, used)  # compiles
data, before = status("VmData", "VmRSS")
resource.setrlimit(resource.RLIMIT_DATA, (data + (64 << 20),) * 2)
Path("/proc/self/clear_refs").write_text("5")
result = run(made.program, 10, 20, [], words, used)
root, read = dataset.root, words[0].verified
(peak,) = status("VmHWM")
whole = float(np.asarray(dataset.arrays["images"]).max())
print(json.dumps({
    "growth": peak - before, "read": read, "in the end": words[0].verified, "max": whole,
}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what memory a process takes")
def test_a_step_takes_the_memory_of_what_it_reads(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path), str(CHUNKS)],
        capture_output=True,
        check=False,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["growth"] < 64 * MIB < CHUNKS * MIB
    assert said["read"] == 3 + 20
    assert said["in the end"] == CHUNKS
    assert said["max"] == (1 << 18) - 1
