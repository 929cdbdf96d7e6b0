"""`plumbline program build` and `hash`: from a function to a program, and to its id again."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from prover import execute
from prover.backends import backend
from prover.content import ContentStore
from prover.tracer.described import described
from rollup.protocol.types import Hash
from tests.rollup.cli.conftest import Plumbline
from tests.rollup.cli.running import run

MODEL = """
import numpy as np
from prover.tracer import trace, training_step

PARAMS = {"w": np.full((3, 1), 0.5, np.float32)}
INPUTS = {"x": np.eye(3, dtype=np.float32), "y": np.ones((3, 1), np.float32)}


def loss(params, inputs, step):
    missed = inputs["x"] @ params["w"] - inputs["y"]
    return missed.__array_namespace__().sum(missed * missed)


def train():
    return trace(training_step(loss, 0.1), PARAMS, INPUTS)


def with_params():
    return train(), PARAMS


def with_all():
    return train(), PARAMS, INPUTS


def with_more():
    return train(), PARAMS, [INPUTS, {name: 2 * one for name, one in INPUTS.items()}]


class Imported:
    def __init__(self):
        self.traced, self.params = train(), PARAMS

    def inputs(self):
        return INPUTS


class Training(Imported):
    inputs = INPUTS


class Many:
    @staticmethod
    def train():
        return train()


traced = train()
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a source."""

    def source(text: str) -> Path:
        path = tmp_path / "line.py"
        path.write_text(text)
        return path

    return source


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_source_becomes_a_program_with_all_that_a_job_needs(
    plumbline: Plumbline, write: Write, tmp_path: Path
) -> None:
    source, content, report = write(MODEL), tmp_path / "content", tmp_path / "built.json"
    built = plumbline(
        "program", "build", f"{source}:with_all", "--content", content, "--json", report
    )
    assert (built.code, built.err) == (0, "")
    said = json.loads(report.read_text())
    store = ContentStore(content)
    program = store.program(Hash(bytes.fromhex(said["program"][2:])))
    assert said["rows"] == len(program.packed)
    assert (
        said["micro_steps"] == program.micro_steps == sum(op["micro_steps"] for op in said["ops"])
    )
    assert said["work_units"] == program.work == sum(op["work_units"] for op in said["ops"])
    assert said["words"] == program.words
    assert said["layout"]["params"] == [{"name": "w", "shape": [3, 1], "dtype": "float32"}]
    assert said["memory_words"] | {"scratch": 0} == {
        "params": 3, "inputs": 12, "outputs": 1, "scratch": 0
    }  # fmt: skip
    layouts = described(store.layout(program.id), program)
    assert layouts is not None
    params = layouts.params.arrays(store.segment(Hash(bytes.fromhex(said["params"][2:]))))
    assert np.array_equal(params["w"], np.full((3, 1), 0.5, np.float32))
    (inputs,) = said["inputs"]
    arrays = layouts.inputs.arrays(store.segment(Hash(bytes.fromhex(inputs[2:]))))
    assert np.array_equal(arrays["x"], np.eye(3))
    for text in (said["program"], said["params"], inputs, "3x1", "dot"):
        assert text in built.out
    # What is kept is all that it takes to run: 0.5 misses 1 three times.
    start, given = (
        store.segment(Hash(bytes.fromhex(root[2:]))) for root in (said["params"], inputs)
    )
    result = execute.run(program, 0, 1, start, given, backend("reference"))
    after = layouts.params.arrays(result.params)["w"]
    assert after == pytest.approx(np.full((3, 1), 0.6), abs=1e-6)
    assert layouts.outputs.arrays(result.outputs)["loss"] == 0.75


@pytest.mark.parametrize(
    ("name", "params", "inputs"),
    [
        ("train", 0, 0),
        ("Many.train", 0, 0),
        ("traced", 0, 0),
        ("with_params", 1, 0),
        ("with_all", 1, 1),
        ("with_more", 1, 2),
        ("Imported", 1, 0),
        ("Training", 1, 1),
    ],
)
def test_segments_are_kept_as_far_as_they_are_given(
    plumbline: Plumbline, write: Write, tmp_path: Path, name: str, params: int, inputs: int
) -> None:
    content, report = tmp_path / "content", tmp_path / "built.json"
    made = plumbline(
        "program", "build", f"{write(MODEL)}:{name}", "--content", content, "--json", report
    )
    assert made.code == 0
    said = json.loads(report.read_text())
    assert (said["params"] is not None, len(said["inputs"])) == (params, inputs)
    assert len(files(content / "segments")) == params + inputs
    assert len(files(content / "programs")) == 3


def test_what_lies_beside_a_file_can_be_imported_and_no_bytecode_is_left(
    plumbline: Plumbline, write: Write, tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "parts_of_line.py").write_text(MODEL)
    source = folder / "main.py"
    source.write_text("import parts_of_line\ntrain = parts_of_line.train\n")
    before = list(sys.path)
    assert plumbline("program", "hash", f"{source}:train").code == 0
    assert sys.path == before
    assert not [
        name for name in files(folder) if name.startswith("main.") and name.endswith(".pyc")
    ]
    source.write_text("import parts_of_line\ntrain = parts_of_line.gone\n")
    assert "main.py:2: AttributeError" in plumbline("program", "hash", f"{source}:train").line


def test_modules_are_found_where_the_command_runs(
    plumbline: Plumbline, write: Write, tmp_path: Path
) -> None:
    from_file = plumbline("program", "hash", f"{write(MODEL)}:train")
    from_module = run(tmp_path, "program", "hash", "line:train")
    assert (from_module.code, from_module.out) == (0, from_file.out)


def test_a_name_that_is_not_there_is_told_with_those_that_are(
    plumbline: Plumbline, write: Write
) -> None:
    said = plumbline("program", "build", f"{write(MODEL)}:gone")
    assert said.code == 2
    assert "has no name gone; it has loss, train, with_all, with_more, with_params" in said.line


DATASET = """
from pathlib import Path
from prover.files.dataset import read_dataset, write_dataset


def chosen(order):
    traced, folder = globals()["traced"], Path(__file__).parent / "data"
    return traced, PARAMS, write_dataset(folder, {name: INPUTS[name] for name in order})


def in_order():
    return chosen(["x", "y"])


def otherwise():
    return chosen(["y", "x"])


def changed():
    made = chosen(["x", "y"])
    INPUTS["x"] = INPUTS["x"][:2]
    return made[0], PARAMS, chosen(["x", "y"])[2]
"""


def test_datasets_stay_datasets_where_their_order_is_the_programs(
    plumbline: Plumbline, write: Write, tmp_path: Path
) -> None:
    report, roots = tmp_path / "built.json", {}
    for name in ("with_all", "in_order", "otherwise"):
        source, content = f"{write(MODEL + DATASET)}:{name}", tmp_path / name
        built = plumbline("program", "build", source, "--content", content, "--json", report)
        assert built.code == 0, built
        (roots[name],) = json.loads(report.read_text())["inputs"]
        words = ContentStore(content).segment(Hash(bytes.fromhex(roots[name][2:])))
        assert [len(one) for one in words] == [9, 3]
        assert (content / "datasets").exists() == (name == "in_order")
    assert len({*roots.values()}) == 1
    said = plumbline("program", "build", f"{write(MODEL + DATASET)}:changed", "--content", tmp_path)
    assert said.code == 2
    assert "gives arrays that are not its program's: x has shape (3, 3)" in said.line


FAILURES = {
    "def train(:\n": r"line.py:1: SyntaxError: invalid syntax",
    "import nothing_of_that_name\n": r"line.py:1: ModuleNotFoundError: No module",
    "x = 1\n\n1 / 0\n": "line.py:3: ZeroDivisionError: division by zero",
    "import sys\nsys.exit(3)\n": "line.py:2: SystemExit: 3",
    MODEL + "def train():\n    raise KeyError('no')\n": "KeyError: 'no'",
    MODEL.replace("missed * missed", "missed + [1]"): "line.py:11: TraceError",
    MODEL.replace('@ params["w"]', '@ inputs["y"].T'): "line.py:10: ",
    MODEL.replace("return missed.__array", "return xp.__array"): "line.py:11: NameError",
    MODEL.replace("np.float32)}", "np.float64)}"): "line.py:15: TraceError: w: float64 is no dtype",
    "train = 7\n": "gives int; it should give what prover.tracer.trace returns",
    "def train():\n    return {}, {}\n": "gives (dict, dict); it should give",
    "def train(size):\n    return size\n": "takes size; name a function without arguments",
    "def other():\n    return 1\n": "has no name train; it has other",
    MODEL + "\ndef train():\n    return traced, {'v': 1}\n": "params are ['w'], not ['v']",
    MODEL
    + "\ndef train():\n    return traced, {'w': np.ones(3, np.float32)}\n": "w has shape (3, 1)",
    MODEL + "\ndef train():\n    return traced, PARAMS, {'x': 1}\n": "inputs are ['x', 'y']",
    MODEL + "\ndef train():\n    return traced, PARAMS, [INPUTS, 7]\n": "(Traced, dict, list)",
}


@pytest.mark.parametrize("text", FAILURES, ids=range(len(FAILURES)))
def test_a_source_that_fails_is_one_line_and_leaves_nothing(
    plumbline: Plumbline, write: Write, tmp_path: Path, text: str
) -> None:
    content, report = tmp_path / "content", tmp_path / "built.json"
    source = f"{write(text)}:train"
    said = plumbline("program", "build", source, "--content", content, "--json", report)
    assert said.code == 2, said
    assert FAILURES[text] in said.line
    assert files(tmp_path) == ["line.py"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("line.py", "'line.py' is no source; a source is module:name or path/to/file.py:name"),
        ("gone/line.py:train", "there is no file gone/line.py"),
        ("gone.py:train", "there is no file gone.py"),
        ("nothing_of_that_name:train", "there is no module nothing_of_that_name"),
        ("nothing.of.that.name:train", "there is no module nothing.of.that.name"),
        ("..line:train", "'..line' names no module"),
        (":train", "is no source"),
        ("sys:exit", "sys: SystemExit"),
        ("line:", "is no source"),
    ],
)
def test_what_is_no_source_is_said_so(
    plumbline: Plumbline, tmp_path: Path, source: str, words: str
) -> None:
    said = plumbline("program", "build", source, "--content", tmp_path / "content")
    assert said.code == 2
    assert words in said.line
    assert files(tmp_path) == []


def test_the_same_id_comes_from_source_file_and_folder(
    plumbline: Plumbline, write: Write, tmp_path: Path
) -> None:
    source, content, report = f"{write(MODEL)}:train", tmp_path / "content", tmp_path / "h.json"
    assert plumbline("program", "build", source, "--content", content, "--json", report).code == 0
    name = json.loads(report.read_text())["program"]
    file = content / "programs" / f"{name[2:]}.program"
    hashes = []
    for program in (source, name, file):
        said = plumbline(
            "program", "hash", program, "--content", content, "--expect", name, "--json", report
        )
        assert said.code == 0
        hashes.append(json.loads(report.read_text()))
    assert hashes[0] == hashes[1] == hashes[2]
    stored = file.read_bytes()
    assert hashes[0]["program"] == name
    assert hashes[0]["header"] == "0x" + stored[:48].hex()
    assert hashes[0]["table_root"] == "0x" + stored[:32].hex()


def test_another_id_than_expected_is_refused(
    plumbline: Plumbline, write: Write, tmp_path: Path
) -> None:
    source, other = f"{write(MODEL)}:train", "0x" + "11" * 32
    said = plumbline("program", "hash", source, "--expect", other)
    assert said.code == 3
    assert said.line.endswith(f"not {other}")
    assert plumbline("program", "hash", source, "--expect", "0x12").code == 2


def test_a_file_that_was_changed_has_no_id(
    plumbline: Plumbline, write: Write, tmp_path: Path
) -> None:
    content = tmp_path / "content"
    assert plumbline("program", "build", f"{write(MODEL)}:train", "--content", content).code == 0
    (file,) = (content / "programs").glob("*.program")
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    for program in (file, "0x" + file.stem):
        said = plumbline("program", "hash", program, "--content", content)
        assert said.code == 3
        assert "damaged" in said.line


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("nonsense", "'nonsense' is no program's id, no file, and no source"),
        ("0x12", "a program's id is 0x and 64 hex digits, not '0x12'"),
        ("model.py", "name its function too, as in model.py:train"),
    ],
)
@pytest.mark.parametrize("command", ["show", "check", "hash"])
def test_what_is_no_program_is_said_so(
    plumbline: Plumbline, tmp_path: Path, command: str, program: str, words: str
) -> None:
    said = plumbline("program", command, program, "--content", tmp_path)
    assert said.code == 2
    assert words in said.line


def test_documented_source_builds(plumbline: Plumbline, write: Write, tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "programs.md").read_text("utf-8")
    block = text.split("A file, say `line.py`:\n\n")[1].split("\n\n`plumbline")[0]
    source = "\n".join(line.removeprefix("    ") for line in block.splitlines())
    content = tmp_path / "content"
    assert plumbline("program", "build", f"{write(source)}:train", "--content", content).code == 0
    assert len(files(content / "segments")) == 2
