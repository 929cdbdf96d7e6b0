"""Signatures: EIP-712 digests over secp256k1 (docs/protocol.md, section 8).

A signature is 65 bytes r, s, v with v 27 or 28 and s in the lower half of the order, so that
exactly one byte string is the signature of a digest by a key and a nonce; a second form would be a
second acceptable entry.
"""

from dataclasses import dataclass, field
from typing import Final, NewType

from coincurve import PrivateKey, PublicKey

from prover.commit.keccak import keccak
from rollup.errors import SignatureError
from rollup.protocol.types import ZERO_ADDRESS, Address, Hash

Signature = NewType("Signature", bytes)
"""65 bytes r, s, v; `recover` says whether they are a signature."""

Digest = NewType("Digest", Hash)
"""What is signed: keccak256(0x1901 | domain separator | struct hash)."""

DOMAIN_NAME: Final = "Plumbline"
DOMAIN_VERSION: Final = "1"
_DOMAIN_TYPE_HASH: Final = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_NAME_HASH: Final = keccak(DOMAIN_NAME.encode())
_VERSION_HASH: Final = keccak(DOMAIN_VERSION.encode())

ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Of the group of secp256k1."""
_HALF_ORDER_BYTES: Final = (ORDER // 2).to_bytes(32)


@dataclass(frozen=True, slots=True)
class Domain:
    """Where signatures count: one rollup on one chain.

    Raises:
        SignatureError: when the address has the wrong width or the chain id is no u256.
    """

    chain_id: int
    rollup: Address
    separator: Hash = field(init=False, repr=False, compare=False)
    _prefix: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.rollup) != 20 or not 0 <= self.chain_id < 2**256:
            raise SignatureError("a domain takes a chain id (u256) and a rollup address (20 bytes)")
        separator = keccak(
            _DOMAIN_TYPE_HASH
            + _NAME_HASH
            + _VERSION_HASH
            + self.chain_id.to_bytes(32)
            + bytes(12)
            + self.rollup
        )
        object.__setattr__(self, "separator", separator)
        object.__setattr__(self, "_prefix", b"\x19\x01" + separator)

    def digest(self, struct_hash: Hash) -> Digest:
        """What the account's owner signs for a receipt's or a bundle's struct hash."""
        return Digest(keccak(self._prefix + struct_hash))


def address_of(key: bytes) -> Address:
    """Address of a private key of 32 bytes.

    Raises:
        SignatureError: when the bytes are no private key.
    """
    return _address(_private(key).public_key)


def sign(key: bytes, digest: Digest) -> Signature:
    """The deterministic (RFC 6979) signature of `digest` by a private key of 32 bytes.

    Raises:
        SignatureError: when the bytes are no private key.
    """
    signature = _private(key).sign_recoverable(digest, hasher=None)
    return Signature(signature[:64] + bytes([signature[64] + 27]))


def recover(digest: Digest, signature: Signature) -> Address:
    """The address whose key signed `digest`.

    Raises:
        SignatureError: when the signature is not 65 bytes, v is neither 27 nor 28, s is high or
            zero, r or s are outside the group, or no key (or the zero address) is recovered.
    """
    if len(signature) != 65:
        raise SignatureError(f"a signature has 65 bytes (r, s, v), not {len(signature)}")
    if signature[64] not in (27, 28):
        raise SignatureError(f"v is 27 or 28, not {signature[64]}")
    if signature[32:64] > _HALF_ORDER_BYTES:
        raise SignatureError("s is in the upper half of the group order; sign with low s")
    try:
        public = PublicKey.from_signature_and_message(
            signature[:64] + bytes([signature[64] - 27]), digest, hasher=None
        )
    except Exception:  # noqa: BLE001 - coincurve raises bare Exception
        raise SignatureError("the signature recovers no key") from None
    address = _address(public)
    if address == ZERO_ADDRESS:
        raise SignatureError("the signature recovers the zero address")
    return address


def compact(signature: Signature) -> bytes:
    """64 bytes r, s with v in the top bit of s, which low s leaves free (the form of EIP-2098).

    Raises:
        SignatureError: when the width, v or the top bit do not allow it.
    """
    if len(signature) != 65 or signature[64] not in (27, 28) or signature[32] & 0x80:
        raise SignatureError("only 65 bytes with v 27 or 28 and low s have a compact form")
    if signature[64] == 27:
        return signature[:64]
    return signature[:32] + bytes([signature[32] | 0x80]) + signature[33:64]


def expand(compacted: bytes) -> Signature:
    """The inverse of `compact`, on any 64 bytes."""
    v = 27 + (compacted[32] >> 7)
    return Signature(compacted[:32] + bytes([compacted[32] & 0x7F]) + compacted[33:64] + bytes([v]))


def _private(key: bytes) -> PrivateKey:
    try:
        if len(key) == 32:  # coincurve would pad a shorter one
            return PrivateKey(key)
    except ValueError:
        pass
    raise SignatureError("a private key has 32 bytes and lies inside the group")


def _address(public: PublicKey) -> Address:
    return Address(keccak(public.format(compressed=False)[1:])[12:])
