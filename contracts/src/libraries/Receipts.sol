// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {BundlePlace, Header, IRollup, Work} from "../interfaces/IRollup.sol";
import {History} from "./History.sol";
import {InboxKinds} from "./InboxKinds.sol";
import {Merkle} from "./Merkle.sol";
import {Tags} from "./Tags.sol";

/// @notice EIP-712 struct hash of a receipt: its id.
type ReceiptId is bytes32;

/// @notice EIP-712 struct hash of what was signed: a receipt or a bundle of them.
type StructHash is bytes32;

/// @title Receipts, bundles and batch headers
/// @notice The hashes of docs/protocol.md, section 8, and who signed. `rollup/protocol` computes the same in Python; a
/// test compares them.
library Receipts {
    bytes32 internal constant WORK_TYPE = keccak256(
        "Work(uint8 kind,uint64 account,uint64 nonce,uint64 slot,address defender,bytes32 program,uint64 firstStep,"
        "uint32 steps,bytes32 params,bytes32 inputs,bytes32 paramsAfter,bytes32 outputs)"
    );
    bytes32 internal constant BUNDLE_TYPE =
        keccak256("Bundle(uint64 account,uint64 nonce,uint32 count,bytes32 root)");
    bytes32 internal constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 internal constant NAME = keccak256("Plumbline");
    bytes32 internal constant VERSION = keccak256("1");
    uint8 internal constant HEADER_VERSION = 2;

    uint8 internal constant COMPUTE = 1;
    uint8 internal constant INFERENCE = 2;

    /// @dev First byte of a packed Work (docs/ledger.md, section 7).
    uint8 internal constant WORK_FORM = 0;

    /// @notice The receipt's id.
    function id(Work calldata work) internal pure returns (ReceiptId) {
        return ReceiptId.wrap(keccak256(abi.encode(WORK_TYPE, work)));
    }

    /// @notice Of a bundle over `root`, whose receipts all belong to `account`.
    function bundleHash(uint64 account, BundlePlace calldata place, bytes32 root) internal pure returns (StructHash) {
        return StructHash.wrap(keccak256(abi.encode(BUNDLE_TYPE, account, place.nonce, place.count, root)));
    }

    /// @notice Domain separator of the contract that runs this, on the chain that it runs on.
    function domain() internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPE, NAME, VERSION, block.chainid, address(this)));
    }

    /// @notice What was signed for the receipt: itself, or the bundle that holds it at `place`.
    function signedHash(Work calldata work, ReceiptId receipt, BundlePlace calldata place)
        internal
        pure
        returns (StructHash)
    {
        if (place.count == 0) {
            // Without a bundle there is no place in one: one receipt has one opening.
            if (place.nonce != 0 || place.index != 0) revert IRollup.IndexOutOfRange();
            if (place.path.length != 0) revert IRollup.WrongPathLength(0);
            return StructHash.wrap(ReceiptId.unwrap(receipt));
        }
        if (uint256(place.nonce) + place.index != work.nonce) revert IRollup.WrongNonce();
        bytes32 leaf = keccak256(abi.encodePacked(Tags.BUNDLE_LEAF, receipt));
        return bundleHash(work.account, place, climb(leaf, place.index, place.count, place.path, Tags.BUNDLE_NODE));
    }

    /// @notice Root of the tree of `count` leaves that holds `leaf` at `index`.
    function climb(bytes32 leaf, uint32 index, uint32 count, bytes32[] calldata path, uint8 tag)
        internal
        pure
        returns (bytes32)
    {
        if (index >= count) revert IRollup.IndexOutOfRange();
        uint256 depth = Merkle.ceilLog2(count);
        if (path.length != depth) revert IRollup.WrongPathLength(depth);
        return Merkle.climb(leaf, index, path, tag);
    }

    /// @notice Who signed. Accepts one form of signature alone: 65 bytes, low s, v 27 or 28, a signer that is somebody.
    function signer(StructHash structHash, bytes calldata signature) internal view returns (address recovered) {
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain(), structHash));
        ECDSA.RecoverError problem;
        (recovered, problem,) = ECDSA.tryRecover(digest, signature);
        if (problem != ECDSA.RecoverError.NoError) revert IRollup.BadSignature();
    }

    /// @notice Leaf of a receipt in a batch, with the signature that was published for it or for its bundle.
    /// @param signed what was signed: the receipt, or the bundle that holds it at `place`.
    function entryLeaf(
        ReceiptId receipt,
        bytes calldata signature,
        StructHash signed,
        BundlePlace calldata place
    ) internal pure returns (bytes32) {
        bytes32 bundle = place.count == 0 ? bytes32(0) : StructHash.unwrap(signed);
        return keccak256(abi.encodePacked(Tags.ENTRY, receipt, signature, bundle, place.index));
    }

    /// @notice Leaf of an inbox entry.
    function inboxLeaf(uint8 kind, uint64 a, uint64 b, uint64 c, uint64 d, bytes32 x, bytes32 y, bytes32 z)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(Tags.INBOX_ENTRY, kind, a, b, c, d, x, y, z));
    }

    /// @notice Leaf of the inbox entry that is a Work receipt with its signature.
    function forcedLeaf(Work calldata work, bytes calldata signature) internal pure returns (bytes32) {
        bytes memory fields = abi.encodePacked(
            work.kind,
            work.account,
            work.nonce,
            work.slot,
            work.defender,
            work.program,
            work.firstStep,
            work.steps,
            work.params,
            work.inputs,
            work.paramsAfter,
            work.outputs
        );
        bytes32 x = keccak256(abi.encodePacked(Tags.FORCED, WORK_FORM, fields, signature));
        return inboxLeaf(InboxKinds.FORCED, 0, 0, 0, 0, x, 0, 0);
    }

    /// @notice Hash of a header that somebody shows. Reverts when a field has bits beyond its type.
    function headerHash(Header calldata header) internal pure returns (bytes32) {
        uint256 words;
        bool clean;
        assembly ("memory-safe") {
            // Above the words there is room for what `_packed` hashes; nothing of it is kept.
            words := mload(0x40)
            calldatacopy(words, header, 352)
            let wide := or(or(mload(words), mload(add(words, 96))), or(mload(add(words, 224)), mload(add(words, 256))))
            clean := iszero(or(shr(64, wide), shr(32, or(mload(add(words, 128)), mload(add(words, 288))))))
        }
        if (!clean) revert IRollup.BadHeader();
        return _packed(words);
    }

    /// @notice Hash of a header that is being made.
    function hashOf(Header memory header) internal pure returns (bytes32) {
        uint256 words;
        assembly ("memory-safe") {
            words := header
        }
        return _packed(words);
    }

    /// @dev H(HEADER | version | fields, each as wide as its type), of a header's eleven words in memory.
    function _packed(uint256 words) private pure returns (bytes32 hash) {
        uint256 start = uint256(Tags.HEADER) << 72 | uint256(HEADER_VERSION) << 64;
        assembly ("memory-safe") {
            let p := add(mload(0x40), 384)
            // From the last field to the first: a field is written with zeros in front of it, where the ones before it
            // come after. Places are those of their ends, less 32.
            mstore(add(p, 170), mload(add(words, 320))) // inboxRoot
            mstore(add(p, 138), mload(add(words, 288))) // taken u32
            mstore(add(p, 134), mload(add(words, 256))) // seen u64
            mstore(add(p, 126), mload(add(words, 224))) // inbox u64
            mstore(add(p, 118), mload(add(words, 192))) // dataHash
            mstore(add(p, 86), mload(add(words, 160))) // batchRoot
            mstore(add(p, 54), mload(add(words, 128))) // receipts u32
            mstore(add(p, 50), mload(add(words, 96))) // posted u64
            mstore(add(p, 42), mload(add(words, 64))) // history
            mstore(add(p, 10), mload(add(words, 32))) // parent
            mstore(sub(p, 22), or(start, mload(words))) // tag, version, number u64
            hash := keccak256(p, 202)
        }
    }

    /// @notice Hash of the header of batch 0, which is no batch.
    function genesisHash() internal view returns (bytes32) {
        return hashOf(Header(0, domain(), History.empty(), 0, 0, 0, 0, 0, 0, 0, 0));
    }

    /// @notice A poster's running data hash after one more chunk.
    function nextDataHash(bytes32 running, bytes32 chunkHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(Tags.CHUNK, running, chunkHash));
    }
}
