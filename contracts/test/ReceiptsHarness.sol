// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BundlePlace, Header, Work} from "../src/interfaces/IRollup.sol";
import {History} from "../src/libraries/History.sol";
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

    function hashOf(Header memory header) external pure returns (bytes32) {
        return Receipts.hashOf(header);
    }

    function genesisHash() external view returns (bytes32) {
        return Receipts.genesisHash();
    }

    function nextDataHash(bytes32 running, bytes32 chunkHash) external pure returns (bytes32) {
        return Receipts.nextDataHash(running, chunkHash);
    }

    function entryLeaf(Work calldata work, bytes calldata signature, BundlePlace calldata place)
        external
        pure
        returns (bytes32)
    {
        ReceiptId id = Receipts.id(work);
        return Receipts.entryLeaf(id, signature, Receipts.signedHash(work, id, place), place);
    }

    function forcedLeaf(Work calldata work, bytes calldata signature) external pure returns (bytes32) {
        return Receipts.forcedLeaf(work, signature);
    }

    function inboxLeaf(uint8 kind, uint64 a, uint64 b, uint64 c, uint64 d, bytes32 x, bytes32 y, bytes32 z)
        external
        pure
        returns (bytes32)
    {
        return Receipts.inboxLeaf(kind, a, b, c, d, x, y, z);
    }

    function climb(bytes32 leaf, uint32 index, uint32 count, bytes32[] calldata path, uint8 tag)
        external
        pure
        returns (bytes32)
    {
        return Receipts.climb(leaf, index, count, path, tag);
    }

    function noHistory() external pure returns (bytes32) {
        return History.empty();
    }

    function extended(bytes32 history, bytes32[] calldata peaks, uint64 size, bytes32 leaf)
        external
        pure
        returns (bytes32)
    {
        return History.extended(history, peaks, size, leaf);
    }

    function zeroRoot(uint8 depth) external pure returns (bytes32) {
        return TensorClaims.zeroRoot(depth);
    }

    function state(bytes32 params, bytes32 inputs, bytes32 outputs, bytes32 scratch) external pure returns (bytes32) {
        return TensorClaims.state(params, inputs, outputs, scratch);
    }
}
