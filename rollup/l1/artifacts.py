"""The compiled contracts that ship with the package.

One JSON a contract, written by ``contracts/build.py``: name, ABI, creation code and runtime code,
the last with zeros where immutables go. Values go in and out as eth_abi has them: structs are
tuples, addresses 0x-strings, bytes bytes.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from prover.commit.keccak import keccak
from rollup.l1.errors import ArtifactError


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its name, its canonical ABI type, and whether it is a topic of an event."""

    name: str
    type: str
    indexed: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A function, event or error of a contract.

    ``key`` is what names it on chain: a selector (4 bytes) or an event's first topic (32 bytes).
    """

    name: str
    key: bytes
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...] = ()

    def encode(self, *values: Any) -> bytes:
        """Call data of a function: the selector and its arguments."""
        return self.key + encode([parameter.type for parameter in self.inputs], values)

    def decode_outputs(self, data: bytes) -> tuple[Any, ...]:
        """The values that a function returned."""
        return tuple(decode([parameter.type for parameter in self.outputs], data))

    def decode_inputs(self, data: bytes) -> dict[str, Any]:
        """Arguments of a call or an error by name, from the bytes after the selector."""
        return dict(zip(self._names(self.inputs), _decode(self.inputs, data), strict=True))

    def decode_log(self, topics: list[bytes], data: bytes) -> dict[str, Any]:
        """Values of an event by name. Indexed values of dynamic types are their hashes."""
        indexed = [parameter for parameter in self.inputs if parameter.indexed]
        plain = [parameter for parameter in self.inputs if not parameter.indexed]
        values = dict(zip(self._names(plain), _decode(plain, data), strict=True))
        for parameter, topic in zip(indexed, topics[1:], strict=True):
            (values[parameter.name],) = decode([parameter.type], topic)
        return values

    @staticmethod
    def _names(parameters: Iterable[Parameter]) -> list[str]:
        return [parameter.name or str(place) for place, parameter in enumerate(parameters)]


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compiled contract; ``errors`` by selector, ``events`` by topic, ``functions`` by name."""

    name: str
    bytecode: bytes
    runtime: bytes
    constructor: tuple[Parameter, ...]
    functions: Mapping[str, Entry]
    events: Mapping[bytes, Entry]
    errors: Mapping[bytes, Entry]

    def creation(self, *values: Any) -> bytes:
        """Data of the transaction that creates the contract."""
        return self.bytecode + encode([parameter.type for parameter in self.constructor], values)

    def event(self, name: str) -> Entry:
        """The event of that name."""
        for entry in self.events.values():
            if entry.name == name:
                return entry
        raise ArtifactError(f"contract {self.name} has no event {name}")


def parse(text: str) -> Artifact:
    """The contract that an artifact file describes.

    Raises:
        ArtifactError: when the text is not an artifact.
    """
    try:
        raw = json.loads(text)
        entries = [_entry(item) for item in raw["abi"] if item["type"] in _NAMED]
        kinds = [item["type"] for item in raw["abi"] if item["type"] in _NAMED]
        makers = [item for item in raw["abi"] if item["type"] == "constructor"]
        return Artifact(
            name=raw["name"],
            bytecode=bytes.fromhex(raw["bytecode"].removeprefix("0x")),
            runtime=bytes.fromhex(raw["runtime"].removeprefix("0x")),
            constructor=_parameters(makers[0]["inputs"]) if makers else (),
            functions=_unique(
                entry for entry, kind in zip(entries, kinds, strict=True) if kind == "function"
            ),
            events={e.key: e for e, kind in zip(entries, kinds, strict=True) if kind == "event"},
            errors={e.key: e for e, kind in zip(entries, kinds, strict=True) if kind == "error"},
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"not a compiled contract: {error!r}; build the contracts") from error


@cache
def load(name: str) -> Artifact:
    """The shipped contract of that name.

    Raises:
        ArtifactError: when the package does not hold it.
    """
    try:
        text = files("rollup.l1").joinpath("artifacts", f"{name}.json").read_text("utf-8")
    except OSError as error:
        raise ArtifactError(f"no compiled contract {name}: build the contracts") from error
    return parse(text)


@cache
def all_errors() -> dict[bytes, Entry]:
    """Every custom error of every shipped contract by selector: one may pass another's on."""
    known = dict(_BUILT_IN)
    for path in files("rollup.l1").joinpath("artifacts").iterdir():
        if path.name.endswith(".json") and path.name != "manifest.json":
            known |= load(path.name.removesuffix(".json")).errors
    return known


def decode_error(data: bytes) -> tuple[str, dict[str, Any]]:
    """Name and values of the error that a revert carries; an empty name when it is not known."""
    entry = all_errors().get(data[:4])
    if entry is None:
        return "", {}
    try:
        return entry.name, entry.decode_inputs(data[4:])
    except DecodingError:
        return "", {}


def _decode(parameters: Iterable[Parameter], data: bytes) -> tuple[Any, ...]:
    return tuple(decode([parameter.type for parameter in parameters], data))


_NAMED = frozenset({"function", "event", "error"})


def _type(item: Mapping[str, Any]) -> str:
    base: str = item["type"]
    if not base.startswith("tuple"):
        return base
    return "(" + ",".join(_type(part) for part in item["components"]) + ")" + base[5:]


def _parameters(items: Iterable[Mapping[str, Any]]) -> tuple[Parameter, ...]:
    return tuple(Parameter(item["name"], _type(item), item.get("indexed", False)) for item in items)


def _entry(item: Mapping[str, Any]) -> Entry:
    inputs = _parameters(item["inputs"])
    signature = f"{item['name']}({','.join(parameter.type for parameter in inputs)})"
    key = keccak(signature.encode())
    return Entry(
        name=item["name"],
        key=key if item["type"] == "event" else key[:4],
        inputs=inputs,
        outputs=_parameters(item.get("outputs", ())),
    )


def _unique(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Functions by name; overloads, which none of ours has, would hide each other."""
    named: dict[str, Entry] = {}
    for entry in entries:
        if entry.name in named:
            raise ValueError(f"two functions are named {entry.name}")
        named[entry.name] = entry
    return named


_BUILT_IN = {
    entry.key: entry
    for entry in (
        _entry(
            {"type": "error", "name": "Error", "inputs": [{"name": "reason", "type": "string"}]}
        ),
        _entry({"type": "error", "name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]}),
    )
}
