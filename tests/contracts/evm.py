"""A small driver for contract tests: one in-memory chain (revm), contracts as Python objects.

    evm = Evm()
    alice = evm.account("alice")
    vault = evm.deploy(compiled("src/StakeVault.sol")["StakeVault"], 10**18, ..., sender=alice)
    account, first = vault.deposit(2, sender=alice, value=2 * 10**18)
    with reverts("SlotSpent"):
        vault.withdraw(0, sender=alice)

A view is called like any other function and changes nothing. Addresses are lower-case hex strings,
bytes are bytes, structs are tuples in the order of their fields. Gas figures are indicative only:
slots stay warm from one call to the next. The base fee is always 0 in here, so contracts are
compiled with `block.basefee` reading the gas price of the call (`gas_price=`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest
import sha3
from eth_abi.abi import decode, encode

from contracts import build
from contracts.build import Artifact

pyrevm = pytest.importorskip("pyrevm", reason="no pyrevm wheel for this Python")

ETHER: Final = 10**18
START: Final = 1_700_000_000
"""Timestamp of a fresh chain."""
ZERO: Final = "0x" + "00" * 20
"""The zero address."""


class Revert(Exception):
    """A call that reverted: the custom error's name (or "Error", "Panic", "Halt") and arguments."""

    def __init__(self, name: str, args: tuple[Any, ...] = ()) -> None:
        super().__init__(f"{name}{args}")
        self.name = name
        self.arguments = args


@dataclass(frozen=True, slots=True)
class Event:
    """One decoded log: the emitter's address, the event's name, its arguments by name."""

    address: str
    name: str
    arguments: dict[str, Any]

    def __getitem__(self, argument: str) -> Any:
        return self.arguments[argument]


@functools.cache
def compiled(*units: str) -> dict[str, Artifact]:
    """Contracts of the named source units ("src/X.sol", "test/Y.sol"), by contract name.

    As shipped, except that the base fee is the gas price (see above).
    """
    build.ensure_toolchain()
    sources = build.load_sources(build.SRC) | build.load_sources(build.TEST)
    priced = {
        name: text.replace("block.basefee", "tx.gasprice")
        for name, text in sources.items()
        if name in units
    }
    missing = set(units) - set(priced)
    if missing:
        raise build.BuildError(f"no such source units: {sorted(missing)}")
    return build.compile_sources(priced)


def selector(signature: str) -> bytes:
    """First four bytes of the hash of "name(type,type)"."""
    return _keccak(signature.encode())[:4]


def canonical(parameter: dict[str, Any]) -> str:
    """An ABI parameter's canonical type: structs written out as tuples."""
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    inside = ",".join(canonical(part) for part in parameter["components"])
    return f"({inside}){kind.removeprefix('tuple')}"


@contextmanager
def reverts(name: str, *arguments: Any) -> Iterator[None]:
    """The body must revert with the custom error `name` (and `arguments`, when any are given)."""
    with pytest.raises(Revert) as caught:
        yield
    error = caught.value
    assert error.name == name, f"expected {name}, got {error}"
    assert not arguments or error.arguments == arguments, f"expected {arguments}, got {error}"


class Evm:
    """A chain with a clock that only moves when told to."""

    def __init__(self, chain_id: int = 31_337, spec: str = "CANCUN") -> None:
        environment = pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=chain_id))
        self.revm = pyrevm.EVM(env=environment, gas_limit=2**63, spec_id=spec)
        self.events: list[Event] = []
        """What the last call emitted, in order, as far as a deployed contract declares it."""
        self.gas_used = 0
        """Gas of the last call, its intrinsic gas included; indicative only (see the module)."""
        self._errors: dict[bytes, dict[str, Any]] = {}
        self._events: dict[tuple[str, bytes], dict[str, Any]] = {}
        self._timestamp = START
        self.timestamp = START

    @property
    def timestamp(self) -> int:
        """The block's time that calls see."""
        return self._timestamp

    @timestamp.setter
    def timestamp(self, value: int) -> None:
        self._timestamp = value
        self.revm.set_block_env(pyrevm.BlockEnv(number=1, timestamp=value, gas_limit=2**63))

    def warp(self, seconds: int) -> None:
        """Moves the clock forward."""
        self.timestamp += seconds

    def account(self, name: str, balance: int = 1_000_000 * ETHER) -> str:
        """An address of its own for `name`, with `balance` wei."""
        address = "0x" + _keccak(name.encode()).hex()[:40]
        self.revm.set_balance(address, balance)
        return address

    def balance(self, address: Contract | str) -> int:
        """Wei at the address."""
        balance: int = self.revm.get_balance(_address(address))
        return balance

    def deploy(
        self, artifact: Artifact, *arguments: Any, sender: str | None = None, value: int = 0
    ) -> Contract:
        """Runs the constructor with its arguments; its revert is raised as `Revert`."""
        sender = sender or self.account("deployer")
        inputs = [e["inputs"] for e in artifact.abi if e["type"] == "constructor"]
        code = artifact.bytecode + _encoded(inputs[0] if inputs else [], arguments)
        with self._decoding():
            address = self.revm.deploy(sender, code, value)
        return self.at(address, artifact)

    def at(self, address: str, artifact: Artifact) -> Contract:
        """The contract that stands at an address; its errors and events are decoded from now on."""
        contract = Contract(self, address.lower(), artifact)
        self._learn(contract)
        return contract

    def next_address(self, sender: str, ahead: int = 0) -> str:
        """Where the sender's next deployment goes, or the one `ahead` further."""
        nonce = self.revm.basic(sender).nonce + ahead
        body = b"\x94" + bytes.fromhex(sender[2:]) + _rlp_number(nonce)
        return "0x" + _keccak(bytes([0xC0 + len(body)]) + body).hex()[24:]

    def transact(
        self,
        to: Contract | str,
        calldata: bytes,
        *,
        sender: str,
        value: int = 0,
        gas_price: int = 0,
        gas: int | None = None,
    ) -> bytes:
        """Calls with raw data and returns raw data; raises `Revert`."""
        with self._decoding():
            data: bytes = self.revm.message_call(
                sender, _address(to), calldata, value, gas, gas_price=gas_price or None
            )
        return data

    @contextmanager
    def _decoding(self) -> Iterator[None]:
        self.events = []
        try:
            yield
        except RuntimeError as error:
            raise self._revert(str(error)) from None
        finally:
            self.revm.reset_transient_storage()
        result = self.revm.result
        self.gas_used = result.gas_used
        self.events = [event for log in result.logs if (event := self._event(log)) is not None]

    def _learn(self, contract: Contract) -> None:
        for entry in contract.artifact.abi:
            if entry["type"] == "error":
                self._errors[selector(_signature(entry))] = entry
            if entry["type"] == "event":
                self._events[contract.address, _keccak(_signature(entry).encode())] = entry

    def _revert(self, text: str) -> Revert:
        if "output: 0x" not in text:
            return Revert("Halt", (text,))
        data = bytes.fromhex(text.partition("output: 0x")[2].partition(" ")[0])
        if data[:4] == selector("Error(string)"):
            return Revert("Error", decode(["string"], data[4:]))
        if data[:4] == selector("Panic(uint256)"):
            return Revert("Panic", decode(["uint256"], data[4:]))
        entry = self._errors.get(data[:4])
        if entry is None:
            return Revert("Unknown", (data,))
        types = [canonical(parameter) for parameter in entry["inputs"]]
        return Revert(entry["name"], decode(types, data[4:]))

    def _event(self, log: Any) -> Event | None:
        topics, data = log.data
        entry = self._events.get((log.address.lower(), topics[0]))
        if entry is None:
            return None
        indexed = [parameter for parameter in entry["inputs"] if parameter["indexed"]]
        plain = [parameter for parameter in entry["inputs"] if not parameter["indexed"]]
        arguments: dict[str, Any] = {
            parameter["name"]: decode([canonical(parameter)], topic)[0]
            for parameter, topic in zip(indexed, topics[1:], strict=True)
        }
        values = decode([canonical(parameter) for parameter in plain], data)
        names = [parameter["name"] for parameter in plain]
        arguments.update(zip(names, values, strict=True))
        return Event(log.address.lower(), entry["name"], arguments)


class Contract:
    """A deployed contract: its ABI's functions are methods.

    They take the arguments in order and the keywords of `Evm.transact`; without a `sender`, nobody
    in particular calls. They return nothing, the one result, or a tuple. Functions of one name are
    told apart by argument count.
    """

    def __init__(self, evm: Evm, address: str, artifact: Artifact) -> None:
        self.evm = evm
        self.address = address
        self.artifact = artifact

    def __getattr__(self, name: str) -> functools.partial[Any]:
        if not any(e["type"] == "function" and e["name"] == name for e in self.artifact.abi):
            raise AttributeError(f"{self.artifact.name} has no function {name}")
        return functools.partial(self.send, name)

    def calldata(self, name: str, *arguments: Any) -> bytes:
        """The call's bytes: selector and encoded arguments."""
        entry = self._function(name, len(arguments))
        return selector(_signature(entry)) + _encoded(entry["inputs"], arguments)

    def send(self, name: str, *arguments: Any, sender: str = "0x" + "99" * 20, **call: Any) -> Any:
        """Calls the function and decodes what it returns."""
        entry = self._function(name, len(arguments))
        calldata = selector(_signature(entry)) + _encoded(entry["inputs"], arguments)
        data = self.evm.transact(self, calldata, sender=sender, **call)
        results = decode([canonical(parameter) for parameter in entry["outputs"]], data)
        return results[0] if len(results) == 1 else (results or None)

    def _function(self, name: str, count: int) -> dict[str, Any]:
        for entry in self.artifact.abi:
            named = entry["type"] == "function" and entry["name"] == name
            if named and len(entry["inputs"]) == count:
                return entry
        raise TypeError(f"{self.artifact.name} has no {name} with {count} arguments")


def _keccak(message: bytes) -> bytes:
    digest: bytes = sha3.keccak_256(message).digest()
    return digest


def _address(of: Contract | str) -> str:
    return of.address if isinstance(of, Contract) else of


def _signature(entry: dict[str, Any]) -> str:
    return f"{entry['name']}({','.join(canonical(p) for p in entry['inputs'])})"


def _plain(value: Any) -> Any:
    """Contracts stand for their addresses, inside structs and arrays too."""
    if isinstance(value, Contract):
        return value.address
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _encoded(parameters: Sequence[dict[str, Any]], arguments: Sequence[Any]) -> bytes:
    return encode([canonical(p) for p in parameters], [_plain(a) for a in arguments])


def _rlp_number(number: int) -> bytes:
    if number == 0:
        return b"\x80"
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return raw if number < 0x80 else bytes([0x80 + len(raw)]) + raw
