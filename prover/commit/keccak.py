"""keccak256, the one hash of the system.

`keccak` hashes one message; `tagged` puts a domain tag before it. Both are thin over safe-pysha3's
C code.
"""

from typing import NewType

import sha3

from prover.commit.tags import Tag

Hash = NewType("Hash", bytes)
"""32 bytes, the keccak256 of a tagged preimage."""

ZERO_HASH = Hash(bytes(32))
"""32 zero bytes: the absent leaf of batch, bundle, dissection and op-table trees."""

_TAG_BYTES = {tag: bytes([tag]) for tag in Tag}


def keccak(message: bytes) -> Hash:
    """keccak256 of `message` (the padding of Ethereum, not of SHA3-256)."""
    return Hash(sha3.keccak_256(message).digest())


def tagged(tag: Tag, *parts: bytes) -> Hash:
    """keccak256 of the tag's byte followed by `parts`."""
    return keccak(_TAG_BYTES[tag] + b"".join(parts))
