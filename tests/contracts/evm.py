"""A small driver for contract tests: an in-memory chain (revm) and contracts as Python objects.

    evm = Evm()
    alice = evm.account("alice")
    vault = evm.deploy(compiled("src/StakeVault.sol")["StakeVault"], 10**18, ..., sender=alice)
    account, first = vault.deposit(2, sender=alice, value=2 * 10**18)
    with reverts("SlotSpent"):
        vault.withdraw(0, sender=alice)

A view is called like any other function and changes nothing. Addresses are lower-case hex strings,
bytes are bytes, structs are tuples in the order of their fields. Gas figures are indicative only:
slots stay warm from one call to the next (`tests.contracts.metered` has true ones). revm's base fee
is always 0 in here, so contracts are compiled with `block.basefee` reading the call's `gas_price`.
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

ETHER: Final = 10**18
START: Final = 1_700_000_000
"""Timestamp of a fresh chain."""
ZERO: Final = "0x" + "00" * 20
"""The zero address."""
NOBODY: Final = "0x" + "99" * 20
"""Who calls when it does not matter."""
GAS: Final = 100_000_000
"""What every call is given in revm."""


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
def compiled(*units: str, shipped: bool = False) -> dict[str, Artifact]:
    """Contracts of the named source units ("src/X.sol", "test/Y.sol"), by contract name.

    As shipped, or else with the gas price for the base fee (see above).
    """
    build.ensure_toolchain()
    sources = build.load_sources(build.SRC) | build.load_sources(build.TEST)
    missing = set(units) - set(sources)
    if missing:
        raise build.BuildError(f"no such source units: {sorted(missing)}")
    base_fee = "block.basefee" if shipped else "tx.gasprice"
    chosen = {unit: sources[unit].replace("block.basefee", base_fee) for unit in units}
    return build.compile_sources(chosen)


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


class Chain:
    """A chain to deploy on and to call: what the kinds of it have in common."""

    shipped = True
    """Whether contracts run as shipped (see `compiled`)."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        """What the last transaction emitted, as far as a deployed contract declares it.

        Views and reverted calls leave it as it was.
        """
        self.gas_used = 0
        """Gas of the last transaction."""
        self._errors: dict[bytes, dict[str, Any]] = {}
        self._events: dict[tuple[str, bytes], dict[str, Any]] = {}

    def account(self, name: str, balance: int = 1_000_000 * ETHER) -> str:
        """An address of its own for `name`, with `balance` wei."""
        raise NotImplementedError

    def warp(self, seconds: int) -> None:
        """Moves the clock forward."""
        raise NotImplementedError

    def balance(self, address: Contract | str) -> int:
        """Wei at the address."""
        raise NotImplementedError

    def nonce(self, address: str) -> int:
        """How many contracts and transactions the address has made."""
        raise NotImplementedError

    def create(self, code: bytes, *, sender: str, value: int = 0) -> str:
        """Runs creation code; returns the new contract's address. Raises `Revert`."""
        raise NotImplementedError

    def transact(
        self,
        to: Contract | str,
        calldata: bytes,
        *,
        sender: str,
        value: int = 0,
        gas_price: int = 0,
        view: bool = False,
    ) -> bytes:
        """Calls with raw data and returns raw data; raises `Revert`."""
        raise NotImplementedError

    def deploy(
        self, artifact: Artifact, *arguments: Any, sender: str | None = None, value: int = 0
    ) -> Contract:
        """Runs the constructor with its arguments; its revert is raised as `Revert`."""
        sender = sender or self.account("deployer")
        self.learn("", artifact)
        inputs = [e["inputs"] for e in artifact.abi if e["type"] == "constructor"]
        code = artifact.bytecode + _encoded(inputs[0] if inputs else [], arguments)
        return self.at(self.create(code, sender=sender, value=value), artifact)

    def at(self, address: str, artifact: Artifact) -> Contract:
        """The contract that stands at an address; its errors and events are decoded from now on."""
        self.learn(address.lower(), artifact)
        return Contract(self, address.lower(), artifact)

    def next_address(self, sender: str, ahead: int = 0) -> str:
        """Where the sender's next deployment goes, or the one `ahead` further."""
        body = b"\x94" + bytes.fromhex(sender[2:]) + _rlp_number(self.nonce(sender) + ahead)
        return "0x" + _keccak(bytes([0xC0 + len(body)]) + body).hex()[24:]

    def learn(self, address: str, artifact: Artifact) -> None:
        """Decodes the contract's errors and, from its address, its events."""
        for entry in artifact.abi:
            if entry["type"] == "error":
                self._errors[selector(_signature(entry))] = entry
            if entry["type"] == "event":
                self._events[address, _keccak(_signature(entry).encode())] = entry

    def decode_revert(self, data: bytes) -> Revert:
        """What a call reverted with."""
        if data[:4] == selector("Error(string)"):
            return Revert("Error", decode(["string"], data[4:]))
        if data[:4] == selector("Panic(uint256)"):
            return Revert("Panic", decode(["uint256"], data[4:]))
        entry = self._errors.get(data[:4])
        if entry is None:
            return Revert("Unknown", (data,))
        types = [canonical(parameter) for parameter in entry["inputs"]]
        return Revert(entry["name"], decode(types, data[4:]))

    def decode_event(self, address: str, topics: Sequence[bytes], data: bytes) -> Event | None:
        """A log of a contract that is known."""
        entry = self._events.get((address.lower(), topics[0]))
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
        return Event(address.lower(), entry["name"], arguments)


class Evm(Chain):
    """revm in memory, with a clock that only moves when told to."""

    shipped = False

    def __init__(self, chain_id: int = 31_337, spec: str = "CANCUN") -> None:
        super().__init__()
        self._pyrevm = pytest.importorskip("pyrevm", reason="no pyrevm wheel for this Python")
        environment = self._pyrevm.Env(cfg=self._pyrevm.CfgEnv(chain_id=chain_id))
        self.revm = self._pyrevm.EVM(env=environment, gas_limit=2 * GAS, spec_id=spec)
        self.revm.set_balance(NOBODY, 10**9 * ETHER)
        self._timestamp = START
        self.timestamp = START

    @property
    def timestamp(self) -> int:
        """The block's time that calls see."""
        return self._timestamp

    @timestamp.setter
    def timestamp(self, value: int) -> None:
        self._timestamp = value
        self.revm.set_block_env(self._pyrevm.BlockEnv(number=1, timestamp=value, gas_limit=2 * GAS))

    def warp(self, seconds: int) -> None:
        """See `Chain.warp`."""
        self.timestamp += seconds

    def account(self, name: str, balance: int = 1_000_000 * ETHER) -> str:
        """See `Chain.account`."""
        address = "0x" + _keccak(name.encode()).hex()[:40]
        self.revm.set_balance(address, balance)
        return address

    def balance(self, address: Contract | str) -> int:
        """See `Chain.balance`."""
        balance: int = self.revm.get_balance(address_of(address))
        return balance

    def nonce(self, address: str) -> int:
        """See `Chain.nonce`."""
        nonce: int = self.revm.basic(address).nonce
        return nonce

    def create(self, code: bytes, *, sender: str, value: int = 0) -> str:
        """See `Chain.create`."""
        with self._decoding():
            address: str = self.revm.deploy(sender, code, value)
        return address

    def transact(
        self,
        to: Contract | str,
        calldata: bytes,
        *,
        sender: str,
        value: int = 0,
        gas_price: int = 0,
        view: bool = False,
    ) -> bytes:
        """See `Chain.transact`."""
        with self._decoding(view):
            data: bytes = self.revm.message_call(
                sender, address_of(to), calldata, value, GAS, gas_price or None, view
            )
        return data

    @contextmanager
    def _decoding(self, view: bool = False) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            text = str(error)
            if "output: 0x" not in text:
                raise Revert("Halt", (text,)) from None
            output = text.partition("output: 0x")[2].partition(" ")[0]
            raise self.decode_revert(bytes.fromhex(output)) from None
        finally:
            self.revm.reset_transient_storage()
        result = self.revm.result
        if view:
            return
        self.gas_used = result.gas_used
        decoded = [self.decode_event(log.address, *log.data) for log in result.logs]
        self.events = [event for event in decoded if event is not None]


class Contract:
    """A deployed contract: its ABI's functions are methods.

    They take the arguments in order and the keywords of `Evm.transact`; without a `sender`, nobody
    in particular calls. They return nothing, the one result, or a tuple. Functions of one name are
    told apart by argument count.
    """

    def __init__(self, chain: Chain, address: str, artifact: Artifact) -> None:
        self.chain = chain
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

    def send(self, name: str, *arguments: Any, sender: str = NOBODY, **call: Any) -> Any:
        """Calls the function and decodes what it returns."""
        entry = self._function(name, len(arguments))
        calldata = selector(_signature(entry)) + _encoded(entry["inputs"], arguments)
        view = entry["stateMutability"] in {"view", "pure"}
        data = self.chain.transact(self, calldata, sender=sender, view=view, **call)
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


def address_of(of: Contract | str) -> str:
    """The hex address of a contract, or the address itself."""
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
