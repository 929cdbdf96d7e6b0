"""Our EIP-712 against eth-account's, and the rules that make a signature the only one."""

from contextlib import suppress
from typing import Any

import coincurve
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak as other_keccak
from hypothesis import given
from hypothesis import strategies as st

from rollup.errors import SignatureError
from rollup.protocol import actions, receipts
from rollup.protocol.documents import receipt_to_json
from rollup.protocol.eip712 import (
    ORDER,
    Digest,
    Domain,
    Signature,
    address_of,
    compact,
    expand,
    recover,
    sign,
)
from rollup.protocol.receipts import Bundle, Receipt
from rollup.protocol.types import AccountIndex, Address, Hash, Nonce, address_text
from tests.rollup.protocol import strategies as our

keys = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32))
digests = our.hashes.map(Digest)


def fields_of(type_text: str) -> list[dict[str, str]]:
    inner = type_text[type_text.index("(") + 1 : -1]
    pairs = (part.split(" ") for part in inner.split(","))
    return [{"type": kind, "name": name} for kind, name in pairs]


def typed_data(
    domain: Domain, name: str, type_text: str, message: dict[str, Any]
) -> dict[str, Any]:
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            name: fields_of(type_text),
        },
        "primaryType": name,
        "domain": {
            "name": "Plumbline",
            "version": "1",
            "chainId": domain.chain_id,
            "verifyingContract": address_text(domain.rollup),
        },
        "message": message,
    }


TYPES = {
    "Work": receipts.WORK_TYPE,
    "Statement": receipts.STATEMENT_TYPE,
    "Action": actions.ACTION_TYPE,
}
domains = st.builds(Domain, st.integers(0, 2**64), our.addresses)


@given(our.receipts, domains, keys)
def test_digest_signature_and_signer_are_eth_accounts(
    receipt: Receipt, domain: Domain, key: bytes
) -> None:
    message = receipt_to_json(receipt)
    name = message["type"]
    type_text = TYPES[name]
    wanted = {field["name"]: message[field["name"]] for field in fields_of(type_text)}
    signable = encode_typed_data(full_message=typed_data(domain, name, type_text, wanted))
    digest = domain.digest(receipt.id)
    assert digest == other_keccak(b"\x19" + signable.version + signable.header + signable.body)
    theirs = Account.sign_message(signable, key)
    assert sign(key, digest) == bytes(theirs.signature)
    assert address_text(recover(digest, sign(key, digest))) == Account.from_key(key).address
    assert address_of(key) == recover(digest, sign(key, digest))


@given(our.u64, our.u64, our.u32, our.hashes, domains)
def test_bundle_digest_is_eth_accounts(
    account: int, nonce: int, count: int, root: Hash, domain: Domain
) -> None:
    bundle = Bundle(AccountIndex(account), Nonce(nonce), count, root)
    message = {"account": account, "nonce": nonce, "count": count, "root": root}
    signable = encode_typed_data(
        full_message=typed_data(domain, "Bundle", receipts.BUNDLE_TYPE, message)
    )
    digest = other_keccak(b"\x19" + signable.version + signable.header + signable.body)
    assert domain.digest(bundle.id) == digest


@given(keys, digests)
def test_compact_form_keeps_a_signature(key: bytes, digest: Digest) -> None:
    signature = sign(key, digest)
    assert len(compact(signature)) == 64
    assert expand(compact(signature)) == signature


@given(st.binary(min_size=64, max_size=64))
def test_any_64_bytes_expand_and_come_back(data: bytes) -> None:
    assert compact(expand(data)) == data


KEY = our.KEY
DIGEST = our.DOMAIN.digest(Hash(b"\x11" * 32))
GOOD = sign(KEY, DIGEST)


def flipped(signature: bytes) -> bytes:
    """The same signature with s in the upper half, as Ethereum's precompile still takes it."""
    s = ORDER - int.from_bytes(signature[32:64])
    return signature[:32] + s.to_bytes(32) + bytes([55 - signature[64]])


@pytest.mark.parametrize(
    ("signature", "said"),
    [
        (b"", "65 bytes"),
        (GOOD[:64], "65 bytes"),
        (GOOD + b"\0", "65 bytes"),
        (GOOD[:64] + b"\x00", "v is 27 or 28"),
        (GOOD[:64] + b"\x01", "v is 27 or 28"),
        (GOOD[:64] + b"\x1d", "v is 27 or 28"),
        (flipped(GOOD), "upper half"),
        (bytes(64) + b"\x1b", "recovers no key"),
        (bytes(32) + GOOD[32:], "recovers no key"),
        (GOOD[:32] + bytes(32) + GOOD[64:], "recovers no key"),
        (ORDER.to_bytes(32) + GOOD[32:], "recovers no key"),
        (b"\xff" * 32 + GOOD[32:], "recovers no key"),
    ],
)
def test_malformed_signatures_are_refused(signature: bytes, said: str) -> None:
    with pytest.raises(SignatureError, match=said):
        recover(DIGEST, Signature(signature))


def test_the_high_twin_is_a_signature_elsewhere() -> None:
    # What makes the low-s rule necessary: secp256k1 itself recovers the same signer from both.
    twin = flipped(GOOD)
    key = coincurve.PublicKey.from_signature_and_message(
        twin[:64] + bytes([twin[64] - 27]), DIGEST, hasher=None
    )
    ours = coincurve.PrivateKey(KEY).public_key
    assert key.format() == ours.format()


@given(st.binary(min_size=65, max_size=65))
def test_any_bytes_give_a_signer_or_the_typed_error(signature: bytes) -> None:
    with suppress(SignatureError):
        assert len(recover(DIGEST, Signature(signature))) == 20


@pytest.mark.parametrize("key", [bytes(32), b"\xff" * 32, b"\x01" * 31, b""])
def test_no_private_key(key: bytes) -> None:
    with pytest.raises(SignatureError, match="private key"):
        sign(key, DIGEST)


@pytest.mark.parametrize(("chain_id", "rollup"), [(-1, bytes(20)), (2**256, bytes(20)), (1, b"")])
def test_no_domain(chain_id: int, rollup: bytes) -> None:
    with pytest.raises(SignatureError, match="domain"):
        Domain(chain_id, Address(rollup))
