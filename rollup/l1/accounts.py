"""Accounts that sign: keys of a development chain, and any key held in this process."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NewType, Protocol

from prover.commit.keccak import keccak
from rollup.protocol.eip712 import address_of
from rollup.protocol.types import Address, address_text

RawTransaction = NewType("RawTransaction", bytes)
"""A signed transaction as it goes over the wire."""


class Signer(Protocol):
    """Who signs transactions: a key in memory, a keystore, a machine elsewhere."""

    @property
    def address(self) -> Address:
        """The account that pays."""
        ...

    def sign_transaction(self, fields: Mapping[str, Any]) -> RawTransaction:
        """Signs an EIP-1559 transaction with fields as eth_account names them."""
        ...


@dataclass(frozen=True)
class LocalSigner:
    """A private key (32 bytes) in this process' memory; never shown.

    Raises:
        SignatureError: when the bytes are no private key.
    """

    key: bytes

    def __post_init__(self) -> None:
        address_of(self.key)

    def __repr__(self) -> str:
        return f"LocalSigner({address_text(self.address)})"

    @property
    def address(self) -> Address:
        """The key's address."""
        return address_of(self.key)

    def sign_transaction(self, fields: Mapping[str, Any]) -> RawTransaction:
        """Signs with RFC 6979 nonces, so that the same fields give the same bytes."""
        from eth_account import Account

        signed = Account.sign_transaction(dict(fields), self.key)
        return RawTransaction(bytes(signed.raw_transaction))


def dev_signer(seed: str, index: int) -> LocalSigner:
    """Key number ``index`` of a development chain: the same everywhere, so worth nothing elsewhere."""
    key = keccak(b"plumbline development account|" + seed.encode() + b"|" + index.to_bytes(4))
    return LocalSigner(key)


def dev_signers(seed: str, count: int) -> tuple[LocalSigner, ...]:
    """The first ``count`` keys of a development chain."""
    return tuple(dev_signer(seed, index) for index in range(count))
