// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BundlePlace, Header, Work} from "../src/interfaces/IRollup.sol";
import {ReceiptId, Receipts, StructHash} from "../src/libraries/Receipts.sol";
import {TensorClaims} from "../src/libraries/TensorClaims.sol";

/// @title The hashes of receipts and claims, one by one, for tests
contract ReceiptsHarness {
    function workId(Work calldata work) external pure returns (bytes32) {
        return ReceiptId.unwrap(Receipts.id(work));
    }

    function signedHash(Work calldata work, BundlePlace calldata place) external pure returns (bytes32) {
        return StructHash.unwrap(Receipts.signedHash(work, Receipts.id(work), place));
    }

    function signer(bytes32 structHash, bytes calldata signature) external view returns (address) {
        return Receipts.signer(StructHash.wrap(structHash), signature);
    }

    function domain() external view returns (bytes32) {
        return Receipts.domain();
    }

    function headerHash(Header calldata header) external pure returns (bytes32) {
        return Receipts.headerHash(header);
    }

    function genesisHash() external view returns (bytes32) {
        return Receipts.genesisHash();
    }

    function nextDataHash(bytes32 running, bytes32 chunkHash) external pure returns (bytes32) {
        return Receipts.nextDataHash(running, chunkHash);
    }

    function batchRoot(
        bytes32 id,
        bytes calldata signature,
        uint32 index,
        uint32 count,
        bytes32[] calldata path,
        uint8 tag
    ) external pure returns (bytes32) {
        return Receipts.climb(Receipts.batchLeaf(ReceiptId.wrap(id), signature), index, count, path, tag);
    }

    function zeroRoot(uint8 depth) external pure returns (bytes32) {
        return TensorClaims.zeroRoot(depth);
    }

    function state(bytes32 params, bytes32 inputs, bytes32 outputs, bytes32 scratch) external pure returns (bytes32) {
        return TensorClaims.state(params, inputs, outputs, scratch);
    }
}
