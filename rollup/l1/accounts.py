"""Accounts that sign L1 transactions: a key held here, keys of a development chain."""

from dataclasses import dataclass, field
from typing import NewType, Protocol

import rlp
from coincurve import PrivateKey

from prover.commit.keccak import Hash, keccak
from rollup.protocol.eip712 import address_of
from rollup.protocol.types import Address, Wei, address_text

RawTransaction = NewType("RawTransaction", bytes)
"""A signed transaction as it goes over the wire."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """An EIP-1559 transaction to be signed. Fees are wei a gas; ``to`` None creates a contract."""

    chain_id: int
    nonce: int
    tip: Wei
    max_fee: Wei
    gas: int
    to: Address | None
    value: Wei
    data: bytes

    def fields(self) -> list[int | bytes | list[bytes]]:
        """What is signed, in order; the access list is empty."""
        return [
            self.chain_id,
            self.nonce,
            self.tip,
            self.max_fee,
            self.gas,
            self.to or b"",
            self.value,
            self.data,
            [],
        ]


class Signer(Protocol):
    """Who signs transactions: a key in memory, a keystore, a machine elsewhere."""

    @property
    def address(self) -> Address:
        """The account that pays."""
        ...

    def sign(self, transaction: Transaction) -> RawTransaction:
        """The transaction as it goes over the wire."""
        ...


@dataclass(frozen=True, slots=True)
class LocalSigner:
    """A private key (32 bytes) in this process' memory; never shown.

    Raises:
        SignatureError: when the bytes are no private key.
    """

    key: bytes = field(repr=False)
    address: Address = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", address_of(self.key))

    def __repr__(self) -> str:
        return f"LocalSigner({address_text(self.address)})"

    def sign(self, transaction: Transaction) -> RawTransaction:
        """See ``Signer``; RFC 6979 nonces, so that the same fields give the same bytes."""
        fields = transaction.fields()
        digest = keccak(b"\x02" + rlp.encode(fields))
        signature = PrivateKey(self.key).sign_recoverable(digest, hasher=None)
        r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])
        return RawTransaction(b"\x02" + rlp.encode([*fields, signature[64], r, s]))


def transaction_hash(raw: RawTransaction) -> Hash:
    """What names a signed transaction."""
    return keccak(raw)


def created_address(sender: Address, nonce: int) -> Address:
    """Where the contract goes that ``sender``'s transaction with this nonce creates."""
    return Address(keccak(rlp.encode([sender, nonce]))[12:])


def dev_signer(seed: str, index: int) -> LocalSigner:
    """Key number ``index`` of a development chain: known to everybody, so good for nothing else."""
    key = keccak(b"plumbline development account|" + seed.encode() + b"|" + index.to_bytes(4))
    return LocalSigner(key)


def dev_signers(seed: str, count: int) -> tuple[LocalSigner, ...]:
    """The first ``count`` keys of a development chain."""
    return tuple(dev_signer(seed, index) for index in range(count))
