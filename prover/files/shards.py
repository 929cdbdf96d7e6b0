"""Models that are cut into several safetensors files, with an index beside them that says so:

{"weight_map": {"layer.weight": "model-00001-of-00002.safetensors", ...}, "metadata": {...}}
"""

import json
from pathlib import Path

from prover.errors import WeightsError
from prover.files.weights import Names, Weights, read_weights


def is_index(path: Path) -> bool:
    """Whether a file is called as indices are."""
    return path.name.endswith(".safetensors.index.json")


def read_model(path: Path, names: Names | None = None) -> Weights:
    """The arrays of a safetensors file, or of all that an index names.

    Raises:
        WeightsError: as `read_weights`, and when the index is damaged or not that of its files.
    """
    if not is_index(path):
        return read_weights(path, names=names)
    try:
        said = json.loads(path.read_bytes())
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path} is damaged: it holds no JSON; fetch it again") from error
    table = said.get("weight_map") if isinstance(said, dict) else None
    if not isinstance(table, dict) or not table or not all(map(_is_beside, table.values())):
        raise WeightsError(f"{path} has no weight_map of files beside it; fetch it again")
    files = [path.parent / file for file in sorted(set(table.values()))]
    found = read_weights(*files)
    if set(found) != set(table):
        odd = sorted(set(found) ^ set(table))
        raise WeightsError(f"{path} and its files differ in {odd[0]}; fetch them together")
    return found if names is None else read_weights(*files, names=names)


def _is_beside(file: object) -> bool:
    """Whether this names a file of the index's own folder."""
    if not isinstance(file, str) or not file.isprintable():
        return False
    return Path(file).name == file and file not in {"", ".", ".."}
