"""plumbline content add: models and datasets in files, as segments that jobs can name."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rollup.cli import options

if TYPE_CHECKING:
    from prover.commit.keccak import Hash
    from prover.content import ContentStore
    from prover.files.dataset import Dataset
    from prover.files.weights import Weights
    from prover.tracer.described import Layouts
    from prover.tracer.fields import Layout

app = typer.Typer(rich_markup_mode=None, help="The folder of content that claims are about.")


@app.callback()
def _group() -> None:
    """Keeps `add` a word of its own while it is the only one."""


@app.command()
def add(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Safetensors files or the index of a model's; datasets: a folder with a "
            "manifest.json, or the manifest.",
        ),
    ],
    content: options.Content = options.DEFAULT_CONTENT,
    program: Annotated[
        str | None,
        typer.Option(
            envvar="PLUMBLINE_PROGRAM",
            help="What they are for (an id, a file, a source): its layout gives their order.",
        ),
    ] = None,
    json: options.Json = None,
) -> None:
    """Put models and datasets into the folder of content.

    Each becomes a segment, and its root is what a job names: a safetensors file as params, a
    dataset as inputs. Every hash is checked on the way.
    """
    from prover.content import ContentStore
    from rollup import files, report

    layouts = _layouts(program, content)
    store = ContentStore(content)
    added = [_add(path, store, layouts) for path in sources]
    rows = [
        (str(one.path), one.what, str(one.arrays), f"{one.words:,}", _hex(one.root))
        for one in added
    ]
    header = ("file", "what", "arrays", "words", "root")
    report.CONSOLE.print(report.table("added", rows, header, left=(0, 1, 4)))
    said = [
        {
            "file": str(one.path),
            "kind": one.what,
            "arrays": one.arrays,
            "words": one.words,
            "root": _hex(one.root),
            "dataset": None if one.dataset is None else _hex(one.dataset),
        }
        for one in added
    ]
    files.write_json(json, {"segments": said})


@dataclass(frozen=True, slots=True)
class _Added:
    path: Path
    what: str
    arrays: int
    words: int
    root: "Hash"
    dataset: "Hash | None" = None


def _add(path: Path, store: "ContentStore", layouts: "Layouts | None") -> _Added:
    from prover.files.dataset import read_dataset
    from prover.files.shards import is_index, read_model

    if path.is_dir() or (path.suffix == ".json" and not is_index(path)):
        dataset = read_dataset(path)
        _fits(path, dataset, None if layouts is None else layouts.inputs)
        words = sum(one.length for one in dataset.manifest.arrays)
        root = store.put_dataset(dataset)
        return _Added(path, "dataset", len(dataset.manifest.arrays), words, root, dataset.name)
    return _weights(path, read_model(path), store, None if layouts is None else layouts.params)


def _weights(
    path: Path, weights: "Weights", store: "ContentStore", wanted: "Layout | None"
) -> _Added:
    from prover.errors import WeightsError
    from prover.row import Segment

    layout = wanted if wanted is not None else weights.layout(Segment.PARAMS)
    if not layout.fields:
        raise WeightsError(f"{path} holds no arrays; name a file with weights")
    words = weights.words(layout)
    root = store.put_segment(words, layout.depth)
    return _Added(path, "weights", len(words), sum(len(one) for one in words), root)


def _fits(path: Path, dataset: "Dataset", wanted: "Layout | None") -> None:
    """That a dataset's arrays are a program's inputs, in their order, which is committed."""
    from prover.errors import ManifestError

    if wanted is None:
        return
    found = [(one.name, one.dtype, one.shape) for one in dataset.manifest.arrays]
    fields = [(one.name, one.dtype.value, one.shape) for one in wanted.fields]
    for mine, theirs in zip(found, fields, strict=False):
        if mine != theirs:
            raise ManifestError(
                f"{path} has {_array(*mine)} where the program's inputs have {_array(*theirs)}; "
                "write it anew in their order"
            )
    if len(found) != len(fields):
        raise ManifestError(f"{path} has {len(found)} arrays, the program {len(fields)} inputs")


def _layouts(program: str | None, content: Path) -> "Layouts | None":
    from rollup.cli.program.found import find
    from rollup.errors import ConfigError

    if program is None:
        return None
    found = find(program, content)
    if found.layouts is None:
        raise ConfigError(
            f"what the registers of {found.id} are called is not known; build it anew, or leave "
            "--program away"
        )
    return found.layouts


def _array(name: str, dtype: str, shape: tuple[int, ...]) -> str:
    return f"{name} ({dtype} {list(shape)})"


def _hex(value: "Hash") -> str:
    return "0x" + value.hex()
