"""Runs the Float32 harness on many cases a call: on pyrevm where it is installed, else eth-tester.

pyrevm does some 800,000 operations a second, eth-tester's py-evm 2,000 and its gas is a chain's.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import sha3

from prover.ops import Opcode
from tests.prover.hardware import Words

CASES_A_CALL: Final = 20_000
HAS_PYREVM: Final = importlib.util.find_spec("pyrevm") is not None
_SENDER: Final = "0x" + "11" * 20


class RevertedError(Exception):
    """The harness reverted; the argument is its return data in hex."""


class ScalarRunner:
    """A deployed harness behind a call that takes and returns bytes."""

    def __init__(self, call: Callable[[bytes], bytes], cases_a_call: int) -> None:
        self._call = call
        self._cases_a_call = cases_a_call

    def evaluate(self, opcode: int, cases: Words) -> Words:
        """Results of Scalar.evaluate for cases of shape (n, 4): acc, x, y, z."""
        return self._run("evaluate(uint8,bytes)", opcode, cases)

    def measure(self, opcode: int, cases: Words) -> Words:
        """Gas of each case through Float32 alone, its operands on the stack, its call included."""
        signature = "measure(uint8,bytes)"
        spent, nothing = (self._run(signature, op, cases) for op in (opcode, Opcode.MOVE))
        return spent - nothing

    def table(self, opcode: int) -> tuple[int, ...]:
        """(is opcode, is fold, identity, arity, weight) of any uint8."""
        answer = self._call(selector("table(uint8)") + opcode.to_bytes(32, "big"))
        return tuple(int.from_bytes(answer[i : i + 32], "big") for i in range(0, 160, 32))

    def _run(self, signature: str, opcode: int, cases: Words) -> Words:
        results = [
            self._batch(selector(signature), opcode, cases[start : start + self._cases_a_call])
            for start in range(0, len(cases), self._cases_a_call)
        ]
        return np.concatenate(results)

    def _batch(self, called: bytes, opcode: int, cases: Words) -> Words:
        packed = cases.astype(">u4").tobytes()
        head = b"".join(word.to_bytes(32, "big") for word in (opcode, 64, len(packed)))
        answer = self._call(called + head + packed)
        length = int.from_bytes(answer[32:64], "big")
        return np.frombuffer(answer[64 : 64 + length], dtype=">u4").astype(np.uint32)


def on_revm(code: bytes, cases_a_call: int = CASES_A_CALL) -> ScalarRunner:
    """A harness of this creation code on pyrevm."""
    import pyrevm

    evm = pyrevm.EVM(gas_limit=2**62, spec_id="CANCUN")
    address = evm.deploy(_SENDER, code)

    def call(data: bytes) -> bytes:
        try:
            return bytes(evm.message_call(_SENDER, address, calldata=data, is_static=True))
        except RuntimeError as error:
            raise RevertedError(str(error).partition("output: ")[2].partition(" ")[0]) from None

    return ScalarRunner(call, cases_a_call)


def on_eth_tester(code: bytes, cases_a_call: int = 200) -> ScalarRunner:
    """A harness of this creation code on eth-tester."""
    from eth_tester import EthereumTester, PyEVMBackend
    from eth_tester.exceptions import TransactionFailed

    chain: Any = EthereumTester(PyEVMBackend())
    sender = chain.get_accounts()[0]
    common = {"from": sender, "gas": 10_000_000, "gas_price": 10**10}
    deployed = chain.send_transaction({**common, "data": "0x" + code.hex()})
    address = chain.get_transaction_receipt(deployed)["contract_address"]

    def call(data: bytes) -> bytes:
        try:
            answer: str = chain.call({**common, "to": address, "data": "0x" + data.hex()})
        except TransactionFailed as error:
            # The text of a bytes literal.
            raise RevertedError(ast.literal_eval(str(error)).hex()) from None
        return bytes.fromhex(answer.removeprefix("0x"))

    return ScalarRunner(call, cases_a_call)


def selector(signature: str) -> bytes:
    digest: bytes = sha3.keccak_256(signature.encode()).digest()
    return digest[:4]
