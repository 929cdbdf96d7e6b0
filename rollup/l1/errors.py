"""What can go wrong between the ledger and its L1, finer than rollup.errors has it.

L1Error
├── L1Unavailable           no answer from the RPC endpoint: try again, or another endpoint
│   ├── InsufficientFunds   the sending account cannot pay: fund it
│   ├── Underpriced         a fee too low for the endpoint or for replacing what it holds
│   ├── FeeLimitReached     the fee that would be needed is above the limit set for it
│   └── NotMined            sent, but not in a block within the time allowed
├── RpcRefused          the endpoint answered with an error that no other class names
├── WrongChain          the endpoint serves another chain than the one asked for
├── UnknownContract     no code, or other code, where a contract should be
├── NonceUsed           another transaction of this account took the nonce
├── Reverted            the contract refused; carries the custom error's name and values
├── DeploymentError     a deployment, or the file describing it, that cannot be used
├── DevnetError         the development chain cannot be started
└── ArtifactError       a compiled contract that is missing or damaged
"""

from collections.abc import Mapping
from typing import Any

from rollup.errors import L1Error, L1Unavailable

__all__ = [
    "ArtifactError",
    "DeploymentError",
    "DevnetError",
    "FeeLimitReached",
    "InsufficientFunds",
    "L1Error",
    "L1Unavailable",
    "NonceUsed",
    "NotMined",
    "Reverted",
    "RpcRefused",
    "Underpriced",
    "UnknownContract",
    "WrongChain",
]


class RpcRefused(L1Error):
    """The endpoint answered with a JSON-RPC error."""

    code = "l1-refused"

    def __init__(self, number: int, message: str, data: bytes = b"") -> None:
        super().__init__(f"the L1 endpoint refused: {message} (code {number})")
        self.number = number
        self.message = message
        self.data = data


class WrongChain(L1Error):
    """The endpoint serves another chain id than the one configured."""

    code = "l1-wrong-chain"


class UnknownContract(L1Error):
    """An address holds no code, or not the code that the deployment names."""

    code = "l1-unknown-contract"


class InsufficientFunds(L1Unavailable):
    """The account's ETH does not cover value and fees."""

    code = "l1-insufficient-funds"


class NonceUsed(L1Error):
    """The nonce of a transaction is below the account's: something else used it."""

    code = "l1-nonce-used"


class Underpriced(L1Unavailable):
    """The fee is too low for the endpoint, or for replacing what it already holds."""

    code = "l1-underpriced"


class FeeLimitReached(L1Unavailable):
    """Going on would cost more a gas than the configured limit."""

    code = "l1-fee-limit"


class NotMined(L1Unavailable):
    """A transaction was accepted and is in no block yet; ``transaction`` is its hash."""

    code = "l1-not-mined"

    def __init__(self, message: str, transaction: bytes) -> None:
        super().__init__(message)
        self.transaction = transaction


class Reverted(L1Error):
    """A contract refused the call.

    ``name`` is the custom error's name (empty when the revert carried no known error), ``values``
    its arguments by name, ``data`` the bytes as they came.
    """

    code = "l1-reverted"

    def __init__(self, call: str, name: str, values: Mapping[str, Any], data: bytes) -> None:
        listed = ", ".join(f"{key}={_show(value)}" for key, value in values.items())
        reason = f"{name}({listed})" if name else "without a reason that is known here"
        super().__init__(f"{call} reverted: {reason}")
        self.call = call
        self.name = name
        self.values = dict(values)
        self.data = data


class DeploymentError(L1Error):
    """A deployment, or the file that describes one, cannot be used."""

    code = "l1-deployment"


class DevnetError(L1Error):
    """The development chain cannot be started."""

    code = "l1-devnet"


class ArtifactError(L1Error):
    """A compiled contract is not in the package, or not whole."""

    code = "l1-artifact"


def _show(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
