"""Weights in safetensors files, used where they lie.

The library checks files and writes them. It gives no array without copying it (its NumPy arrays are
writable and the caller's own) and does not say where in the file one lies, so the header is read,
and the data mapped, here.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from prover.commit.tensor import Words
from prover.errors import ContentError, WeightsError
from prover.files.appear import appearing
from prover.files.convert import MOST_AXES, target, to_array
from prover.files.mapping import mapped
from prover.row import Segment

if TYPE_CHECKING:
    from prover.tracer.fields import Layout

Names = Mapping[str, str] | Callable[[str], str | None]
"""From a file's names to one's own: a table of all that are wanted, or a function, None for what
is not."""

_DTYPES: Final = {
    "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I32": "int32", "I64": "int64",
    "I16": "int16", "U16": "uint16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
_ORDER: Final = "plumbline.registers"
"""Metadata: a JSON list of the names, in the order of their registers."""
_LENGTH_BYTES: Final = 8


class _Entry:
    """An array of a file: its dtype as NumPy says it, its shape, its bytes."""

    __slots__ = ("data", "dtype", "shape")

    def __init__(self, dtype: str, shape: tuple[int, ...], data: NDArray[np.uint8]) -> None:
        self.dtype = dtype
        self.shape = shape
        self.data = data


class Weights(Mapping[str, NDArray[Any]]):
    """The arrays of safetensors files by name, as float32, int32 and bool, read-only.

    float32, int32 and bool are the file's own bytes, mapped: nothing is read until it is used, and
    registers made of them (`Layout.words`) share them. bfloat16 and float16 become float32, smaller
    integers int32, exactly and whenever they are asked for. The order is that of the registers
    where the file says one (`write_weights`), else that of the names.
    """

    def __init__(self, entries: Mapping[str, _Entry], source: str) -> None:
        self._entries = dict(entries)
        self._source = source

    def __getitem__(self, name: str) -> NDArray[Any]:
        entry = self._entries[name]
        self.dtype(name)
        stored = np.dtype("uint16" if entry.dtype == "bfloat16" else entry.dtype)
        array = entry.data.view(stored.newbyteorder("<")).reshape(entry.shape)
        if not array.flags.aligned:  # the format leaves that to whoever writes
            array = array.copy()
        with self._named():
            return to_array(array, entry.dtype, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def shape(self, name: str) -> tuple[int, ...]:
        """An array's shape, without a look at its data."""
        return self._entries[name].shape

    def dtype(self, name: str) -> str:
        """What an array becomes: float32, int32 or bool; without a look at its data."""
        with self._named():
            return target(self._entries[name].dtype, name)

    def words(self, layout: "Layout") -> list[Words]:
        """The registers of a layout; float32 and int32 as they lie in the file.

        Raises:
            WeightsError: when an array is missing, of another shape or dtype, or not wanted.
        """
        self.check(layout)
        return layout.words(self)

    def check(self, layout: "Layout") -> None:
        """Make sure that these are a layout's arrays, without a look at their data.

        Raises:
            WeightsError: when one is missing, of another shape or dtype, or not wanted.
        """
        wanted = {one.name: one for one in layout.fields}
        for what, names in (
            ("lacks", [name for name in wanted if name not in self]),
            ("also holds", [name for name in self if name not in wanted]),
        ):
            if names:
                raise WeightsError(
                    f"{self._source} {what} {_some(names)}; map its names to the program's"
                )
        for name, field in wanted.items():
            found = (self.dtype(name), self.shape(name))
            if found != (field.dtype.value, field.shape):
                raise WeightsError(
                    f"{name} of {self._source} is {found[0]} {found[1]}, "
                    f"not {field.dtype.value} {field.shape}"
                )

    def layout(self, segment: Segment) -> "Layout":
        """The layout of a segment whose registers these are, in their order."""
        from prover.tracer.fields import Field, Layout
        from prover.tracer.symbols import DType

        return Layout(
            segment,
            tuple(Field(name, self.shape(name), DType(self.dtype(name))) for name in self),
        )

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Errors of what is in here name the file."""
        try:
            yield
        except ContentError as error:
            raise WeightsError(f"{self._source}: {error}") from error


def read_weights(*paths: Path, names: Names | None = None) -> Weights:
    """The arrays of one safetensors file, or of several that a model is cut into.

    Raises:
        WeightsError: when a file cannot be read, is none, is cut short, or when names are missing
            or meet.
    """
    source = " and ".join(str(path) for path in paths)
    found: dict[str, _Entry] = {}
    order: list[str] = []
    for path in paths:
        entries, said = _entries(path)
        if twice := [name for name in entries if name in found]:
            raise WeightsError(f"{path} holds {_some(twice)} once more; name each file once")
        found |= entries
        order += said
    if len(order) < len(found):  # not every file says one
        order = sorted(found)
    if isinstance(names, Mapping) and (missing := [name for name in names if name not in found]):
        raise WeightsError(f"{source} lacks {_some(missing)}; it holds {_some(found)}")
    rename = names.get if isinstance(names, Mapping) else names
    renamed: dict[str, _Entry] = {}
    for name in order:
        new = name if rename is None else rename(name)
        if new in renamed:
            raise WeightsError(f"two arrays of {source} would be called {new}")
        if new is not None:
            renamed[new] = found[name]
    return Weights(renamed, source)


def write_weights(
    path: Path,
    arrays: Mapping[str, NDArray[Any]],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a safetensors file of arrays, whole or not at all; their order is kept as metadata.

    Raises:
        WeightsError: when an array is of a dtype that no register holds.
    """
    for name, array in arrays.items():
        if array.dtype.name not in {"float32", "int32", "bool"}:
            raise WeightsError(f"{name} is {array.dtype}, not float32, int32 or bool; convert it")
    about = {**(metadata or {}), _ORDER: json.dumps(list(arrays))}
    plain = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    with appearing(path) as temporary:
        save_file(plain, temporary, about)


def write_registers(
    path: Path, layout: "Layout", words: Sequence[Words], metadata: Mapping[str, str] | None = None
) -> None:
    """Write a segment's registers, such as the params after training, under a layout's names.

    Raises:
        WeightsError: when they have other lengths than the layout's arrays.
    """
    lengths = [len(one) for one in words]
    if lengths != [one.length for one in layout.fields]:
        raise WeightsError(f"registers of {lengths} words are not this layout's arrays")
    write_weights(path, layout.arrays(words), metadata)


def _entries(path: Path) -> tuple[dict[str, _Entry], list[str]]:
    """The arrays of a file, and in which order it says that their registers are."""
    try:
        data = mapped(path)
        with safe_open(path, framework="numpy"):
            pass  # the header fits the file: no gaps, no overlaps, sizes that are the shapes'
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror or error}") from error
    except SafetensorError as error:
        raise WeightsError(
            f"{path} is no safetensors file, or damaged ({error}); fetch it again"
        ) from error
    start = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES].tobytes(), "little")
    header = json.loads(data[_LENGTH_BYTES:start].tobytes())
    metadata = header.pop("__metadata__", None) or {}
    entries = {}
    for name, about in header.items():
        low, high = about["data_offsets"]
        dtype = _DTYPES.get(about["dtype"], about["dtype"])
        if len(about["shape"]) > MOST_AXES:
            raise WeightsError(f"{name} of {path} has more than {MOST_AXES} axes; reshape it")
        entries[name] = _Entry(dtype, tuple(about["shape"]), data[start + low : start + high])
    return entries, _order(metadata.get(_ORDER, ""), entries)


def _order(said: str, entries: Mapping[str, _Entry]) -> list[str]:
    """The names in the order that metadata say; none where they say nothing or other names."""
    try:
        names = json.loads(said)
    except (ValueError, RecursionError):
        names = None
    known = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return names if known and sorted(names) == sorted(entries) else []


def _some(names: Iterable[str]) -> str:
    """A few names of many, for a line."""
    few = list(names)
    return ", ".join(few[:4]) + (f" and {len(few) - 4} more" if len(few) > 4 else "")
